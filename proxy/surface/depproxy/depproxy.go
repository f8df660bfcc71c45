// Package depproxy is the surface of GitLab's dependency proxy: images of other registries, pulled through a group.
package depproxy

import (
	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	surfaceregistry "patgate/proxy/surface/registry"
	"patgate/routes"
	"patgate/routes/registry"
)

// Surface is the dependency proxy.
type Surface struct {
	surface.Words
	Seals *surface.Seals
	Links *reply.Links
	// Tokens gets the forge's tokens for its dependency proxy.
	Tokens *Tokens
}

// Name is for logs and tests.
func (*Surface) Name() string { return "dependency_proxy" }

// Has tells whether a raw path is the dependency proxy's.
func (*Surface) Has(path []byte, _ string) bool {
	return header.Below(path, "/v2") && registry.IsProxied(path)
}

// Unseal takes what the token service gave, and nothing else.
func (s *Surface) Unseal(q *surface.Request) *reply.Refusal {
	if q.IsPatgate() {
		return surfaceregistry.ErrBearer
	}
	return surfaceregistry.Unseal(q, s.Seals, true, false)
}

// Literal implements surface.Literal: the images of a registry are below the same path.
func (*Surface) Literal([]byte) bool { return true }

// Refuse writes a refusal as a registry does.
func (s *Surface) Refuse(q *surface.Request, n *reply.Notice, out *fasthttp.Response) {
	switch {
	case n.Challenge == reply.ChallengeMissing && len(s.Links.PublicOrigin(q.Origin)) > 0:
		out.Header.Set("Docker-Distribution-Api-Version", "registry/2.0")
		out.Header.SetBytesV("WWW-Authenticate", s.appendChallenge(nil, q))
	case n.Challenge == reply.ChallengeMissing:
		s.Basic(&out.Header)
	default:
		s.Insufficient(q, n, &out.Header)
	}
	out.SetBody(surfaceregistry.Errors(n))
}

// Special gives the challenge, which leads to patgate's token service.
func (s *Surface) Special(q *surface.Request, _ *surface.Judgement, _ *reply.Redirects) reply.Special {
	return surfaceregistry.Challenge(func(dst []byte) []byte { return s.appendChallenge(dst, q) })
}

// appendChallenge writes where a client gets a token for its request.
func (s *Surface) appendChallenge(dst []byte, q *surface.Request) []byte {
	dst = append(append(append(dst, `Bearer realm="`...), s.Links.PublicOrigin(q.Origin)...),
		`/jwt/auth",service="dependency_proxy"`...)
	if p, err := registry.ParseProxied(q.Method, q.Target); err == nil {
		dst = append(append(append(dst, `,scope="`...), p.Scope()...), '"')
	}
	return dst
}

// Classify reads a request for an image.
func (s *Surface) Classify(q *surface.Request, op *routes.Operation) (surface.Visit, error) {
	read, err := registry.ParseProxied(q.Method, q.Target)
	if err != nil {
		return nil, err
	}
	row := q.Table.SurfaceRow([]byte(read.Row))
	if row == nil {
		return nil, reply.ErrMethod
	}
	op.Set(row, q.IsHead, routes.Capture{Name: "group", Value: read.Group, Ref: routes.RefGroup})
	return &visit{s: s, read: read}, nil
}

type visit struct {
	surface.Plain
	s    *Surface
	read *registry.Proxied
}

// NeedsBody: it has none.
func (*visit) NeedsBody() bool { return true }

// Read holds the row: it takes no parameters.
func (*visit) Read(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	return j.ReadParameters(q, b)
}

// Rebuild writes the path that the group has now, and a token that the client never sees.
func (v *visit) Rebuild(q *surface.Request, _ *surface.Body, j *surface.Judgement, s *surface.Sending) error {
	path := j.OwnPath()
	if path == "" {
		return reply.ErrUnavailable // it was allowed, so there is one
	}
	jwt, err := v.s.Tokens.get(q, j.Session)
	if err != nil {
		return err
	}
	s.Bearer = jwt
	s.Target = append(append(append(s.Target[:0], "/v2/"...), path...), v.read.Suffix...)
	return nil
}

// Denied forgets the token that the forge refused.
func (v *visit) Denied(j *surface.Judgement) { v.s.Tokens.drop(keyOf(j.Session)) }
