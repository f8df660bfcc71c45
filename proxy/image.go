package proxy

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/routes/registry"
	"patgate/token"
)

// registryBackend is the registry behind patgate.
type registryBackend struct {
	// own: the forge serves the registry itself, over the connections that everything else takes. What patgate gives out for
	// a registry token then holds no token of the forge's: the owner's credential is sent with every request.
	own          bool
	scheme, host string
	pool         *pool
	links        links
}

// newRegistry makes the backend; nil when there is none.
func (h *Handler) newRegistry() (*registryBackend, error) {
	u := h.options.Registry
	if u.URL == "" && !h.dialect.ownRegistry {
		return nil, nil
	}
	b := &registryBackend{own: h.dialect.ownRegistry, links: newLinks(u, h.options.PublicURL)}
	if b.own {
		return b, nil
	}
	b.scheme, b.host, _ = strings.Cut(u.URL, "://")
	b.pool = h.poolOf(u, b.scheme, b.host)
	return b, nil
}

// toRegistry tells whether the request goes to the registry behind patgate. GitLab's own paths below /v2 do not.
func (x *exchange) toRegistry() bool {
	return x.h.registry != nil && !x.h.registry.own && x.surface == surfaceRegistry && below(x.path, "/v2") &&
		!registry.IsProxied(x.path) && !hasPrefix(x.path, "/v2/virtual_registries/")
}

// toOwnRegistry tells whether the request goes to a registry that the forge serves itself.
func (x *exchange) toOwnRegistry() bool {
	return x.h.registry != nil && x.h.registry.own && x.surface == surfaceRegistry
}

// poolFor gives the connections that the request takes: those to the registry, or others.
func (x *exchange) poolFor(others *pool) *pool {
	if x.toRegistry() {
		return x.h.registry.pool
	}
	return others
}

// upstreamHost gives the Host that the request is sent with.
func (x *exchange) upstreamHost() string {
	if x.toRegistry() {
		return x.h.registry.host
	}
	return x.h.upstreamHost
}

// linksOf gives the rewriting of the upstream's own addresses.
func (x *exchange) linksOf() *links {
	if x.toRegistry() {
		return &x.h.registry.links
	}
	return &x.h.links
}

// classifyImage reads a target of the registry itself.
func (x *exchange) classifyImage() *refusal {
	if string(x.path) == "/v2/" || string(x.path) == "/v2" {
		x.registry.image = &registry.Image{Target: "/v2/"}
		return nil
	}
	image, err := registry.ParseImage(x.method, x.target, x.table.Named())
	if err != nil {
		return refusalOf(err)
	}
	route := x.table.SurfaceRow([]byte(image.Row))
	if route == nil {
		return refuseMethod
	}
	x.registry.image = image
	x.op.Set(route, x.isHead)
	return nil
}

// judgeImage decides a request to the registry on the project that the image belongs to.
func (x *exchange) judgeImage() *refusal {
	image := x.registry.image
	x.body.open(x)
	if image.Name == "" {
		return x.judgeLogin()
	}
	route := x.op.Route
	x.decision = policy.Plan(x.session.Grant, route)
	x.note()
	if x.decision.Verdict != policy.Allow {
		return refusalOfDenial(&x.decision, route)
	}
	check, err := x.checkImage(image.Name)
	if err != nil {
		return refusalOf(err)
	}
	x.question.Route = route
	x.question.Checks = append(x.question.Checks[:0], check)
	return x.decide()
}

// rebuildImage writes the request to the registry: the target as it was read, with the token that the forge signed.
func (x *exchange) rebuildImage() error {
	b := &x.body
	b.contentType = append(b.contentType[:0], x.fields.get(fieldContentType)...)
	x.upload = upload{}
	if b.present() {
		x.upload = upload{stream: b, length: b.length}
	}
	x.rebuilt = append(x.rebuilt[:0], x.registry.image.Target...)
	x.head = x.appendHead(x.head[:0], x.rebuilt)
	return nil
}

