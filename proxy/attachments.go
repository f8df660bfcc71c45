package proxy

import (
	"patgate/proxy/reply"
	"patgate/proxy/reply/filter"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/git"
)

// attached gives what makes the addresses of attachments in the answer: each names the project that was checked, and has a ticket
// which says that the file is its own. nil: there are none in it, or nobody can say whose they are.
func (x *exchange) attached(change reply.Change) filter.Attached {
	q, j := &x.request, &x.judgement
	if !change.Attaches() {
		return nil
	}
	c := j.Own()
	hash, err := q.TokenHash()
	if err != nil || c == nil || c.Boundary != routes.BoundaryProject || c.Path == "" {
		return nil
	}
	folder := change.Row.Response.Attachments
	return func(dst, uuid []byte) ([]byte, bool) {
		if !git.IsUUID(uuid) {
			return dst, false
		}
		dst = append(append(append(append(dst, '/'), c.Path...), '/'), folder...)
		dst = append(append(append(dst, "/attachments/"...), uuid...), "?ticket="...)
		return append(dst, x.h.seals.SealFile(surface.FileTicket{Project: c.ID, Folder: folder, UUID: uuid}, hash, q.Start)...), true
	}
}
