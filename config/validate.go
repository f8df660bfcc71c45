package config

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// validate checks what single values cannot show. It runs when every value could be read.
func (p *reader) validate() {
	c := &p.config
	p.upstream(&c.Upstream)
	p.registry(c)
	p.address("listen", c.Listen)
	if c.Admin.Listen != "off" {
		p.address("admin.listen", c.Admin.Listen)
	}
	if c.Admin.Listen == c.Listen {
		p.refuse("admin.listen", c.Admin.Listen, "is the address that clients are served on",
			"give it a port of its own, such as 127.0.0.1:9090, or write off")
	}
	for _, of := range c.ProxyProtocol {
		if of.IsValid() && of.Bits() == 0 {
			p.refuse("proxy_protocol", of.String(), "lets anybody claim any address", "name the addresses of your proxies alone")
		}
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		given, missing := "tls.cert_file", "tls.key_file"
		if c.TLS.CertFile == "" {
			given, missing = missing, given
		}
		p.refuse(given, "", "is given without "+missing, "give both, or none for plain http")
	}
	if a := c.Log.Audit; a != AuditStderr && a != AuditStdout && !filepath.IsAbs(a) {
		p.refuse("log.audit", a, "is not where the audit log can go",
			"write stderr, stdout, or the path of a file from the root, such as /var/log/patgate/audit.log")
	}
	p.console(c)
	p.store(c)
	if c.Tokens.DefaultLifetime > c.Tokens.MaxLifetime {
		key := "tokens.default_lifetime"
		if _, given := p.set[key]; !given {
			key = "tokens.max_lifetime"
		}
		p.refuse(key, "", "makes the default lifetime ("+c.Tokens.DefaultLifetime.String()+") longer than the maximum ("+
			c.Tokens.MaxLifetime.String()+")", "lower tokens.default_lifetime or raise tokens.max_lifetime")
	}
	if c.Resolver.FreshForWrites > c.Resolver.FreshForReads {
		key := "resolver.fresh_for_writes"
		if _, given := p.set[key]; !given {
			key = "resolver.fresh_for_reads"
		}
		p.refuse(key, "", "lets writes use older facts than reads", "give resolver.fresh_for_writes at most "+
			"resolver.fresh_for_reads")
	}
	if c.Resolver.NotFoundTTL > c.Resolver.FreshForReads {
		key := "resolver.not_found_ttl"
		if _, given := p.set[key]; !given {
			key = "resolver.fresh_for_reads"
		}
		p.refuse(key, "", "remembers for longer that a container does not exist ("+c.Resolver.NotFoundTTL.String()+
			") than what it is ("+c.Resolver.FreshForReads.String()+")", "give resolver.not_found_ttl at most "+
			"resolver.fresh_for_reads")
	}
	if c.Limits.AuditQueue < c.Limits.Connections {
		key := "limits.audit_queue"
		if _, given := p.set[key]; !given {
			key = "limits.connections"
		}
		p.refuse(key, "", "lets more requests run than decisions may wait", "give limits.audit_queue at least limits.connections")
	}
	if u := c.LeakReports.GitHubKeysURL; u != "" && !strings.HasPrefix(u, "https://") {
		p.refuse("leak_reports.github_keys_url", u, "is not an https address",
			"write https://api.github.com/meta/public_keys/secret_scanning")
	}
	if s := c.LeakReports.GitLabToken; !s.Empty() && len(s.Reveal()) < 16 {
		p.refuse("leak_reports.gitlab_token", s.String(), "is too short to be kept from guessing", "give at least 16 "+
			"random characters")
	}
	if d := c.Tokens.RevokeUnusedAfter; d != 0 && d.Std() < day {
		p.refuse("tokens.revoke_unused_after", d.String(), "is too short", "write 1d or more, or 0s for never")
	}
	if k := c.Learn.Keep; k.Std() < day || k.Std() > 90*day || k.Std()%day != 0 {
		p.refuse("learn.keep", k.String(), "is not a number of days from 1 to 90", "write 90d")
	}
	p.oidc(c)
	p.often("routes.watch_interval", c.Routes.WatchInterval)
	p.often("tokens.check_interval", c.Tokens.CheckInterval)
	p.bounds()
	p.mosts()
}

// often refuses to do something over and over without a pause. 0 is never.
func (p *reader) often(key string, interval Duration) {
	if least := 50 * time.Millisecond; interval > 0 && interval.Std() < least {
		p.refuse(key, interval.String(), "is too often", "write 1s or more, or 0s for never")
	}
}

