package registry

import (
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
)

var errNoScope = reply.BadRequest("registry_scope", "name a scope, such as scope=repository:group/project:pull")

// Find gives the row of a request for an image, and of several scopes at the token service, that of the first action.
func (s *Surface) Find(q *surface.Request, op *routes.Operation) error {
	v, err := s.Classify(q, op)
	if err != nil {
		return err
	}
	of, name := service(q), ""
	switch v := v.(type) {
	case *image:
		name = v.read.Name
	case *auth:
		if len(v.asked.Scopes) == 0 {
			return errNoScope
		}
		asked := v.asked.Scopes[0]
		row, known := of.RowName(asked.Actions[0])
		if !known {
			return errScopes
		}
		name = asked.Name
		op.Route = q.Table.SurfaceRow([]byte(row))
	}
	if op.Route == nil {
		return ErrBearer // it is answered to whoever has a token of the token service
	}
	if paths := of.Containers(name); len(paths) > 0 {
		op.Set(op.Route, q.IsHead, routes.Capture{Name: of.Container.String(), Value: []byte(paths[0]), Ref: of.Container})
	}
	return nil
}