// maxTokenAnswer bounds an answer of the token service, in bytes.
const maxTokenAnswer = 256 << 10

// deliverToken answers a request for a registry token: what the forge signed is sealed.
func (x *exchange) deliverToken() (kept bool) {
	a := &x.answer
	a.StreamBody = true
	if err := a.ReadBody(x.upstream.br, 0); err != nil {
		return x.broken(refuseUnavailable, failureUpstream)
	}
	x.body.lease.from = x.h.room
	body, err := readUpTo(a.BodyStream(), nil, maxTokenAnswer, x.body.lease.memoryFor)
	if err == nil {
		body, err = x.sealAnswer(body)
	}
	if err != nil {
		return x.broken(refuseIllegible, failureAnswer)
	}
	_ = a.CloseBodyStream()
	x.free(true)
	out := &x.ctx.Response
	x.ownFields("application/json")
	out.SetBody(body)
	x.complete(out.StatusCode(), int64(len(body)))
	return false
}

// sealAnswer reads the forge's answer and writes the client's.
func (x *exchange) sealAnswer(body []byte) ([]byte, error) {
	var answer registryToken
	if err := json.Unmarshal(body, &answer); err != nil || answer.Token == "" {
		return nil, errors.New("the token service's answer holds no token")
	}
	hash, err := token.Parse(x.cred.secret)
	if err != nil {
		return nil, err
	}
	answer.Token = x.h.seals.seal(sealRegistry, hash, time.Now().Add(sealedRegistryLife), answer.Token)
	return json.Marshal(&answer)
}

// sealedRegistryLife is longer than a registry token's: the registry says when it is over.
const sealedRegistryLife = 24 * time.Hour

// registryToken is an answer of a token service.
type registryToken struct {
	Token     string `json:"token"`
	ExpiresIn int    `json:"expires_in,omitempty"`
	IssuedAt  string `json:"issued_at,omitempty"`
}

// appendRegistryChallenge writes where a client gets a token for its request below /v2/ (distribution, "Token
// Authentication Specification").
func (x *exchange) appendRegistryChallenge(dst []byte) []byte {
	dst = append(append(append(dst, `Bearer realm="`...), x.h.links.publicOrigin(x.origin)...), x.tokenService()+`",service="`...)
	if !x.toRegistry() && !x.toOwnRegistry() {
		dst = append(dst, `dependency_proxy"`...)
		if p, err := registry.ParseProxied(x.method, x.target); err == nil {
			dst = append(append(append(dst, `,scope="`...), p.Scope()...), '"')
		}
		return dst
	}
	dst = append(dst, `container_registry"`...)
	if image, err := registry.ParseImage(x.method, x.target, x.table.Named()); err == nil {
		dst = append(append(append(dst, `,scope="repository:`...), image.Name...), ':')
		dst = append(append(dst, image.Actions()...), '"')
	}
	return dst
}

// tokenService gives the path of the registry's token service.
func (x *exchange) tokenService() string {
	if x.toOwnRegistry() {
		return ownTokenService
	}
	return "/jwt/auth"
}

// ownTokenService is the path of the token service of a registry that the forge serves itself.
const ownTokenService = "/v2/token"

// answerToken answers a request for a token of a registry that the forge serves itself: what is given out stands for the
// patgate token, and each request that comes with it is decided on anew.
func (x *exchange) answerToken() *refusal {
	hash, err := token.Parse(x.cred.secret)
	if x.sealed.kind != sealNone {
		hash, err = x.sealed.hash, nil
	}
	if err != nil {
		return refuseTokenMalformed
	}
	body, err := json.Marshal(&registryToken{Token: x.h.seals.seal(sealRegistry, hash, time.Now().Add(sealedRegistryLife), "")})
	if err != nil {
		return refuseInternal
	}
	return x.answerSelf(&LocalAnswer{Status: fasthttp.StatusOK, Body: body, Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}})
}
