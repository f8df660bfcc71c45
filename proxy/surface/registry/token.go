package registry

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/registry"
)

const (
	// sealedRegistryLife is longer than a registry token's: the registry says when it is over.
	sealedRegistryLife = surface.SealLife
	// sealedProxyLife is how long what patgate gives out for the dependency proxy holds, as GitLab's own tokens do by default.
	sealedProxyLife = 5 * time.Minute
	// maxTokenAnswer bounds an answer of the token service, in bytes.
	maxTokenAnswer = 256 << 10
)

// Token is an answer of a token service.
type Token struct {
	Token     string `json:"token"`
	ExpiresIn int    `json:"expires_in,omitempty"`
	IssuedAt  string `json:"issued_at,omitempty"`
}

// auth is a request to the token service.
type auth struct {
	surface.Plain
	s       *Surface
	asked   *registry.Auth
	allowed []registry.Scope

	// What the log tells of a request for several things: the first that was allowed, and all that was used.
	row      *routes.Route
	decision policy.Decision
	used     routes.PermissionSet
	acts     []policy.Act
}

// NeedsBody: it has none.
func (*auth) NeedsBody() bool { return true }

// Read reads nothing.
func (*auth) Read(*surface.Request, *surface.Body, *surface.Judgement) error { return nil }

// Judge decides each action of each scope as a question of its own, and leaves out what is not allowed, as the forge does with
// what its user may not do. Nothing that is allowed is a denial.
func (v *auth) Judge(q *surface.Request, _ *surface.Body, j *surface.Judgement) error {
	if len(v.asked.Scopes) == 0 {
		return v.judgeEmpty(q, j).OrNil()
	}
	none := errScopes
	if v.forProxy() {
		none = errProxiedScopes
	}
	denied := none
	for i := range v.asked.Scopes {
		r, err := v.judgeScope(q, j, &v.asked.Scopes[i])
		if err != nil {
			return err
		}
		if r != nil && denied == none {
			denied = r
		}
	}
	if v.row == nil {
		return denied
	}
	j.Op.Set(v.row, false)
	j.Question.Route, j.Question.Acts = v.row, append(j.Question.Acts[:0], v.acts...)
	j.Settle(q, v.decision, &v.used)
	return nil
}

func (v *auth) forProxy() bool { return v.asked.Service == proxyService }

// judgeEmpty decides a request without scopes, by which clients try a credential out.
func (v *auth) judgeEmpty(q *surface.Request, j *surface.Judgement) *reply.Refusal {
	if !v.forProxy() {
		if r := judgeLogin(q, j); r == nil || !v.sharesHost() {
			return r
		}
	}
	r := planRow(q, j, registry.ProxiedRow)
	switch {
	case r == nil:
		j.Grants(q)
		return nil
	case v.forProxy():
		return r
	}
	return judgeLogin(q, j)
}

// sharesHost tells whether a registry behind patgate and the forge's dependency proxy are one host to clients, which then
// ask the one service that they were told of for both.
func (v *auth) sharesHost() bool { return v.s.Backend != nil }

// judgeScope decides each action of one scope and keeps what is allowed. The refusal is the first that says more than that
// there is no such thing.
func (v *auth) judgeScope(q *surface.Request, j *surface.Judgement, s *registry.Scope) (denied *reply.Refusal, err error) {
	if s.Type != "repository" {
		return nil, nil
	}
	if group := registry.ProxiedGroup(s.Name); group != nil && (v.forProxy() || v.sharesHost()) {
		if !slices.Contains(s.Actions, "pull") {
			return nil, nil
		}
		return alone(j, func() (*reply.Refusal, error) { return v.judgeGroup(q, j, group) })
	}
	switch {
	case v.forProxy() && strings.HasPrefix(s.Name, "virtual_registries/"):
		return errVirtual, nil
	case v.forProxy(), registry.Projects(s.Name) == nil:
		return nil, nil
	}
	kept := registry.Scope{Type: "repository", Name: s.Name}
	for _, action := range s.Actions {
		r, err := alone(j, func() (*reply.Refusal, error) { return v.judgeAction(q, j, action, s.Name) })
		switch {
		case err != nil:
			return nil, err
		case r == nil:
			kept.Actions = append(kept.Actions, action)
			v.choose(j)
		case r != errScopes && denied == nil:
			denied = r
		}
	}
	if len(kept.Actions) > 0 {
		v.allowed = append(v.allowed, kept)
	}
	return denied, nil
}

