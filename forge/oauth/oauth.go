// Package oauth has people sign in through the forge: the authorization code grant with PKCE (RFC 6749, 4.1; RFC 7636). It finds
// out who somebody is and keeps nothing of what the forge gives for that.
package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	Scope                  string // what lets an application read who its user is
}

// GitLab has Doorkeeper's (GitLab 19.3, doc/api/oauth2.md), Gitea and Forgejo have their own (Gitea 1.21, OAuth2 provider).
var (
	GitLab = Endpoints{Authorize: "/oauth/authorize", Token: "/oauth/token", User: "/api/v4/user", Scope: "read_user"}
	Gitea  = Endpoints{Authorize: "/login/oauth/authorize", Token: "/login/oauth/access_token", User: "/api/v1/user",
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
	config oauth2.Config
	user   string
	http   *http.Client
}

// New makes an App.
func New(o Options) *App {
	secret := ""
	if !o.Secret.Empty() {
		secret = o.Secret.Reveal()
	}
	transport := o.Dialer.Transport()
	transport.DisableKeepAlives = true
	transport.MaxResponseHeaderBytes = 64 << 10
	return &App{
		config: oauth2.Config{ClientID: o.ID, ClientSecret: secret, RedirectURL: o.Redirect, Scopes: []string{o.Scope},
			Endpoint: oauth2.Endpoint{AuthURL: o.Browser + o.Authorize, TokenURL: o.Server + o.Token,
				AuthStyle: oauth2.AuthStyleInParams}},
		user: o.Server + o.User,
		http: &http.Client{Transport: bounded{transport}, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
	}
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

// Who asks the forge who has come back with a code. The error is forge.ErrCredential when the forge does not take the code or
// names nobody, else forge.ErrUnavailable, or forge.ErrTimeout.
func (a *App) Who(ctx context.Context, code, verifier string) (id forge.Identity, err error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, a.http), patience)
	defer cancel()
	t, err := a.config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode/100 == 4:
		// Nothing else of the answer is told: it may hold what was sent.
		return id, fmt.Errorf("the forge says %q of the code: %w", refused.ErrorCode, forge.ErrCredential)
	case err != nil && ctx.Err() != nil:
		return id, forge.ErrTimeout
	case err != nil:
		return id, fmt.Errorf("trading the code: %w", forge.ErrUnavailable)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.user, nil)
	if err != nil {
		return id, forge.ErrUnavailable
	}
	req.Header.Set("Authorization", "Bearer "+t.AccessToken)
	res, err := a.http.Do(req)
	if err != nil {
		return id, fmt.Errorf("asking who it is: %w", forge.ErrUnavailable)
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return id, fmt.Errorf("status %d: %w", res.StatusCode, forge.ErrCredential)
	case res.StatusCode != http.StatusOK:
		return id, fmt.Errorf("status %d: %w", res.StatusCode, forge.ErrUnavailable)
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
		return id, fmt.Errorf("the forge names no user: %w", forge.ErrCredential)
	}
	return forge.Identity{UserID: u.ID, Username: u.Username, Admin: u.Admin, Bot: u.Bot, Kind: forge.CredentialOAuth,
		Scopes: a.config.Scopes, Active: true}, nil
}
