package cli

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/admin/api"
	"patgate/cli/storecmd"
	"patgate/store"
	"patgate/token"
)

func TestTheLifeOfAToken(t *testing.T) {
	o := newOperator(t)
	o.credential(o.pat(o.alice))
	made := o.mint("--description", "for the nightly job", "--expires", "12h")
	t.Run("it is made as asked, with ids in place of paths", func(t *testing.T) {
		want := []api.Scope{{Access: "selected_memberships", Permissions: []string{"read_job"}, ProjectID: &o.api}}
		if made.ID != store.FirstTokenID || !reflect.DeepEqual(made.GranularScopes, want) || made.State != "active" || made.UserID != o.alice {
			t.Errorf("made %+v", made)
		}
		if d := made.ExpiresAtTime.Sub(made.CreatedAt); d != 12*time.Hour {
			t.Errorf("lives %v", d)
		}
		if _, err := token.Parse([]byte(made.Token)); err != nil || !strings.HasSuffix(made.Token, made.LastFour) {
			t.Errorf("secret: %v", err)
		}
	})
	t.Run("the secret comes alone with --quiet", func(t *testing.T) {
		out := o.must("token", "create", "-q", "--name", "second", "--group", "shop", "--allow", "read_job")
		if _, err := token.Parse([]byte(strings.TrimSuffix(out, "\n"))); err != nil {
			t.Errorf("%v: %q", err, out)
		}
	})
	t.Run("and last otherwise", func(t *testing.T) {
		lines := strings.Split(strings.TrimSpace(o.must("token", "create", "--name", "third", "--personal", "--allow", "read_job")), "\n")
		if _, err := token.Parse([]byte(lines[len(lines)-1])); err != nil {
			t.Errorf("%v: %q", err, lines)
		}
	})
	t.Run("the same credential is sealed once", func(t *testing.T) {
		if list := parse[[]storecmd.OwnerView](t, o.must("owner", "list", "--json")); len(list[0].Credentials) != 1 {
			t.Errorf("credentials %+v", list[0].Credentials)
		}
	})
	t.Run("it is shown and listed without its secret", func(t *testing.T) {
		show := o.must("token", "show", id(made)) + o.must("token", "show", "--json", id(made)) + o.must("token", "list") + o.must("token", "list", "--wide") + o.must("token", "list", "--json")
		for _, want := range []string{"for the nightly job", "alice", "read_job", "project shop/api (" + itoa(o.api) + ")",
			"group shop (" + itoa(o.shop) + ")", "on project shop/api", made.LastFour} {
			if !strings.Contains(show, want) {
				t.Errorf("%q is not shown", want)
			}
		}
		if strings.Contains(show, made.Token) || strings.Contains(show, `"token"`) {
			t.Error("the secret is shown")
		}
	})
	t.Run("it pauses and resumes", func(t *testing.T) {
		o.must("token", "pause", id(made), "--reason", "holidays")
		if out := o.must("token", "show", id(made)); !strings.Contains(out, "paused") || !strings.Contains(out, "holidays") {
			t.Error(out)
		}
		o.must("token", "resume", id(made))
		if v := parse[api.Token](t, o.must("token", "show", "--json", id(made))); v.State != "active" {
			t.Errorf("state %s", v.State)
		}
	})
	t.Run("it is confirmed under the table's version", func(t *testing.T) {
		if v := parse[api.Token](t, o.must("token", "confirm", "--json", id(made))); v.TableVersion < 1 {
			t.Errorf("version %d", v.TableVersion)
		}
	})
	t.Run("it is revoked by id, with a reason", func(t *testing.T) {
		o.must("token", "revoke", id(made), "--reason", "done")
		v := parse[api.Token](t, o.must("token", "show", "--json", id(made)))
		if v.State != "revoked" || v.RevokeReason != "done" || !strings.HasPrefix(v.RevokedBy, "cli:") {
			t.Errorf("%+v", v)
		}
		if out := o.must("token", "revoke", id(made)); !strings.Contains(out, "Already revoked") {
			t.Error(out)
		}
	})
	t.Run("or by its secret on standard input", func(t *testing.T) {
		leaked := o.mint("--name", "leaked")
		code, out, errs := o.run(leaked.Token+"\n", "token", "revoke", "--secret", "-")
		if code != 0 || !strings.Contains(out, id(leaked)) {
			t.Errorf("exit %d, %q, %q", code, out, errs)
		}
		o.refused([]string{"token", "revoke", "--secret", leaked.Token}, "--secret -")
		for text, want := range map[string]string{
			"patgate_nonsense": "line 1: malformed", leaked.Token[:len(leaked.Token)-1] + "\n": "line 1: malformed", "": "no secret", "nothing here\n": "no secret",
			"\n" + leaked.Token[:len(leaked.Token)-4] + "0000": "line 2: patgate token with a wrong checksum",
		} {
			if code, _, errs := o.run(text, "token", "revoke", "--secret", "-"); code == 0 || !strings.Contains(errs, want) || strings.Contains(errs, "nonsense") || strings.Contains(errs, leaked.Token[:20]) {
				t.Errorf("%q: exit %d, %q", want, code, errs)
			}
		}
	})
	t.Run("or by all the secrets that stand in some text, whatever else is wrong there", func(t *testing.T) {
		one, two, stranger := o.mint("--name", "one"), o.mint("--name", "two"), madeUp(t)
		text := "remote: https://ci:" + one.Token + "@forge.example.com\nTOKEN=" + two.Token + " again " + one.Token + "\npatgate_cut\n" + stranger + "\nother text\n"
		code, out, errs := o.run(text, "token", "revoke", "--secret", "-")
		if code != 1 || strings.Count(out, "Revoked token") != 2 || !strings.Contains(out, id(one)) || !strings.Contains(out, id(two)) {
			t.Errorf("exit %d, %q", code, out)
		}
		for _, want := range []string{"line 3: malformed", "ends in " + stranger[len(stranger)-4:] + ": unknown token"} {
			if !strings.Contains(errs, want) {
				t.Errorf("%q is not in %q", want, errs)
			}
		}
	})
	t.Run("ids that are none are told from ids of the forge", func(t *testing.T) {
		o.refused([]string{"token", "show", "x"}, "not a token id")
		o.refused([]string{"token", "revoke", "17"}, "not the id of a patgate token")
		o.refused([]string{"token", "show", "1000000000999"}, "there is no token")
		o.refused([]string{"token", "revoke"}, "give ids")
	})
}

