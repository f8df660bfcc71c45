package console_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/admin/console"
	"patgate/dial"
	"patgate/forge/forgetest"
	"patgate/forge/oauth"
	"patgate/forge/oauth/oauthtest"
	"patgate/token"
)

// through makes a console on which people sign in through the forge, by a public application or a confidential one, and gives the
// forge's side of it.
func (w *world) through(t *testing.T, secret string) *oauthtest.Server {
	t.Helper()
	app := oauthtest.Application{ID: "patgate's", Secret: secret, Redirect: w.origin + console.Back}
	s := &oauthtest.Server{Application: app, Forge: w.forge, Issue: func(user int64, scopes []string) string {
		return w.forge.AddToken(user, forgetest.Token{Kind: "oauth", Scopes: scopes})
	}, Revoke: w.forge.RevokeToken}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	dialer, err := dial.New(dial.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	o := oauth.Options{Endpoints: oauth.GitLab, Server: server.URL, Browser: "https://gitlab.test", Dialer: dialer, ID: app.ID,
		Redirect: app.Redirect}
	if secret != "" {
		o.Secret = token.NewSecret(secret)
	}
	w.nodes[0] = w.nodes[w.node(t, func(c *console.Options) { c.OAuth = oauth.New(o) })]
	return s
}

// away sends a browser to the forge, and gives where it was sent.
func (v *visitor) away(t *testing.T, next string) string {
	t.Helper()
	form := v.get(t, "/sign-in?next="+url.QueryEscape(next))
	sent := v.post(t, "/sign-in/forge", form.fill(nil))
	sent.wants(t, 200, "You are on your way to GitLab")
	_, address, _ := strings.Cut(sent.header.Get("Refresh"), "url=")
	if !strings.HasPrefix(address, "https://gitlab.test/oauth/authorize?") {
		t.Fatalf("sent to %q", address)
	}
	return address
}

// back is what comes of a browser that the forge sends back.
func (v *visitor) back(t *testing.T, address string) *page {
	t.Helper()
	return v.get(t, strings.TrimPrefix(address, v.w.origin))
}

// TestSigningInThroughTheForge: the forge names people, who then look, pause and revoke without a token, and give one for the rest.
func TestSigningInThroughTheForge(t *testing.T) {
	for name, secret := range map[string]string{"a public application": "", "a confidential one": "a secret"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, attempts(1000))
			gitlab := w.through(t, secret)
			id, _ := w.signedIn(t, w.alicePAT).make(t, w.alicePAT, nil)
			page := "/tokens/" + strconv.FormatInt(id, 10)
			v := w.visitor(t)
			address, err := gitlab.Agree(w.alice, v.away(t, page))
			if err != nil {
				t.Fatal(err)
			}
			in := v.back(t, address)
			in.wants(t, 200, "You are signed in")
			if got := in.header.Get("Refresh"); got != "0; url="+page {
				t.Errorf("it leads on to %q", got)
			}
			v.get(t, page).wants(t, 200, "read jobs", "to view, pause and revoke")
			v.get(t, "/tokens").wants(t, 200, "read jobs")
			v.get(t, "/forge-tokens").wants(t, 403, "sign in with a GitLab access token")
			v.get(t, "/search?q=shop").wants(t, 403, "sign in with a GitLab access token")
			v.get(t, "/everyone").wants(t, 404)

			made := v.post(t, "/tokens", v.get(t, "/tokens/new").fill(jobToken("", nil)))
			if made.secret() != "" {
				t.Fatal("a token was made without a credential")
			}
			edit := func(credential string) *pageResult {
				form := v.get(t, page+"/edit").fill(url.Values{"do": {"generate"}, "name": {"renamed"}, "credential": {credential},
					"scope-0-access": {"selected_memberships"}, "scope-0-projects": {"shop/api"}, "scope-0-permission": {"read_job"}})
				return &pageResult{v.post(t, page+"/edit", form), w.read(t, id).Name}
			}
			if r := edit(""); r.name != "read jobs" || !strings.Contains(r.body, "Enter your GitLab access token again") {
				t.Errorf("without a credential: %d, %s: %.600s", r.status, r.name, r.text())
			}
			if r := edit(w.bobPAT); r.name != "read jobs" {
				t.Errorf("with another's credential: %s", r.name)
			}
			if r := edit(w.alicePAT); r.name != "renamed" {
				t.Errorf("with the credential: %d, %s: %.600s", r.status, r.name, r.text())
			}
			v.post(t, page+"/revoke", v.get(t, page+"/revoke").fill(url.Values{"reason": {"lost"}})).wants(t, 200, "is revoked")
			if w.read(t, id).RevokedAt.IsZero() {
				t.Error("the token is not revoked")
			}
			_, other := w.signedIn(t, w.alicePAT).make(t, w.alicePAT, nil)
			made = v.post(t, "/tokens", v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, nil)))
			if made.secret() == "" || other == made.secret() {
				t.Errorf("with the credential no token was made: %d %s", made.status, made.text())
			}
			w.pass(61 * time.Minute)
			if p := v.get(t, "/tokens"); !strings.HasPrefix(p.at, "/sign-in") {
				t.Errorf("after an hour, of which the forge was not asked, it came to lie at %s", p.at)
			}
		})
	}
}

