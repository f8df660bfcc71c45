package console_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/admin/console"
	"patgate/admin/manifest"
	"patgate/admin/trustwatch"
	"patgate/forge/forgetest"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
	"patgate/trust"
	"patgate/trust/exchange"
)

// trusts is a world with trusts.
type trusts struct {
	*world
	set   *trust.Set
	watch *trustwatch.Service
	root  string // root's forge token
}

// aTrust is a policy of an owner's; what follows are parts to replace.
func aTrust(name, owner string, project int64, oldnew ...string) string {
	return strings.NewReplacer(oldnew...).Replace(fmt.Sprintf(`  - name: %[1]s
    description: of %[2]s
    issuer: ci
    match: {project_id: "20", ref_protected: "true", ref_path: {glob: "refs/tags/v*"}}
    deny: {user_access_level: [guest]}
    owner: %[2]s
    grant:
      - {access: selected_memberships, project_ids: [%[3]d], permissions: [read_job, read_pipeline]}
    ttl: 15m
    tests:
      - claims: {project_id: "20", ref_protected: "true", ref_path: refs/tags/v1, pipeline_source: push, user_access_level: maintainer}
        want: allow
      - claims: {project_id: "21", ref_protected: "true", ref_path: refs/tags/v1, pipeline_source: push, user_access_level: maintainer}
        want: deny
`, name, owner, project))
}

// newTrusts makes a world in which root administers patgate, and loads policies.
func newTrusts(t *testing.T) *trusts {
	t.Helper()
	w := &trusts{}
	w.world = newWorld(t, func(o *console.Options) {
		w.watch = trustwatch.New(trustwatch.Options{Tokens: o.Tokens, Store: o.SignIns.(store.Store),
			Policies: func() *trust.Set { return w.set }, Audience: "https://patgate.test"})
		o.Trusts = w.watch
	})
	w.root = w.forge.AddToken(w.world.root, forgetest.Token{Name: "root's"})
	return w
}

func (w *trusts) load(t *testing.T, policies ...string) {
	t.Helper()
	set, problems := trust.Load(trust.Options{Table: w.routes(), Issuers: []trust.Issuer{{Name: "ci", URL: "https://ci.test",
		Kind: trust.GitLab}},
		Files: []routes.File{{Name: "/etc/patgate/notes.yaml", Data: []byte("version: 1\ntrusts:\n" + strings.Join(policies, ""))}}})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	w.set = set
}