func (p *reader) upstream(u *Upstream) {
	switch {
	case u.URL.Empty() && p.noUpstream:
	case u.URL.Empty():
		p.refuse("upstream.url", "", "is missing", "give the forge's address by --upstream https://gitlab.example.com, "+
			"PATGATE_UPSTREAM_URL or upstream.url")
	default:
		w := u.Way()
		p.way("upstream", &w)
	}
}

func (p *reader) registry(c *Config) {
	u := &c.Registry
	switch {
	case u.URL.Empty() && len(u.ExternalURLs) > 0:
		p.refuse("registry.external_urls", u.ExternalURLs[0].String(), "is given without registry.url", "give both, or none")
	case u.URL.Empty():
	case c.Forge.Table() == "gitea":
		p.refuse("registry.url", u.URL.String(), "has no use in front of "+c.Forge.String()+
			", which serves its container registry itself", "leave it out")
	default:
		w := u.Way()
		p.way("registry", &w)
	}
}

func (p *reader) address(key, value string) {
	if _, is := SocketPath(value); is {
		p.socket(key, value)
		return
	}
	host, port, err := net.SplitHostPort(value)
	n, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || n < 0 || n > 65535 {
		fix := "write host:port, :port or unix:/path, such as :8080 or 127.0.0.1:8080"
		if _, err := strconv.Atoi(value); err == nil {
			fix = "write :" + value
		}
		p.refuse(key, value, "is not an address to listen on", fix)
	}
	_ = host
}

// socket holds that a Unix socket can be made.
func (p *reader) socket(key, value string) {
	const room = len(".new") // the name that it has while it is made
	if path, _ := SocketPath(value); !filepath.IsAbs(path) || filepath.Clean(path) != path || len(path)+room > maxSocketPath {
		p.refuse(key, value, "is not the path of a Unix socket to listen on",
			"write a path from the root with at most "+strconv.Itoa(maxSocketPath-room)+
				" characters, such as unix:/run/patgate/patgate.sock")
	}
	if p.config.ReusePort && key == "listen" {
		p.refuse("reuse_port", "true", "has no use with a Unix socket", "leave it out, or listen on a port")
	}
}

// store holds that there is one store, and that the sealing key is not kept beside the database.
func (p *reader) store(c *Config) {
	url := c.Store.URL.Reveal()
	switch {
	case url == "":
	case c.Store.Database != "":
		p.refuse("store.url", c.Store.URL.String(), "and store.database are both given", "keep one")
	case !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://"):
		p.refuse("store.url", c.Store.URL.String(), "is not the URL of a PostgreSQL "+
			"database", "write postgres://user@host/database")
	}
	if url == "" && c.Store.Grace > 0 {
		p.refuse("store.grace", c.Store.Grace.String(), "is for a store in PostgreSQL", "leave it out, or give store.url")
	}
	if !c.Store.Key.Empty() {
		if c.Store.KeyFile != "" && c.Store.KeyFile != NoKeyFile {
			p.refuse("store.key", c.Store.Key.String(), "and store.key_file are both given", "keep one")
		}
		return
	}
	if c.Store.KeyFile == NoKeyFile {
		p.refuse("store.key_file", NoKeyFile, "leaves no sealing key", "give store.key, or name a file")
	}
	if url == "" && filepath.Dir(c.SealingKeyFile()) == filepath.Dir(c.DatabaseFile()) {
		key := "store.key_file"
		if c.Store.KeyFile == "" {
			key = "store.database"
		}
		p.refuse(key, "", "puts the sealing key into the database's directory ("+filepath.Dir(c.DatabaseFile())+")",
			"put it elsewhere: a copy of that directory must not hold both")
	}
}