type pageResult struct {
	*page
	name string
}

// Threat: somebody is signed in as somebody else by a link (login CSRF), a stolen or used code signs a thief in, or where the link
// leads is another's choice.
func TestTheWayBackFromTheForgeIsOnesOwn(t *testing.T) {
	w := newWorld(t, attempts(1000))
	gitlab := w.through(t, "")
	agreed := func(v *visitor, user int64) string {
		address, err := gitlab.Agree(user, v.away(t, "/tokens"))
		if err != nil {
			t.Fatal(err)
		}
		return address
	}
	code := func(address, of string) string {
		u, _ := url.Parse(address)
		from, _ := url.Parse(of)
		in := u.Query()
		in.Set("code", from.Query().Get("code"))
		u.RawQuery = in.Encode()
		return u.String()
	}
	state := func(address, next string) string {
		u, _ := url.Parse(address)
		in := u.Query()
		mac, _, _ := strings.Cut(in.Get("state"), ".")
		in.Set("state", mac+"."+next)
		u.RawQuery = in.Encode()
		return u.String()
	}
	signedIn := func(v *visitor) bool { return !strings.HasPrefix(v.get(t, "/tokens").at, "/sign-in") }

	victim, thief := w.visitor(t), w.visitor(t)
	theirs := agreed(thief, w.bob)
	victim.back(t, theirs).wants(t, 403, "was completed before")
	agreed(victim, w.alice)
	victim.back(t, theirs).wants(t, 403, "was completed before")
	own := agreed(victim, w.alice)
	stolen := agreed(thief, w.bob)
	thief.back(t, code(stolen, own)).wants(t, 403, "does not say who you are") // the verifier is another's
	stolen = agreed(thief, w.bob)
	thief.back(t, state(stolen, "aHR0cHM6Ly9ldmlsLnRlc3Qv")).wants(t, 403, "was completed before")
	for _, v := range []*visitor{victim, thief} {
		if signedIn(v) {
			t.Error("somebody is signed in")
		}
	}
	for _, without := range []string{"?", "?error=access_denied&error_description=Call+0800", "?code=abc", "?state=abc&code=abc"} {
		thief.back(t, console.Back+without).wants(t, 403, "was completed before")
	}
	denied := strings.ReplaceAll(agreed(thief, w.bob), "code=", "error=access_denied&error_description=Call+0800&not=")
	p := thief.back(t, denied)
	p.wants(t, 403, "GitLab did not let you sign in", `href="/sign-in?next=%2Ftokens"`)
	p.lacks(t, "0800")
	if p := w.visitor(t).post(t, "/sign-in/forge", url.Values{"csrf": {"made up"}}); p.status != 403 {
		t.Errorf("a form of no page: %d", p.status)
	}

	good := agreed(victim, w.alice)
	victim.back(t, good).wants(t, 200, "You are signed in")
	if !signedIn(victim) {
		t.Error("positive control: nobody is signed in")
	}
	victim.back(t, good).wants(t, 403, "was completed before")
}

