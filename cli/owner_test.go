package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patgate/admin/api"
	"patgate/admin/catalogue"
	"patgate/cli/storecmd"
	"patgate/forge/forgetest"
)

func TestTheLifeOfAnOwner(t *testing.T) {
	o := newOperator(t)
	first := o.pat(o.alice)
	o.credential(first)
	if out := o.must("owner", "add"); !strings.Contains(out, "alice") || !strings.Contains(out, "api") {
		t.Errorf("added: %s", out)
	}
	t.Run("the same credential is not added twice", func(t *testing.T) {
		o.refused([]string{"owner", "add"}, "stored already")
	})
	o.credential("")
	t.Run("later tokens need no credential", func(t *testing.T) {
		if v := o.mint(); v.Username != "alice" || v.CredentialID != 1 {
			t.Errorf("made %+v", v)
		}
	})
	t.Run("a list shows user, scopes and status", func(t *testing.T) {
		list := parse[[]storecmd.OwnerView](t, o.must("owner", "list", "--json"))
		if len(list) != 1 || list[0].Username != "alice" || list[0].UserID != o.alice || list[0].Tokens != 1 || list[0].Origin != o.url ||
			len(list[0].Credentials) != 1 || list[0].Credentials[0].Status != "valid" || !slices.Equal(list[0].Credentials[0].Scopes, []string{"api"}) {
			t.Errorf("list %+v", list)
		}
		if out := o.must("owner", "list"); !strings.Contains(out, "alice") || !strings.Contains(out, "valid") {
			t.Errorf("list:\n%s", out)
		}
	})
	t.Run("a credential that the forge refuses now is noted, and the way out is named", func(t *testing.T) {
		o.forge.RevokeToken(first)
		o.refused([]string{"token", "create", "--name", "x", "--project", "shop/api", "--allow", "read_job"}, "patgate owner replace")
		if list := parse[[]storecmd.OwnerView](t, o.must("owner", "list", "--json")); list[0].Credentials[0].Status != "invalid" {
			t.Errorf("status %+v", list[0].Credentials)
		}
	})
	t.Run("another user's credential does not replace it", func(t *testing.T) {
		o.credential(o.pat(o.bob))
		o.refused([]string{"owner", "replace", "alice"}, "belongs to bob", "never change their owner")
	})
	t.Run("nor does a broader one", func(t *testing.T) {
		o.credential(o.pat(o.alice, "api", "k8s_proxy"))
		o.refused([]string{"owner", "replace"}, "also has k8s_proxy")
	})
	t.Run("a narrower one of the same user does", func(t *testing.T) {
		o.credential(o.pat(o.alice, "read_api"))
		o.must("owner", "replace")
		list := parse[[]storecmd.OwnerView](t, o.must("owner", "list", "--json"))
		if c := list[0].Credentials; len(c) != 1 || c[0].ID != 1 || c[0].Status != "valid" || !slices.Equal(c[0].Scopes, []string{"read_api"}) {
			t.Errorf("credentials %+v", c)
		}
	})
	t.Run("and cannot become broader again", func(t *testing.T) {
		o.credential(o.pat(o.alice, "api"))
		o.refused([]string{"owner", "replace"}, "also has api", "patgate owner add")
	})
	t.Run("removing asks, and then revokes", func(t *testing.T) {
		o.refused([]string{"owner", "remove", "alice"}, "1 active token of alice", "--yes")
		if out := o.must("owner", "remove", "alice", "--yes"); !strings.Contains(out, "1 token is revoked") {
			t.Error(out)
		}
		if list := parse[[]api.Token](t, o.must("token", "list", "--state", "any", "--json")); len(list) != 1 || list[0].State != "revoked" {
			t.Errorf("tokens %+v", list)
		}
		o.refused([]string{"owner", "remove", "alice", "--yes"}, "unknown owner")
	})
}