// allow has the owner of a trust allow it, and give is a token of it.
func (w *trusts) allow(t *testing.T, name, pat string) store.Trust {
	t.Helper()
	owner, err := w.Owner(t.Context(), token.NewSecret(pat))
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := exchange.Allow(t.Context(), w.Service, w.store, w.set.Find(name), "https://patgate.test", owner)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *trusts) give(t *testing.T, a store.Trust, claims string) token.Record {
	t.Helper()
	_, hash, err := mint()
	if err != nil {
		t.Fatal(err)
	}
	now := w.now().UTC().Truncate(time.Millisecond)
	r, err := w.store.CreateTrusted(t.Context(), token.Record{Name: "job", Hash: hash, LastFour: "abcd", OwnerID: a.OwnerID,
		CredentialID: a.CredentialID,
		Scopes:       a.Scopes, TableVersion: a.TableVersion, CreatedAt: now, ExpiresAt: now.Add(10 * time.Minute)},
		store.TrustUse{Trust: a, MostActive: 9, Claims: claims})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mint() (token.Secret, token.Hash, error) {
	secret, err := token.Mint(rand.Reader)
	if err != nil {
		return secret, token.Hash{}, err
	}
	hash, err := token.Parse([]byte(secret.Reveal()))
	return secret, hash, err
}

// TestTheTrustsOfAnOwner: what a trust asks for, grants and gave is shown to its owner, and so is by what its file differs from what was
// allowed; the owner ends it with its tokens.
func TestTheTrustsOfAnOwner(t *testing.T) {
	w := newTrusts(t)
	w.load(t, aTrust("notes", "alice", w.api), aTrust("other", "bob", w.web))
	v := w.signedIn(t, w.alicePAT)
	list := v.get(t, "/trusts")
	list.wants(t, 200, ">notes</a>", "Not allowed yet", "notes.yaml:3", "0 of 20")
	list.lacks(t, ">other</a>", "everyone=1")
	v.get(t, "/trusts/notes").wants(t, 200, "patgate trust allow notes", "<code>project_id</code> is “20”",
		"<code>ref_path</code> is like “refs/tags/v*”", "<code>user_access_level</code> is “guest” or is not said",
		"<code>pipeline_source</code> is not that of a merge or pull request", "https://patgate.test/trust/notes", "None yet")
	v.get(t, "/trusts/notes").lacks(t, `id="revoke"`)

	a := w.allow(t, "notes", w.alicePAT)
	given := w.give(t, a, "project_id=20 <script>alert(1)</script>")
	for range 3 {
		w.watch.Traded(exchange.Event{Trust: "notes", Reason: "claims", Claim: "ref_path"})
	}
	w.watch.Traded(exchange.Event{Trust: "notes", Claims: "project_id=20 job=<b>", TokenID: given.ID})
	shown := v.get(t, "/trusts/notes")
	shown.wants(t, 200, "Gives tokens", "15m, and no longer than the ID token", "each ID token once", at(given.ID, ""), "…abcd",
		"project_id=20 &lt;script&gt;", "A claim does not match", "ref_path 3", "Given", "job=&lt;b&gt;", `id="revoke"`)
	shown.lacks(t, "<script>alert", `id="differs"`)
	v.get(t, "/trusts").wants(t, 200, "1 of 20", "Gives tokens")

	// What only narrows goes on, and is told; what widens gives nothing.
	w.load(t, aTrust("notes", "alice", w.api, "ttl: 15m", "ttl: 10m"))
	v.get(t, "/trusts/notes").wants(t, 200, "Gives tokens", `id="differs"`, "allowed: ttl 15m0s", "in the file: ttl 10m0s")
	w.load(t, aTrust("notes", "alice", w.api, "ttl: 15m", "ttl: 20m"))
	v.get(t, "/trusts/notes").wants(t, 200, "Wider than allowed", "goes further than what was allowed: ttl")
	w.load(t, aTrust("notes", "alice", w.api, "read_pipeline]", "read_pipeline, run_job]"))
	v.get(t, "/trusts/notes").wants(t, 200, "Wider than allowed", "goes further than what was allowed: grant")
	w.load(t, aTrust("notes", "bob", w.api))
	v.get(t, "/trusts/notes").wants(t, 200, "Another owner")
	w.load(t, aTrust("notes", "alice", w.api, "ttl: 15m", "ttl: 15m\n    mode: paused"))
	v.get(t, "/trusts/notes").wants(t, 200, "Paused")
	w.watch.Refused([]routes.Problem{{Message: "wrong"}})
	v.get(t, "/trusts/notes").wants(t, 200, `id="stale"`)
	w.watch.Refused(nil)
	w.load(t, aTrust("other", "bob", w.web))
	v.get(t, "/trusts/notes").wants(t, 200, "No file has it any more", `id="revoke"`)

	ask := v.get(t, "/trusts/notes/revoke")
	ask.wants(t, 200, "Revoke all of this trust?", "(1 now)")
	if l := w.read(t, given.ID); !l.RevokedAt.IsZero() {
		t.Fatal("asking has revoked")
	}
	v.post(t, "/trusts/notes/revoke", ask.fill(url.Values{"reason": {strings.Repeat("x", 300)}})).wants(t, 422, "too long")
	v.post(t, "/trusts/notes/revoke", ask.fill(url.Values{"reason": {"leaked"}})).wants(t, 200, "1 token revoked", "No trusts")
	if l := w.read(t, given.ID); l.RevokedAt.IsZero() || l.RevokeReason != "leaked" || l.RevokedBy != fmt.Sprint("user:", w.alice) {
		t.Errorf("after that: %v %q by %s", l.RevokedAt, l.RevokeReason, l.RevokedBy)
	}
	if _, err := w.store.Trust(t.Context(), "notes"); err == nil {
		t.Error("it is allowed still")
	}
}

// TestATrustOfSomebodyElseIsNone: the page of another's trust is that of one that there is not, by every way; administrators see and
// revoke it; a username that is another user's by now names nobody.
func TestATrustOfSomebodyElseIsNone(t *testing.T) {
	w := newTrusts(t)
	w.load(t, aTrust("notes", "alice", w.api))
	given := w.give(t, w.allow(t, "notes", w.alicePAT), "project_id=20")
	bob := w.signedIn(t, w.bobPAT)
	form := bob.get(t, "/tokens").fill(nil)
	for _, path := range []string{"", "/revoke"} {
		there, not := bob.get(t, "/trusts/notes"+path), bob.get(t, "/trusts/none"+path)
		if there.status != http.StatusNotFound || strings.ReplaceAll(there.text(), "notes", "none") != not.text() {
			t.Errorf("%s: %d %q, and of none %q", path, there.status, there.text(), not.text())
		}
	}
	there, not := bob.post(t, "/trusts/notes/revoke", form), bob.post(t, "/trusts/none/revoke", form)
	if there.status != http.StatusNotFound || there.text() != not.text() {
		t.Errorf("%d %q, and of none %q", there.status, there.text(), not.text())
	}
	bob.get(t, "/trusts?everyone=1").wants(t, 404)
	bob.get(t, "/policies").wants(t, 404)
	if l := w.read(t, given.ID); !l.RevokedAt.IsZero() {
		t.Fatal("bob has revoked it")
	}

	// Somebody else is called alice by now.
	if _, err := w.store.PutOwner(t.Context(), store.Owner{Origin: w.upstream.URL, UserID: w.alice, Username: "bob"}); err != nil {
		t.Fatal(err)
	}
	w.load(t, aTrust("notes", "bob", w.api))
	bob.get(t, "/trusts/notes").wants(t, 404)

	// She is called otherwise, and bob has the name that the file says: he sees what the file says, and nothing of hers.
	if _, err := w.store.PutOwner(t.Context(), store.Owner{Origin: w.upstream.URL, UserID: w.alice, Username: "alice2"}); err != nil {
		t.Fatal(err)
	}
	w.watch.Traded(exchange.Event{Trust: "notes", Claims: "job=hers", TokenID: given.ID})
	his := bob.get(t, "/trusts/notes")
	his.wants(t, 200, "Another owner", "None yet")
	his.lacks(t, "alice", "job=hers", "project_id=20", `id="revoke"`, at(given.ID, ""))
	bob.get(t, "/trusts").wants(t, 200, "0 of 20")
	bob.post(t, "/trusts/notes/revoke", form).wants(t, 409)
	if l := w.read(t, given.ID); !l.RevokedAt.IsZero() {
		t.Fatal("bob has revoked it under a name that she had")
	}
	if _, err := w.store.PutOwner(t.Context(), store.Owner{Origin: w.upstream.URL, UserID: w.alice, Username: "alice"}); err != nil {
		t.Fatal(err)
	}
	w.load(t, aTrust("notes", "alice", w.api))

	root := w.signedIn(t, w.root)
	root.get(t, "/trusts").wants(t, 200, "No trusts", "everyone=1")
	root.get(t, "/trusts?everyone=1").wants(t, 200, ">notes</a>", "alice")
	ask := root.get(t, "/trusts/notes/revoke")
	for name, header := range map[string]http.Header{"from elsewhere": {"Sec-Fetch-Site": {"cross-site"}}, "from nowhere": {}} {
		if p := root.postAs(t, "/trusts/notes/revoke", ask.fill(nil), header); p.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, p.status)
		}
	}
	wrong := ask.fill(nil)
	wrong.Set("csrf", "made-up")
	if p := root.post(t, "/trusts/notes/revoke", wrong); p.status != http.StatusForbidden {
		t.Errorf("with another form's token: %d", p.status)
	}
	if l := w.read(t, given.ID); !l.RevokedAt.IsZero() {
		t.Fatal("a form that is none of the console's has revoked it")
	}
	root.post(t, "/trusts/notes/revoke", ask.fill(nil)).wants(t, 200, "is no longer allowed, and 1 token revoked", "Not allowed yet")
	if l := w.read(t, given.ID); l.RevokedAt.IsZero() {
		t.Error("it is alive")
	}
	root.post(t, "/trusts/notes/revoke", ask.fill(nil)).wants(t, 409)
}

