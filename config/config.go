// Package config reads patgate's configuration: a YAML file, PATGATE_* environment variables and command-line flags,
// each stronger than the one before. Parse is a pure function that reports every problem at once, with its place, the
// offending value and the fix; Load is the only function here that touches files.
//
// The comments on the fields of Config are the text of docs/configuration.md, which is generated from them.
package config

import (
	"net"
	"path/filepath"
	"strings"
)

//go:generate go test . -run ^TestReferencePage$ -update

// Config is the whole configuration. A key of the file is the path of its field's yaml names (`upstream.url`), its
// environment variable is that path in upper case with the prefix PATGATE_ (`PATGATE_UPSTREAM_URL`). Only
// upstream.url must be given.
type Config struct {
	sources map[string]Source // where each key was given; what has none is the default

	// Forge says what the forge is: `gitlab`, `gitea`, `forgejo`, or `auto`, which asks it when patgate starts. A forge that
	// cannot be reached then is taken for a GitLab; when it turns out to be another one, patgate ends with an error.
	Forge Forge `yaml:"forge"`
	// Upstream is the forge that patgate stands in front of.
	Upstream Upstream `yaml:"upstream"`
	// Registry is the container registry, where clients are to reach it through patgate too.
	Registry Registry `yaml:"registry"`
	// Listen is the address on which clients are served, `host:port`, `:port` for every interface, or `unix:/path` for a Unix
	// socket. A socket that systemd passes (`FileDescriptorName=listen`) takes its place, and those named `admin.listen` and
	// `console.listen` that of theirs. Who comes over a Unix socket has no address, and all count as one client, but for what a
	// proxy says that `unix` is believed of (trusted_proxies, proxy_protocol).
	Listen string `yaml:"listen"`
	// Socket says who may connect to the Unix sockets that patgate makes, in whichever of the listen settings.
	Socket Socket `yaml:"socket"`
	// ReusePort lets several processes listen on the same address for clients (SO_REUSEPORT; not on Windows): a new patgate is
	// started before the old one is ended. The listeners for operators and the console need addresses of their own.
	ReusePort bool `yaml:"reuse_port"`
	// Shutdown says how patgate ends.
	Shutdown Shutdown `yaml:"shutdown"`
	// TLS makes patgate serve https itself. Without it, put patgate behind something that does.
	TLS TLS `yaml:"tls"`
	// PublicURL is the address under which clients reach patgate, such as `https://gitlab.example.com`, with a path where they
	// have one in front of everything (`https://git.example.com/gitlab`). Links in answers are made from it. Where it is none of
	// the forge's own, addresses that programs follow (`http_url_to_repo`, `_links`, `clone_url`, files of releases) lead to it
	// in JSON answers to patgate tokens; addresses for people (`web_url`, `html_url`) and of ssh stay. Empty: Link and Location
	// headers name the address by which the client came, JSON stays, and answers hold no links to patgate's own pages.
	PublicURL Base `yaml:"public_url"`
	// TrustedProxies are the addresses or CIDR ranges of proxies in front of patgate whose X-Forwarded-For and
	// X-Forwarded-Proto are believed: read from the end, as far as the proxies in the list are trusted, addresses with a port
	// or in brackets too. From anyone else both are discarded, and the log warns of the first X-Forwarded-For from each address.
	// `unix` stands for whoever comes over a Unix socket. One that names no address is in none of a token's `networks`.
	TrustedProxies []Prefix `yaml:"trusted_proxies"`
	// ProxyProtocol are the addresses or CIDR ranges, or `unix`, of proxies in front of patgate that begin each connection for
	// clients with a header of the PROXY protocol, version 1 or 2 (`send-proxy` of HAProxy, `proxy_protocol on` of nginx's
	// stream). What it names is then the client's address, also for trusted_proxies; https comes behind it. From them a
	// connection without it is closed, with a line in the log, and from anyone else it is no request. Whoever can connect from
	// one of these addresses chooses the address that limits and the log know him by.
	ProxyProtocol []Prefix `yaml:"proxy_protocol"`
	// Admin is the second listener, with metrics and health.
	Admin Admin `yaml:"admin"`
	// Console is the web page on which people make, see and revoke tokens.
	Console Console `yaml:"console"`

	// Legacy says what happens to requests with a credential that is not a patgate token, such as an existing `glpat-`
	// token: `allow` passes them through as they are, `read_only` passes GET and HEAD, `deny` refuses them, and
	// `deny after 2026-12-31` allows them until that date begins (UTC) and then refuses them. Patgate's own token API takes
	// them in any case: that is where fine-grained tokens are made. A credential in the body of a request to the API counts
	// too, such as a pipeline trigger's or a runner's.
	Legacy LegacyRule `yaml:"legacy"`
	// IdentityProbe says what happens when a token that may not read its user or the forge's version asks for them, as
	// tools do to see whether a token works: `minimal` has patgate answer with id, username and version, `forward` treats
	// them as any other request and denies them.
	IdentityProbe Probe `yaml:"identity_probe"`
	// GraphQL is how documents with patgate tokens are taken.
	GraphQL GraphQL `yaml:"graphql"`
	// Anonymous says what happens to requests without any credential: `deny` answers 401 with the challenge that makes
	// clients send theirs, `allow` passes them through.
	Anonymous Anonymous `yaml:"anonymous"`
	// Web says whether browser pages and session cookies go through: `refuse` or `pass`.
	Web Web `yaml:"web"`
	// CORS lets pages of other origins ask patgate from a browser.
	CORS CORS `yaml:"cors"`

	// DataDir is the directory that patgate keeps its files in. It is made on first start, with mode 0700.
	DataDir string `yaml:"data_dir"`
	// Policies is a directory with policy as code, or one file: limits that every token is held to, issuers of ID tokens, trusts,
	// and templates, beside the file `patgate.lock` that says which projects and groups the paths of limits mean. It is read
	// again on SIGHUP and when it changes, as often as the route table; a bad file leaves the last good set in place, and keeps
	// patgate from starting. Empty: there are none.
	Policies string `yaml:"policies"`
	// Store is where tokens, owners and their sealed credentials are kept.
	Store Store `yaml:"store"`
	// Routes adds to the built-in route table.
	Routes Routes `yaml:"routes"`
	// Tokens limits what tokens may be made.
	Tokens Tokens `yaml:"tokens"`
	// Learn says what is kept of what tokens do, from which smaller grants are proposed.
	Learn Learn `yaml:"learn"`
	// OIDC has jobs and pods trade the ID tokens of their issuer for patgate tokens.
	OIDC OIDC `yaml:"oidc"`
	// LeakReports takes reports of leaked tokens and revokes them.
	LeakReports LeakReports `yaml:"leak_reports"`
	// Administrators are the forge user ids of patgate's administrators: they see everyone's tokens, and may pause and
	// revoke them.
	Administrators []int64 `yaml:"administrators"`

	// Limits bound what one request or one client may take.
	Limits Limits `yaml:"limits"`
	// Timeouts bound how long each step may take.
	Timeouts Timeouts `yaml:"timeouts"`
	// Cache bounds what is kept in memory.
	Cache Cache `yaml:"cache"`
	// Resolver bounds what patgate asks the forge about the projects and groups that requests name.
	Resolver Resolver `yaml:"resolver"`
	// Log is the log on standard error, with one line per decision.
	Log Log `yaml:"log"`
}