func TestWhichCredentialsAreRefusedAndLeaveNothing(t *testing.T) {
	o := newOperator(t)
	for name, tc := range map[string]struct {
		secret string
		want   string
	}{
		"an unknown one":        {"glpat-wrongwrongwrongwrong", "refuses"},
		"an administrator's":    {o.pat(o.root), "administrator"},
		"one with sudo":         {o.pat(o.alice, "api", "sudo"), "sudo"},
		"one with admin_mode":   {o.pat(o.alice, "api", "admin_mode"), "admin_mode"},
		"one without api":       {o.pat(o.alice, "read_user"), "api or read_api"},
		"a fine-grained one":    {o.forge.AddToken(o.alice, forgetest.Token{Name: "x", Granular: true}), "personal access token"},
		"a job token":           {o.forge.AddToken(o.alice, forgetest.Token{Name: "x", Kind: "job"}), "refuses"},
		"a deploy token":        {o.forge.AddToken(o.alice, forgetest.Token{Name: "x", Kind: "deploy"}), "refuses"},
		"an OAuth token":        {o.forge.AddToken(o.alice, forgetest.Token{Name: "x", Kind: "oauth"}), "forge"},
		"a patgate token":       {"patgate_012345678901234567890123456789abcdef", "this is a patgate token"},
		"two lines":             {"glpat-one\nglpat-two", "white space"},
		"nothing but a space":   {" ", "empty"},
		"a very long one":       {strings.Repeat("g", 2000), "too long"},
		"one with a control":    {"glpat-\x07", "odd characters"},
		"one in another script": {"glpat-ключ", "odd characters"},
	} {
		t.Run(name, func(t *testing.T) {
			o.credential(tc.secret)
			o.refused([]string{"owner", "add"}, tc.want)
			o.refused([]string{"token", "create", "--name", "x", "--project", "shop/api", "--allow", "read_job"}, tc.want)
			if _, err := os.Stat(o.data); err == nil {
				t.Error("something was stored")
			}
		})
	}
	t.Run("without any, and without a terminal, the ways to give one are named", func(t *testing.T) {
		o.credential("")
		o.refused([]string{"owner", "add"}, "PATGATE_OWNER_CREDENTIAL", "--credential-file")
	})
	t.Run("an administrator's is taken when the configuration allows it", func(t *testing.T) {
		t.Setenv("PATGATE_TOKENS_ALLOW_ADMIN_OWNERS", "true")
		o.credential(o.pat(o.root))
		o.must("owner", "add")
	})
	if strings.Contains(o.seen.String(), "glpat-") {
		t.Error("a credential was printed")
	}
}

func TestACredentialFromAFileOrStandardInput(t *testing.T) {
	o := newOperator(t)
	file := filepath.Join(t.TempDir(), "glpat")
	if err := os.WriteFile(file, []byte(o.pat(o.alice)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATGATE_OWNER_CREDENTIAL_FILE", file)
	o.must("owner", "add")
	_ = os.Unsetenv("PATGATE_OWNER_CREDENTIAL_FILE")
	if code, _, errs := o.run(o.pat(o.bob)+"\n", "owner", "add", "--credential-file", "-"); code != 0 {
		t.Error(errs)
	}
	o.refused([]string{"owner", "add", "--credential-file", filepath.Join(t.TempDir(), "none")}, "reading the forge credential")
	if list := parse[[]storecmd.OwnerView](t, o.must("owner", "list", "--json")); len(list) != 2 {
		t.Errorf("owners %+v", list)
	}
	t.Run("with several owners a token says whose it is", func(t *testing.T) {
		create := []string{"token", "create", "--name", "x", "--user", "--allow", "read_user"}
		o.refused(create, "alice, bob", "--owner")
		o.must(append(create, "--owner", "bob")...)
		o.refused(append(create, "--owner", "carol"), "unknown owner", "alice, bob")
	})
}

func TestBroader(t *testing.T) {
	for name, tc := range map[string]struct {
		fresh, old []string
		beyond     []string
	}{
		"the same":                       {[]string{"api"}, []string{"api"}, nil},
		"api covers reading":             {[]string{"read_api", "read_repository"}, []string{"api"}, nil},
		"reading does not cover api":     {[]string{"api"}, []string{"read_api"}, []string{"api"}},
		"api does not cover sudo":        {[]string{"api", "sudo"}, []string{"api"}, []string{"sudo"}},
		"writing covers reading":         {[]string{"read_registry"}, []string{"write_registry"}, nil},
		"an unknown scope covers itself": {[]string{"new_scope"}, []string{"new_scope"}, nil},
		"an unknown scope is broader":    {[]string{"new_scope"}, []string{"api"}, []string{"new_scope"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := catalogue.Broader(tc.fresh, tc.old); !slices.Equal(got, tc.beyond) {
				t.Errorf("got %v, want %v", got, tc.beyond)
			}
		})
	}
}