// madeUp gives a secret that no token has.
func madeUp(t *testing.T) string {
	t.Helper()
	secret, err := token.Mint(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal()
}

// TestTheJSONOfCommandsIsThatOfTheAPI holds that nobody has to read two forms.
func TestTheJSONOfCommandsIsThatOfTheAPI(t *testing.T) {
	o := newOperator(t)
	o.credential(o.pat(o.alice))
	made := o.mint("--expires", "12h", "--renew-until", "30d")
	rotated := parse[api.Token](t, o.must("token", "rotate", "--json", "--grace", "1h", "--renew-until", "20d", id(made)))
	if rotated.Token == "" || rotated.FamilyID != made.ID || rotated.CredentialID != made.CredentialID {
		t.Errorf("%+v", rotated)
	}
	shown := parse[api.Token](t, o.must("token", "show", "--json", id(made)))
	if shown.RotatedTo == nil || *shown.RotatedTo != rotated.ID || shown.ExpiresAt != shown.ExpiresAtTime.Add(24*time.Hour).UTC().Format(time.DateOnly) {
		t.Errorf("%+v", shown)
	}
	edited := parse[api.Token](t, o.must("token", "edit", "--json", id(rotated), "--name", "renamed", "--expires", "1d"))
	if edited.Widened == nil || *edited.Widened || edited.Name != "renamed" || !edited.RenewUntil.Equal(rotated.RenewUntil) {
		t.Errorf("%+v", edited)
	}
	var keys map[string]any
	if err := json.Unmarshal([]byte(o.must("token", "show", "--json", id(rotated))), &keys); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"renew_until", "parent_id", "family_id", "rotated_to", "state", "scopes", "last_used_ips", "expires_at_time"} {
		if _, ok := keys[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

// full is an output that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestATokenWhoseSecretNobodySawIsRevoked(t *testing.T) {
	o := newOperator(t)
	o.credential(o.pat(o.alice))
	var errs strings.Builder
	code := Main([]string{"token", "create", "-q", "--name", "x", "--user", "--allow", "read_user"}, Stdio{In: strings.NewReader(""), Out: full{}, Err: &errs})
	if code == 0 || !strings.Contains(errs.String(), "no space left") {
		t.Errorf("exit %d, %q", code, errs.String())
	}
	if list := parse[[]api.Token](t, o.must("token", "list", "--state", "any", "--json")); len(list) != 1 || list[0].State != "revoked" {
		t.Errorf("tokens %+v", list)
	}
}

func TestWhatATokenIsNotMadeFor(t *testing.T) {
	o := newOperator(t)
	o.credential(o.pat(o.alice))
	base := []string{"token", "create", "--name", "x"}
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"no name":                       {[]string{"token", "create", "--user", "--allow", "read_user"}, []string{"--name is missing"}},
		"no scope":                      {base, []string{"at least one scope"}},
		"a place without permissions":   {append(base, "--project", "shop/api"), []string{"close it with --allow"}},
		"permissions without a place":   {append(base, "--allow", "read_job"), []string{"say where first"}},
		"two kinds of place at once":    {append(base, "--project", "shop/api", "--user", "--allow", "read_job"), []string{"another kind of place"}},
		"unknown permissions":           {append(base, "--project", "shop/api", "--allow", "raed_job,run_jbo"), []string{`"raed_job"`, "read_job", `"run_jbo"`, "run_job"}},
		"an empty permission":           {append(base, "--project", "shop/api", "--allow", "read_job,"), []string{"empty permission"}},
		"a permission on another place": {append(base, "--user", "--allow", "read_job"), []string{"read_job", "boundary is project"}},
		"a wildcard for nothing":        {append(base, "--project", "shop/api", "--allow", "zap_*"), []string{"zap_*"}},
		"a project that does not exist": {append(base, "--project", "shop/none", "--allow", "read_job"), []string{`project "shop/none": not found`}},
		"projects that do not exist":    {append(base, "--project", "shop/none,shop/never", "--allow", "read_job"), []string{"shop/none", "shop/never"}},
		"a group in place of a project": {append(base, "--project", "shop", "--allow", "read_job"), []string{"not a full path"}},
		"a path that is none":           {append(base, "--project", "../shop/api", "--allow", "read_job"), []string{"not a full path"}},
		"one project twice":             {append(base, "--project", "shop/api,"+itoa(o.api), "--allow", "read_job", "--project", "shop/api", "--allow", "run_job"), []string{"scopes[0] already"}},
		"too short a life":              {append(base, "--user", "--allow", "read_user", "--expires", "1m"), []string{"at least 5m"}},
		"too long a life":               {append(base, "--user", "--allow", "read_user", "--expires", "9999d"), []string{"--expires is too late", "365d (tokens.max_lifetime)"}},
		"a past date":                   {append(base, "--user", "--allow", "read_user", "--expires", "2020-01-01"), []string{"in the past"}},
		"a time that is none":           {append(base, "--user", "--allow", "read_user", "--expires", "tomorrow"), []string{"neither a date", "nor a duration"}},
		"a long name":                   {[]string{"token", "create", "--name", strings.Repeat("n", 201), "--user", "--allow", "read_user"}, []string{"201 characters"}},
		"a name over two lines":         {[]string{"token", "create", "--name", "a\nb", "--user", "--allow", "read_user"}, []string{"control characters"}},
		"everything at once":            {[]string{"token", "create", "--expires", "1s"}, []string{"--name is missing", "--expires is too soon", "at least one scope"}},
		"a grant file that is missing":  {append(base, "--grant", "/nonexistent"), []string{"reading --grant"}},
		"both ways of giving scopes":    {append(base, "--grant", "x", "--user", "--allow", "read_user"), []string{"not by both"}},
	} {
		t.Run(name, func(t *testing.T) { o.refused(tc.args, tc.want...) })
	}
	if list, err := os.ReadDir(filepath.Join(o.data, "db")); err == nil && len(list) > 0 {
		if tokens := parse[[]api.Token](t, o.must("token", "list", "--state", "any", "--json")); len(tokens) > 0 {
			t.Errorf("tokens were made: %+v", tokens)
		}
		if owners := parse[[]storecmd.OwnerView](t, o.must("owner", "list", "--json")); len(owners) > 0 {
			t.Errorf("owners were stored: %+v", owners)
		}
	}
}

func TestWildcardsExpandWhenTheTokenIsMade(t *testing.T) {
	o := newOperator(t)
	o.credential(o.pat(o.alice))
	v := parse[api.Token](t, o.must("token", "create", "--json", "--name", "reader", "--project", "shop/api", "--allow", "read_*"))
	names := v.GranularScopes[0].Permissions
	if !slices.Contains(names, "read_job") || len(names) < 50 || slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, "read_") }) {
		t.Errorf("%d permissions: %v", len(names), names)
	}
	if slices.Contains(names, "read_user") {
		t.Error("read_user cannot be granted on a project")
	}
	v = parse[api.Token](t, o.must("token", "create", "--json", "--name", "all", "--all-memberships", "--allow", "*"))
	o2 := v.GranularScopes[0].Permissions
	for _, minting := range []string{"rotate_project_access_token", "create_project_access_token", "create_deploy_token", "create_resource_access_token"} {
		if slices.Contains(o2, minting) {
			t.Errorf("* stands for %s", minting)
		}
	}
}