// Socket is how Unix sockets are made.
type Socket struct {
	// Mode is the mode of their files, in octal: who may write to one may connect.
	Mode FileMode `yaml:"mode"`
	// Group is the group of their files, by name or number, such as that of a proxy in front: patgate's user must be in it.
	// Empty: that of patgate's process.
	Group string `yaml:"group"`
}

// CORS says which pages may read what patgate answers.
type CORS struct {
	// Origins are the origins of pages that browsers let read the answers, denials included, such as
	// `https://cms.example.com`. Each is written out: no wildcard stands for any. Such pages send a token with each request,
	// and never cookies. Empty: none, and what the forge says of origins reaches callers without a patgate token alone.
	Origins []URL `yaml:"origins"`
}

// Upstream is the forge behind patgate.
type Upstream struct {
	// URL is the forge's own address, such as `https://gitlab.example.com`, or `https://git.example.com/gitlab` for a forge
	// under a path (a relative URL root): clients are then pointed at patgate with that path, as they are at the forge, or
	// without it. It is the name that requests and TLS call the forge by, and the one that owners' credentials are bound to.
	// Plain http is taken for this machine only, unless allow_plain_http is set.
	URL Base `yaml:"url"`
	// Connect is where the forge listens, `host:port` or `unix:/path`, when that is not what the host of its URL leads to:
	// where patgate has taken over the forge's name, for one.
	Connect Connect `yaml:"connect"`
	// CAFile is a PEM file with the certificate authority that signs the forge's certificate. Empty: the system's.
	CAFile string `yaml:"ca_file"`
	// ClientCertificate is a PEM file with the certificate, and its chain, that patgate shows to the forge. It is read again
	// on SIGHUP and when it changes. Empty: it shows none.
	ClientCertificate string `yaml:"client_certificate"`
	// ClientKey is a PEM file with that certificate's private key.
	ClientKey string `yaml:"client_key"`
	// Proxy is an HTTP proxy that all connections to the forge go through, by CONNECT, such as
	// `http://proxy.example.com:3128`, with `user:password@` in front of the host where it asks for them. Empty: none, whatever
	// HTTP_PROXY and its like say.
	Proxy Proxy `yaml:"proxy"`
	// AllowPlainHTTP lets the upstream be plain http although it is not on this machine. Credentials then cross the
	// network readable.
	AllowPlainHTTP bool `yaml:"allow_plain_http"`
	// ExternalURLs are the addresses under which the forge names itself, in answers and in Link and Location headers, when they
	// are not its URL above, each with its path if it has one: those that clients follow are rewritten to public_url. Gitea and
	// Forgejo are called by the first of them in Host and X-Forwarded-Proto, or by public_url if that is among them. Empty: they
	// are asked for theirs (ROOT_URL) when patgate starts, and are called by it if they answer under it, else by the URL above.
	ExternalURLs []Base `yaml:"external_urls"`
	// StorageURLs are the origins of the forge's object storage. Answers of routes that download (packages, artifacts,
	// LFS, uploads, release assets, image layers) may redirect there and nowhere else. Empty: to every https address.
	// Links of a forge's releases, and packages that it gets from public registries, lead to hosts of their own.
	StorageURLs []URL `yaml:"storage_urls"`
	// Connections bounds the open connections to the forge, for patgate tokens and for legacy credentials each, of all nodes on a
	// store together. One carries the requests of one owner, or of one legacy credential, alone; when there are as many as there
	// may be, the one that was used longest ago makes room for another owner's. One token alone may use half of them at once: see
	// the page on security.
	Connections int `yaml:"connections"`
}

