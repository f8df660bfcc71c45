package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"patgate/forge/forgetest"
	"patgate/forge/oauth/oauthtest"
)

// TestSigningInThroughTheForgeInABrowser: a browser goes to the forge, which is another site, and comes back to where it was to go.
func TestSigningInThroughTheForgeInABrowser(t *testing.T) {
	origin, listen := consoleAddress(t)
	var gitlab *oauthtest.Server
	var address string
	r := startRunningWith(t, func(w *world) []string {
		gitlab = &oauthtest.Server{
			Application: oauthtest.Application{ID: "console", Secret: "an application's secret", Redirect: origin + "/sign-in/back"},
			Forge: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/oauth/authorize" {
					w.forge.ServeHTTP(rw, r)
					return
				}
				back, err := gitlab.Agree(w.alice, r.URL.String())
				if err != nil {
					http.Error(rw, err.Error(), http.StatusBadRequest)
					return
				}
				http.Redirect(rw, r, back, http.StatusFound)
			}),
			Issue: func(user int64, scopes []string) string {
				return w.forge.AddToken(user, forgetest.Token{Kind: "oauth", Scopes: scopes})
			},
			Revoke: w.forge.RevokeToken,
		}
		server := httptest.NewServer(gitlab)
		t.Cleanup(server.Close)
		address = server.URL
		return []string{listen, "PATGATE_UPSTREAM_URL=" + server.URL, "PATGATE_CONSOLE_OAUTH_CLIENT_ID=console",
			"PATGATE_CONSOLE_OAUTH_CLIENT_SECRET=an application's secret", fmt.Sprint("PATGATE_ADMINISTRATORS=", w.alice)}
	})
	r.secret("the application's", "an application's secret")
	s := &consoleStage{r, openBrowser(t, origin)}
	s.open("/everyone")
	s.accessible("the sign-in page")
	s.follow("#sign-in-forge")
	s.becomes(`location.pathname === "/everyone" && document.querySelector("#sign-out") !== null`)
	s.sees("to view, pause and revoke")
	s.open("/tokens")
	if at := s.address(); at != "/tokens" {
		t.Errorf("signed in, and at %s", at)
	}
	if asked := s.faults(); len(asked) == 0 || slices.ContainsFunc(asked, func(text string) bool {
		return !strings.HasPrefix(text, "it asked for "+address+"/oauth/authorize?")
	}) {
		t.Errorf("beside the forge's page: %q", asked)
	}
}
