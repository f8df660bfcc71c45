// Package registry is the surface of the container registry: the registry itself below /v2/, where it is reached through patgate,
// and the token service by which the forge lets clients in.
package registry

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/registry"
)

var (
	errService = &reply.Refusal{Status: fasthttp.StatusNotFound, Reason: "registry_service",
		Message: "The token service is asked for a registry that it does not know."}
	errAuthGet = &reply.Refusal{Status: fasthttp.StatusMethodNotAllowed, Reason: "method",
		Message: "The token service takes GET."}
	errScopes = reply.Forbidden("registry_scope", "Access denied: Fine-grained tokens can be given pull, push and delete on a "+
		"project's images, and nothing on the registry itself.")
	errProxiedScopes = reply.Forbidden("registry_scope", "Access denied: On the dependency proxy, fine-grained tokens can be "+
		"given pull on a group's images: repository:group/dependency_proxy/containers/image:pull.")
	errV2 = reply.Forbidden("unsupported_surface", "Access denied: The registry is not behind patgate: fetch a token from "+
		"/jwt/auth and go to the registry itself.")
	errVirtual = reply.Forbidden("unsupported_surface", "Access denied: Virtual registries for containers are not passed on for "+
		"fine-grained tokens: GitLab has no permission for pulling through one.")
	// ErrBearer asks for a token of the token service.
	ErrBearer = &reply.Refusal{Status: fasthttp.StatusUnauthorized, Reason: "no_credential", Challenge: reply.ChallengeMissing,
		Message: "The registry needs a token of the token service."}
)

// Surface is the container registry.
type Surface struct {
	surface.Words
	Seals *surface.Seals
	Links *reply.Links // to the forge
	// Own: the forge serves the registry itself, over the connections that everything else takes. What patgate gives out for a
	// registry token then holds no token of the forge's: the owner's credential is sent with every request.
	Own bool
	// Backend is a registry behind patgate that is not the forge; nil: there is no other.
	Backend *surface.Upstream
}

// Name is for logs and tests.
func (*Surface) Name() string { return "registry" }

// Has tells whether a raw path is the registry's or its token service's.
func (s *Surface) Has(path []byte, _ string) bool {
	if s.Own {
		return string(path) == "/v2" || header.HasPrefix(path, "/v2/")
	}
	return header.Below(path, "/v2") || header.Below(path, "/jwt/auth")
}

// Upstream gives the registry behind patgate for what goes there. GitLab's own paths below /v2 do not.
func (s *Surface) Upstream(path []byte) *surface.Upstream {
	if s.toBackend(path) {
		return s.Backend
	}
	return nil
}

func (s *Surface) toBackend(path []byte) bool {
	return s.Backend != nil && header.Below(path, "/v2") && !header.HasPrefix(path, virtualRegistries)
}

const virtualRegistries = "/v2/virtual_registries/"

// service is how the forge serves its registry.
func service(q *surface.Request) *registry.Service { return registry.ServiceOf(q.Table.Forge()) }

// IsProbe tells whether a request only asks whether there is a registry, and whether its credential is good there.
func IsProbe(path []byte) bool { return string(path) == "/v2" || string(path) == "/v2/" }

// Unseal takes what the token service gave. Below /v2/ nothing else counts: only the token service is told the patgate token
// itself. A registry that the forge serves itself takes Basic, too.
func (s *Surface) Unseal(q *surface.Request) *reply.Refusal {
	below := header.Below(q.Path, "/v2")
	if below && !s.Own && q.IsPatgate() {
		return ErrBearer
	}
	return Unseal(q, s.Seals, below, s.toBackend(q.Path) && !IsProbe(q.Path))
}

// Unseal takes a sealed text of the token service where it is good for something; full: only one with a token of the forge's
// in it.
func Unseal(q *surface.Request, seals *surface.Seals, good, full bool) *reply.Refusal {
	text, kind, bearer := q.SealedText()
	if q.Credential.Kind != surface.KindLegacy || kind == surface.SealNone {
		return nil
	}
	refused := surface.ErrSealed
	if good {
		refused = ErrBearer
	}
	switch {
	case !good || !bearer || kind != surface.SealRegistry:
		return refused
	case q.Severals():
		return reply.ErrSeveralCredentials
	}
	sealed, ok := seals.Open(kind, text, time.Now())
	if !ok || full && len(sealed.Inner) == 0 {
		return refused
	}
	q.Sealed = sealed
	q.Credential.Kind, q.Credential.Auth = surface.KindPatgate, routes.AuthBearer
	return nil
}

// Proves implements surface.Proves: the token service refuses a wrong credential in Basic (GitLab 19.3,
// app/controllers/jwt_controller.rb).
func (s *Surface) Proves(q *surface.Request, _ *surface.Body) bool {
	return q.Credential.Auth == routes.AuthBasic && string(q.Path) == service(q).Tokens
}

