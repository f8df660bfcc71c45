package reply

import (
	"bytes"
	"io"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply/filter"
	"patgate/routes"
)

// Changer copies an answer and changes it on the way.
type Changer interface {
	Copy(dst io.Writer, src io.Reader) error
}

// Changes tells whether a row has something changed in an answer: keys taken out, or links rewritten. Only successes and JSON are
// looked into; see Changeable. row may be nil.
func Changes(row *routes.Route, a *fasthttp.Response) bool {
	return row != nil && (len(row.Response.Remove) > 0 || row.Response.Links) && (a.StatusCode() < 300 || isJSON(a))
}

func isJSON(a *fasthttp.Response) bool {
	media, _, _ := bytes.Cut(a.Header.ContentType(), []byte{';'})
	media = header.TrimSpace(media)
	return header.EqualFold(media, "application/json") || header.HasPrefix(media, "application/") && bytes.HasSuffix(media, []byte("+json"))
}

// Changeable tells whether an answer that must be changed can be read: all of it is there and plain; JSON where keys are taken
// out, else any text that has the letters of addresses where ASCII has them.
func Changeable(row *routes.Route, a *fasthttp.Response) bool {
	if len(a.Header.ContentEncoding()) > 0 || a.StatusCode() == fasthttp.StatusPartialContent {
		return false
	}
	return isJSON(a) || len(row.Response.Remove) == 0 && isText(a.Header.ContentType())
}

// isText tells whether a media type has no charset that spells addresses in another way.
func isText(contentType []byte) bool {
	_, charset, found := bytes.Cut(bytes.ToLower(contentType), []byte("charset="))
	if !found {
		return true
	}
	charset, _, _ = bytes.Cut(charset, []byte{';'})
	switch string(bytes.Trim(charset, " \t\"'")) {
	case "utf-8", "us-ascii", "iso-8859-1":
		return true
	}
	return false
}

// NewChanger gives what a row has done to an answer. Addresses of the forge become those by which the client came.
func NewChanger(row *routes.Route, a *fasthttp.Response, l *Links, origin []byte) Changer {
	r := &row.Response
	if !r.Links {
		return filter.NewFilter(r.Remove)
	}
	links := filter.NewLinks(l.hosts, l.PublicOrigin(origin))
	if isJSON(a) {
		return filter.NewFilter(r.Remove).WithLinks(links)
	}
	return links
}
