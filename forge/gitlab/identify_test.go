package gitlab

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/token"
)

func TestIdentify(t *testing.T) {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	ada, root := f.AddUser("ada"), f.AddUser("root")
	f.SetAdmin(root)
	r := newResolver(t, f, clk, nil)
	ctx := context.Background()
	identify := func(secret string) (forge.Identity, error) { return r.Identify(ctx, token.NewSecret(secret)) }

	t.Run("a legacy token of an ordinary user", func(t *testing.T) {
		expires := clk.now().Add(48 * time.Hour)
		id, err := identify(f.AddToken(ada, forgetest.Token{Name: "ci", Scopes: []string{"api", "read_user"}, Expires: expires}))
		if err != nil {
			t.Fatal(err)
		}
		if id.UserID != ada || id.Username != "ada" || id.Admin || id.Auditor || id.Bot || id.Kind != forge.CredentialPersonal ||
			id.TokenName != "ci" || id.TokenID == 0 || !slices.Equal(id.Scopes, []string{"api", "read_user"}) || !id.Active {
			t.Fatalf("%+v", id)
		}
		if want := expires.UTC().Truncate(24 * time.Hour); !id.ExpiresAt.Equal(want) {
			t.Fatalf("expires at %s, want the first moment of the day, %s", id.ExpiresAt, want)
		}
		if !id.HasScope("api") || id.HasScope("sudo") {
			t.Fatalf("scopes are %v", id.Scopes)
		}
	})
	t.Run("an administrator's token", func(t *testing.T) {
		id, err := identify(f.AddToken(root, forgetest.Token{Scopes: []string{"api", "sudo"}}))
		if err != nil || !id.Admin || !id.ExpiresAt.IsZero() {
			t.Fatalf("%+v, %v", id, err)
		}
	})
	t.Run("a scope that is spelt as another forge spells its own", func(t *testing.T) {
		id, err := identify(f.AddToken(ada, forgetest.Token{Scopes: []string{"read_api", "ai:use"}}))
		if err != nil || !id.Asks {
			t.Fatalf("%+v, %v", id, err)
		}
	})
	t.Run("a token that may only read its user", func(t *testing.T) {
		id, err := identify(f.AddToken(ada, forgetest.Token{Scopes: []string{"read_user"}}))
		if err != nil || id.UserID != ada || id.Asks || id.Needs != "api or read_api" {
			t.Fatalf("%+v, %v", id, err)
		}
	})
	expired := f.AddToken(ada, forgetest.Token{Expires: clk.now().Add(-time.Hour)})
	revoked := f.AddToken(ada, forgetest.Token{})
	f.RevokeToken(revoked)
	for name, c := range map[string]struct {
		secret string
		want   error
	}{
		"an unknown one": {"glpat-unknown", forge.ErrCredential},
		"an expired one": {expired, forge.ErrCredential},
		"a revoked one":  {revoked, forge.ErrCredential},
		"a job token":    {f.AddToken(ada, forgetest.Token{Kind: "job"}), forge.ErrCredential},
		"a deploy token": {f.AddToken(ada, forgetest.Token{Kind: "deploy"}), forge.ErrCredential},
		"an OAuth token": {f.AddToken(ada, forgetest.Token{Kind: "oauth"}), forge.ErrCredential},
		"a fine-grained one that may not read itself": {f.AddToken(ada, forgetest.Token{Granular: true}), forge.ErrCredentialKind},
		"one that may not read its user":              {f.AddToken(ada, forgetest.Token{Scopes: []string{"read_repository"}}), forge.ErrCredential},
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			id, err := identify(c.secret)
			if !errors.Is(err, c.want) || id.UserID != 0 {
				t.Fatalf("%+v, %v; want %v", id, err, c.want)
			}
		})
	}
	for status, want := range map[int]error{500: forge.ErrUnavailable, 429: forge.ErrBudget, 504: forge.ErrTimeout} {
		t.Run("a forge that answers "+http.StatusText(status), func(t *testing.T) {
			defer f.Plant(forgetest.Fault{Status: status})()
			if _, err := identify(expired); !errors.Is(err, want) {
				t.Fatalf("err = %v, want %v", err, want)
			}
		})
	}
}

