package routes

import "strconv"

// Kind tells who may use a route at all. The zero value is no route.
type Kind uint8

const (
	// KindNone is the kind of a request that no row matches.
	KindNone Kind = iota
	// KindPermission needs the row's permissions on its boundary.
	KindPermission
	// KindOpen answers any caller; it is forwarded without a credential.
	KindOpen
	// KindOtherCredential never takes a personal access token; Route.Credential names what it takes.
	KindOtherCredential
)

var kindNames = [...]string{"none", "permission", "open", "other-credential"}

// String gives the kind as it stands in the route table.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// Source is where a row stands, for messages and for explain.
type Source struct {
	File string // "routes/gitlab/ci_cd.yaml" for embedded files, else the path that was given
	Line int    // from 1
}

// String gives file:line.
func (s Source) String() string { return s.File + ":" + strconv.Itoa(s.Line) }

// Route is one row of the route table: a method and a path pattern with what a token needs for it. A Route is never
// changed after its table was built, so it may be shared and kept.
type Route struct {
	Kind   Kind
	Method string // upper case; HEAD has no rows, it is read as GET (RFC 9110, 9.3.2)
	Path   string // as in the table, without the base path: /projects/{project}/jobs
	Source Source
	// Surface names the classifier that finds the row: "git", "registry" or "web". Empty: the REST API, by its path. The
	// path of another surface's row is its name there; what stands behind "#" is read from the body.
	Surface string

	// Named tells that references are names and never ids, in the path and in parameters: see Table.Named.
	Named bool

	Category string // heading: CI/CD
	Resource string // snake case: job
	Action   string // snake case: read

	// Needs are the permissions, the row's own first, then those of `also`. Empty for other kinds.
	Needs   []Permission
	NeedSet PermissionSet
	// ByActs: the row stands for requests that do several things. Each of these says what it needs; the row needs nothing.
	ByActs bool
	// Boundaries are the alternatives, project first. The request chooses among them: a reference that is present decides.
	Boundaries []Boundary
	// Public marks reads that need no permission when the container is public. They are then forwarded without a credential.
	Public bool
	// Reads marks a row that only reads although its method is not GET: git sends what it wants as a POST.
	Reads bool
	// Fresh marks a row that reads, but whose facts must be as young as those of a write, because one is prepared by it.
	Fresh bool
	// Refs says what constraints on git refs have to do with the row.
	Refs RefRule
	// Since is the version of the table in which the row came under its permission. A write or minting row that is newer
	// than a token does not reach that token until it is confirmed.
	Since int

	// Find says where the boundary's container is named: see FindFrom.
	Find Find
	// Targets are further containers that the request names in parameters; each is checked too.
	Targets []Target
	// Params holds the rules of the parameters that the row declares, by canonical name ("entities[].destination_namespace").
	Params map[string]ParamRule
	// Force holds query parameters that are set to a fixed value, whatever the client sent. Another value sent is refused.
	Force []Forced
	// Texts are the parameters whose text the forge reads for commands and carries these out with the owner's rights.
	Texts []TextField
	// PushOptions are the options that a push by this row may carry; nil: none.
	PushOptions *PushOptions
	Body        Body

	// Spans: the answer reaches over all of the owner's containers; the permission is needed under all_memberships too.
	Spans bool
	// Entries says how the entries of such an answer name their containers, so that a grant without all_memberships gets those
	// that it reaches. The parameters choose one of several: see Spanned.
	Entries []*Entries
	// Asked: parameters of the query say more of the answer, of Entries or Response.RenderedFor.
	Asked bool
	// Auth are the places in which the forge looks for the credential of this row, the best first. Empty: those that it
	// reads everywhere.
	Auth []Auth
	// Response says what is changed in the answer.
	Response Response
	// Mints names the credential that the answer carries ("project access token"). Empty: none.
	Mints string
	// Escapes says in plain words what the minted credential can do past patgate. A row that mints and says so can be granted,
	// by the permission's name alone; one that does not say is refused to every token.
	Escapes string
	// Redirects: the answer may send the client on to another host: object storage, or where a link of the forge's users
	// leads.
	Redirects bool
	// Issues names the token that patgate gives out itself, in the place of the forge's ("Conan token"): the request is
	// decided as any other, and does not reach the forge. Empty: none.
	Issues string
	// Effects are what no boundary can contain: those below.
	Effects []string
	// Refused, when not empty, is the reason for which the row is always refused to patgate tokens.
	Refused string
	// Credential names the credential that a KindOtherCredential row takes.
	Credential string
	// After holds rows ("METHOD PATH") that the forge tries before this one although this one is more literal.
	After []string

	// Pattern is Path, parsed.
	Pattern Pattern
}

