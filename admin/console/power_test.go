package console_test

import (
	"net/url"
	"strings"
	"testing"

	"patgate/admin/console"
	"patgate/forge/forgetest"
)

// A secret stands in the one answer that makes it, and in no other page.
func TestSecretIsShownOnce(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	form := v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, nil))
	made := v.post(t, "/tokens", form)
	made.wants(t, 200, "Copy the secret", "shown only once", "kept sealed")
	secret := made.secret()
	if secret == "" || !strings.Contains(made.body, `<input id="secret" class="mono" readonly value="`+secret+`"`) {
		t.Fatalf("no secret in %s", made.text())
	}
	made.lacks(t, w.alicePAT)
	if made.header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be kept")
	}
	list := v.get(t, "/tokens")
	list.wants(t, 200, "read jobs", "shop/api", "Job Read", "Pipeline Read", "1 token")
	id := int64(1_000_000_000_000)
	for _, path := range everyPage(id) {
		v.get(t, path).lacks(t, secret, secret[8:20], w.alicePAT)
	}
	t.Run("the same form makes no second token", func(t *testing.T) {
		again := v.post(t, "/tokens", form)
		again.wants(t, 200, "sent before", "read jobs")
		again.lacks(t, secret)
		if again.at != at(id, "") || w.count(t) != 1 {
			t.Errorf("at %s, with %d tokens", again.at, w.count(t))
		}
	})
	t.Run("nor a form without its number", func(t *testing.T) {
		form.Del("form")
		v.post(t, "/tokens", form).wants(t, 403)
		if w.count(t) != 1 {
			t.Errorf("%d tokens", w.count(t))
		}
	})
	t.Run("a rotation shows the new one once", func(t *testing.T) {
		form := v.get(t, at(id, "/rotate")).fill(url.Values{"credential": {w.alicePAT}, "expires_at": {"10d"}, "grace": {"2h"}})
		rotated := v.post(t, at(id, "/rotate"), form)
		rotated.wants(t, 200, "The token is rotated", "another 2h")
		if s := rotated.secret(); s == "" || s == secret {
			t.Errorf("the secret is %q", s)
		}
		v.post(t, at(id, "/rotate"), form).lacks(t, rotated.secret())
		v.get(t, at(id, "")).wants(t, 200, "Rotated to")
		if w.read(t, id).RotatedTo == 0 || w.count(t) != 2 {
			t.Errorf("rotated to %d, %d tokens", w.read(t, id).RotatedTo, w.count(t))
		}
	})
}