// TestWhatFilesHaveInForce: administrators see limits, templates and issuers with their files, and when the files as they are now are not
// in force; templates are in the form of everybody.
func TestWhatFilesHaveInForce(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "rules.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const good = "kind: Limit\nname: frozen\ndescription: <i>nobody</i>\ndeny: {permissions: [run_job]}\n---\nkind: Template\nname: ci-jobs\n" +
		"description: reads what jobs do\npermissions: [\"read_job*\"]\nexpires: 7d\n---\nkind: Issuer\nname: k8s\ntype: kubernetes\nurl: https://k8s.test\n"
	write(good)
	var mounted *manifest.Mounted
	w := &trusts{}
	w.world = newWorld(t, func(o *console.Options) {
		w.watch = trustwatch.New(trustwatch.Options{Tokens: o.Tokens, Store: o.SignIns.(store.Store),
			Policies: func() *trust.Set { return nil }, Audience: "https://patgate.test"})
		var problems []routes.Problem
		mounted, problems = manifest.Mount(dir, o.Tokens.Table, func(int, []routes.Problem) {})
		if len(problems) > 0 {
			t.Fatal(routes.Problems(problems))
		}
		o.Trusts, o.Policies = w.watch, mounted
	})
	root := w.signedIn(t, w.forge.AddToken(w.world.root, forgetest.Token{Name: "root's"}))
	p := root.get(t, "/policies")
	p.wants(t, 200, "frozen", "rules.yaml:1", "&lt;i&gt;nobody", "everywhere", "forbids run_job", "ci-jobs", "rules.yaml:6", "k8s",
		"is kubernetes at https://k8s.test")
	p.lacks(t, "<i>nobody", `id="refused"`)
	write(strings.Replace(good, "run_job", "run_jbo", 1))
	mounted.Reload()
	root.get(t, "/policies").wants(t, 200, `id="refused"`, "there is no such permission", "forbids run_job")
	write(good)
	mounted.Reload()
	w.watch.Refused([]routes.Problem{{Message: "there is no issuer cii"}})
	root.get(t, "/policies").wants(t, 200, `id="refused"`, "there is no issuer cii")

	alice := w.signedIn(t, w.alicePAT)
	form := alice.get(t, "/tokens/new")
	form.wants(t, 200, `value="template-ci-jobs"`)
	filled := alice.post(t, "/tokens", form.fill(url.Values{"do": {"template-ci-jobs"}}))
	filled.wants(t, 200, `value="ci-jobs"`, `value="7d"`)
	if !strings.Contains(filled.body, `value="read_job" checked`) && !strings.Contains(filled.body, `value="read_job_artifact" checked`) {
		t.Errorf("its permissions are not ticked")
	}
	alice.get(t, "/tokens/new?template=ci-jobs&project=shop/api").wants(t, 200, "ci-jobs")
}