// WritesByGet implements surface.WritesByGet: GitLab's token service makes records, and hands out rights.
func (*Surface) WritesByGet(path, target []byte) bool {
	return header.Below(path, "/jwt/auth") && (bytes.Contains(target, []byte("push")) ||
		bytes.Contains(target, []byte("delete")) || bytes.Contains(target, []byte("*")))
}

// Literal implements surface.Literal: the registry redirects from a doubled slash.
func (*Surface) Literal(path []byte) bool { return header.Below(path, "/v2") }

// Classify reads a target of the registry.
func (s *Surface) Classify(q *surface.Request, op *routes.Operation) (surface.Visit, error) {
	reads := q.IsHead || q.Method == fasthttp.MethodGet
	switch {
	case s.Own && IsProbe(q.Path) && reads:
		return &probe{s: s}, nil
	case s.Own && IsProbe(q.Path):
		return nil, reply.ErrMethod
	case s.Own && string(q.Path) != service(q).Tokens:
		return s.classifyImage(q, op)
	case IsProbe(q.Path) && len(q.Sealed.Inner) == 0 && reads && !s.Own:
		return &probe{s: s}, nil
	case s.toBackend(q.Path):
		return s.classifyImage(q, op)
	case header.HasPrefix(q.Path, virtualRegistries):
		return nil, errVirtual
	case string(q.Path) != service(q).Tokens:
		return nil, errV2
	case q.Method != fasthttp.MethodGet:
		return nil, errAuthGet
	}
	asked, err := registry.ParseAuth(q.Query())
	if err != nil {
		return nil, err
	}
	if asked.Service != "container_registry" && (asked.Service != proxyService || s.Own) {
		return nil, errService
	}
	return &auth{s: s, asked: asked}, nil
}

// proxyService is the dependency proxy's name at the token service.
const proxyService = "dependency_proxy"

// Refuse writes a refusal as the OCI distribution specification has it (v1.1, "Error Codes").
func (s *Surface) Refuse(q *surface.Request, n *reply.Notice, out *fasthttp.Response) {
	origin := s.Links.PublicOrigin(q.Origin)
	missing := n.Challenge == reply.ChallengeMissing
	switch {
	case n.Challenge != reply.ChallengeNone && (s.Own || s.toBackend(q.Path)),
		missing && !header.Below(q.Path, "/jwt/auth") && len(origin) > 0:
		out.Header.Set("Docker-Distribution-Api-Version", "registry/2.0")
		out.Header.SetBytesV("WWW-Authenticate", s.appendChallenge(nil, q))
	case missing:
		s.Basic(&out.Header)
	default:
		s.Insufficient(q, n, &out.Header)
	}
	out.SetBody(Errors(n))
}

// Errors gives a refusal's body.
func Errors(n *reply.Notice) []byte {
	code := "UNSUPPORTED"
	switch n.Status {
	case fasthttp.StatusUnauthorized:
		code = "UNAUTHORIZED"
	case fasthttp.StatusForbidden:
		code = "DENIED"
	case fasthttp.StatusNotFound:
		code = "NAME_UNKNOWN"
	case fasthttp.StatusTooManyRequests:
		code = "TOOMANYREQUESTS"
	}
	return reply.Errors("code", code, "message", n.Text, "detail", n.Reason, "request_id", n.ID)
}

// Special gives the challenge of the registry, which leads to patgate's token service.
func (s *Surface) Special(q *surface.Request, _ *surface.Judgement, _ *reply.Redirects) reply.Special {
	if !header.Below(q.Path, "/v2") {
		return nil
	}
	return Challenge(func(dst []byte) []byte { return s.appendChallenge(dst, q) })
}

// Challenge writes a WWW-Authenticate value in the place of the forge's.
type Challenge func(dst []byte) []byte

// Field writes the value.
func (c Challenge) Field(dst, name, _ []byte) (written []byte, passes, special bool) {
	if !header.EqualFold(name, "www-authenticate") {
		return dst, false, false
	}
	return c(dst), true, true
}

// appendChallenge writes where a client gets a token for its request (distribution, "Token Authentication Specification").
func (s *Surface) appendChallenge(dst []byte, q *surface.Request) []byte {
	dst = append(append(append(dst, `Bearer realm="`...), s.Links.PublicOrigin(q.Origin)...), service(q).Tokens+`",service="`...)
	if !s.Own && !s.toBackend(q.Path) {
		return append(dst, proxyService+`"`...)
	}
	dst = append(dst, `container_registry"`...)
	if image, err := service(q).ParseImage(q.Method, q.Target); err == nil {
		dst = append(append(append(dst, `,scope="repository:`...), image.Name...), ':')
		dst = append(append(dst, image.Actions()...), '"')
	}
	return dst
}