// Registry is the container registry behind patgate.
type Registry struct {
	// URL is the registry's origin, such as `https://registry.internal:5000`. Empty: clients reach it at an address of its
	// own, and patgate only stands in front of its token service. Plain http is taken as for upstream.url.
	URL URL `yaml:"url"`
	// ExternalURLs are the addresses under which the registry names itself in Link and Location headers, when they are not its
	// URL above: `http.host` of its own configuration. Those headers lead back to patgate.
	ExternalURLs []URL `yaml:"external_urls"`
	// Connect is where the registry listens, as upstream.connect.
	Connect Connect `yaml:"connect"`
	// CAFile is a PEM file with the certificate authority that signs the registry's certificate. Empty: the system's.
	CAFile string `yaml:"ca_file"`
	// ClientCertificate is a PEM file with the certificate that patgate shows to the registry, as upstream.client_certificate.
	ClientCertificate string `yaml:"client_certificate"`
	// ClientKey is a PEM file with that certificate's private key.
	ClientKey string `yaml:"client_key"`
	// Proxy is an HTTP proxy that all connections to the registry go through, as upstream.proxy.
	Proxy Proxy `yaml:"proxy"`
}

// TLS is the certificate that patgate serves. Both files or none. They are read again on SIGHUP and when they change.
type TLS struct {
	// CertFile is a PEM file with the certificate and its chain.
	CertFile string `yaml:"cert_file"`
	// KeyFile is a PEM file with the certificate's private key.
	KeyFile string `yaml:"key_file"`
}

