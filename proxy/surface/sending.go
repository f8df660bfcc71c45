package surface

import (
	"encoding/base64"
	"strconv"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/wire"
	"patgate/routes"
)

// Sending is the upstream request: its head, and the body that follows.
type Sending struct {
	Head   []byte
	Target []byte
	Upload wire.Upload

	// Auth is where the owner's credential goes; AuthNone: nowhere.
	Auth routes.Auth
	// Bearer, when not nil, is sent in the place of the owner's credential: a token that the forge made of it.
	Bearer []byte
	// WholeAnswer: the answer is read, so that it must come plain and in one part.
	WholeAnswer bool
	// List is the length of a filtered list's target without the parameters of pages: see Page. 0: the answer is no such list.
	List int
	// AnyFormat: the client's Accept could ask for another format than the path does.
	AnyFormat bool

	scratch []byte
}

// Reset forgets what was sent. The head held the owner's credential.
func (s *Sending) Reset() {
	clear(s.Head)
	if cap(s.Head) > MaxKept || cap(s.scratch) > MaxKept || cap(s.Target) > MaxKept {
		s.Head, s.scratch, s.Target = nil, nil, nil
	}
	*s = Sending{Head: s.Head[:0], Target: s.Target[:0], scratch: s.scratch[:0]}
}

// Page names a page of a list in the target, in the place of another one.
func (s *Sending) Page(p *routes.Pages, number, size int) {
	dst := append(append(s.Target[:s.List], p.Page...), '=')
	dst = append(append(strconv.AppendInt(dst, int64(number), 10), '&'), p.Size...)
	s.Target = strconv.AppendInt(append(dst, '='), int64(size), 10)
}

// Forwarding is what the forge is told of the way that a request came.
type Forwarding struct {
	Plain, Secure string // X-Forwarded-Proto, for clients whose own connection is plain, and https
	Host          string // under which clients reach patgate; empty: not told
	Via           string // the whole line of that name
}

// WriteHead writes the head of the request for a patgate token: the target that was decided on, the owner's credential in the
// place of the token, and of the client's headers those on the closed list.
func (s *Sending) WriteHead(q *Request, b *Body, j *Judgement, f *Forwarding) {
	dst := append(append(s.Head[:0], q.Method...), ' ')
	if q.Upstream.Root != "" {
		dst = append(dst, q.Upstream.Root...)
	}
	dst = append(dst, s.Target...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), q.Upstream.Host...)
	dst = append(dst, '\r', '\n')
	if !j.Decision.Anonymous {
		dst = s.appendCredential(dst, j)
	}
	if s.AnyFormat {
		dst = append(dst, "Accept: */*\r\n"...)
	}
	for i := range q.Fields.List {
		h := &q.Fields.List[i]
		switch h.Class {
		case header.ClassPassed, header.ClassList:
			if s.AnyFormat && h.Name == header.Accept {
				continue
			}
			if s.WholeAnswer && (h.Name == header.Range || header.HasPrefixFold(h.Text, "if-")) {
				continue // the answer would tell what is taken out: in a part, or by whether the client guessed it
			}
			dst = AppendField(dst, h.Text, h.Value)
		case header.ClassFraming:
			if h.Name == header.AcceptEncoding && !s.WholeAnswer {
				dst = AppendField(dst, h.Text, h.Value)
			}
		}
	}
	dst = f.Append(dst, q)
	s.Head = AppendFraming(dst, q, b, &s.Upload)
}

// appendCredential puts the owner's credential where the forge looks for it.
func (s *Sending) appendCredential(dst []byte, j *Judgement) []byte {
	if s.Bearer != nil {
		return append(append(append(dst, "Authorization: Bearer "...), s.Bearer...), '\r', '\n')
	}
	name := ""
	switch s.Auth {
	case routes.AuthPrivateToken:
		name = "PRIVATE-TOKEN: "
	case routes.AuthBearer:
		name = "Authorization: Bearer "
	case routes.AuthToken:
		name = "Authorization: Token "
	case routes.AuthRaw:
		name = "Authorization: "
	case routes.AuthNugetKey:
		name = "X-NuGet-ApiKey: "
	case routes.AuthBasic:
		return AppendBasic(dst, &s.scratch, j.Session.Username, j.Session.Credential.Reveal())
	default:
		return dst // it is in the target, or nowhere
	}
	return append(append(append(dst, name...), j.Session.Credential.Reveal()...), '\r', '\n')
}

// AppendBasic writes a name and a secret as Basic credentials. scratch is overwritten.
func AppendBasic(dst []byte, scratch *[]byte, username, secret string) []byte {
	*scratch = append(append(append((*scratch)[:0], username...), ':'), secret...)
	dst = append(dst, "Authorization: Basic "...)
	dst = base64.StdEncoding.AppendEncode(dst, *scratch)
	clear(*scratch)
	return append(dst, '\r', '\n')
}

// Append writes who the client is: one X-Forwarded-For, whatever the client sent. Via goes on as it came, with a line of our own
// behind it (RFC 9110, 7.6.3).
func (f *Forwarding) Append(dst []byte, q *Request) []byte {
	if q.Client.IsValid() {
		dst = append(dst, "X-Forwarded-For: "...)
		if q.Conn != nil && q.Conn.Peer == q.Client {
			dst = append(dst, q.Conn.PeerText...)
		} else {
			dst = q.Client.AppendTo(dst)
		}
		dst = append(dst, '\r', '\n')
	}
	dst = append(dst, "X-Forwarded-Proto: "...)
	if q.Secure {
		dst = append(append(dst, f.Secure...), '\r', '\n')
	} else {
		dst = append(append(dst, f.Plain...), '\r', '\n')
	}
	if f.Host != "" {
		dst = append(append(append(dst, "X-Forwarded-Host: "...), f.Host...), '\r', '\n')
	}
	dst = append(append(dst, f.Via...), "X-Request-Id: "...)
	dst, _ = q.ID.AppendText(dst) // it has no error to give
	return append(dst, '\r', '\n')
}

// AppendFraming writes how the body is sent, and ends the head.
func AppendFraming(dst []byte, q *Request, b *Body, u *wire.Upload) []byte {
	if len(b.ContentType) > 0 {
		dst = AppendField(dst, []byte("Content-Type"), b.ContentType)
	}
	if b.Encoding != "" {
		dst = append(append(append(dst, "Content-Encoding: "...), b.Encoding...), '\r', '\n')
	}
	switch {
	case u.Running() && u.Length < 0:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case !u.None() || q.Method != fasthttp.MethodGet && q.Method != fasthttp.MethodHead && q.Method != fasthttp.MethodDelete:
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(u.Whole))+max(u.Length, 0), 10)
		dst = append(dst, '\r', '\n')
	}
	return append(dst, '\r', '\n')
}

// AppendField writes a field line.
func AppendField(dst, name, value []byte) []byte {
	dst = append(append(dst, name...), ':', ' ')
	return append(append(dst, value...), '\r', '\n')
}
