package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// crate is a library in a folder of its own and a program that uses it, for cargo with a sparse index.
type crate struct {
	library, use string
	program      string
	env          func(token string) []string
}

// newCrate writes both. Programs that rustup has put there are run from where they are, since rustup looks in the home of a client.
func (s *packageStage) newCrate(t *testing.T, index string) *crate {
	t.Helper()
	needs(t, "cargo", "apt-get install cargo")
	c, path := &crate{program: "cargo"}, os.Getenv("PATH")
	if out, err := exec.Command("rustup", "which", "cargo").Output(); err == nil {
		c.program = strings.TrimSpace(string(out))
		path = filepath.Dir(c.program) + string(os.PathListSeparator) + path
	}
	if out, err := s.client(s.home, []string{"PATH=" + path}, c.program, "--version"); err != nil || strings.HasPrefix(out, "cargo 0.") ||
		regexp.MustCompile(`^cargo 1\.([0-9]|[1-6][0-9]|7[0-3])\.`).MatchString(out) {
		t.Skipf("it needs cargo 1.74 or later, which reads such a registry with a token: %v %s", err, out)
	}
	s.file(t, "cargo/home/config.toml", []byte("[registries.forge]\nindex = \"sparse+"+index+"\"\n[registry]\n"+
		"global-credential-providers = [\"cargo:token\"]\n"))
	c.library = filepath.Dir(s.file(t, "cargo/library/Cargo.toml", []byte("[package]\nname = \"shoplib\"\nversion = \"1.0.0\"\n"+
		"edition = \"2021\"\ndescription = \"a library\"\nlicense = \"MIT\"\n")))
	s.file(t, "cargo/library/src/lib.rs", []byte("pub const FROM: &str = \"the registry\";\n"))
	c.use = filepath.Dir(s.file(t, "cargo/use/Cargo.toml", []byte("[package]\nname = \"user\"\nversion = \"1.0.0\"\nedition = \"2021\"\n"+
		"[dependencies]\nshoplib = { version = \"1\", registry = \"forge\" }\n")))
	s.file(t, "cargo/use/src/main.rs", []byte("fn main() { println!(\"{}\", shoplib::FROM); }\n"))
	c.env = func(token string) []string {
		return []string{"CARGO_HOME=" + filepath.Join(s.home, "cargo", "home"), "CARGO_REGISTRIES_FORGE_TOKEN=Bearer " + token,
			"CARGO_NET_RETRY=0", "CARGO_TERM_COLOR=never", "PATH=" + path}
	}
	return c
}

// publish and fetch are what cargo is called with. fetch begins anew each time.
func (c *crate) publish() []string {
	return []string{"publish", "--registry", "forge", "--no-verify", "--allow-dirty"}
}

func (c *crate) fetch(t *testing.T) []string {
	t.Helper()
	for _, kept := range []string{"Cargo.lock", "../home/registry"} {
		if err := os.RemoveAll(filepath.Join(c.use, kept)); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"fetch"}
}

// fetched fails the test unless the library's source came.
func (c *crate) fetched(t *testing.T) {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(c.use, "../home/registry/src/*/shoplib-1.0.0/src/lib.rs"))
	if len(found) != 1 {
		t.Fatalf("the library is in %q", found)
	}
	holds(t, found[0], "the registry")
}

// cargoRegistry has cargo publish and fetch.
func cargoRegistry(t *testing.T, s *packageStage) {
	c := s.newCrate(t, s.api("packages/cargo/", "", ""))
	s.refused(t, []string{"create_package"}, c.library, c.env(s.reader), c.program, c.publish()...)
	s.works(t, "Bearer", c.library, c.env(s.writer), c.program, c.publish()...)
	s.refused(t, []string{"403", "read_package"}, c.use, c.env(s.stranger), c.program, c.fetch(t)...)
	s.works(t, "Bearer", c.use, c.env(s.reader), c.program, c.fetch(t)...)
	c.fetched(t)
}
