package cli

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patgate/admin/api"
	"patgate/forge/forgetest"
)

// operator runs commands in this process, on a data directory of its own, with a stand-in forge: alice is a maintainer of
// the group shop with its project shop/api, and of secret/plans; bob of nothing; root is an administrator.
type operator struct {
	t                *testing.T
	forge            *forgetest.Forge
	url, data        string
	alice, bob, root int64
	shop, api, plans int64
	seen             strings.Builder // everything that was printed
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	o := &operator{t: t, url: "http://" + server.Listener.Addr().String(), data: filepath.Join(t.TempDir(), "data")}
	o.forge = forgetest.New(forgetest.Options{ExternalURL: o.url})
	server.Config.Handler = o.forge
	server.Start()
	t.Cleanup(server.Close)
	o.alice, o.bob, o.root = o.forge.AddUser("alice"), o.forge.AddUser("bob"), o.forge.AddUser("root")
	o.forge.SetAdmin(o.root)
	o.shop = o.forge.AddGroup("shop", forgetest.Private)
	secret := o.forge.AddGroup("secret", forgetest.Private)
	o.api, o.plans = o.forge.AddProject("shop/api", forgetest.Private), o.forge.AddProject("secret/plans", forgetest.Private)
	o.forge.AddGroupMember(o.shop, o.alice, forgetest.Maintainer)
	o.forge.AddGroupMember(secret, o.alice, forgetest.Maintainer)
	for _, entry := range os.Environ() { // the environment of whoever runs the test
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "PATGATE_") || name == "COLUMNS" {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	t.Setenv("PATGATE_UPSTREAM_URL", o.url)
	t.Setenv("PATGATE_DATA_DIR", o.data)
	return o
}

// credential gives the operator a forge token in the environment, or takes it away when it is empty.
func (o *operator) credential(secret string) {
	o.t.Helper()
	o.t.Setenv("PATGATE_OWNER_CREDENTIAL", secret)
	if secret == "" {
		_ = os.Unsetenv("PATGATE_OWNER_CREDENTIAL")
	}
}

// pat makes a forge token.
func (o *operator) pat(user int64, scopes ...string) string {
	return o.forge.AddToken(user, forgetest.Token{Name: "for patgate", Scopes: scopes})
}

func (o *operator) run(stdin string, args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = Main(args, Stdio{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr})
	o.seen.WriteString(stdout.String() + stderr.String())
	return code, stdout.String(), stderr.String()
}

// must runs a command that succeeds, and gives what it printed.
func (o *operator) must(args ...string) string {
	o.t.Helper()
	code, out, errs := o.run("", args...)
	if code != 0 {
		o.t.Fatalf("patgate %s: exit %d: %s", strings.Join(args, " "), code, errs)
	}
	return out
}

// refused runs a command that fails and says all of want.
func (o *operator) refused(args []string, want ...string) {
	o.t.Helper()
	code, out, errs := o.run("", args...)
	if code == 0 || out != "" {
		o.t.Errorf("patgate %s: exit %d, out %q", strings.Join(args, " "), code, out)
	}
	for _, w := range want {
		if !strings.Contains(errs, w) {
			o.t.Errorf("patgate %s: %q is not in %q", strings.Join(args, " "), w, errs)
		}
	}
}

// parse reads JSON that a command printed.
func parse[T any](t *testing.T, out string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return v
}

// mint makes a token on shop/api.
func (o *operator) mint(args ...string) api.Token {
	o.t.Helper()
	base := []string{"token", "create", "--json", "--project", "shop/api", "--allow", "read_job"}
	if !slices.Contains(args, "--name") {
		base = append(base, "--name", "job")
	}
	return parse[api.Token](o.t, o.must(append(base, args...)...))
}

func id(v api.Token) string { return strconv.FormatInt(v.ID, 10) }
