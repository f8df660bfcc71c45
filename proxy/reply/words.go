package reply

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
)

// Begin empties an answer and writes what every refusal has. The surface adds its challenge and its body.
func (n *Notice) Begin(out *fasthttp.Response) {
	out.Reset()
	out.SetStatusCode(n.Status)
	h := &out.Header
	h.SetStatusMessage(n.appendPhrase(nil))
	h.SetContentType("application/json")
	h.Set("Cache-Control", "no-store")
	h.SetBytesV("Date", fasthttp.AppendHTTPDate(nil, time.Now()))
	h.Set("X-Request-Id", n.ID)
	if n.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((n.Retry+time.Second-1)/time.Second)))
	}
	if n.Status == fasthttp.StatusMethodNotAllowed {
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE")
	}
	if n.Close {
		h.SetConnectionClose()
	}
	if n.Location != "" {
		h.Set("Location", n.Location)
	}
	if len(n.Accepted) > 0 {
		h.Set("X-Accepted-Permissions", strings.Join(n.Accepted, ","))
	}
}

// keptFields are those of the forge's answer that say whether and how to ask again, and what patgate wrote itself.
var keptFields = []string{"date", "x-request-id", "retry-after", "www-authenticate", "lfs-authenticate", "x-patgate-would-deny"}

// OwnFields leaves the header fields of an answer that patgate makes of the forge's: of those that came with it
// only keptFields.
func OwnFields(h *fasthttp.ResponseHeader, mediaType string) {
	status, closes := h.StatusCode(), h.ConnectionClose()
	var kept [][2]string
	for name, value := range h.All() {
		sandbox := header.EqualFold(name, "content-security-policy") && string(value) == "sandbox"
		if sandbox || slices.ContainsFunc(keptFields, func(one string) bool { return header.EqualFold(name, one) }) {
			kept = append(kept, [2]string{string(name), string(value)})
		}
	}
	h.Reset()
	h.SetStatusCode(status)
	h.SetContentType(mediaType)
	h.Set("Cache-Control", "no-store")
	for _, field := range kept {
		h.Add(field[0], field[1])
	}
	if closes {
		h.SetConnectionClose()
	}
}

// Speech is how a body is written for a forge and a client.
type Speech struct {
	// Message: the forge has {"message": ..., "url": ...} for everything; Help is that address.
	Message bool
	Help    string
	// ErrorAlone: the client shows its user the value of error and nothing else, so that it holds the text besides the code.
	ErrorAlone bool
}

// JSON writes a refusal as the forge's REST API does. Every added field is a string or a list of strings: client
// libraries fail on others. GitLab says either error or message; here both are there, because some clients show only the
// one and some only the other.
func (n *Notice) JSON(s Speech) []byte {
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b)
	write(e, jsontext.BeginObject)
	code := ""
	switch {
	case n.Decision != nil:
		code = "insufficient_granular_scope"
	case n.Challenge == ChallengeToken:
		code = "invalid_token"
	case n.Status == fasthttp.StatusForbidden:
		code = n.Reason
	}
	switch {
	case s.Message:
		text(e, "message", n.Text, "url", s.Help)
	case n.Challenge == ChallengeMissing || n.Status == fasthttp.StatusNotFound:
		text(e, "message", n.Text)
	case code == "":
		text(e, "error", n.Text, "message", n.Text)
	case s.ErrorAlone:
		text(e, "error", code+": "+n.brief(), "error_description", n.Text, "message", n.brief())
	default:
		text(e, "error", code, "error_description", n.Text, "message", n.brief())
	}
	text(e, "reason", n.Reason)
	if len(n.Missing) > 0 {
		write(e, jsontext.String("missing_permissions"))
		write(e, jsontext.BeginArray)
		for _, name := range n.Missing {
			write(e, jsontext.String(name))
		}
		write(e, jsontext.EndArray)
	}
	if n.Boundary != "" {
		text(e, "boundary", n.Boundary)
	}
	if n.GrantURL != "" {
		text(e, "grant_url", n.GrantURL)
	}
	text(e, "request_id", n.ID)
	write(e, jsontext.EndObject)
	return b.Bytes()
}

// Errors writes {"errors": [{...}]} of names and values in turn.
func Errors(pairs ...string) []byte {
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b)
	write(e, jsontext.BeginObject)
	write(e, jsontext.String("errors"))
	write(e, jsontext.BeginArray)
	write(e, jsontext.BeginObject)
	text(e, pairs...)
	write(e, jsontext.EndObject)
	write(e, jsontext.EndArray)
	write(e, jsontext.EndObject)
	return b.Bytes()
}

func text(e *jsontext.Encoder, pairs ...string) {
	for _, s := range pairs {
		write(e, jsontext.String(s))
	}
}

// write writes a token into memory, which fails only for text that is not UTF-8; answers hold none.
func write(e *jsontext.Encoder, t jsontext.Token) { _ = e.WriteToken(t) }