func TestIdentifyAnswers(t *testing.T) {
	const user = `{"id":11,"username":"ada"}`
	answer := func(self, user string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v4/user" {
				_, _ = w.Write([]byte(user))
				return
			}
			_, _ = w.Write([]byte(self))
		}
	}
	t.Run("a fine-grained token that may read itself", func(t *testing.T) {
		r, s := serve(t, answer(`{"id":1,"user_id":11,"active":true,"revoked":false,"granular":true,"scopes":["granular"]}`, user))
		id, err := r.Identify(context.Background(), s.Credential)
		if err != nil || id.Kind != forge.CredentialGranular {
			t.Fatalf("%+v, %v", id, err)
		}
	})
	t.Run("an auditor's, a bot's, with a time of expiry", func(t *testing.T) {
		r, s := serve(t, answer(`{"id":1,"user_id":11,"active":true,"scopes":["api"],"expires_at":"2031-02-03T00:00:00.000Z"}`,
			`{"id":11,"username":"ada","bot":true,"is_auditor":true}`))
		id, err := r.Identify(context.Background(), s.Credential)
		if err != nil || !id.Bot || !id.Auditor || !id.ExpiresAt.Equal(time.Date(2031, 2, 3, 0, 0, 0, 0, time.UTC)) {
			t.Fatalf("%+v, %v", id, err)
		}
	})
	for name, c := range map[string]struct {
		self, user string
		want       error
	}{
		"not active":           {`{"id":1,"user_id":11,"active":false}`, user, forge.ErrCredential},
		"active and revoked":   {`{"id":1,"user_id":11,"active":true,"revoked":true}`, user, forge.ErrCredential},
		"two users":            {`{"id":1,"user_id":12,"active":true}`, user, forge.ErrUnavailable},
		"no user":              {`{"id":1,"active":true}`, `{}`, forge.ErrUnavailable},
		"no readable expiry":   {`{"id":1,"user_id":11,"active":true,"expires_at":"tomorrow"}`, user, forge.ErrUnavailable},
		"garbage":              {`<html>`, user, forge.ErrUnavailable},
		"garbage for the user": {`{"id":1,"user_id":11,"active":true}`, `<html>`, forge.ErrUnavailable},
	} {
		t.Run("unusable: "+name, func(t *testing.T) {
			r, s := serve(t, answer(c.self, c.user))
			if id, err := r.Identify(context.Background(), s.Credential); !errors.Is(err, c.want) || id.UserID != 0 {
				t.Fatalf("%+v, %v; want %v", id, err, c.want)
			}
		})
	}
}

// TestWhose holds whose an OAuth access token is, and whose application's; for a resolver that sends it as one.
func TestWhose(t *testing.T) {
	f := forgetest.New(forgetest.Options{})
	ada := f.AddUser("ada")
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	open := func(url string) *Resolver {
		r, err := NewForOthers(Options{URL: url, Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return r
	}
	r := open(server.URL)
	whose := func(r *Resolver, secret string) (forge.Identity, error) {
		return r.Whose(t.Context(), token.NewSecret(secret))
	}
	const app = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
	for _, scopes := range [][]string{{"api"}, {"read_user"}, {"read_repository"}} {
		id, err := whose(r, f.AddToken(ada, forgetest.Token{Kind: "oauth", Scopes: scopes, Application: app}))
		named := map[bool]string{true: "", false: "ada"}[scopes[0] == "read_repository"]
		if err != nil || id.UserID != ada || id.Username != named || id.Kind != forge.CredentialOAuth || id.Application != app ||
			id.TokenName != "OAuth application 9f8e7d6c" || id.TokenID != 0 || !slices.Equal(id.Scopes, scopes) ||
			id.Asks != (scopes[0] == "api") {
			t.Errorf("%v: %+v, %v", scopes, id, err)
		}
	}
	if id, err := whose(r, f.AddToken(ada, forgetest.Token{Name: "ci"})); err != nil || id.Kind != forge.CredentialPersonal ||
		id.Username != "ada" || id.Application != "" {
		t.Errorf("a personal access token: %+v, %v", id, err)
	}
	revoked := f.AddToken(ada, forgetest.Token{Kind: "oauth"})
	f.RevokeToken(revoked)
	for name, secret := range map[string]string{"revoked": revoked, "unknown": "made-up", "a job's": f.AddToken(ada, forgetest.Token{Kind: "job"})} {
		if id, err := whose(r, secret); !errors.Is(err, forge.ErrCredential) || id.UserID != 0 {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	if id, err := r.Identify(t.Context(), token.NewSecret(f.AddToken(ada, forgetest.Token{Kind: "oauth"}))); !errors.Is(err,
		forge.ErrCredentialKind) {
		t.Errorf("it is an owner's credential: %+v, %v", id, err)
	}
	for name, c := range map[string]struct {
		info string
		want error
	}{
		"of an application for itself": {`{"resource_owner_id":null,"scope":["api"],"application":{"uid":"0123456789"}}`, forge.ErrCredentialKind},
		"without an application":       {`{"resource_owner_id":11,"scope":["api"]}`, forge.ErrCredentialKind},
		"with an application of lines": {`{"resource_owner_id":11,"application":{"uid":"01234567\n8"}}`, forge.ErrUnavailable},
		"of two users":                 {`{"resource_owner_id":12,"scope":["api"],"application":{"uid":"0123456789"}}`, forge.ErrUnavailable},
		"that cannot be read":          {`<html>`, forge.ErrUnavailable},
		"a page":                       {"", forge.ErrCredentialKind},
	} {
		odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			switch {
			case q.URL.Path == "/gitlab/api/v4/user":
				_, _ = w.Write([]byte(`{"id":11,"username":"ada"}`))
			case q.URL.Path == "/gitlab/oauth/token/info" && c.info != "":
				_, _ = w.Write([]byte(c.info))
			case q.URL.Path == "/gitlab/oauth/token/info":
				w.WriteHeader(http.StatusNotFound)
			default:
				w.WriteHeader(http.StatusBadRequest)
			}
		}))
		if id, err := whose(open(odd.URL+"/gitlab"), "an-oauth-token"); !errors.Is(err, c.want) || id.UserID != 0 {
			t.Errorf("%s: %+v, %v; want %v", name, id, err, c.want)
		}
		odd.Close()
	}
}
