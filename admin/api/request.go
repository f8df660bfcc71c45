package api

import (
	"net/http"
	"net/netip"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"patgate/token"
)

// Request is a request to patgate itself. Exactly one of Session and Credential says who asks, or neither.
type Request struct {
	Method string // GET, POST, PUT, PATCH or DELETE
	Path   string // without the query, in canonical spelling
	Query  string // raw
	Body   []byte
	Header http.Header // Content-Type and, for leak reports, what they are signed with

	// Session is that of a valid patgate token.
	Session *token.Session
	// Credential is one of the forge's own, as the client sent it.
	Credential token.Secret

	Client netip.Addr
	// Origin is the address by which clients reach patgate, for links.
	Origin string
}

// Answer is what is sent back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Pass says that the request is not for patgate: it goes on to the forge as it came.
	Pass bool
	// Identified: the credential that came with the request is right, whatever became of it.
	Identified bool
}

// pass sends a request on.
func pass() Answer { return Answer{Pass: true} }

// object is a JSON object whose members are written in the order of their names.
type object = map[string]any

// answer makes an answer of a value.
func answer(status int, v any) Answer {
	body, err := json.Marshal(v, json.Deterministic(true), json.FormatNilSliceAsNull(false), jsontext.EscapeForHTML(true))
	if err != nil {
		return Answer{Status: http.StatusInternalServerError, Header: jsonHeader(), Body: []byte(`{"message":"500 Internal Server Error"}`)}
	}
	return Answer{Status: status, Header: jsonHeader(), Body: body}
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"}}
}

// message answers in GitLab's shape for errors.
func message(status int, text string) Answer { return answer(status, object{"message": text}) }

// noContent is the answer to a deletion.
func noContent() Answer {
	return Answer{Status: http.StatusNoContent, Header: http.Header{"Cache-Control": {"no-store"}}}
}