// bounds refuses limits under which nothing could work.
func (p *reader) bounds() {
	c := &p.config
	for _, b := range []struct {
		key          string
		value, least int64
		shown        string
	}{
		{"limits.header_bytes", int64(c.Limits.HeaderBytes), 4 << 10, "4KiB"},
		{"limits.body_bytes", int64(c.Limits.BodyBytes), 1 << 10, "1KiB"},
		{"limits.body_memory", int64(c.Limits.BodyMemory), 4 << 10, "4KiB"},
		{"limits.bodies_memory", int64(c.Limits.BodiesMemory), int64(c.Limits.BodyBytes), c.Limits.BodyBytes.String()},
		{"limits.bodies_disk", int64(c.Limits.BodiesDisk), int64(c.Limits.BodyBytes), c.Limits.BodyBytes.String()},
		{"limits.connections", int64(c.Limits.Connections), 1, "1"},
		{"limits.failed_credentials", int64(c.Limits.FailedCredentials), 1, "1"},
		{"limits.failed_credentials_window", int64(c.Limits.FailedCredentialsWindow), 1, "1s"},
		{"console.idle_timeout", int64(c.Console.IdleTimeout), int64(60 * 1e9), "1m"},
		{"console.session_lifetime", int64(c.Console.SessionLifetime), int64(60 * 1e9), "1m"},
		{"limits.audit_queue", int64(c.Limits.AuditQueue), 1, "1"},
		{"upstream.connections", int64(c.Upstream.Connections), 1, "1"},
		{"timeouts.read_header", int64(c.Timeouts.ReadHeader), 1, "1s"},
		{"timeouts.idle", int64(c.Timeouts.Idle), 1, "1s"},
		{"timeouts.read_stall", int64(c.Timeouts.ReadStall), 1, "1s"},
		{"timeouts.write_stall", int64(c.Timeouts.WriteStall), 1, "1s"},
		{"timeouts.upstream_dial", int64(c.Timeouts.UpstreamDial), 1, "1s"},
		{"timeouts.upstream_response", int64(c.Timeouts.UpstreamResponse), 1, "1s"},
		{"timeouts.upstream_stall", int64(c.Timeouts.UpstreamStall), 1, "1s"},
		{"cache.tokens", int64(c.Cache.Tokens), 1, "1"},
		{"cache.containers", int64(c.Cache.Containers), 1, "1"},
		{"cache.token_ttl", int64(c.Cache.TokenTTL), 1, "1s"},
		{"cache.unknown_token_ttl", int64(c.Cache.UnknownTokenTTL), 1, "1s"},
		{"resolver.fresh_for_reads", int64(c.Resolver.FreshForReads), 1, "1s"},
		{"resolver.fresh_for_writes", int64(c.Resolver.FreshForWrites), 1, "1s"},
		{"resolver.not_found_ttl", int64(c.Resolver.NotFoundTTL), 1, "1s"},
		{"tokens.max_lifetime", int64(c.Tokens.MaxLifetime), 1, "5m"},
		{"oidc.max_token_age", int64(c.OIDC.MaxTokenAge), int64(60 * 1e9), "1m"},
		{"oidc.max_lifetime", int64(c.OIDC.MaxLifetime), int64(60 * 1e9), "1m"},
		{"tokens.max_grace", int64(c.Tokens.MaxGrace), 1, "1s"},
		{"resolver.timeout", int64(c.Resolver.Timeout), 1, "1s"},
		{"resolver.deadline", int64(c.Resolver.Deadline), 1, "1s"},
		{"timeouts.client_gone", int64(c.Timeouts.ClientGone), 1, "1s"},
		{"timeouts.upstream_idle", int64(c.Timeouts.UpstreamIdle), 1, "1s"},
		{"resolver.budget_per_token", int64(c.Resolver.BudgetPerToken), 1, "1"},
		{"resolver.budget_per_owner", int64(c.Resolver.BudgetPerOwner), 1, "1"},
		{"tokens.default_lifetime", int64(c.Tokens.DefaultLifetime), int64(5 * 60 * 1e9), "5m"},
	} {
		if b.value < b.least {
			f, _ := p.find(b.key)
			p.refuse(b.key, text(p.value(f)), "is too small", "write "+b.shown+" or more")
		}
	}
}

// mosts refuses what no machine has room for: it would end the process instead of bounding it.
func (p *reader) mosts() {
	c := &p.config
	const million = 1_000_000
	for _, b := range []struct {
		key         string
		value, most int64
		shown       string
	}{
		{"limits.header_bytes", int64(c.Limits.HeaderBytes), 16 << 20, "16MiB"},
		{"limits.connections", int64(c.Limits.Connections), million, "1000000"},
		{"limits.audit_queue", int64(c.Limits.AuditQueue), million, "1000000"},
		{"upstream.connections", int64(c.Upstream.Connections), million, "1000000"},
		{"cache.tokens", int64(c.Cache.Tokens), 10 * million, "10000000"},
		{"cache.containers", int64(c.Cache.Containers), 10 * million, "10000000"},
		{"store.grace", int64(c.Store.Grace), int64(10 * 60 * 1e9), "10m"},
		{"oidc.max_token_age", int64(c.OIDC.MaxTokenAge), int64(24 * 3600 * 1e9), "24h"},
		{"oidc.max_lifetime", int64(c.OIDC.MaxLifetime), int64(24 * 3600 * 1e9), "24h"},
		{"shutdown.delay", int64(c.Shutdown.Delay), int64(10 * 60 * 1e9), "10m"},
	} {
		if b.value > b.most {
			f, _ := p.find(b.key)
			p.refuse(b.key, text(p.value(f)), "is too large", "write "+b.shown+" or less")
		}
	}
}

// refuse reports a problem of a key where it was given.
func (p *reader) refuse(key, value, message, fix string) {
	p.problem(p.set[key], key, value, message, fix)
}
