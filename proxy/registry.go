package proxy

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/registry"
)

var (
	refuseService = &refusal{status: fasthttp.StatusNotFound, reason: "registry_service", message: "The token service is asked for a registry that it does not know."}
	refuseAuthGet = &refusal{status: fasthttp.StatusMethodNotAllowed, reason: "method", message: "The token service takes GET."}
	refuseScopes  = refuse403("registry_scope",
		"Access denied: Of what was asked for, fine-grained tokens can be given pull, push and delete on a project's images, and nothing of the registry itself.")
	refuseV2 = refuse403("unsupported_surface",
		"Access denied: The registry is not behind patgate: fetch a token from /jwt/auth and go to the registry itself.")
)

// registryRequest is what an exchange keeps of a request to the container registry's token service.
type registryRequest struct {
	auth    *registry.Auth
	allowed []registry.Scope

	probe   bool              // GET /v2/ that patgate answers itself
	image   *registry.Image   // of a request to the registry itself
	proxied *registry.Proxied // of a request to the dependency proxy
	jwt     []byte            // of the forge's, sent in the place of the owner's credential
}

// classifyRegistry reads a target of the container registry.
func (x *exchange) classifyRegistry() *refusal {
	switch {
	case x.toOwnRegistry() && string(x.path) != ownTokenService:
		return x.classifyImage()
	case x.isProbe() && len(x.registry.jwt) == 0 && (x.isHead || x.method == fasthttp.MethodGet):
		x.registry.probe = true
		return nil
	case x.toRegistry():
		return x.classifyImage()
	case hasPrefix(x.path, "/v2/virtual_registries/"):
		return refuseVirtual
	case x.toProxied():
		return x.classifyProxied()
	case string(x.path) != x.tokenService():
		return refuseV2
	}
	if x.method != fasthttp.MethodGet {
		return refuseAuthGet
	}
	auth, err := registry.ParseAuth(x.target[min(len(x.path)+1, len(x.target)):])
	if err != nil {
		return refusalOf(err)
	}
	if auth.Service != "container_registry" && (auth.Service != "dependency_proxy" || x.toOwnRegistry()) {
		return refuseService
	}
	x.registry.auth = auth
	return nil
}

// judgeRegistry decides a request for a registry token: each action of each scope is a question of its own, and what is
// not allowed is left out, as the forge does with what its user may not do. Nothing that is allowed is a denial.
func (x *exchange) judgeRegistry() *refusal {
	scopes := x.registry.auth.Scopes
	if len(scopes) == 0 {
		return x.judgeEmpty()
	}
	denied, none := refuseScopes, refuseScopes
	if x.registry.auth.Service == "dependency_proxy" {
		denied, none = refuseProxiedScopes, refuseProxiedScopes
	}
	granted := registryChoice{}
	for i := range scopes {
		r, err := x.judgeScope(&scopes[i], &granted)
		if err != nil {
			return refusalOf(err)
		}
		if r != nil && denied == none {
			denied = r
		}
	}
	if granted.route == nil {
		return denied
	}
	x.op.Set(granted.route, false)
	x.decision = granted.decision
	x.note()
	x.event.Used = &x.used
	if len(x.registry.allowed) == 0 {
		return x.issueProxied()
	}
	return nil
}

// judgeEmpty decides a request without scopes, by which clients try a credential out.
func (x *exchange) judgeEmpty() *refusal {
	proxied := x.registry.auth.Service == "dependency_proxy"
	if !proxied {
		r := x.judgeLogin()
		if r == nil || !x.sharesHost() {
			return r
		}
		if x.planRow(registry.ProxiedRow) != nil {
			return r
		}
	} else if r := x.planRow(registry.ProxiedRow); r != nil {
		return r
	}
	x.decision.Reason = policy.ReasonGranted
	x.note()
	x.event.Used = nil
	return x.issueProxied()
}

// sharesHost tells whether a registry behind patgate and the forge's dependency proxy are one host to clients, which then
// ask the one service that they were told of for both.
func (x *exchange) sharesHost() bool { return x.h.registry != nil && !x.h.registry.own }

// judgeScope decides each action of one scope and keeps what is allowed. The refusal is the first that says more than that
// there is no such thing.
func (x *exchange) judgeScope(s *registry.Scope, granted *registryChoice) (denied *refusal, err error) {
	proxied := x.registry.auth.Service == "dependency_proxy"
	if s.Type != "repository" {
		return nil, nil
	}
	if group := registry.ProxiedGroup(s.Name); group != nil && (proxied || x.sharesHost()) {
		if !slices.Contains(s.Actions, "pull") {
			return nil, nil
		}
		r, err := x.judgeGroup(group)
		if err == nil && r == nil {
			granted.choose(x)
		}
		return r, err
	}
	switch {
	case proxied && strings.HasPrefix(s.Name, "virtual_registries/"):
		return refuseVirtual, nil
	case proxied, registry.Projects(s.Name) == nil:
		return nil, nil
	}
	kept := registry.Scope{Type: "repository", Name: s.Name}
	for _, action := range s.Actions {
		r, err := x.judgeAction(action, s.Name)
		switch {
		case err != nil:
			return nil, err
		case r == nil:
			kept.Actions = append(kept.Actions, action)
			granted.choose(x)
		case r != refuseScopes && denied == nil:
			denied = r
		}
	}
	if len(kept.Actions) > 0 {
		x.registry.allowed = append(x.registry.allowed, kept)
	}
	return denied, nil
}