// Threat: somebody finds a browser that is signed in. What gives power asks for the forge credential again.
func TestPowerAsksForTheCredentialAgain(t *testing.T) {
	w := newWorld(t, attempts(1000))
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	wide := url.Values{"name": {"read jobs"}, "scope-0-access": {"selected_memberships"}, "scope-0-projects": {"shop/api\nshop/web"}, "scope-0-permission": {"read_job", "read_pipeline"}}
	edit := func(more url.Values) url.Values {
		form := v.get(t, at(id, "/edit")).fill(wide)
		for name, values := range more {
			form[name] = values
		}
		return form
	}
	reading := w.forge.AddToken(w.alice, forgetest.Token{Scopes: []string{"read_api"}})
	credentials := []struct {
		name, credential string
		status           int
		says             string
	}{
		{"none", "", 422, "access token again"},
		{"a wrong one", "glpat-wrong", 401, "does not accept"},
		{"somebody else's", w.bobPAT, 403, "a credential of bob"},
	}
	before := w.count(t)
	for _, c := range credentials {
		t.Run(c.name, func(t *testing.T) {
			v.post(t, "/tokens", v.get(t, "/tokens/new").fill(jobToken(c.credential, nil))).wants(t, c.status, c.says, "No token was made")
			v.post(t, at(id, "/rotate"), v.get(t, at(id, "/rotate")).fill(url.Values{"credential": {c.credential}})).wants(t, c.status, c.says)
			status, says := c.status, c.says
			if c.credential == "" {
				status, says = 403, "would widen the token"
			}
			v.post(t, at(id, "/edit"), edit(url.Values{"credential": {c.credential}})).wants(t, status, says, "Nothing was changed")
			v.post(t, at(id, "/edit"), edit(url.Values{"credential": {c.credential}, "scope-0-projects": {"shop/api"}, "expires_at": {"300d"}})).wants(t, status, says)
			v.post(t, at(id, "/confirm"), v.get(t, at(id, "/confirm")).fill(url.Values{"credential": {c.credential}})).wants(t, c.status, c.says)
		})
	}
	t.Run("a weaker one than the token is bound to", func(t *testing.T) {
		v.post(t, at(id, "/edit"), edit(url.Values{"credential": {reading}})).wants(t, 403, "yours lacks api")
		v.post(t, at(id, "/rotate"), v.get(t, at(id, "/rotate")).fill(url.Values{"credential": {reading}})).wants(t, 403, "yours lacks api")
	})
	if l := w.read(t, id); len(l.Scopes[0].ProjectIDs) != 1 || l.RotatedTo != 0 || w.count(t) != before {
		t.Fatalf("something was done: %+v", l)
	}
	t.Run("narrowing is free", func(t *testing.T) {
		form := edit(url.Values{"scope-0-projects": {"shop/api"}, "scope-0-permission": {"read_job"}, "name": {"only jobs"}, "expires_at": {"5d"}})
		v.post(t, at(id, "/edit"), form).wants(t, 200, "The changes are in force", "only jobs")
		if l := w.read(t, id); len(l.Scopes[0].Permissions) != 1 || l.Name != "only jobs" {
			t.Errorf("the token is %+v", l)
		}
	})
	t.Run("pausing is free, resuming is not", func(t *testing.T) {
		v.post(t, at(id, "/pause"), v.get(t, at(id, "/pause")).fill(url.Values{"reason": {"odd requests"}})).wants(t, 200, "is paused", "odd requests", "Resume")
		v.post(t, at(id, "/resume"), v.get(t, at(id, "/resume")).fill(nil)).wants(t, 422, "access token again")
		if w.read(t, id).PausedAt.IsZero() {
			t.Fatal("it was resumed")
		}
		v.post(t, at(id, "/resume"), v.get(t, at(id, "/resume")).fill(url.Values{"credential": {w.alicePAT}})).wants(t, 200, "works again")
	})
	t.Run("positive control: with it the token widens", func(t *testing.T) {
		v.post(t, at(id, "/edit"), edit(url.Values{"credential": {w.alicePAT}})).wants(t, 200, "The changes are in force", "shop/web")
		if l := w.read(t, id); len(l.Scopes[0].ProjectIDs) != 2 || len(l.Scopes[0].Permissions) != 2 {
			t.Errorf("the token is %+v", l)
		}
	})
}

// Without being told to, patgate keeps no credential.
func TestSealingIsAskedFor(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	v.get(t, "/tokens/new").wants(t, 200, "Keep this access token in patgate, sealed")
	v.post(t, "/tokens", v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, url.Values{"seal": nil}))).wants(t, 403, "patgate holds no GitLab access token of yours")
	if all, err := w.store.Credentials(t.Context(), 0); err != nil || len(all) != 0 {
		t.Fatalf("sealed: %v, %v", all, err)
	}
	v.make(t, w.alicePAT, nil)
	v.get(t, "/tokens/new").lacks(t, "Keep this access token in patgate, sealed")
	v.make(t, w.alicePAT, url.Values{"seal": nil})
}

