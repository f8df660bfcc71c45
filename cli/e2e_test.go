package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"patgate/store/postgres/postgrestest"
)

// TestMain builds the binary once, as a release is built, and puts it on the PATH.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "patgate-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "patgate"), "patgate")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if raced {
		build = exec.Command("go", "build", "-race", "-pgo=off", "-o", filepath.Join(dir, "patgate"), "patgate") // of packages as the tests'
		raceLog = filepath.Join(dir, "race")
	}
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building patgate: %v\n%s", err, out)
		return 1
	}
	os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	code := m.Run()
	if reports := raceReports(raceLog); reports != "" {
		fmt.Fprintf(os.Stderr, "--- FAIL: the race detector reports of patgate serve:\n%s", reports)
		return 1
	}
	return code
}

// raceLog is how the files begin into which each server writes what the race detector finds in it; empty: it is built without one.
var raceLog string

// raceReports gives what has been written into such files.
func raceReports(log string) (reports string) {
	if log == "" {
		return ""
	}
	files, _ := filepath.Glob(log + ".*")
	for _, file := range files {
		data, _ := os.ReadFile(file)
		reports += string(data)
	}
	return reports
}

// TestRaceReportsAreFound: what a server writes into its file fails the run, also where no test looks at it.
func TestRaceReportsAreFound(t *testing.T) {
	log := filepath.Join(t.TempDir(), "race")
	if found := raceReports(log) + raceReports(""); found != "" {
		t.Errorf("found %q where nothing was written", found)
	}
	if err := os.WriteFile(log+".4711", []byte("WARNING: DATA RACE\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := raceReports(log); !strings.Contains(found, "DATA RACE") {
		t.Errorf("found %q", found)
	}
}

// TestRacedNamesTests: each test that make race names is there, so that none passes by not running.
func TestRacedNamesTests(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, names, _ := strings.Cut(string(makefile), "\nRACED = ^(")
	names, _, found := strings.Cut(names, ")$$\n")
	all := testNames(t)
	for name := range strings.SplitSeq(names, "|") {
		if !found || !slices.Contains(all, name) {
			t.Errorf("make race runs %q, which is no test here", name)
		}
	}
}

// testNames gives the names of the tests of this folder.
func testNames(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(data), -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// TestScripts runs testdata/script/*.txt: the built binary, real sockets, a stand-in forge. The scripts' own commands are
// in e2e_commands_test.go; run one with -run TestScripts/journey.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts were found: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setup,
		Cmds:                commands(),
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// condition tells whether what a script asks for is here: [postgres].
func condition(name string) (bool, error) {
	if name != "postgres" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return postgrestest.Missing() == nil || os.Getenv("PATGATE_E2E_REQUIRED") == "1", nil
}

// stageKey finds a script's stage in its environment.
type stageKey struct{}

// setup gives a script a forge of its own, free ports, and an environment in which patgate needs no flags.
func setup(env *testscript.Env) error {
	w, err := newWorld()
	if err != nil {
		return err
	}
	s := &stage{world: w, dir: env.WorkDir}
	env.Values[stageKey{}] = s
	env.Defer(func() { s.close(env.T()) })
	listen, admin, err := s.ports()
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"PATGATE_UPSTREAM_URL": w.url, "PATGATE_LISTEN": listen, "PATGATE_ADMIN_LISTEN": admin,
		"PATGATE_DATA_DIR": filepath.Join(env.WorkDir, "data"), "GATE": "http://" + listen, "ADMIN": "http://" + admin,
		"ADMIN_ADDRESS": admin, "GATE_ADDRESS": listen,
		"FORGE": w.url, "ALICE_PAT": w.alicePAT, "BOB_PAT": w.bobPAT,
		"API": fmt.Sprint(w.api), "WEB": fmt.Sprint(w.web), "PLANS": fmt.Sprint(w.plans), "SHOP": fmt.Sprint(w.shop),
		"ALICE":   fmt.Sprint(w.alice),
		"BACKEND": fmt.Sprint(w.backend),
	} {
		env.Setenv(name, value)
	}
	s.secret("alice's forge token", w.alicePAT)
	s.secret("bob's forge token", w.bobPAT)
	return nil
}

// secret is something that must appear nowhere but in the answer that gave it.
type secret struct{ name, text string }

// leaks looks for the secrets in every file below a directory, the database and the logs included.
func leaks(dir string, secrets []secret) (found []string) {
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() || filepath.Base(path) == "pat.txt" {
			return nil // a file that went away holds nothing
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		for _, s := range secrets {
			if bytes.Contains(data, []byte(s.text)) {
				found = append(found, fmt.Sprintf("%s stands in %s", s.name, path))
			}
		}
		return nil
	})
	return found
}

// TestLeaksFindsASecret shows that the search at the end of every script can fail.
func TestLeaksFindsASecret(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "serve.log"), []byte("token=patgate_abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := leaks(dir, []secret{{"ci", "patgate_abc"}, {"other", "patgate_def"}}); len(found) != 1 {
		t.Fatalf("found %v", found)
	}
}