// TestWhoEndsATrustMayEndItsTokens: a credential that is too weak to revoke one of its tokens does not revoke all of them either. After a
// handover each owner's are their own.
func TestWhoEndsATrustMayEndItsTokens(t *testing.T) {
	w := newTrusts(t)
	w.load(t, aTrust("notes", "alice", w.api))
	hers := w.give(t, w.allow(t, "notes", w.alicePAT), "project_id=20")
	weak := w.signedIn(t, w.forge.AddToken(w.alice, forgetest.Token{Name: "weak", Scopes: []string{"read_api"}}))
	form := weak.get(t, "/trusts/notes").fill(nil)
	weak.post(t, at(hers.ID, "/revoke"), form).wants(t, 403, "yours lacks api")
	weak.post(t, "/trusts/notes/revoke", form).wants(t, 403, "yours lacks api")
	if _, err := w.store.Trust(t.Context(), "notes"); err != nil {
		t.Errorf("what was allowed: %v", err)
	}

	w.load(t, aTrust("notes", "bob", w.api))
	his := w.give(t, w.allow(t, "notes", w.bobPAT), "project_id=21")
	bob := w.signedIn(t, w.bobPAT)
	bob.get(t, "/trusts").wants(t, 200, "1 of 20")
	bob.get(t, "/trusts/notes").lacks(t, at(hers.ID, ""))
	bob.post(t, "/trusts/notes/revoke", bob.get(t, "/trusts/notes/revoke").fill(nil)).wants(t, 200, "1 token revoked")
	if l := w.read(t, his.ID); l.RevokedAt.IsZero() {
		t.Error("his is alive")
	}
	if l := w.read(t, hers.ID); !l.RevokedAt.IsZero() {
		t.Error("he has revoked hers")
	}
}

// TestATrustThatCannotBeRead: what was allowed and cannot be read allows nothing, and keeps nobody from the other trusts.
func TestATrustThatCannotBeRead(t *testing.T) {
	w := newTrusts(t)
	w.load(t, aTrust("notes", "alice", w.api), aTrust("other", "alice", w.web))
	a := w.allow(t, "notes", w.alicePAT)
	a.Rules = "{"
	if err := w.store.AllowTrust(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	v := w.signedIn(t, w.alicePAT)
	v.get(t, "/trusts").wants(t, 200, "Wider than allowed", ">other</a>")
	v.post(t, "/trusts/notes/revoke", v.get(t, "/trusts/notes/revoke").fill(nil)).wants(t, 200, "0 tokens revoked")
}
