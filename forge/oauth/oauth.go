// Package oauth has people sign in through the forge: the authorization code grant with PKCE (RFC 6749, 4.1; RFC 7636). It
// finds out who the user is, and keeps no token that the forge gives for that.
package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"patgate/dial"
	"patgate/forge"
	"patgate/token"
)

// patience bounds the questions to the forge when somebody comes back from it.
const patience = 10 * time.Second

// maxAnswer bounds each answer, in bytes.
const maxAnswer = 1 << 20

// Endpoints are what a kind of forge has for this, below its address.
type Endpoints struct {
	Authorize, Token, User string
	Revoke                 string // RFC 7009; empty: there is none
	Scope                  string // what lets an application read who its user is
}

// GitLab has Doorkeeper's (GitLab 19.3, doc/api/oauth2.md), Gitea and Forgejo have their own (Gitea 1.21, OAuth2 provider).
var (
	GitLab = Endpoints{Authorize: "/oauth/authorize", Token: "/oauth/token", User: "/api/v4/user",
		Revoke: "/oauth/revoke", Scope: "read_user"}
	Gitea = Endpoints{Authorize: "/login/oauth/authorize", Token: "/login/oauth/access_token", User: "/api/v1/user",
		Scope: "read:user"}
)

// Options describe an application that is registered at the forge. All but Secret are required.
type Options struct {
	Endpoints
	// Server is the forge's address for patgate, which Dialer connects to; Browser its address for browsers. Neither ends in a
	// slash.
	Server, Browser string
	Dialer          *dial.Dialer
	// ID is the application's, Secret that of a confidential one. Redirect is where the forge sends people back to.
	ID       string
	Secret   token.Secret
	Redirect string
}

// App is the application. It is safe for concurrent use.
type App struct {
	config       oauth2.Config
	user, revoke string
	http         *http.Client
	busy         chan struct{} // bounds how many sign-ins ask the forge at a time
}

// atOnce is how many those are.
const atOnce = 8

// New makes an App.
func New(o Options) *App {
	secret := ""
	if !o.Secret.Empty() {
		secret = o.Secret.Reveal()
	}
	transport := o.Dialer.Transport()
	transport.DisableKeepAlives = true
	transport.MaxResponseHeaderBytes = 64 << 10
	client := &http.Client{Transport: bounded{transport}, Timeout: patience}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a := &App{
		busy: make(chan struct{}, atOnce),
		config: oauth2.Config{ClientID: o.ID, ClientSecret: secret, RedirectURL: o.Redirect, Scopes: []string{o.Scope},
			Endpoint: oauth2.Endpoint{AuthURL: o.Browser + o.Authorize, TokenURL: o.Server + o.Token,
				AuthStyle: oauth2.AuthStyleInParams}},
		user: o.Server + o.User,
		http: client,
	}
	if o.Revoke != "" {
		a.revoke = o.Server + o.Revoke
	}
	return a
}

// bounded bounds answers.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "patgate")
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

// Address is where a browser is sent. The forge sends it back with the state, and with a code that is worth nothing without the
// verifier.
func (a *App) Address(state, verifier string) string {
	return a.config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))
}

// Who asks the forge which user came back with a code, and goes on when the caller has gone. The error is forge.ErrCredential
// when the forge does not take the code, forge.ErrTimeout, or forge.ErrUnavailable with what is wrong: maybe the configuration.
func (a *App) Who(ctx context.Context, code, verifier string) (id forge.Identity, err error) {
	ctx, cancel := context.WithTimeout(context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, a.http), patience)
	defer cancel()
	select {
	case a.busy <- struct{}{}:
		defer func() { <-a.busy }()
	case <-ctx.Done():
		return id, forge.ErrTimeout
	}
	t, err := a.config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return id, fmt.Errorf("the forge does not take the code: %w", forge.ErrCredential)
	case errors.As(err, &refused):
		// Nothing of the answer is told: it may hold what was sent.
		return id, fmt.Errorf("status %d, which does not tell whether the code is good (is console.oauth right?): %w",
			refused.Response.StatusCode, forge.ErrUnavailable)
	case err != nil && ctx.Err() != nil:
		return id, forge.ErrTimeout
	case err != nil:
		return id, fmt.Errorf("trading the code: %w", forge.ErrUnavailable)
	}
	defer a.done(ctx, t.AccessToken)
	return a.holder(ctx, t.AccessToken)
}

// holder asks whose an access token is.
func (a *App) holder(ctx context.Context, secret string) (id forge.Identity, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.user, nil)
	if err != nil {
		return id, forge.ErrUnavailable
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := a.http.Do(req)
	if err != nil {
		return id, fmt.Errorf("asking who it is: %w", forge.ErrUnavailable)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return id, fmt.Errorf("status %d for who it is: %w", res.StatusCode, forge.ErrUnavailable)
	}
	// GitLab's API::Entities::UserPublic, and Gitea's structs.User.
	var u struct {
		ID       int64  `json:"id"`
		Username string `json:"username"`
		Login    string `json:"login"`
		Admin    bool   `json:"is_admin"`
		Bot      bool   `json:"bot"`
	}
	if err := json.NewDecoder(res.Body).Decode(&u); err != nil {
		return id, fmt.Errorf("reading who it is: %w", forge.ErrUnavailable)
	}
	if u.Username == "" {
		u.Username = u.Login
	}
	if u.ID <= 0 || u.Username == "" {
		return id, fmt.Errorf("the forge names no user: %w", forge.ErrUnavailable)
	}
	return forge.Identity{UserID: u.ID, Username: u.Username, Admin: u.Admin, Bot: u.Bot, Kind: forge.CredentialOAuth,
		Scopes: a.config.Scopes, Active: true}, nil
}

// done gives an access token back, where the forge takes it. Otherwise it ends by itself.
func (a *App) done(ctx context.Context, secret string) {
	if a.revoke == "" {
		return
	}
	form := url.Values{"token": {secret}, "client_id": {a.config.ClientID}}
	if a.config.ClientSecret != "" {
		form.Set("client_secret", a.config.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.revoke, strings.NewReader(form.Encode()))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if res, err := a.http.Do(req); err == nil {
		_ = res.Body.Close()
	}
}