func TestAdministrators(t *testing.T) {
	w := newWorld(t, nil)
	alice, bob, root := w.signedIn(t, w.alicePAT), w.signedIn(t, w.bobPAT), w.signedIn(t, w.forge.AddToken(w.root, forgetest.Token{}))
	id, _ := alice.make(t, w.alicePAT, nil)
	t.Run("others see nothing", func(t *testing.T) {
		for _, v := range []*visitor{alice, bob} {
			v.get(t, "/everyone").wants(t, 404)
			v.get(t, "/tokens").lacks(t, "Everyone")
		}
		bob.get(t, "/tokens").lacks(t, "read jobs")
		for _, below := range []string{"", "/edit", "/revoke", "/pause", "/rotate", "/resume", "/confirm"} {
			bob.get(t, at(id, below)).wants(t, 404)
		}
		form := bob.get(t, "/tokens").fill(url.Values{"credential": {w.bobPAT}, "form": {"f"}, "name": {"stolen"}, "scope-0-access": {"user"}, "scope-0-permission": {"read_user"}})
		for _, below := range []string{"/edit", "/revoke", "/pause", "/rotate", "/resume", "/confirm"} {
			bob.post(t, at(id, below), form).wants(t, 404)
		}
		if like := bob.get(t, "/tokens/new?like="+at(id, "")[len("/tokens/"):]); like.status != 404 {
			t.Errorf("a copy: %d", like.status)
		}
	})
	t.Run("they see everyone's, with projects as the owners saw them last", func(t *testing.T) {
		root.get(t, "/everyone").wants(t, 200, "read jobs", "alice", "Job Read", "shop/api")
		root.get(t, "/everyone?search=shop").wants(t, 200, "read jobs")
		root.get(t, "/everyone?search=shop/web").lacks(t, "read jobs")
		root.get(t, "/everyone?owner="+"1").wants(t, 200)
		root.get(t, "/tokens").lacks(t, "read jobs")
		root.get(t, at(id, "")).wants(t, 200, "Revoke", "Pause", "alice")
		root.get(t, at(id, "")).lacks(t, `id="edit"`, `id="rotate"`, `id="duplicate"`)
	})
	t.Run("they change nothing of them", func(t *testing.T) {
		form := root.get(t, at(id, "")).fill(url.Values{"credential": {w.forge.AddToken(w.root, forgetest.Token{})}, "form": {"f"}, "name": {"taken over"}, "scope-0-access": {"user"}, "scope-0-permission": {"read_user"}})
		root.get(t, at(id, "/edit")).wants(t, 404)
		root.post(t, at(id, "/edit"), form).wants(t, 404)
		for _, below := range []string{"/rotate", "/resume", "/confirm"} {
			root.post(t, at(id, below), form).wants(t, 403, "may only pause and revoke the tokens of others")
		}
	})
	t.Run("they pause and revoke", func(t *testing.T) {
		root.post(t, at(id, "/pause"), root.get(t, at(id, "/pause")).fill(nil)).wants(t, 200, "is paused")
		root.post(t, at(id, "/revoke"), root.get(t, at(id, "/revoke")).fill(url.Values{"reason": {"left the company"}})).wants(t, 200, "left the company")
		alice.get(t, at(id, "")).wants(t, 200, "Revoked: left the company")
		if w.read(t, id).RevokedAt.IsZero() {
			t.Error("it is not revoked")
		}
	})
}

// TestEachFieldForTheCredentialSaysWhereToMakeOne: who has no forge token at hand is led to the forge's page for it.
func TestEachFieldForTheCredentialSaysWhereToMakeOne(t *testing.T) {
	w := newWorld(t, func(o *console.Options) { o.MakeIt = "https://gitlab.test/make?name=patgate&scopes=api" })
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	link := `<a href="https://gitlab.test/make?name=patgate&amp;scopes=api" rel="noreferrer" target="_blank">Make one at GitLab</a>`
	w.visitor(t).get(t, "/sign-in").wants(t, 200, link)
	for _, page := range []string{"/tokens/new", at(id, "/edit"), at(id, "/rotate"),
		at(id, "/grant?access=selected_memberships&permissions=run_job&project=shop%2Fapi")} {
		v.get(t, page).wants(t, 200, link)
	}
}

// TestTheSecretComesWithRecipes: the page of a secret, new or rotated, says how the tools that the token is for are given it.
func TestTheSecretComesWithRecipes(t *testing.T) {
	w := newWorld(t, attempts(1000))
	v := w.signedIn(t, w.alicePAT)
	more := url.Values{"scope-0-permission": {"download_code", "push_code", "read_container_repository", "read_package",
		"read_merge_request",
		"create_merge_request"}}
	recipes := []string{"git clone https://ci:$PATGATE_TOKEN@gitlab.test/shop/api.git", "docker login -u ci --password-stdin gitlab.test",
		"//gitlab.test/api/v4/packages/npm/:_authToken", "glab repo clone shop/api", "RENOVATE_ENDPOINT=https://gitlab.test/api/v4",
		"Settings, CI/CD, Variables: PATGATE_TOKEN"}
	made := v.post(t, "/tokens", v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, more)))
	made.wants(t, 200, recipes...)
	id := int64(1_000_000_000_000)
	v.post(t, at(id, "/rotate"), v.get(t, at(id, "/rotate")).fill(url.Values{"credential": {w.alicePAT}})).wants(t, 200, recipes...)
}