// alone asks one of several questions. If it is refused, what report mode noted for it is taken back.
func alone(j *surface.Judgement, ask func() (*reply.Refusal, error)) (*reply.Refusal, error) {
	before := j.Would
	r, err := ask()
	if r != nil || err != nil {
		j.Would = before
	}
	return r, err
}

// choose notes that a question was allowed.
func (v *auth) choose(j *surface.Judgement) {
	v.used.Union(&j.Op.Route.NeedSet)
	for _, act := range j.Question.Acts {
		act.Needs = &j.Op.Route.NeedSet
		v.acts = append(v.acts, act)
	}
	if v.row == nil {
		v.row, v.decision = j.Op.Route, j.Decision
	}
}

// judgeGroup decides whether images may be pulled through a group's dependency proxy.
func (v *auth) judgeGroup(q *surface.Request, j *surface.Judgement, path []byte) (*reply.Refusal, error) {
	if r := planRow(q, j, registry.ProxiedRow); r != nil {
		return copyOf(r), nil
	}
	j.Ask(1)
	if _, err := j.Name(q, routes.Reference{Kind: routes.RefGroup, Path: path}, policy.Act{Kind: policy.ActOwn}); err != nil {
		return nil, err
	}
	if r := j.Decide(q); r != nil {
		return copyOf(r), nil
	}
	v.choose(j)
	return nil, nil
}

// judgeAction decides one action on the project that an image's name belongs to.
func (v *auth) judgeAction(q *surface.Request, j *surface.Judgement, action, image string) (*reply.Refusal, error) {
	if r := planAction(q, j, action); r != nil {
		return copyOf(r), nil
	}
	act, err := actOnImage(q, j, image)
	if err != nil {
		return nil, err
	}
	j.Question.Route = j.Op.Route
	j.Question.Acts = append(j.Question.Acts[:0], act)
	if r := j.Decide(q); r != nil {
		return copyOf(r), nil
	}
	return nil, nil
}

// Answer gives a token of patgate's own: for the dependency proxy, and for a registry that the forge serves itself, where what is
// given out stands for the patgate token, and each request that comes with it is decided on anew.
func (v *auth) Answer(q *surface.Request, j *surface.Judgement) (*surface.Answer, error) {
	given, now := Token{}, time.Now()
	switch {
	case v.s.Own:
		hash, err := q.TokenHash()
		if err != nil {
			return nil, reply.ErrTokenMalformed
		}
		until := now.Add(sealedRegistryLife)
		if came := q.Sealed.Until; !came.IsZero() && came.Before(until) {
			until = came // with what was given before nobody gets what lasts longer
		}
		given.Token = v.s.Seals.Seal(surface.SealRegistry, hash, until, "")
	case len(v.allowed) == 0 && (len(v.asked.Scopes) > 0 || j.Op.Route == q.Table.SurfaceRow([]byte(registry.ProxiedRow))):
		text, err := q.Seal(v.s.Seals, surface.SealRegistry, now.Add(sealedProxyLife), "")
		if err != nil {
			return nil, err
		}
		given = Token{Token: text, ExpiresIn: int(sealedProxyLife / time.Second), IssuedAt: now.UTC().Format(time.RFC3339)}
	default:
		return nil, nil
	}
	body, err := json.Marshal(&given)
	return &surface.Answer{Status: fasthttp.StatusOK, Body: body,
		Header: [][2]string{{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}}, err
}

// Rebuild writes what was allowed.
func (v *auth) Rebuild(_ *surface.Request, _ *surface.Body, _ *surface.Judgement, s *surface.Sending) error {
	s.Target = registry.AppendTarget(s.Target[:0], v.allowed)
	s.Auth = routes.AuthBasic // the forge reads no other there
	s.WholeAnswer = true
	return nil
}

// Rewrites: where the registry is behind patgate, what the forge signed is sealed.
func (v *auth) Rewrites(status int) int64 {
	if v.s.Backend != nil && status == fasthttp.StatusOK {
		return maxTokenAnswer
	}
	return 0
}

// Rewrite reads the forge's answer and writes the client's.
func (v *auth) Rewrite(q *surface.Request, _ *surface.Judgement, _ int, body []byte) ([]byte, string, error) {
	var answer Token
	if err := json.Unmarshal(body, &answer); err != nil || !surface.IsJWT(answer.Token) {
		return nil, "", errors.New("the token service's answer holds no JWT")
	}
	sealed, err := q.Seal(v.s.Seals, surface.SealRegistry, time.Now().Add(sealedRegistryLife), answer.Token)
	if err != nil {
		return nil, "", err
	}
	answer.Token = sealed
	written, err := json.Marshal(&answer)
	return written, "application/json", err
}
