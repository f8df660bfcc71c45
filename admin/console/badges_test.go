package console_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/admin/api"
	"patgate/store"
	"patgate/token"
)

// asks asks the API for alice's tokens, and gives their names in the order of the alphabet.
func (w *world) asks(t *testing.T, query string) (names []string, answer *httptest.ResponseRecorder) {
	t.Helper()
	h, err := api.New(api.Options{Base: "/api/v4", Tokens: w.Service})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/-/patgate/api/tokens?"+query, nil)
	answer = httptest.NewRecorder()
	h.ServeHTTP(answer, r.WithContext(api.WithAsker(r.Context(), api.Asker{Credential: token.NewSecret(w.alicePAT)})))
	return namesIn(t, answer.Code == http.StatusOK, answer.Body.String()), answer
}

// namesIn gives the names of the tokens of a list in JSON, in the order of the alphabet.
func namesIn(t *testing.T, isList bool, body string) (names []string) {
	t.Helper()
	var list []struct{ Name string }
	if !isList {
		return nil
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for i := range list {
		names = append(names, list[i].Name)
	}
	slices.Sort(names)
	return names
}

// Page and API know the same badges, and list the same tokens for each; what is no badge lists nothing, and is told.
func TestBadges(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	used, _ := v.make(t, w.alicePAT, url.Values{"name": {"used"}})
	v.make(t, w.alicePAT, url.Values{"name": {"everywhere"}, "scope-0-access": {"all_memberships"}, "scope-0-projects": {""}})
	v.make(t, w.alicePAT, url.Values{"name": {"pushes"}, "scope-0-permission": {"push_code"}})
	v.make(t, w.alicePAT, url.Values{"name": {"keys"}, "scope-0-permission": {"create_deploy_key"}})
	v.make(t, w.alicePAT, url.Values{"name": {"short"}, "expires_at": {"9d"}})
	w.pass(8 * 24 * time.Hour)
	v = w.signedIn(t, w.alicePAT)
	if err := w.store.AddUses(t.Context(), []store.Use{{TokenID: used, Count: 1, Last: w.now()}}); err != nil {
		t.Fatal(err)
	}
	w.change(t, "UPDATE tokens SET table_version = 0 WHERE name = 'pushes'")
	wants := map[string]string{
		"broad":                  "everywhere",
		"makes_credentials":      "keys",
		"dangerous":              "keys pushes",
		"unused":                 "everywhere keys pushes short",
		"unused_permissions":     "everywhere keys pushes short",
		"expiring_soon":          "short",
		"newer_routes_held_back": "pushes",
		"credential_invalid":     "",
		"report_mode":            "",
	}
	for _, badge := range store.MarkNames() {
		want, known := wants[badge]
		onPage := namesIn(t, true, v.get(t, "/tokens.json?badge="+badge).body)
		fromAPI, answer := w.asks(t, "badge="+badge)
		if !known || strings.Join(onPage, " ") != want || !slices.Equal(fromAPI, onPage) || answer.Header().Get("X-Incomplete") != "" {
			t.Errorf("%s: %q on the page, %q from the API (%v), want %q", badge, onPage, fromAPI, answer.Header(), want)
		}
	}
	const unfolded = `<details class="times" open>`
	p := v.get(t, "/tokens?badge=broad")
	p.wants(t, http.StatusOK, ">everywhere</a>", "1 token")
	p.lacks(t, unfolded) // a number over the table is chosen, and no filter of the form
	v.get(t, "/tokens?badge=broad&can=read_job").wants(t, http.StatusOK, unfolded)
	const all = "broad, makes_credentials, dangerous, unused_permissions, unused, expiring_soon, newer_routes_held_back, " +
		"credential_invalid, report_mode"
	v.get(t, "/tokens?badge=brod").wants(t, http.StatusOK, "unknown badge", all, "No token matches these filters")
	if _, answer := w.asks(t, "badge=brod"); answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), all) {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if _, answer := w.asks(t, "badge=broad&state=expired"); answer.Code != http.StatusBadRequest ||
		!strings.Contains(answer.Body.String(), "only active tokens have badges") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if names, _ := w.asks(t, "badge=dangerous&can=push_code&state=any"); !slices.Equal(names, []string{"pushes"}) {
		t.Errorf("with another filter: %q", names)
	}

	w.change(t, "UPDATE marks SET judged = 0, broad = 0")
	w.storing.idle.Store(true)
	const lacks = "Not all tokens have been looked through yet: some may be missing from this list."
	if names, answer := w.asks(t, "badge=broad"); len(names) > 0 || answer.Header().Get("X-Incomplete") != "true" {
		t.Errorf("before tokens are judged: %q, %v", names, answer.Header())
	}
	v.get(t, "/tokens?badge=broad").wants(t, http.StatusOK, lacks)
	if _, answer := w.asks(t, "badge=expiring_soon"); answer.Header().Get("X-Incomplete") != "" {
		t.Errorf("what needs no judge: %v", answer.Header())
	}
	w.storing.idle.Store(false)
	if names, answer := w.asks(t, "badge=broad"); len(names) != 1 || answer.Header().Get("X-Incomplete") != "" {
		t.Errorf("they are judged when they are listed: %q, %v", names, answer.Header())
	}
	v.get(t, "/tokens?badge=broad").lacks(t, lacks)
}
