package console_test

import (
	"crypto/sha256"
	"fmt"
	"html"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"patgate/forge/forgetest"
	"patgate/learn"
	"patgate/token"
)

// credentialSeen has the store hold a credential of the forge's own.
func (w *world) credentialSeen(t *testing.T, user int64, name string, forgeID int64, scopes ...string) int64 {
	t.Helper()
	s, err := w.store.PutSubject(t.Context(), learn.Subject{Hash: sha256.Sum256([]byte(fmt.Sprint(user, name))), Origin: w.upstream.URL,
		UserID: user, Kind: "personal", ForgeID: forgeID, Name: name, Scopes: scopes, First: w.now(), Last: w.now()})
	if err != nil {
		t.Fatal(err)
	}
	return s.ID
}

// What a credential of the forge's own did through patgate becomes the filled form for a token in its place, and is told to its
// owner alone.
func TestReplacingAForgeTokenByWhatItDid(t *testing.T) {
	w := newWorld(t, nil)
	w.forge.AddToken(w.alice, forgetest.Token{Name: "jenkins", Scopes: []string{"api"}})
	v := w.signedIn(t, w.alicePAT)
	owner, err := w.Owner(t.Context(), token.NewSecret(w.alicePAT))
	if err != nil {
		t.Fatal(err)
	}
	own, err := w.ForgeTokens(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	listed := int64(0)
	for _, one := range own {
		if one.Name == "jenkins" {
			listed = one.ID
		}
	}
	jenkins := w.credentialSeen(t, w.alice, "jenkins", listed, "api")
	other := w.credentialSeen(t, w.alice, "", 0, "read_api")
	theirs := w.credentialSeen(t, w.bob, "bob's robot", 0, "api")
	for _, id := range []int64{jenkins, theirs} {
		w.did(t, id, listJobs, w.api, 4, nil, 3, 1)
	}
	w.broadToken(t, v) // is no token of the forge's, however much it does
	p := v.get(t, "/forge-tokens")
	p.wants(t, 200, "8 requests seen", "Seen through patgate", fmt.Sprintf("GitLab token %d", other),
		fmt.Sprintf("/forge-tokens/%d/smaller", jenkins))
	p.lacks(t, "robot", fmt.Sprintf("/forge-tokens/%d/smaller", theirs))
	if strings.Count(p.body, "/smaller") != 2 {
		t.Error("a credential that is listed is shown twice")
	}
	// One that was not seen still has its form filled in by its scopes.
	if m := regexp.MustCompile(`href="(/tokens/new\?[^"]*laptop[^"]*)"`).FindStringSubmatch(p.body); m == nil ||
		v.get(t, html.UnescapeString(m[1])).status != 200 {
		t.Error("laptop has no form")
	}
	smaller := fmt.Sprintf("/forge-tokens/%d/smaller", jenkins)
	page := v.get(t, smaller)
	page.wants(t, 200, "What is enough", "read_job", "shop/api", "Its scopes at GitLab", `<code class="scope-name wide"`,
		fmt.Sprintf("patgate learn apply %d --since 30d", jenkins))
	page.lacks(t, "It holds now")
	form := v.post(t, smaller, page.fill(url.Values{"do": {"form"}}))
	form.wants(t, 200, `value="read_job" checked`, `value="jenkins, least"`, fmt.Sprintf(`name="after" value="%d"`, jenkins))
	made := v.post(t, "/tokens", form.fill(jobToken(w.alicePAT, url.Values{"scope-0-permission": {"read_job"}})))
	made.wants(t, 200, "What comes next", "shows no later use of jenkins, revoke it at the forge")
	v.get(t, fmt.Sprintf("/forge-tokens/%d/smaller", other)).wants(t, 200, "Nothing to go by yet")
	for _, id := range []any{theirs, jenkins + 1000, 0, -1, "x", "9999999999999999999", int64(1_000_000_000_000)} {
		v.get(t, fmt.Sprintf("/forge-tokens/%v/smaller", id)).wants(t, 404)
	}
	v.post(t, "/tokens", form.fill(jobToken(w.alicePAT, url.Values{"after": {fmt.Sprint(theirs)}}))).lacks(t, "robot")
	for _, pat := range []string{w.bobPAT, w.forge.AddToken(w.root, forgetest.Token{})} {
		stranger := w.signedIn(t, pat)
		stranger.get(t, smaller).wants(t, 404)
		stranger.post(t, smaller, stranger.get(t, "/tokens").fill(url.Values{"do": {"form"}})).wants(t, 404)
		stranger.get(t, "/forge-tokens").lacks(t, "jenkins")
	}
}

// What came from a new network is set apart until its owner says that it was them.
func TestWhatIsSetApartIsTakenInByATick(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	id := w.credentialSeen(t, w.alice, "ci", 0, "api")
	w.networks = []netip.Prefix{netip.MustParsePrefix("203.0.0.0/16")}
	w.did(t, id, listJobs, w.api, 4, nil, 20)
	w.networks = []netip.Prefix{netip.MustParsePrefix("198.51.0.0/16")}
	w.did(t, id, "GET /projects/{project}/issues", w.api, 1, nil, 1)
	smaller := fmt.Sprintf("/forge-tokens/%d/smaller", id)
	p := v.get(t, smaller)
	p.wants(t, 200, "Set aside", "This may not have been you", "GET /projects/{project}/issues", "It was me")
	v.get(t, smaller+"?suspect=yes").wants(t, 200, "This may not have been you")
	v.post(t, smaller, p.fill(url.Values{"do": {"show"}, "suspect": {"yes"}})).wants(t, 200, "is included", `value="yes" checked`,
		"--accept-suspect", "read_work_item")
}
