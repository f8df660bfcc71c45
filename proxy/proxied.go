package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/registry"
)

// sealedLife is how long what patgate gives out for the dependency proxy holds, as GitLab's own tokens do by default.
const sealedLife = 5 * time.Minute

var (
	refuseProxiedScopes = refuse403("registry_scope",
		"Access denied: Of the dependency proxy, fine-grained tokens can be given pull on a group's images: repository:group/dependency_proxy/containers/image:pull.")
	refuseVirtual = refuse403("unsupported_surface",
		"Access denied: Virtual registries for containers are not passed on for fine-grained tokens: GitLab has no permission for pulling through one.")
	refuseNoProxy    = &refusal{status: fasthttp.StatusNotFound, reason: "dependency_proxy", message: "The forge has no dependency proxy."}
	refuseProxyOwner = refuse403("dependency_proxy",
		"The credential of the token's owner may not use the dependency proxy: it needs the scope api, or read_registry and write_registry.")
)

// isProbe tells whether the request only asks whether there is a registry, and whether its credential is good there.
func (x *exchange) isProbe() bool { return string(x.path) == "/v2" || string(x.path) == "/v2/" }

// toProxied tells whether the request is for the forge's dependency proxy.
func (x *exchange) toProxied() bool {
	return x.surface == surfaceRegistry && !x.toOwnRegistry() && below(x.path, "/v2") && registry.IsProxied(x.path)
}

// classifyProxied reads a request for an image of the dependency proxy.
func (x *exchange) classifyProxied() *refusal {
	p, err := registry.ParseProxied(x.method, x.target)
	if err != nil {
		return refusalOf(err)
	}
	route := x.table.SurfaceRow([]byte(p.Row))
	if route == nil {
		return refuseMethod
	}
	x.registry.proxied = p
	x.op.Set(route, x.isHead, routes.Capture{Name: "group", Value: p.Group, Ref: routes.RefGroup})
	return nil
}

// judgeProbe answers who may do something in a registry, or pull through the dependency proxy.
func (x *exchange) judgeProbe() *refusal {
	r := x.planRow(registry.ProxiedRow)
	if r != nil && x.judgeLogin() != nil {
		return r
	}
	x.decision.Verdict, x.decision.Reason = policy.Allow, policy.ReasonGranted
	x.note()
	x.event.Used = nil
	return x.answerSelf(&LocalAnswer{Status: fasthttp.StatusOK, Body: []byte("{}"), Header: map[string][]string{
		"Content-Type": {"application/json"}, "Docker-Distribution-Api-Version": {"registry/2.0"}}})
}

// judgeGroup decides whether images may be pulled through a group's dependency proxy.
func (x *exchange) judgeGroup(path []byte) (*refusal, error) {
	if r := x.planRow(registry.ProxiedRow); r != nil {
		return copyOf(r), nil
	}
	x.question.Route, x.question.Checks = x.op.Route, x.question.Checks[:0]
	x.resolving = time.Now()
	x.containers, x.found = make([]policy.Container, 0, 1), x.found[:0]
	if _, err := x.resolveReference(routes.Reference{Kind: routes.RefGroup, Path: path}, policy.Check{}); err != nil {
		return nil, err
	}
	x.decision = policy.Decide(x.session.Grant, &x.question)
	x.note()
	if x.decision.Verdict != policy.Allow {
		return copyOf(refusalOfDenial(&x.decision, x.op.Route)), nil
	}
	return nil, nil
}

