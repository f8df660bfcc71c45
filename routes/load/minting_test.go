package load_test

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// handedOut are the rows that hand out what they mint, by the permission that is named for it. No other row does.
var handedOut = map[string][]string{
	routes.ForgeGitLab: {
		"create_cluster_agent_token POST /projects/{project}/cluster_agents/{agent_id}/tokens",
		"create_deploy_key POST /projects/{project}/deploy_keys",
		"create_deploy_token POST /groups/{group}/deploy_tokens",
		"create_deploy_token POST /projects/{project}/deploy_tokens",
		"create_resource_access_token POST /groups/{group}/access_tokens",
		"create_resource_access_token POST /projects/{project}/access_tokens",
		"create_trigger POST /projects/{project}/triggers",
		"rotate_resource_access_token POST /groups/{group}/access_tokens/{token_id}/rotate",
		"rotate_resource_access_token POST /projects/{project}/access_tokens/{token_id}/rotate",
	},
	routes.ForgeGitea: {"create_deploy_key POST /repos/{project}/keys"},
}

// TestHandedOut holds that what is handed out is on the list, in a container that is checked, newer than the tokens that named
// its permission when nobody got it, and that its permission is for nothing else.
func TestHandedOut(t *testing.T) {
	for forge, whole := range map[string]func() (*routes.Table, error){routes.ForgeGitLab: load.GitLab, routes.ForgeGitea: load.Gitea} {
		table, err := whole()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range table.Minting() {
			for _, name := range table.Catalogue().Names(r.Needs) {
				got = append(got, name+" "+r.Method+" "+r.Path)
			}
			if r.Since < 2 || r.Public || r.Spans || len(r.Boundaries) != 1 || !r.Boundaries[0].InContainer() ||
				r.Find.From != routes.FindInPath {
				t.Errorf("%s %s at %s is not one that only a confirmed grant on its container reaches: %+v", r.Method, r.Path, r.Source, r)
			}
			if !strings.Contains(r.Escapes, "past patgate") {
				t.Errorf("%s: %q does not say that it goes past patgate", r.Path, r.Escapes)
			}
			for _, other := range table.Routes() {
				if other.NeedSet == r.NeedSet && other.Mints == "" {
					t.Errorf("%s %s needs the same permission as %s, and mints nothing", other.Method, other.Path, r.Path)
				}
			}
		}
		if slices.Sort(got); !slices.Equal(got, handedOut[forge]) {
			t.Errorf("%s hands out by\n%s\nwant\n%s", forge, strings.Join(got, "\n"), strings.Join(handedOut[forge], "\n"))
		}
	}
}

// TestEscapes: a row of an overlay says what escapes only of what it mints, and only unsafely where nothing was handed out.
func TestEscapes(t *testing.T) {
	const row = "category: System Access\nresources:\n  deploy_token:\n    create:\n      - route: POST /projects/{project}/deploy_tokens\n"
	const user = "category: System Access\nresources:\n  ssh_key:\n    create:\n      - route: POST /user/keys boundary=user\n        mints: SSH key of an account\n"
	for _, c := range []struct{ name, overlay, want string }{
		{"without what is minted", row + "        escapes: it does\n        unsafe: true\n", "mints none"},
		{"where nothing was handed out", user + "        escapes: it does\n",
			"drops what protects it: that patgate does not hand out what it mints (escapes)"},
		{"and unsafely", user + "        escapes: it does\n        unsafe: true\n", ""},
		{"to older tokens", row + "        mints: deploy token\n        escapes: it does\n", "drops what protects it: since=2"},
		{"to the same tokens", strings.Replace(row, "tokens\n", "tokens since=2\n", 1) +
			"        mints: deploy token\n        escapes: it does\n", ""},
		{"no longer", row + "        mints: deploy token\n", ""},
		{"refused", row + "        mints: deploy token\n        refuse: not here\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, problems := load.Table(load.Options{Overlay: []routes.File{{Name: "mine.yaml", Data: []byte(c.overlay)}}})
			var err error
			if len(problems) > 0 {
				err = routes.Problems(problems)
			}
			switch {
			case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("%v, want %q", err, c.want)
			case err != nil:
				return
			}
			listed := slices.ContainsFunc(table.Minting(),
				func(r *routes.Route) bool { return r.Path == "/projects/{project}/deploy_tokens" })
			if want := c.name == "and unsafely" || c.name == "to the same tokens"; listed != want {
				t.Errorf("deploy tokens are handed out: %v", listed)
			}
		})
	}
}
