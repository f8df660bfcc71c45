package proxy

import (
	"context"
	"net"
	"net/netip"
	"time"

	"patgate/audit"
	"patgate/dial"
	"patgate/fleet"
	"patgate/forge"
	"patgate/proxy/asking"
	"patgate/proxy/header"
	"patgate/proxy/legacy"
	"patgate/proxy/local"
	"patgate/proxy/meter"
	"patgate/proxy/observe"
	"patgate/proxy/reading"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/token"
)

// Sessions turns a token's hash into what is known of the token at a moment that has just been read from the clock. Errors
// are classified by Options.TokenState. With a context of cache.WithoutLoading GetAt does not wait: what it does not have at
// hand is cache.ErrNotKept.
type Sessions interface {
	GetAt(ctx context.Context, hash token.Hash, now time.Time) (*token.Session, error)
}

// TokenState is what Sessions found out about a token that it gives no session for. The zero value is a failure of the
// store: the caller is told nothing, and nothing is forwarded.
type TokenState uint8

// The states of a token without a session.
const (
	TokenUnreadable TokenState = iota
	TokenUnknown
	TokenExpired
	TokenRevoked
	TokenPaused
	TokenRotated           // another took its place
	TokenCredentialInvalid // the forge no longer takes the owner's credential
)

// Options configure a Handler. Sessions, Resolver, Audit, Sealer, Table, TokenState and Upstream must be given.
type Options struct {
	// Forge is the forge behind the handler: routes.ForgeGitLab (also when it is empty) or routes.ForgeGitea. Table must give
	// tables for it.
	Forge string
	// Table gives the present route table; a request asks once.
	Table func() *routes.Table
	// Sessions gives the sessions of patgate tokens; TokenState classifies its errors.
	Sessions   Sessions
	TokenState func(error) TokenState
	Resolver   asking.Resolver
	Audit      audit.Sink
	// Sealer makes what clients of token services are given in the place of the forge's tokens. Handlers with the same keys take
	// what the others gave.
	Sealer surface.Sealer
	// Local answers what is patgate's own; nil is nothing. ForwardProbes denies what tools ask to see whether a token works,
	// when the token may not ask for it, instead of having it answered locally.
	Local         local.Service
	ForwardProbes bool

	Upstream Upstream
	// Registry is the container registry, where it is reached through patgate too. An empty URL: it is not.
	Registry Upstream
	// StorageURLs are the origins to which rows that say so may redirect. When it is empty, every https address is.
	StorageURLs []string
	// Modes say what passes of the requests without a patgate token.
	legacy.Modes
	// AllowQuickActions passes texts with commands that the forge carries out, whatever the grant holds. False refuses what
	// the grant does not cover.
	AllowQuickActions bool
	// WithoutSchema refuses GraphQL documents that ask for the schema.
	WithoutSchema bool
	// PublicURL is the address under which clients reach patgate, an origin and perhaps a path, without a trailing slash. When
	// it is empty, links in answers use the scheme, the Host and the path by which the client came.
	PublicURL string
	// GrantURL is the address of patgate's own page of tokens, for denials: they link to a page below it with what was
	// missing. Empty: they hold no link.
	GrantURL string
	// Origins are those of pages that browsers let read the answers: "https://cms.example.com". None: answers say nothing of it.
	Origins []string
	// OwnPages: web pages of patgate's own are served on this address. Whatever the forge answers is then a document without an
	// origin, script or form for a browser, so that no page of the forge's can act on them.
	OwnPages bool
	// OwnCookies begins the names of the cookies of patgate's own pages, behind __Host- or without it: they never go to the
	// forge, nor do any of that name come from it. Empty: there are none.
	OwnCookies header.OwnCookies
	// ProxyProtocol are the addresses whose connections begin with a header of the PROXY protocol. The zero Prefix stands for
	// Unix sockets, here and below. Unannounced, when not nil, is told of those that do not.
	ProxyProtocol []netip.Prefix
	Unannounced   func(peer net.Addr, problem error)
	// TrustedProxies are the addresses whose forwarding headers are believed. Untrusted, when not nil, is told of the first
	// requests with X-Forwarded-For from other ones, once for each address.
	TrustedProxies []netip.Prefix
	Untrusted      func(peer netip.Addr)
	// Meter holds requests to the limits of their token; nil refuses tokens whose uses or bytes must be counted.
	Meter *meter.Meter
	// Attempts bounds wrong credentials; nil is 10 a minute from one address.
	Attempts *forge.Attempts
	// Fleet is how many nodes share the connections to the forge; nil is this one alone.
	Fleet *fleet.Size
	// Via is the name that requests are sent on with (RFC 9110, 7.6.3), of NewVia: one that comes with it was sent by
	// this very process, and goes round in circles. Empty makes one.
	Via string
	// IDTokens takes ID tokens in the place of patgate tokens; nil: none are taken.
	IDTokens reading.IDTokens
	// Observer, when not nil, is told which requests with a credential of the forge's own were answered well.
	Observer *observe.Observer
	Limits   Limits
	// Timeouts bound every wait. Zero values take the defaults: 10 s for ReadHeader, 75 s for Idle, 30 s for ReadStall and
	// WriteStall, 5 s for UpstreamDial and ClientGone, 60 s for UpstreamResponse and UpstreamStall, 50 s for UpstreamIdle.
	Timeouts wire.Timeouts
	// ResolverDeadline bounds everything that the forge is asked before a decision; 0 is 15 s.
	ResolverDeadline time.Duration
	// Freshness is how old a fact about a container may be.
	Freshness Freshness
	// TempDir is where bodies are kept that are too long for memory; empty is the system's.
	TempDir string
	// Unkept, when not nil, is told when TempDir, or the system's, takes no more.
	Unkept func(dir string, err error)
	// Panicked, when not nil, is told of a panic that was recovered: the value and the stack.
	Panicked func(value any, stack []byte)

	withoutLoops bool // everything is served by goroutines, as where there are no event loops
	goroutines   int  // bounds what is served by goroutines at a time; 0 is Limits.Connections
}

