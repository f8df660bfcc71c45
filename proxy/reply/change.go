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

// Change is what is changed in the answer to a request: keys or rendered texts are taken out, or links are rewritten.
type Change struct {
	Row         *routes.Route // nil: nothing is
	Rendered    bool          // the request asks for rendered texts
	Filtered    bool          // entries are left out of the answer
	Addresses   bool          // addresses that programs follow are to lead to patgate
	Attachments bool          // they are to have addresses of patgate's
}

// Any tells whether something is.
func (c Change) Any() bool {
	if c.Row == nil {
		return false
	}
	r := &c.Row.Response
	return c.must() || c.Addresses && len(r.Addresses) > 0 || c.Attachments && r.Attachments != ""
}

// Attaches tells whether attachments get addresses of patgate's.
func (c Change) Attaches() bool {
	return c.Row != nil && c.Attachments && c.Row.Response.Attachments != ""
}

// must tells whether the answer must not pass as it is.
func (c Change) must() bool {
	if c.Row == nil {
		return false
	}
	r := &c.Row.Response
	return len(r.Remove) > 0 || r.Links || r.Rendered || c.Rendered || c.Filtered
}

// In tells whether something is changed in the answer that has come. Only successes and JSON are looked into; see Possible. Where
// there are only addresses to change, what is no plain JSON has none.
func (c Change) In(a *fasthttp.Response) bool {
	if !c.must() {
		return c.Any() && isJSON(a) && c.Possible(a)
	}
	return a.StatusCode() < 300 || isJSON(a)
}

// Possible tells whether an answer that must be changed can be read: all of it is there and plain; JSON where keys are taken
// out, JSON or a feed where rendered texts are, else any text that has the letters of addresses where ASCII has them.
func (c Change) Possible(a *fasthttp.Response) bool {
	if len(a.Header.ContentEncoding()) > 0 || a.StatusCode() == fasthttp.StatusPartialContent {
		return false
	}
	switch r := &c.Row.Response; {
	case isJSON(a):
		return true
	case len(r.Remove) > 0, c.Filtered:
		return false
	case r.Rendered || c.Rendered:
		return header.EqualFold(mediaType(a), "application/atom+xml") && !r.Links
	}
	return isText(a.Header.ContentType())
}

// Changer gives what changes an answer. Addresses of the forge become those by which the client came; at makes those of
// attachments, and nil leaves them as they are.
func (c Change) Changer(a *fasthttp.Response, l *Links, origin []byte, at filter.Attached) Changer {
	r := &c.Row.Response
	f := filter.NewFilter(r.Remove)
	if r.Rendered || c.Rendered {
		f = f.WithoutRendered()
	}
	var links *filter.Links
	switch {
	case r.Links:
		links = filter.NewLinks(l.texts(), l.PublicOrigin(origin))
	case c.Addresses && len(r.Addresses) > 0, c.Attaches():
		var fields []string
		if c.Addresses {
			fields = r.Addresses
		}
		addresses := filter.NewAddresses(fields, l.apart, l.public)
		if c.Attaches() {
			addresses = addresses.WithAttachments(l.all(), at)
		}
		f = f.WithAddresses(addresses)
	}
	switch {
	case isJSON(a):
		return f.WithLinks(links)
	case r.Links:
		return links
	}
	return filter.Feed{}
}

func isJSON(a *fasthttp.Response) bool {
	media := mediaType(a)
	return header.EqualFold(media, "application/json") ||
		header.HasPrefix(media, "application/") && bytes.HasSuffix(media, []byte("+json"))
}

// mediaType gives the answer's without its parameters.
func mediaType(a *fasthttp.Response) []byte {
	return header.TrimSpace(header.Before(a.Header.ContentType(), ';'))
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
