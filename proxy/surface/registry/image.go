package registry

import (
	"patgate/policy"
	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/registry"
)

// image is a request to the registry itself.
type image struct {
	surface.Plain
	s    *Surface
	read *registry.Image
}

// classifyImage reads a target of the registry itself.
func (s *Surface) classifyImage(q *surface.Request, op *routes.Operation) (surface.Visit, error) {
	if IsProbe(q.Path) {
		return &image{s: s, read: &registry.Image{Target: "/v2/"}}, nil
	}
	read, err := service(q).ParseImage(q.Method, q.Target)
	if err != nil {
		return nil, err
	}
	row := q.Table.SurfaceRow([]byte(read.Row))
	if row == nil {
		return nil, reply.ErrMethod
	}
	op.Set(row, q.IsHead)
	return &image{s: s, read: read}, nil
}

// NeedsBody: it is decided with the body's head.
func (*image) NeedsBody() bool { return true }

// Read reads nothing: bodies are streamed.
func (*image) Read(*surface.Request, *surface.Body, *surface.Judgement) error { return nil }

// Judge decides on the project that the image belongs to.
func (v *image) Judge(q *surface.Request, _ *surface.Body, j *surface.Judgement) error {
	if v.read.Name == "" {
		return judgeLogin(q, j).OrNil()
	}
	if r := j.PlanRow(q, j.Op.Route); r != nil {
		return r
	}
	act, err := actOnImage(q, j, v.read.Name)
	if err != nil {
		return err
	}
	j.Question.Route = j.Op.Route
	j.Question.Acts = append(j.Question.Acts[:0], act)
	return j.Decide(q).OrNil()
}

// Rebuild writes the target as it was read, with the token that the forge signed, or in front of a forge that serves the
// registry itself, the owner's credential.
func (v *image) Rebuild(q *surface.Request, b *surface.Body, _ *surface.Judgement, s *surface.Sending) error {
	b.ContentType = append(b.ContentType[:0], q.Fields.Get(header.ContentType)...)
	if b.Present() {
		s.Upload.Stream, s.Upload.Length = b, b.Length
	}
	s.Target = append(s.Target[:0], v.read.Target...)
	s.Auth = routes.AuthNone
	if v.s.Own {
		s.Auth = routes.AuthBasic
	}
	if len(q.Sealed.Inner) > 0 {
		s.Bearer = q.Sealed.Inner
	}
	return nil
}

// actOnImage gives the act on the container that an image belongs to: its project, or where the forge serves the registry
// itself, the owner that its name begins with. Where there is none, the act fails.
func actOnImage(q *surface.Request, j *surface.Judgement, name string) (policy.Act, error) {
	of := service(q)
	boundary := routes.BoundaryProject
	if of.Container != routes.RefProject {
		boundary = routes.BoundaryGroup
	}
	container, path, err := j.Find(q, of.Container, of.Containers(name))
	reference := routes.Reference{Kind: of.Container, Path: []byte(path)}
	return policy.Act{Kind: policy.ActOwn, Boundary: boundary, Container: container, Reference: reference}, err
}