// Upstream is the forge.
type Upstream struct {
	// URL is its address: https://gitlab.example.com, or https://git.example.com/gitlab for one that lies under a path.
	URL string
	// ExternalURLs are further addresses under which the forge names itself in Link and Location headers.
	ExternalURLs []string
	// Dialer connects to it; nil connects to the host in its URL and verifies against the system's authorities.
	Dialer *dial.Dialer
	// Connections bounds the open connections of all nodes of Fleet, for patgate tokens and for everybody else each; 0 is 512.
	Connections int
}

// Limits bound what one request or one client may take. Zero values take the defaults.
type Limits struct {
	HeaderBytes          int   // of one request's header block; 16 KiB
	BodyBytes            int64 // of bodies that are read whole and whose row sets no limit; 1 MiB
	BodyMemory           int64 // of those, how much is kept in memory; 1 MiB
	BodiesMemory         int64 // of all such bodies together, in memory; 256 MiB
	BodiesDisk           int64 // and in temporary files; 2 GiB
	Connections          int   // from clients; 4096
	ConnectionsPerClient int   // from one address that is no trusted proxy; 0 is no bound
}

// Freshness is how old a fact about a container may be when it decides.
type Freshness struct {
	Reads  time.Duration // 30 s
	Writes time.Duration // 5 s
}

func (o *Options) setDefaults() {
	or(&o.Upstream.Connections, 512)
	or(&o.Registry.Connections, o.Upstream.Connections)
	or(&o.Limits.HeaderBytes, 16<<10)
	or(&o.Limits.BodyBytes, 1<<20)
	or(&o.Limits.BodyMemory, 1<<20)
	or(&o.Limits.BodiesMemory, 256<<20)
	or(&o.Limits.BodiesDisk, 2<<30)
	or(&o.Limits.Connections, 4096)
	or(&o.goroutines, o.Limits.Connections)
	if o.Attempts == nil {
		o.Attempts = forge.NewAttempts(forge.AttemptOptions{})
	}
	if o.Meter == nil {
		o.Meter = meter.New(meter.Options{Fleet: o.Fleet})
	}
	if o.Via == "" {
		o.Via = reading.NewVia()
	}
	or(&o.Timeouts.ReadHeader, 10*time.Second)
	or(&o.Timeouts.Idle, 75*time.Second)
	or(&o.Timeouts.ReadStall, 30*time.Second)
	or(&o.Timeouts.WriteStall, 30*time.Second)
	or(&o.ResolverDeadline, 15*time.Second)
	or(&o.Timeouts.UpstreamDial, 5*time.Second)
	or(&o.Timeouts.UpstreamResponse, 60*time.Second)
	or(&o.Timeouts.UpstreamStall, 60*time.Second)
	or(&o.Timeouts.ClientGone, 5*time.Second)
	or(&o.Timeouts.UpstreamIdle, 50*time.Second)
	or(&o.Freshness.Reads, 30*time.Second)
	or(&o.Freshness.Writes, 5*time.Second)
}

// or sets a value that was not given.
func or[T int | int64 | time.Duration](value *T, otherwise T) {
	if *value == 0 {
		*value = otherwise
	}
}