// TestWrongCodesAreCounted: each code that the forge does not take counts as a wrong credential of the address.
func TestWrongCodesAreCounted(t *testing.T) {
	w := newWorld(t, attempts(3))
	w.through(t, "")
	v := w.visitor(t)
	last := 0
	for i := range 5 {
		u, _ := url.Parse(v.away(t, "/"))
		last = v.back(t, console.Back+"?"+url.Values{"code": {"made up " + strconv.Itoa(i)},
			"state": {u.Query().Get("state")}}.Encode()).status
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the fifth is %d", last)
	}
}

// Threat: what goes wrong at the forge for another reason than a code locks out everybody at an address, or somebody who hangs up
// tries codes without end.
func TestWhatIsNoWrongCodeIsNotCounted(t *testing.T) {
	w := newWorld(t, attempts(3))
	gitlab := w.through(t, "a secret")
	v := w.visitor(t)
	for _, fault := range []int{401, 403, 404, 429, 500} {
		gitlab.Fault = fault
		address, err := gitlab.Agree(w.alice, v.away(t, "/"))
		if err != nil {
			t.Fatal(err)
		}
		v.back(t, address).wants(t, 502, "did not say who you are")
	}
	w.mu.Lock()
	if len(w.faults) != 5 {
		t.Errorf("reported: %q", w.faults)
	}
	w.faults = nil
	w.mu.Unlock()
	gitlab.Fault = 0
	address, err := gitlab.Agree(w.alice, v.away(t, "/"))
	if err != nil {
		t.Fatal(err)
	}
	v.back(t, address).wants(t, 200, "You are signed in")

	gone := w.visitor(t)
	for i := range 3 {
		u, _ := url.Parse(gone.away(t, "/"))
		ctx, hangUp := context.WithCancel(t.Context())
		target := w.origin + console.Back + "?" + url.Values{"code": {strconv.Itoa(i)}, "state": {u.Query().Get("state")}}.Encode()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		hangUp()
		request.RemoteAddr = "127.0.0.1:1"
		for _, c := range gone.Jar.Cookies(request.URL) {
			request.AddCookie(c)
		}
		w.nodes[0].ServeHTTP(httptest.NewRecorder(), request)
	}
	gone.back(t, console.Back+"?"+url.Values{"code": {"one more"}, "state": {stateOf(gone.away(t, "/"))}}.Encode()).wants(t, 429)
}

func stateOf(address string) string {
	u, _ := url.Parse(address)
	return u.Query().Get("state")
}

// TestAWatchersEditIsTriedFirst: what an edit would have denied is said before it is saved, whoever is signed in and how.
func TestAWatchersEditIsTriedFirst(t *testing.T) {
	w := newWorld(t, attempts(1000))
	gitlab := w.through(t, "")
	id, _ := w.signedIn(t, w.alicePAT).make(t, w.alicePAT, nil)
	w.use(t, id, "GET", "/projects/{project}/pipelines", w.api, "read_pipeline")
	page := "/tokens/" + strconv.FormatInt(id, 10) + "/edit"
	v := w.visitor(t)
	address, err := gitlab.Agree(w.alice, v.away(t, "/"))
	if err != nil {
		t.Fatal(err)
	}
	v.back(t, address).wants(t, 200)
	form := func(do, credential string) url.Values {
		return v.get(t, page).fill(url.Values{"do": {do}, "name": {"narrowed"}, "credential": {credential},
			"scope-0-access": {"selected_memberships"}, "scope-0-projects": {"shop/api"}, "scope-0-permission": {"read_job"}})
	}
	v.post(t, page, form("try", "")).wants(t, 422, "Enter your GitLab access token again")
	v.post(t, page, form("try", w.alicePAT)).wants(t, 200, "read_pipeline")
	v.post(t, page, form("generate", w.alicePAT)).wants(t, 200, "Nothing is saved yet")
	if got := w.read(t, id).Name; got != "read jobs" {
		t.Errorf("it was saved as %q", got)
	}
}

