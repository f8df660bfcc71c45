package params

import (
	"strings"

	"patgate/routes"
	"patgate/routes/params/multipart"
	"patgate/routes/params/refusal"
)

// BodyKind says how a body is read. The zero value is no body.
type BodyKind uint8

const (
	// BodyNone: there is no body.
	BodyNone BodyKind = iota
	// BodyJSON is read with Set.DraftJSON and written with Set.AppendJSON; when it is long, with Set.JSON and Set.WriteJSON.
	BodyJSON
	// BodyForm is read whole with Set.Form and written with Set.AppendForm.
	BodyForm
	// BodyMultipart is read with Set.Multipart and written with Multipart.Copy.
	BodyMultipart
	// BodyStream is passed on unread, because the forge does not parse it on this row.
	BodyStream
)

var bodyKindNames = [...]string{"none", "json", "form", "multipart", "stream"}

// String gives the kind's name.
func (k BodyKind) String() string {
	if int(k) < len(bodyKindNames) {
		return bodyKindNames[k]
	}
	return "body"
}

// BodyHeader is what the headers of a request say about its body. Each header stands at most once; the caller has refused
// requests with more.
type BodyHeader struct {
	Present         bool // Content-Length above zero, or a chunked body
	ContentType     []byte
	ContentEncoding []byte
}

// Body says how the body of one request is read and sent.
type Body struct {
	Kind     BodyKind
	Boundary []byte // of a multipart body, as the client chose it; points into the header
	// ContentType is what is sent on; empty for BodyNone and BodyMultipart (see MultipartType).
	ContentType string
}

const octetStream = "application/octet-stream"

// BodyOf decides how a body is read, from the method, its headers and the row. The error is a *Refusal.
func BodyOf(route *routes.Route, method string, h BodyHeader) (Body, error) {
	switch {
	case !h.Present:
		return Body{}, nil
	case method == "GET" || method == "HEAD" || route.Method == "GET":
		return Body{}, refusal.New(refusal.CodeBodyForbidden,
			"GET and HEAD take no body here: forges read its parameters in different ways. Send "+
				"them in the query")
	case len(multipart.TrimSpace(h.ContentEncoding)) > 0:
		return Body{}, refusal.New(refusal.CodeContentEncoding, "the body must be sent without Content-Encoding")
	case len(multipart.TrimSpace(h.ContentType)) == 0:
		if streamsAnything(route) {
			return Body{Kind: BodyStream, ContentType: octetStream}, nil
		}
		return Body{}, refusal.New(refusal.CodeContentType, "a body needs a Content-Type: application/json, for instance")
	}
	m, ok := multipart.ParseMediaType(h.ContentType)
	switch {
	case !ok:
		return Body{}, refusal.New(refusal.CodeContentType, "the Content-Type is malformed")
	case multipart.Is(m.Full, "multipart/form-data"):
		return multipartBody(m)
	case multipart.HasPrefixFold(m.Full, "multipart/"):
		return Body{}, refusal.New(refusal.CodeContentType, "of the multipart types only multipart/form-data is taken")
	case multipart.Is(m.Full, "application/x-www-form-urlencoded") && (method == "POST" || !streams(route, m.Full)):
		// A form on POST is read even where it is listed: Rack takes another method from it (_method).
		return parsedBody(route, m, BodyForm, "application/x-www-form-urlencoded")
	case streams(route, m.Full):
		return streamBody(h.ContentType)
	case multipart.Is(m.Full, "application/json"):
		return parsedBody(route, m, BodyJSON, "application/json")
	case readAsJSON(m.Full):
		return Body{}, refusal.New(refusal.CodeContentType, "JSON is taken as application/json only")
	case streamsAnything(route):
		return streamBody(h.ContentType)
	}
	return Body{}, refusal.New(refusal.CodeContentType, "this Content-Type is not taken on "+route.Method+" "+route.Path+
		": send application/json, or list the type in the route table under body: {stream: [...]} when the forge does not "+
		"parse it there")
}

// parsedBody is a form or JSON. On rows that take files of any type it would change the file, so it is refused there.
func parsedBody(route *routes.Route, m multipart.MediaType, kind BodyKind, contentType string) (Body, error) {
	switch {
	case !m.Utf8Only():
		return Body{}, refusal.New(refusal.CodeContentType, contentType+" takes no parameter but charset=utf-8")
	case streamsAnything(route):
		return Body{}, refusal.New(refusal.CodeContentType,
			"this endpoint takes a file: send it as "+octetStream+", because "+contentType+
				" would be parsed on the way")
	}
	return Body{Kind: kind, ContentType: contentType}, nil
}

func multipartBody(m multipart.MediaType) (Body, error) {
	if m.Others || m.Charset != nil && !multipart.Is(m.Charset, "utf-8") || !multipart.ValidBoundary(m.Boundary) {
		return Body{}, refusal.New(refusal.CodeContentType,
			"multipart/form-data needs one boundary of 1 to 70 characters without blanks, and "+
				"takes no other parameter")
	}
	return Body{Kind: BodyMultipart, Boundary: m.Boundary}, nil
}

func streamBody(contentType []byte) (Body, error) {
	for _, c := range contentType {
		if c < 0x20 || c > 0x7e {
			return Body{}, refusal.New(refusal.CodeContentType, "the Content-Type is malformed")
		}
	}
	return Body{Kind: BodyStream, ContentType: string(multipart.TrimSpace(contentType))}, nil
}

// readAsJSON tells whether a forge may parse a type as JSON: Rails' synonyms, and whatever ends in +json.
func readAsJSON(full []byte) bool {
	for _, t := range [...]string{
		"text/json", "text/x-json", "application/x-json", "application/jsonrequest", "application/jsonm",
	} {
		if multipart.Is(full, t) {
			return true
		}
	}
	return multipart.HasSuffixFold(full, "+json")
}

// streams tells whether the row lists exactly this type.
func streams(route *routes.Route, full []byte) bool {
	for _, t := range route.Body.Stream {
		if t != "*/*" && multipart.Is(full, strings.ToLower(t)) {
			return true
		}
	}
	return false
}

func streamsAnything(route *routes.Route) bool {
	for _, t := range route.Body.Stream {
		if t == "*/*" {
			return true
		}
	}
	return false
}