// issueProxied answers a request for a token of the dependency proxy with one of patgate's own.
func (x *exchange) issueProxied() *refusal {
	now := time.Now()
	text, r := x.sealOwn(sealRegistry, now.Add(sealedLife))
	if r != nil {
		return r
	}
	body, err := json.Marshal(&registryToken{Token: text, ExpiresIn: int(sealedLife / time.Second), IssuedAt: now.UTC().Format(time.RFC3339)})
	if err != nil {
		return refuseInternal
	}
	return x.answerSelf(&LocalAnswer{Status: fasthttp.StatusOK, Body: body, Header: map[string][]string{
		"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}})
}

// rebuildProxied writes the request to the dependency proxy, with the path that the group has now and a token that the
// client never sees.
func (x *exchange) rebuildProxied() error {
	own := x.ownContainer()
	if own == nil || own.Path == "" {
		return refuseUnavailable // it was allowed, so there is one
	}
	jwt, err := x.proxyToken()
	if err != nil {
		return err
	}
	x.registry.jwt = jwt
	x.rebuilt = append(append(append(x.rebuilt[:0], "/v2/"...), own.Path...), x.registry.proxied.Suffix...)
	x.upload = upload{}
	x.head = x.appendHead(x.head[:0], x.rebuilt)
	return nil
}

// proxyTokens keeps the forge's tokens for its dependency proxy, which carry the owners' credentials, for as long as they
// hold and a minute at most, so that an image of many layers takes one.
type proxyTokens struct {
	mu sync.Mutex
	by map[proxyTokenKey]proxyToken
}

type proxyTokenKey [sha256.Size]byte // of the owner's name and credential

type proxyToken struct {
	jwt   []byte
	until time.Time
}

const (
	maxProxyTokens = 1024
	proxyTokenLife = time.Minute
)

func (x *exchange) proxyTokenKey() (key proxyTokenKey) {
	h := sha256.New()
	h.Write([]byte(x.session.Username + "\x00" + x.session.Credential.Reveal()))
	h.Sum(key[:0])
	return key
}

func (p *proxyTokens) get(key proxyTokenKey, now time.Time) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t, found := p.by[key]; found && now.Before(t.until) {
		return t.jwt
	}
	return nil
}

func (p *proxyTokens) put(key proxyTokenKey, t proxyToken, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.by) >= maxProxyTokens {
		for k, old := range p.by {
			if !now.Before(old.until) {
				delete(p.by, k)
			}
		}
	}
	if p.by == nil || len(p.by) >= maxProxyTokens {
		p.by = map[proxyTokenKey]proxyToken{}
	}
	p.by[key] = t
}

func (p *proxyTokens) drop(key proxyTokenKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.by, key)
}

// proxyToken gives the forge's token for its dependency proxy, which the owner's credential buys.
func (x *exchange) proxyToken() ([]byte, error) {
	key, now := x.proxyTokenKey(), time.Now()
	if jwt := x.h.proxyTokens.get(key, now); jwt != nil {
		return jwt, nil
	}
	x.registry.jwt = nil
	head := append(append([]byte("GET /jwt/auth?service=dependency_proxy HTTP/1.1\r\nHost: "), x.h.upstreamHost...), "\r\n"...)
	head = x.appendBasic(head)
	head = append(x.appendForwarding(head), "\r\n"...)
	defer clear(head)
	status, body, err := x.askForge(head)
	switch {
	case err != nil:
		return nil, err
	case status == fasthttp.StatusUnauthorized:
		return nil, refuseOwner
	case status == fasthttp.StatusForbidden:
		return nil, refuseProxyOwner
	case status == fasthttp.StatusNotFound:
		return nil, refuseNoProxy
	case status != fasthttp.StatusOK:
		return nil, refuseUnavailable
	}
	var answer registryToken
	if err := json.Unmarshal(body, &answer); err != nil || answer.Token == "" || strings.Trim(answer.Token, jwtLetters) != "" {
		return nil, refuseUnavailable
	}
	t := proxyToken{[]byte(answer.Token), now.Add(proxyTokenLife)}
	if until := expiryOf(answer.Token).Add(-10 * time.Second); until.Before(t.until) {
		t.until = until
	}
	x.h.proxyTokens.put(key, t, now)
	return t.jwt, nil
}

const jwtLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// expiryOf reads when a JWT ends (RFC 7519, 4.1.4); the zero time when it does not say.
func expiryOf(jwt string) time.Time {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Expires int64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 {
		return time.Time{}
	}
	return time.Unix(claims.Expires, 0)
}

// askForge asks the forge something on patgate's own account, and reads a short answer whole.
func (x *exchange) askForge(head []byte) (status int, body []byte, err error) {
	var answer fasthttp.Response
	pool := x.h.patgate
	conn, err := pool.do(head, &upload{}, true, false, &answer, x.claim())
	if err != nil {
		return 0, nil, err
	}
	answer.StreamBody = true
	if err := answer.ReadBody(conn.br, 0); err != nil {
		pool.drop(conn)
		return 0, nil, errUpstreamBroken
	}
	body, err = readUpTo(answer.BodyStream(), nil, maxTokenAnswer+1, func(int64) bool { return true })
	_ = answer.CloseBodyStream()
	if err != nil || len(body) > maxTokenAnswer {
		pool.drop(conn)
		return 0, nil, errUpstreamBroken
	}
	pool.giveBack(conn, &answer)
	return answer.StatusCode(), bytes.Clone(body), nil
}