// Admin is the listener for metrics and health.
type Admin struct {
	// Listen is its address, as that of clients. It has no authentication: keep it away from clients. `off` serves none.
	Listen string `yaml:"listen"`
	// HealthzForClients serves `/-/patgate/healthz` on the clients' address, for balancers that reach no other: 200 with `ready`
	// or 503 with `not ready`, and nothing else, to everybody and without a credential.
	HealthzForClients bool `yaml:"healthz_for_clients"`
}

// Console is the web page for people.
type Console struct {
	// Listen is its address, such as `127.0.0.1:9091`, with an origin of its own; with `tls`, that certificate is served. `off`
	// serves none. `gateway` serves it on the clients' address below `/-/patgate/console/`, which needs `web: refuse`: the
	// forge's own pages must not share an origin with it.
	Listen string `yaml:"listen"`
	// PublicURL is the address under which browsers reach it, scheme and host, such as `https://tokens.example.com`; requests
	// for another host are refused. It must be https, or this machine. Empty: what follows from a listen address on this
	// machine, or, with `listen: gateway`, public_url above.
	PublicURL URL `yaml:"public_url"`
	// IdleTimeout is after how long without a request a session ends.
	IdleTimeout Duration `yaml:"idle_timeout"`
	// SessionLifetime is after how long a session ends in any case.
	SessionLifetime Duration `yaml:"session_lifetime"`
	// OAuth lets people sign in through the forge, to look, pause and revoke, and to make tokens with a forge token of theirs as
	// before.
	OAuth OAuth `yaml:"oauth"`
}

// OAuth is an application that is registered at the forge, with the scope read_user (Gitea and Forgejo ask for none there) and
// the console's address with `/sign-in/back` behind it as where people are sent back to.
type OAuth struct {
	// ClientID is the application's id. Empty: nobody signs in through the forge.
	ClientID string `yaml:"client_id"`
	// ClientSecret is the secret of a confidential application, best given by the variable. Empty: it is a public one, and PKCE
	// alone binds the answer to the browser.
	ClientSecret Secret `yaml:"client_secret"`
	// URL is the forge's address for browsers, also for the link to the page on which people make a token. It must lead to the
	// forge and not to patgate, which passes no page of it on by default. Empty: the first of upstream.external_urls, else
	// upstream.url.
	URL Base `yaml:"url"`
}

// Store is where tokens and sealed credentials are kept.
type Store struct {
	// Database is the SQLite file, made on first start, with a marker beside it: when the marker is there and the file is not,
	// patgate does not start. Empty: `db/patgate.db` in data_dir.
	Database string `yaml:"database"`
	// URL is a PostgreSQL database (14 or later) instead of the SQLite file, as libpq takes it:
	// `postgres://user:password@host:5432/database?sslmode=verify-full`, also with several hosts; the one that takes
	// writes is used. It is best given by the variable: it may hold a password, and is never shown. Every node needs the same
	// sealing key.
	URL Secret `yaml:"url"`
	// KeyFile holds the key that seals the owners' credentials, made on first start with mode 0600. It must not be in the
	// database's directory: whoever copies that directory must not get both. Empty: `keys/patgate.key` in data_dir. `none`: there
	// is no file, and the key below must be given, as by a variable in an image that names a file.
	KeyFile string `yaml:"key_file"`
	// Key is the sealing key itself instead of a key file: 32 bytes in base64 or hexadecimal, best given by the variable.
	// Of several, separated by spaces, the first seals and all of them open.
	Key Secret `yaml:"key"`
	// Grace is for how long tokens that were in use pass when PostgreSQL cannot be reached, from a second after that on; 0 is
	// not at all. For that long, at most 10m, revocations are not seen: read the page on operating before you set it.
	Grace Duration `yaml:"grace"`
}

// Routes adds to the built-in route table.
type Routes struct {
	// Overlays are YAML files or directories of them, laid over the built-in table in this order. They are read again
	// on SIGHUP and when they change; a bad file leaves the last good table in place.
	Overlays []string `yaml:"overlays"`
	// WatchInterval is how often the overlay files are looked at for changes; 0 is only on SIGHUP.
	WatchInterval Duration `yaml:"watch_interval"`
}