// Withheld tells whether no grant reaches the row, because patgate does not hand out what it mints.
func (r *Route) Withheld() bool { return r.Mints != "" && r.Escapes == "" }

// Writes tells whether the row can change anything: every method but GET, unless the row says that it only reads.
func (r *Route) Writes() bool { return r.Method != "GET" && !r.Reads }

// Dangers says why no boundary contains the row: its effects, and that it hands out a credential.
func (r *Route) Dangers() (why []string) {
	for _, effect := range r.Effects {
		switch effect {
		case EffectExports, EffectRunsAsOwner, EffectGrantsRights, EffectStoresSecret, EffectChangesVisibility:
			why = append(why, effect)
		}
	}
	if r.Mints != "" {
		why = append(why, "mints")
	}
	return why
}

// OnlyAllMemberships tells whether the row's container can neither be read from the request nor looked up.
func (r *Route) OnlyAllMemberships() bool {
	if r.Kind != KindPermission || r.Find.From != FindNowhere {
		return false
	}
	for _, b := range r.Boundaries {
		if !b.InContainer() {
			return false
		}
	}
	return true
}

// The effects that the code asks for by name.
const (
	// EffectExports is the effect of rows that send what a project holds elsewhere.
	EffectExports = "exports"
	// EffectRunsAsOwner is the effect of rows that have something run with the owner's rights.
	EffectRunsAsOwner = "runs_as_owner"
	// EffectGrantsRights is the effect of rows that give rights to others, or weaken what protects a branch, a tag or a merge.
	EffectGrantsRights = "grants_rights"
	// EffectChangesVisibility is the effect of rows that can show to everybody what only members saw.
	EffectChangesVisibility = "changes_visibility"
	// EffectStoresSecret is the effect of rows that keep a secret of the caller's choice, which then speaks for the forge or
	// for those who use it. Permissions that such a row needs are granted by name, never by a wildcard.
	EffectStoresSecret = "stores_secret"
	// EffectSkipsGuard is the effect of permissions for a push option that switches off a guard of the forge. They are granted by
	// name, never by a wildcard. No row has it.
	EffectSkipsGuard = "skips_guard"
)

// NamedEffects are the effects of rows whose permissions only their name grants: no wildcard and no template holds them.
func NamedEffects() []string {
	return []string{EffectGrantsRights, EffectChangesVisibility, EffectStoresSecret}
}

// RefRule says what constraints on git refs have to do with a row. The zero value does not know.
type RefRule uint8

const (
	// RefsUnknown: the row may change refs that nobody sees. A scope with constraints does not count when it writes.
	RefsUnknown RefRule = iota
	// RefsListed: the request's body lists the refs that it changes; each is checked.
	RefsListed
	// RefsNone: the row changes no ref, so that constraints on refs do not concern it.
	RefsNone
)

// FindFrom says where a row's container is found.
type FindFrom uint8

const (
	// FindNowhere: the row has no container, or none that can be found. When its boundary is a project or a group, only
	// all_memberships reaches it.
	FindNowhere FindFrom = iota
	// FindInPath: the capture Find.Name of the path.
	FindInPath
	// FindInParam: the parameter Find.Name; when it is absent, a user or instance alternative decides, else 400.
	FindInParam
	// FindByLookup: an upstream read, Find.Lookup.
	FindByLookup
)

// Find says where a row's container is found.
type Find struct {
	From   FindFrom
	Name   string // capture or parameter name
	Ref    RefKind
	Lookup *Lookup
	// SendPath: the forge wants the full path in the parameter, not the id.
	SendPath bool
}

// String says where a container is found: "path: project", "parameter: group_id (group)", "lookup: GET /runners/{id}".
func (f Find) String() string {
	switch f.From {
	case FindInPath:
		return "path: " + f.Name
	case FindInParam:
		return "parameter: " + f.Name + " (" + f.Ref.String() + ")"
	case FindByLookup:
		return "lookup: GET " + f.Lookup.Get
	}
	return ""
}

