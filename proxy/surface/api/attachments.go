package api

import (
	"patgate/proxy/reply/filter"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/git"
)

// Attached implements surface.Attaches. Each address names the project that was checked, and has a ticket which says that the
// file is the project's.
func (s *Surface) Attached(q *surface.Request, j *surface.Judgement) filter.Attached {
	c := j.Own()
	hash, err := q.TokenHash()
	if err != nil || c == nil || c.Boundary != routes.BoundaryProject || c.Path == "" {
		return nil
	}
	folder := j.Op.Route.Response.Attachments
	return func(dst, uuid []byte) ([]byte, bool) {
		if !git.IsUUID(uuid) {
			return dst, false
		}
		dst = append(append(append(append(dst, '/'), c.Path...), '/'), folder...)
		dst = append(append(append(dst, "/attachments/"...), uuid...), "?ticket="...)
		ticket := surface.FileTicket{Project: c.ID, Folder: folder, UUID: uuid}
		return append(dst, s.Seals.SealFile(ticket, hash, q.Start)...), true
	}
}
