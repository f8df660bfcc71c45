package gateway

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"go.uber.org/zap"

	"patgate/admin/console"
	"patgate/admin/console/session"
	"patgate/config"
	"patgate/dial"
	"patgate/forge/oauth"
	"patgate/routes"
	"patgate/token"
)

// forgeNames gives the name of the forge in the console, and the scopes that the forge's tokens need to sign in there.
func forgeNames(c *config.Config) (name, scopes string) {
	const gitea = "read:user, read:organization and read:repository"
	switch c.Forge {
	case config.ForgeGitea:
		return "Gitea", gitea
	case config.ForgeForgejo:
		return "Forgejo", gitea
	}
	return "GitLab", "api or read_api"
}

// newConsole makes the console that the configuration describes; nil when it is off. client gives the client of a request to the
// console's own listener.
func newConsole(p *parts, client func(peer netip.Addr, forwardedFor []string) netip.Addr) (*console.Console, error) {
	c := p.config
	origins := c.ConsoleOrigins()
	if len(origins) == 0 {
		return nil, nil
	}
	name, scopes := forgeNames(c)
	lost := p.storage.Report() // not with each page
	o := console.Options{
		Tokens: p.services.tokens, Forge: name, Scopes: scopes, Origins: origins, Gateway: c.Public(),
		SignIns: p.storage.Store, Keyring: p.storage.Keyring, Upstream: c.Upstream.URL.String(),
		Attempts: p.attempts,
		Learning: p.services.learning,
		Trusts:   p.services.trading.Trusts(), Policies: p.rules.Policies,
		Client:      client,
		IdleTimeout: c.Console.IdleTimeout.Std(), SessionLifetime: c.Console.SessionLifetime.Std(),
		Record: func(e console.Event) {
			p.logs.Deeds.Info("console", zap.String("event", e.What), zap.String("by", e.By), zap.Int64("owner_id", e.UserID),
				clientField(e.Client))
		},
		Report: func(err error) {
			if errors.Is(err, session.ErrStore) {
				lost(err)
				return
			}
			p.logs.Error("console", zap.Error(err))
		},
	}
	o.MakeIt = makeIt(c)
	if c.Console.Listen == config.ConsoleGateway {
		o.Path, o.Client = config.ConsolePath, nil // the gateway has told clients from proxies already
	}
	o.OAuth = signingIn(c, p.behind.Forge.Dialer, origins[0]+o.Path+console.Back)
	return console.New(o)
}

// consoleServer serves the console on a listener of its own.
func consoleServer(p *parts, h http.Handler) *http.Server {
	c := p.config
	return &http.Server{
		Handler:           recovering(p.logs.Logger, h),
		ReadHeaderTimeout: c.Timeouts.ReadHeader.Std(),
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       c.Timeouts.Idle.Std(),
		MaxHeaderBytes:    int(c.Limits.HeaderBytes),
		ErrorLog:          log.New(consoleLog{p.logs.Logger}, "", 0),
	}
}

// makeIt is the forge's page on which people make the token that they sign in with; empty when it is not known. GitLab's has name
// and scope filled in, and from 18.9 on redirects to the form for these; Gitea's page takes neither.
func makeIt(c *config.Config) string {
	pages, known := c.ForgePages()
	switch {
	case !known:
		return ""
	case c.Forge.Table() == routes.ForgeGitea:
		return pages.String() + "/user/settings/applications"
	}
	return pages.String() + "/-/user_settings/personal_access_tokens?name=patgate&scopes=api"
}

// signingIn is the application by which people sign in through the forge; nil when there is none.
func signingIn(c *config.Config, way *dial.Dialer, back string) *oauth.App {
	pages, known := c.ForgePages()
	if c.Console.OAuth.ClientID == "" || !known {
		return nil
	}
	o := oauth.Options{Endpoints: oauth.GitLab, Server: c.Upstream.URL.String(), Browser: pages.String(),
		Dialer: way,
		ID:     c.Console.OAuth.ClientID, Secret: token.NewSecret(c.Console.OAuth.ClientSecret.Reveal()), Redirect: back}
	if c.Forge.Table() == routes.ForgeGitea {
		o.Endpoints = oauth.Gitea
	}
	return oauth.New(o)
}

// grantURL is the address of the console's page of tokens; empty without a console.
func grantURL(c *config.Config) string {
	if address := c.ConsoleURL(); address != "" {
		return address + "/tokens"
	}
	return ""
}

// recovering answers 500 where a handler panics, and writes the stack without the value, which may hold anything.
func recovering(logger *zap.Logger, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			logger.Error("panic", zap.String("type", fmt.Sprintf("%T", value)), zap.StackSkip("stack", 1))
			http.Error(w, "patgate failed to handle the request.", http.StatusInternalServerError)
		}()
		h.ServeHTTP(w, r)
	})
}

// consoleLog gives the console's HTTP server's own messages to the log.
type consoleLog struct{ logger *zap.Logger }

// Write writes a message.
func (l consoleLog) Write(p []byte) (int, error) {
	l.logger.Warn("console: " + strings.TrimSpace(string(p)))
	return len(p), nil
}