// Lookup is an upstream read, made with the owner's credential, whose answer names the containers of a global id.
type Lookup struct {
	Get      string // path template below the API's base, with captures of the row: /vulnerabilities/{id}
	Project  string // field path of project ids in the answer: project.id, projects[].id; may be empty
	Group    string // field path of group ids: group_id, groups[].id; may be empty
	Instance string // "field=value": the answer belongs to the instance: runner_type=instance_type; may be empty
	User     string // "field=value" or "field=null": the answer belongs to the owner; may be empty
	Send     string // field whose value replaces the capture that Get names, in what is forwarded: id
}

// Target is a further container that a parameter or a later capture of the path names. It is resolved and checked like
// the row's own.
type Target struct {
	Param    string // canonical name of the parameter: to_project_id; empty when Capture is set
	Capture  string // capture name: forked_from_id; empty when Param is set
	Ref      RefKind
	SendPath bool // the forge wants the full path here, not the id
	Needs    []Permission
	NeedSet  PermissionSet
	Required bool // absent is refused (the forge would use a default that nobody checked)
	// Before, when not empty, ends the reference within the parameter's value: ":" for an owner in owner:branch. A value without
	// it names no container. The owner of the path's own project is not a further container.
	Before string
}

// ParamRule is what a row says about one parameter.
type ParamRule uint8

const (
	// ParamUndeclared is passed on unless its name is reserved or looks like an identifier.
	ParamUndeclared ParamRule = iota
	// ParamPass is passed on: the forge itself keeps it inside the boundary that was checked, or it names no container.
	ParamPass
	// ParamRefuse is refused with 400, whatever its value.
	ParamRefuse
	// ParamTarget is checked as one of Route.Targets, or is the row's Find.
	ParamTarget
	// ParamRepeat is passed on and may be sent more than once under its plain name (twine's classifiers).
	ParamRepeat
	// ParamClosed is an object in which nothing passes but what the row declares.
	ParamClosed
	// ParamDrop is left out of what is sent, whatever its value in a query: the answer is as if it had not been there.
	ParamDrop
)

var paramRuleNames = [...]string{"undeclared", "pass", "refuse", "target", "repeat", "closed", "drop"}

// String gives the rule's name as in the route table; "target" for a parameter that names a container.
func (r ParamRule) String() string {
	if int(r) < len(paramRuleNames) {
		return paramRuleNames[r]
	}
	return "rule"
}

// Forced is a query parameter that patgate sets itself.
type Forced struct{ Name, Value string }

// Body says what a row takes as a request body.
type Body struct {
	// Limit bounds bodies that are read whole, in bytes; 0 is the default of 1 MiB.
	Limit int64
	// Stream holds media types that are passed on unread because the forge does not parse them on this row.
	// "*/*" is any type that is not JSON, form or multipart, and a missing Content-Type, which is then sent as
	// application/octet-stream.
	Stream []string
	// Text: a JSON body is one text, not an object.
	Text bool
}

// Response says what is changed in an answer.
type Response struct {
	Remove []string // JSON object keys removed at any depth: runners_token
	// Rendered: the answer holds texts that the forge rendered for the owner. They may show titles from any project, so they are
	// taken out.
	Rendered bool
	// RenderedFor are query parameters with which the same holds; without them the answer has no such texts.
	RenderedFor []string
	// ShowsRendered is the reason for which rendered texts stay in the answer. Empty: they do not.
	ShowsRendered string
	// Links: the answer holds the forge's own address where clients go on from; patgate's takes its place.
	Links bool
	// Addresses are the JSON object keys whose values are addresses of the forge that programs follow, each once: clone_url at
	// any depth, repo.url in the object under repo, .url in the answer itself or in the entries of its list, _links.* all values
	// of an object.
	Addresses []string
	// Attachments tells that the answer holds files of the row's project that the forge names by their UUID alone, and in which
	// of AttachmentFolders patgate has them. Empty: it does not, or they may be other projects'.
	Attachments string
}

// AttachmentFolders are where patgate has the files of a project that the forge names by their UUID alone, each on a row of its
// own: "releases" is /owner/name/releases/attachments/UUID.
func AttachmentFolders() []string { return []string{"issues", "releases"} }