// TestWhoLooksSignsInWithATokenToo: what needs a token leads to signing in with one, and from there back.
func TestWhoLooksSignsInWithATokenToo(t *testing.T) {
	w := newWorld(t, attempts(1000))
	gitlab := w.through(t, "")
	id, _ := w.signedIn(t, w.alicePAT).make(t, w.alicePAT, nil)
	v := w.visitor(t)
	address, err := gitlab.Agree(w.alice, v.away(t, "/"))
	if err != nil {
		t.Fatal(err)
	}
	v.back(t, address).wants(t, 200)
	for page, says := range map[string]string{
		at(id, "/grant?access=selected_memberships&permissions=run_job&project=shop%2Fapi"): "What is added",
		"/forge-tokens": "active token"} {
		p := v.get(t, page)
		p.wants(t, p.status, "You are signed in only to view", "Sign in with a token")
		p.lacks(t, "Nothing to add", says)
		link := regexp.MustCompile(`href="(/sign-in\?next=[^"]*)"`).FindStringSubmatch(p.body)
		if link == nil {
			t.Fatalf("%s leads to no sign-in: %s", page, p.text())
		}
		form := v.get(t, html.UnescapeString(link[1]))
		v.get(t, "/tokens").wants(t, 200, "to view, pause and revoke") // nothing has changed yet
		in := v.post(t, "/sign-in", form.fill(url.Values{"credential": {w.alicePAT}}))
		in.wants(t, 200, says)
		in.lacks(t, "to view, pause and revoke")
		v.post(t, "/sign-out", in.fill(nil))
		if address, err = gitlab.Agree(w.alice, v.away(t, "/")); err != nil {
			t.Fatal(err)
		}
		v.back(t, address).wants(t, 200)
	}
}

// TestAdministratorsOfTheForgeLook: they sign in, their credential is kept nowhere, and nothing is made on their word.
func TestAdministratorsOfTheForgeLook(t *testing.T) {
	w := newWorld(t, attempts(1000))
	w.forge.SetAdmin(w.root)
	pat := w.forge.AddToken(w.root, forgetest.Token{Scopes: []string{"api", "sudo", "admin_mode"}})
	alice := w.signedIn(t, w.alicePAT)
	id, _ := alice.make(t, w.alicePAT, nil)
	second, _ := alice.make(t, w.alicePAT, nil)
	v := w.signedIn(t, pat)
	v.get(t, "/everyone").wants(t, 200, "read jobs", "to view, pause and revoke")
	v.get(t, "/tokens/new").wants(t, 403, "could act as anybody", "tokens.allow_admin_owners")
	v.get(t, "/tokens").lacks(t, `href="/tokens/new"`)
	p := v.get(t, "/forge-tokens") // signing in with a token, as they just did, would change nothing
	p.wants(t, 403, "could act as anybody")
	p.lacks(t, "Sign in with a token", "sign in with a GitLab")
	if p := v.post(t, "/tokens", alice.get(t, "/tokens/new").fill(jobToken(pat, nil))); p.secret() != "" || p.status == 200 {
		t.Fatalf("a token was made: %d", p.status)
	}
	for action, id := range map[string]int64{"pause": second, "revoke": id} {
		page := "/tokens/" + strconv.FormatInt(id, 10) + "/" + action
		v.post(t, page, v.get(t, page).fill(nil)).wants(t, 200, "is "+action+"d")
	}
	if w.read(t, id).RevokedAt.IsZero() || w.read(t, second).PausedAt.IsZero() {
		t.Error("nothing was revoked or paused")
	}
	page := "/tokens/" + strconv.FormatInt(second, 10) + "/resume"
	v.post(t, page, v.get(t, page).fill(url.Values{"credential": {pat}}))
	if w.read(t, second).PausedAt.IsZero() {
		t.Error("an administrator let another's token go on")
	}
	asked := len(w.forge.Requests())
	w.pass(20 * time.Minute)
	v.get(t, "/everyone").wants(t, 200, "1 Revoked")
	for _, r := range w.forge.Requests()[asked:] {
		if r.Secret == pat {
			t.Errorf("the administrator's credential was used later: %s %s", r.Method, r.Target)
		}
	}
}