// Tokens limits what tokens may be made.
type Tokens struct {
	// DefaultLifetime is how long a token lives when nothing is said.
	DefaultLifetime Duration `yaml:"default_lifetime"`
	// MaxLifetime is how long a token may live at most.
	MaxLifetime Duration `yaml:"max_lifetime"`
	// MaxGrace is for how long the old secret of a rotated token may be kept working at most.
	MaxGrace Duration `yaml:"max_grace"`
	// RevokeUnusedAfter revokes tokens that were not used for so long; 0 never does.
	RevokeUnusedAfter Duration `yaml:"revoke_unused_after"`
	// CheckInterval is how often unused tokens are looked for, and the forge is asked whether the sealed credentials still
	// work and their owners still exist; 0 is never.
	CheckInterval Duration `yaml:"check_interval"`
	// AllowAdminOwners lets the credential of a forge administrator, or one with the scopes sudo or admin_mode, be
	// sealed. Such a credential can do on the forge what no boundary contains.
	AllowAdminOwners bool `yaml:"allow_admin_owners"`
	// ReportMode says whether owners may put a token of theirs into report mode, for 14 days at most: `deny` or `allow`. What the
	// token's grant denies then passes, when its owner may do it, and is recorded as would_deny. With `deny` tokens that were in
	// report mode are enforced at once.
	ReportMode ReportMode `yaml:"report_mode"`
}

// Learn says what is kept of what tokens and other credentials do.
type Learn struct {
	// Mode says whose requests are kept as permissions, projects and days: `tokens` those of patgate tokens; `on` those of the
	// forge's own tokens too, where `legacy` lets them pass; `off` nobody's, and nothing is said of unused permissions. With
	// `on` patgate asks the forge, with each such token, whose it is and which projects it names, beside its requests and never
	// in their way: that is why it is not the default.
	Mode LearnMode `yaml:"mode"`
	// Keep is for how long that is kept after it was last seen: from 1d to 90d.
	Keep Duration `yaml:"keep"`
}

// OIDC says which issuers of ID tokens there are, and where the policies are by which their tokens are traded for patgate tokens.
type OIDC struct {
	// Audience is what an ID token is to be made for, with `/trust/NAME` of its policy behind it. Empty: public_url.
	Audience string `yaml:"audience"`
	// Issuers are those whose ID tokens are taken, each a mapping: `name`, which policies use; `url`, which is `iss` letter by
	// letter; `kind`: `gitlab`, `github`, `forgejo`, `gitea`, `kubernetes` or `generic`; and, where they are wanted, `jwks_url`,
	// where its keys are (else what its discovery document says, on the same host), `algorithms`: some of `RS256`, `ES256` and
	// `EdDSA`, which are all taken else, and `ca_file`, the certificate authority that signs its certificate. As a variable it is
	// a YAML list. Further ones may be files (policies). Empty: none.
	Issuers []Issuer `yaml:"issuers"`
	// Trusts are YAML files or directories of them with the policies. They are read again on SIGHUP and when they change, as
	// often as those of routes are; with a bad file the policies before stay.
	Trusts []string `yaml:"trusts"`
	// MaxTokenAge is how long ago an ID token may have been made when it is traded.
	MaxTokenAge Duration `yaml:"max_token_age"`
	// MaxLifetime is how long a token that is made by a trust may live at most.
	MaxLifetime Duration `yaml:"max_lifetime"`
}

// LeakReports says from whom reports of leaked tokens are taken, below `/-/patgate/leaks/` on the clients' address.
type LeakReports struct {
	// GitLabToken is what a GitLab instance sends as Authorization to the Token Revocation API
	// (`/-/patgate/leaks/gitlab/v1/revoke_tokens`). Empty: none are taken.
	GitLabToken Secret `yaml:"gitlab_token"`
	// GitHubKeysURL is where the public keys of GitHub's secret scanning are read
	// (`https://api.github.com/meta/public_keys/secret_scanning`), with which its reports to `/-/patgate/leaks/github` are
	// verified; through `upstream.proxy` when there is one. Empty: none are taken.
	GitHubKeysURL string `yaml:"github_keys_url"`
}

