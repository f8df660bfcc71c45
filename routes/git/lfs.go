package git

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// LFSMediaType is what Git LFS sends and takes (git-lfs docs/api).
const LFSMediaType = "application/vnd.git-lfs+json"

// ErrMalformedLFS is wrapped by every error of reading a body of Git LFS; its texts are for the client.
var ErrMalformedLFS = errors.New("the body of the Git LFS request cannot be read")

// maxObjects bounds a batch; git-lfs asks for 100.
const maxObjects = 10_000

// Batch is the body of an LFS batch request, read whole and written anew.
type Batch struct {
	Operation     string   `json:"operation"`
	Transfers     []string `json:"transfers,omitempty"`
	Ref           *LFSRef  `json:"ref,omitempty"`
	Objects       []Object `json:"objects"`
	HashAlgorithm string   `json:"hash_algo,omitempty"`
}

// LFSRef is the ref for which a client asks; it changes nothing.
type LFSRef struct {
	Name string `json:"name"`
}

// Object is one LFS object.
type Object struct {
	OID  string `json:"oid"`
	Size int64  `json:"size"`
}

// ReadBatch reads and checks the body of a batch request.
func ReadBatch(body []byte) (*Batch, error) {
	var b Batch
	if err := decodeWhole(body, &b); err != nil {
		return nil, err
	}
	if b.Operation != "upload" && b.Operation != "download" {
		return nil, fmt.Errorf("%w: the operation is neither upload nor download", ErrMalformedLFS)
	}
	if b.HashAlgorithm != "" && b.HashAlgorithm != "sha256" {
		return nil, fmt.Errorf("%w: hash_algo must be sha256", ErrMalformedLFS)
	}
	if len(b.Objects) > maxObjects {
		return nil, fmt.Errorf("%w: more than %d objects", ErrMalformedLFS, maxObjects)
	}
	for i := range b.Objects {
		if !IsOID([]byte(b.Objects[i].OID)) || b.Objects[i].Size < 0 {
			return nil, fmt.Errorf("%w: an object's id or size is not valid", ErrMalformedLFS)
		}
	}
	b.Transfers = []string{"basic"} // of all transfers, the one that patgate passes on
	return &b, nil
}

// Encode gives the body that is sent.
func (b *Batch) Encode() []byte {
	out, _ := json.Marshal(b) // strings and numbers cannot fail
	return out
}

// Lock is the body of the requests on locks.
type Lock struct {
	Path    string  `json:"path,omitempty"`
	Ref     *LFSRef `json:"ref,omitempty"`
	Force   bool    `json:"force,omitempty"`
	ID      string  `json:"id,omitempty"`
	Cursor  string  `json:"cursor,omitempty"`
	Limit   int     `json:"limit,omitempty"`
	Refspec string  `json:"refspec,omitempty"`
}

// RewriteLock reads the body of a request on locks and gives the body to send.
func RewriteLock(body []byte) ([]byte, error) {
	var l Lock
	if err := decodeWhole(body, &l); err != nil {
		return nil, err
	}
	return json.Marshal(&l)
}

func decodeWhole(body []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("%w: it is not the JSON that Git LFS sends", ErrMalformedLFS)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the JSON", ErrMalformedLFS)
	}
	return nil
}

// Answer is the forge's answer to a batch, as much of it as is told to the client.
type Answer struct {
	Objects []struct {
		Object
		Error *struct {
			Code int `json:"code"`
		} `json:"error"`
		Actions map[string]struct{} `json:"actions"`
	} `json:"objects"`
}

// RewriteAnswer makes the client's answer to a batch of the forge's: the same objects with the same outcome, and addresses
// at patgate, below base ("https://patgate.example.com/group/project.git"). The forge's own addresses and the credentials
// that it puts into them are left out: the client comes with its own. What was not asked for is left out, too.
func (r *Request) RewriteAnswer(b *Batch, body []byte, base string) ([]byte, error) {
	var a Answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("reading the forge's answer to an LFS batch: %w", err)
	}
	asked := make(map[Object]bool, len(b.Objects))
	for _, o := range b.Objects {
		asked[o] = true
	}
	objects := make([]any, 0, len(a.Objects))
	for i := range a.Objects {
		o := &a.Objects[i]
		if !asked[o.Object] {
			continue
		}
		out := map[string]any{"oid": o.OID, "size": o.Size}
		_, acts := o.Actions[b.Operation]
		switch {
		case o.Error != nil:
			out["error"] = map[string]any{"code": o.Error.Code, "message": objectError(o.Error.Code)}
		case acts:
			out["actions"] = map[string]any{b.Operation: b.action(base+r.layout.objects, o.Object)}
		}
		objects = append(objects, out)
	}
	return json.Marshal(map[string]any{"transfer": "basic", "objects": objects})
}

func (b *Batch) action(below string, o Object) map[string]any {
	href := below + o.OID
	if b.Operation == "download" {
		return map[string]any{"href": href}
	}
	return map[string]any{"href": href + "/" + strconv.FormatInt(o.Size, 10),
		"header": map[string]string{"Content-Type": "application/octet-stream", "Transfer-Encoding": "chunked"}}
}

// objectError says why an object has no action. The forge's own text is left out: it may hold the forge's address.
func objectError(code int) string {
	switch code {
	case 404:
		return "The object does not exist on the forge, or its owner may not see it."
	case 422:
		return "The forge says that the object's id or size is wrong."
	}
	return "The forge refused this object."
}

// LFSMessage writes an answer of Git LFS that only holds a message.
func LFSMessage(message, requestID string) []byte {
	out, _ := json.Marshal(map[string]string{"message": strings.TrimSpace(message), "request_id": requestID})
	return out
}
