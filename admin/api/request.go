package api

import (
	"context"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"patgate/admin/tokens"
	"patgate/token"
)

// Asker says who asks. Exactly one of Session and Credential does, or neither.
type Asker struct {
	// Session is that of a valid patgate token.
	Session *token.Session
	// Credential is one of the forge's own, as the client sent it.
	Credential token.Secret
	// Origin is the address by which clients reach patgate, for links.
	Origin string
	// Identified, when not nil, is called when the credential has turned out to be right, also when the request fails.
	Identified func()
	// Passed, when not nil, is called when the request is not for patgate: it goes on to the forge as it came.
	Passed func()
	// Wrong, when not nil, is called when what came to be traded shows no right to anything.
	Wrong func()
}

type askerKey struct{}

// WithAsker gives a request's context with who asks.
func WithAsker(ctx context.Context, a Asker) context.Context {
	return context.WithValue(ctx, askerKey{}, a)
}

// call is one request.
type call struct {
	*Handler
	*http.Request
	Asker
	body   []byte
	caller tokens.Caller // once it is identified
	id     int64         // of the token that the path names, once it is read
}

// read reads a request. A request without an Asker is anonymous.
func (h *Handler) read(r *http.Request) (*call, error) {
	body, err := io.ReadAll(r.Body)
	return &call{Handler: h, Request: r, Asker: askerOf(r), body: body}, err
}

func askerOf(r *http.Request) Asker {
	asker, _ := r.Context().Value(askerKey{}).(Asker)
	return asker
}

// reply is what is sent back.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// passed is the reply to a request that is not for patgate.
var passed = &reply{}

// write writes a reply to a request.
func (a *reply) write(w http.ResponseWriter, r *http.Request) {
	if a == passed {
		if asker := askerOf(r); asker.Passed != nil {
			asker.Passed()
		}
		return
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// object is a JSON object whose members are written in the order of their names.
type object = map[string]any

// answer makes an answer of a value.
func answer(status int, v any) *reply {
	body, err := json.Marshal(v, json.Deterministic(true), json.FormatNilSliceAsNull(false), jsontext.EscapeForHTML(true))
	if err != nil {
		return &reply{http.StatusInternalServerError, jsonHeader(), []byte(`{"message":"500 Internal Server Error"}`)}
	}
	return &reply{status, jsonHeader(), body}
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"}}
}

// message answers in GitLab's shape for errors.
func message(status int, text string) *reply { return answer(status, object{"message": text}) }

// noContent is the answer to a deletion.
func noContent() *reply {
	return &reply{status: http.StatusNoContent, header: http.Header{"Cache-Control": {"no-store"}}}
}
