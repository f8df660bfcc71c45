package filter

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Attached appends what stands behind patgate's own address in that of the file with the UUID. ok is false when it may have none.
type Attached func(dst, uuid []byte) (address []byte, ok bool)

// attachments are files that the forge names by their UUID alone: {"uuid": UUID, "browser_download_url": ROOT/attachments/UUID}.
type attachments struct {
	roots Addresses // of the forge
	at    Attached
}

// WithAttachments gives Addresses that also put an address of patgate's in the place of that of each file which the forge names
// by its UUID alone. roots are as those of NewAddresses. An object says its UUID itself: an address with another one is what
// somebody has written there, and stays. The UUID comes first, as Gitea writes it (1.26, modules/structs/attachment.go).
func (a *Addresses) WithAttachments(roots []string, at Attached) *Addresses {
	with := *a
	if with.files = (&attachments{at: at}); at == nil {
		with.files = nil
		return &with
	}
	for _, text := range roots {
		with.files.roots.roots = append(with.files.roots.roots, rootOf(text))
	}
	return &with
}

// fileKey is what the value that comes next is of a file.
type fileKey uint8

const (
	fileNone fileKey = iota
	fileUUID
	fileAddress
)

// file is what is known of the object that a copier is in; none of one inside or around it.
type file struct {
	next fileKey
	uuid []byte
}

// name notes the name of the member whose value comes next.
func (f *file) name(name []byte) {
	switch string(name) {
	case "uuid":
		f.next = fileUUID
	case "browser_download_url":
		f.next = fileAddress
	default:
		f.next = fileNone
	}
}

// attachment notes the value of a member, still quoted, or rewrites it; is tells that it did.
func (c *copier) attachment(raw jsontext.Value) (rewritten jsontext.Value, is bool) {
	f, files := &c.position.file, c.addresses.files
	switch f.next {
	case fileUUID:
		f.uuid, _ = jsontext.AppendUnquote(f.uuid[:0], []byte(raw))
	case fileAddress:
		c.scratch, _ = jsontext.AppendUnquote(c.scratch[:0], []byte(raw))
		n := files.roots.origin(c.scratch)
		uuid, found := bytes.CutPrefix(c.scratch[n:], []byte("/attachments/"))
		if n == 0 || !found || len(uuid) == 0 || !bytes.Equal(uuid, f.uuid) {
			return raw, false
		}
		address, ok := files.at(append(c.linked[:0], c.addresses.to...), uuid)
		if c.linked = address; !ok {
			return raw, false
		}
		c.scratch, _ = jsontext.AppendQuote(c.scratch[:0], address)
		return jsontext.Value(c.scratch), true
	}
	return raw, false
}
