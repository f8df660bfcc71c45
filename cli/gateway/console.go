package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/netutil"

	"patgate/admin/console"
	"patgate/admin/console/session"
	"patgate/config"
	"patgate/forge/oauth"
	"patgate/routes"
	"patgate/store/seal"
	"patgate/token"
)

// forgeNames gives what the forge is called in the console, and the scopes that its tokens need to sign in there.
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

// makeConsole makes the console that the configuration describes; none when it is off.
func (g *gateway) makeConsole(keys *seal.Keyring) (err error) {
	c := g.config
	origins := c.ConsoleOrigins()
	if len(origins) == 0 {
		return nil
	}
	name, scopes := forgeNames(c)
	lost := g.reportStore() // not with each page
	o := console.Options{
		Tokens: g.tokens, Forge: name, Scopes: scopes, Origins: origins, Gateway: c.Public(),
		SignIns: g.store, Keyring: keys, Upstream: c.Upstream.URL.String(),
		Attempts: g.attempts,
		Learning: g.learning,
		Trusts:   g.trading.Trusts(), Policies: g.policies,
		Client:      func(peer netip.Addr, forwardedFor []string) netip.Addr { return g.handler.Client(peer, forwardedFor) },
		IdleTimeout: c.Console.IdleTimeout.Std(), SessionLifetime: c.Console.SessionLifetime.Std(),
		Record: func(e console.Event) {
			g.logs.Deeds.Info("console", zap.String("event", e.What), zap.String("by", e.By), zap.Int64("owner_id", e.UserID),
				clientField(e.Client))
		},
		Report: func(err error) {
			if errors.Is(err, session.ErrStore) {
				lost(err)
				return
			}
			g.logs.Error("console", zap.Error(err))
		},
	}
	if pages, known := c.ForgePages(); known && c.Forge.Table() == routes.ForgeGitea {
		o.MakeIt = pages.String() + "/user/settings/applications"
	} else if known {
		o.MakeIt = pages.String() + "/-/user_settings/personal_access_tokens?name=patgate&scopes=api"
	}
	if c.Console.Listen == config.ConsoleGateway {
		o.Path, o.Client = config.ConsolePath, nil // the gateway has told clients from proxies already
	}
	o.OAuth = g.signingIn(origins[0] + o.Path + console.Back)
	if g.console, err = console.New(o); err != nil {
		return err
	}
	g.consoleServer = &http.Server{
		Handler:           g.recovering(g.console),
		ReadHeaderTimeout: c.Timeouts.ReadHeader.Std(),
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       c.Timeouts.Idle.Std(),
		MaxHeaderBytes:    int(c.Limits.HeaderBytes),
		ErrorLog:          log.New(consoleLog{g.logs.Logger}, "", 0),
	}
	return nil
}

// signingIn is the application by which people sign in through the forge; nil when there is none.
func (g *gateway) signingIn(back string) *oauth.App {
	c := g.config
	pages, known := c.ForgePages()
	if c.Console.OAuth.ClientID == "" || !known {
		return nil
	}
	o := oauth.Options{Endpoints: oauth.GitLab, Server: c.Upstream.URL.String(), Browser: pages.String(),
		Dialer: g.forgeWay.Dialer,
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
func (g *gateway) recovering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			g.logs.Error("panic", zap.String("type", fmt.Sprintf("%T", value)), zap.StackSkip("stack", 1))
			http.Error(w, "patgate failed to handle the request.", http.StatusInternalServerError)
		}()
		h.ServeHTTP(w, r)
	})
}

// serveConsole serves the console on a listener of its own.
func (g *gateway) serveConsole(l net.Listener, serverTLS *tls.Config) {
	l = netutil.LimitListener(l, g.config.Limits.Connections)
	if serverTLS != nil {
		serverTLS = serverTLS.Clone()
		serverTLS.NextProtos = []string{"http/1.1"}
		l = tls.NewListener(l, serverTLS)
	}
	if err := g.consoleServer.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		g.failed <- fmt.Errorf("serving the console: %w", err)
	}
}

// consoleLog gives the console's HTTP server's own messages to the log.
type consoleLog struct{ logger *zap.Logger }

// Write writes a message.
func (l consoleLog) Write(p []byte) (int, error) {
	l.logger.Warn("console: " + strings.TrimSpace(string(p)))
	return len(p), nil
}