// Limits bound what one request or one client may take.
type Limits struct {
	// HeaderBytes bounds a request's header block; above it: 431.
	HeaderBytes Size `yaml:"header_bytes"`
	// BodyBytes bounds bodies that patgate reads whole (forms and JSON), where the route sets no limit of its own; above it: 413.
	// Uploads that stream are not bounded by it.
	BodyBytes Size `yaml:"body_bytes"`
	// BodyMemory is how much of such a body is kept in memory; the rest is kept in a temporary file.
	BodyMemory Size `yaml:"body_memory"`
	// BodiesMemory bounds what all such bodies together take in memory, and BodiesDisk in temporary files; above both: 503.
	BodiesMemory Size `yaml:"bodies_memory"`
	// BodiesDisk is how much of such bodies may lie in temporary files.
	BodiesDisk Size `yaml:"bodies_disk"`
	// Connections bounds the open client connections.
	Connections int `yaml:"connections"`
	// ConnectionsPerClient bounds those of one client address; 0 is no bound. Trusted proxies are excepted.
	ConnectionsPerClient int `yaml:"connections_per_client"`
	// FailedCredentials is how many different wrong credentials one client address may send within failed_credentials_window,
	// to all nodes on a store together, before patgate answers 429 itself, so that the forge does not ban patgate's address. One
	// that the forge accepted within the last hour passes all the same, and revocations are let through at a pace.
	FailedCredentials int `yaml:"failed_credentials"`
	// FailedCredentialsWindow is the time in which they are counted.
	FailedCredentialsWindow Duration `yaml:"failed_credentials_window"`
	// QuickActions says what happens to texts with commands that the forge carries out with the owner's rights, such as
	// `/merge` in a note: `check` refuses those that the token's grant does not cover, `allow` passes them all.
	QuickActions QuickActions `yaml:"quick_actions"`
	// AuditQueue is how many decisions may wait for the log; when it is full, requests are refused with 503.
	AuditQueue int `yaml:"audit_queue"`
}

// Timeouts bound how long each step may take.
type Timeouts struct {
	// ReadHeader is the time a client has to send a request's headers.
	ReadHeader Duration `yaml:"read_header"`
	// Idle is how long a client connection may wait for its next request.
	Idle Duration `yaml:"idle"`
	// ReadStall is the time a client has for the next 4 KiB of a body, or for what is left of it.
	ReadStall Duration `yaml:"read_stall"`
	// WriteStall is how long a client may stop reading in the middle of an answer.
	WriteStall Duration `yaml:"write_stall"`
	// UpstreamDial is the time to connect to the forge; above it: 504.
	UpstreamDial Duration `yaml:"upstream_dial"`
	// UpstreamResponse is the time the forge has to begin its answer; above it: 504.
	UpstreamResponse Duration `yaml:"upstream_response"`
	// UpstreamStall is how long the forge may stop in the middle of an answer.
	UpstreamStall Duration `yaml:"upstream_stall"`
	// ClientGone bounds the wait for the header of the forge's answer when the client has ended its side of the connection: it
	// is most likely gone, and its request shall not hold a connection to the forge. Some clients end their side with the
	// request and wait for the answer all the same. What the forge has begun to do goes on there. It bounds in the same way what
	// patgate asks the forge about such a request.
	ClientGone Duration `yaml:"client_gone"`
	// UpstreamIdle is how long an unused connection to the forge is kept; give it less than the forge does.
	UpstreamIdle Duration `yaml:"upstream_idle"`
}

// Shutdown says how patgate ends after SIGTERM or SIGINT.
type Shutdown struct {
	// Delay is how long connections are still accepted after `/readyz` has become a 503: give it a little more than a load
	// balancer takes to notice; 0 stops accepting at once. Answers say `Connection: close` meanwhile, so that whoever has a
	// connection opens the next one elsewhere.
	Delay Duration `yaml:"delay"`
	// Timeout is how long running requests, such as a long clone, may go on after that; 0 cuts them off. What started patgate
	// must wait as long before it kills it (systemd's `TimeoutStopSec`, Kubernetes' `terminationGracePeriodSeconds`).
	Timeout Duration `yaml:"timeout"`
}

