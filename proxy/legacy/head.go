package legacy

import (
	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
)

// Upgrades tells whether the client wants another protocol on the connection.
func Upgrades(q *surface.Request) bool {
	f := &q.Fields
	return header.EqualFold(f.Get(header.Upgrade), "websocket") && f.Nominated([]byte("upgrade")) &&
		q.Method == fasthttp.MethodGet
}

// AppendHead writes the head of a request that passes as it is.
func (r *Rules) AppendHead(dst []byte, q *surface.Request, b *surface.Body, u *wire.Upload, upgrade bool) []byte {
	dst = append(append(append(dst, q.Method...), ' '), q.Upstream.Root...)
	dst = append(append(append(dst, q.Target...), " HTTP/1.1\r\nHost: "...), q.Upstream.Host...)
	dst = append(dst, '\r', '\n')
	for i := range q.Fields.List {
		f := &q.Fields.List[i]
		switch f.Class {
		case header.ClassHop, header.ClassForwarding:
			continue
		case header.ClassFraming:
			if f.Name != header.ContentEncoding && f.Name != header.AcceptEncoding {
				continue
			}
		}
		if f.Class != header.ClassFraming && q.Fields.Nominated(f.Text) {
			continue
		}
		value := f.Value
		if f.Name == header.Cookie {
			if value = r.OwnCookies.AppendOthers(nil, value); len(value) == 0 {
				continue
			}
		}
		dst = surface.AppendField(dst, f.Text, value)
	}
	if upgrade {
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	dst = r.Forwarding.Append(dst, q)
	return surface.AppendFraming(dst, q, b, u)
}