// registryChoice is the first action that was allowed: it is what the log tells of the request.
type registryChoice struct {
	route    *routes.Route
	decision policy.Decision
}

func (c *registryChoice) choose(x *exchange) {
	x.used.Union(&x.op.Route.NeedSet)
	if c.route == nil {
		*c = registryChoice{x.op.Route, x.decision}
	}
}

// judgeLogin decides a request without scopes, by which clients try a credential out: its token is good for nothing, and
// is given to who may do something in some registry.
func (x *exchange) judgeLogin() *refusal {
	var first *refusal
	for _, action := range [...]string{"pull", "push", "delete"} {
		if r := x.planAction(action); r == nil {
			x.decision.Reason = policy.ReasonGranted
			x.note()
			x.event.Used = nil
			return nil
		} else if first == nil {
			first = r
		}
	}
	return first
}

// planAction finds the row of an action and denies what no project could change.
func (x *exchange) planAction(action string) *refusal {
	name, known := registry.RowName(action, x.table.Named())
	if !known {
		return refuseScopes
	}
	return x.planRow(name)
}

// planRow is planAction for a row by its name.
func (x *exchange) planRow(name string) *refusal {
	route := x.table.SurfaceRow([]byte(name))
	if route == nil {
		return refuseScopes
	}
	x.op.Set(route, false)
	x.set.Reset(route, nil)
	x.decision = policy.Plan(x.session.Grant, route)
	x.note()
	if x.decision.Verdict != policy.Allow {
		return refusalOfDenial(&x.decision, route)
	}
	return nil
}

// judgeAction decides one action on the project that an image's name belongs to.
func (x *exchange) judgeAction(action, image string) (*refusal, error) {
	if r := x.planAction(action); r != nil {
		return copyOf(r), nil
	}
	act, err := x.actOnImage(image)
	if err != nil {
		return nil, err
	}
	x.question.Route = x.op.Route
	x.question.Acts = append(x.question.Acts[:0], act)
	x.decision = policy.Decide(x.session.Grant, &x.question)
	x.note()
	if x.decision.Verdict != policy.Allow {
		return copyOf(refusalOfDenial(&x.decision, x.op.Route)), nil
	}
	return nil, nil
}

// actOnImage gives the act on the container that an image belongs to: its project, or where the forge serves the registry
// itself, the owner that its name begins with. Where there is none, the act fails.
func (x *exchange) actOnImage(image string) (policy.Act, error) {
	kind, boundary, paths := routes.RefProject, routes.BoundaryProject, registry.Projects(image)
	if x.table.Named() {
		owner, _, _ := strings.Cut(image, "/")
		kind, boundary, paths = routes.RefNamespace, routes.BoundaryGroup, []string{owner}
	}
	container, path, err := x.findContainer(kind, paths)
	reference := routes.Reference{Kind: kind, Path: []byte(path)}
	return policy.Act{Kind: policy.ActOwn, Boundary: boundary, Container: container, Reference: reference}, err
}

// copyOf keeps a refusal's decision, which the next question overwrites.
func copyOf(r *refusal) *refusal {
	if r.decision != nil {
		d := *r.decision
		r.decision = &d
	}
	return r
}

// findContainer gives the container whose path is the longest of these; nil when the owner sees none. One that has another
// path by now is none: the forge finds images by the present path alone.
func (x *exchange) findContainer(kind routes.RefKind, paths []string) (*policy.Container, string, error) {
	for _, path := range paths {
		if time.Since(x.event.Start) > x.h.options.Timeouts.Resolve {
			return nil, "", forge.ErrTimeout
		}
		c, err := x.h.options.Resolver.Resolve(context.Background(), x.session, routes.Reference{Kind: kind, Path: []byte(path)}, x.maxAge())
		if err != nil {
			return nil, "", err
		}
		if c.ID != 0 && equalFold([]byte(c.Path), path) {
			return &c, path, nil
		}
	}
	return nil, paths[len(paths)-1], nil
}

// rebuildRegistry writes the request to the token service, with what was allowed.
func (x *exchange) rebuildRegistry() error {
	x.rebuilt = registry.AppendTarget(x.rebuilt[:0], x.registry.allowed)
	x.upload = upload{}
	x.head = x.appendHead(x.head[:0], x.rebuilt)
	return nil
}