// Cache bounds what is kept in memory.
type Cache struct {
	// Tokens is how many tokens with their grants are kept.
	Tokens int `yaml:"tokens"`
	// TokenTTL is how long one is kept without reading the store again. A revocation does not wait for it.
	TokenTTL Duration `yaml:"token_ttl"`
	// UnknownTokenTTL is how long it is remembered that a token does not exist.
	UnknownTokenTTL Duration `yaml:"unknown_token_ttl"`
	// Containers is how many projects, groups and users are kept, each as one owner sees it.
	Containers int `yaml:"containers"`
}

// Resolver bounds what patgate asks the forge about containers.
type Resolver struct {
	// FreshForReads is how old a fact about a project or group may be when it decides on a read.
	FreshForReads Duration `yaml:"fresh_for_reads"`
	// FreshForWrites is how old it may be when it decides on anything else.
	FreshForWrites Duration `yaml:"fresh_for_writes"`
	// NotFoundTTL is how long it is remembered that a container does not exist for an owner.
	NotFoundTTL Duration `yaml:"not_found_ttl"`
	// Timeout is the time one question to the forge may take; above it: 504.
	Timeout Duration `yaml:"timeout"`
	// Deadline is the time that all questions for one request may take together; above it: 504.
	Deadline Duration `yaml:"deadline"`
	// BudgetPerToken is how many questions one token may cause in a minute that end in "not there" or in a denial, a quarter of
	// them at once, of all nodes on a store together; above it: 429. Questions about what the token reaches cost it nothing.
	BudgetPerToken int `yaml:"budget_per_token"`
	// BudgetPerOwner is how many questions all tokens of one owner may cause in a minute, a quarter of them at once, of all nodes
	// on a store together; above it: 429. The lists of one token may take a quarter of that, for questions about entries and for
	// pages beyond the first.
	BudgetPerOwner int `yaml:"budget_per_owner"`
}

// Log is the log on standard error.
type Log struct {
	// Level is the least level that is written: `debug`, `info`, `warn` or `error`. Decisions are written at every level.
	Level LogLevel `yaml:"level"`
	// Format is `json`, `console` for people, or `auto`: console when standard error is a terminal, else json. For people a
	// decision is one line, with names for ids where they are known; on a terminal the command that would allow it stands
	// behind a denial.
	Format LogFormat `yaml:"format"`
	// Audit is where the lines go that say who did what: decisions, and what is done to tokens and in the console. `stderr` is
	// among all others; `stdout`, or the path of a file from the root, has them alone, as JSON. A file is made with mode 0600,
	// and made anew when it was renamed or removed, as logrotate does it, without a signal. While it cannot be written,
	// requests are refused.
	Audit string `yaml:"audit"`
}

// DatabaseFile gives the path of the SQLite file.
func (c *Config) DatabaseFile() string {
	if c.Store.Database != "" {
		return c.Store.Database
	}
	return filepath.Join(c.DataDir, "db", "patgate.db")
}

// NoKeyFile in the place of a key file's name says that the sealing key is given itself.
const NoKeyFile = "none"

// SealingKeyFile gives the path of the file with the sealing key; empty when the key is given itself.
func (c *Config) SealingKeyFile() string {
	switch {
	case !c.Store.Key.Empty():
		return ""
	case c.Store.KeyFile != "":
		return c.Store.KeyFile
	default:
		return filepath.Join(c.DataDir, "keys", "patgate.key")
	}
}

// Public gives public_url, or, for messages on this machine, what follows from the listen address when that is empty:
// https with TLS, and localhost for an address that names no host.
func (c *Config) Public() string {
	if !c.PublicURL.Empty() {
		return c.PublicURL.String()
	}
	scheme := "http"
	if c.TLS.CertFile != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if _, is := SocketPath(c.Listen); is || err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host + ":" + port
}

// GraphQL is how documents are taken.
type GraphQL struct {
	// Introspection says whether a patgate token may ask GitLab for the GraphQL schema, which is the same for everybody: `allow`
	// or `deny`. Editors and many clients ask for it when they start.
	Introspection Introspection `yaml:"introspection"`
}
