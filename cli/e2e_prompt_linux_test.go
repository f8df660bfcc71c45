package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ttyDesk is a terminal with patgate in front of it.
type ttyDesk struct {
	keys  *os.File // what is written here is typed
	tty   *os.File
	mu    sync.Mutex
	shown strings.Builder
	ended chan error
	cmd   *exec.Cmd
}

// atTerminal starts patgate at a terminal of its own, with Ctrl-C and all.
func atTerminal(t *testing.T, env []string, args ...string) *ttyDesk {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there is no terminal to be had: %v", err)
	}
	t.Cleanup(func() { keys.Close() })
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	d := &ttyDesk{keys: keys, tty: tty, ended: make(chan error, 1), cmd: exec.Command("patgate", args...)}
	d.cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir())
	d.cmd.Stdin, d.cmd.Stdout, d.cmd.Stderr = tty, tty, tty
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(d, keys) }()
	go func() { d.ended <- d.cmd.Wait() }()
	return d
}

// Write implements io.Writer: what the terminal shows.
func (d *ttyDesk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shown.Write(p)
}

func (d *ttyDesk) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shown.String()
}

// awaits waits until the terminal shows a text and does, or does not, show what is typed.
func (d *ttyDesk) awaits(t *testing.T, text string, echo bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		mode, err := unix.IoctlGetTermios(int(d.tty.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(d.text(), text) && mode.Lflag&unix.ECHO != 0 == echo {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it does not show %q with echo %v:\n%s", text, echo, d.text())
		}
	}
}

// types types keys.
func (d *ttyDesk) types(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(d.keys, keys); err != nil {
		t.Fatal(err)
	}
}

// ends waits for the end and gives the exit code.
func (d *ttyDesk) ends(t *testing.T) int {
	t.Helper()
	select {
	case <-d.ended:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(2 * time.Minute):
		_ = d.cmd.Process.Kill()
		t.Fatalf("it does not end:\n%s", d.text())
	}
	return 0
}

// Ctrl-C ends every prompt at once, and the terminal shows again what is typed; only a yes changes a token.
func TestPrompts(t *testing.T) {
	w, err := newWorld()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{world: w, dir: t.TempDir()}
	t.Cleanup(w.close)
	env := []string{"PATGATE_UPSTREAM_URL=" + w.url, "PATGATE_DATA_DIR=" + s.dir + "/data"}
	const ctrlC = "\x03"
	for name, args := range map[string][]string{
		"the owner's forge token":            {"token", "create", "--name", "x", "--user", "--allow", "read_user"},
		"the same for an owner":              {"owner", "add"},
		"a credential for a running patgate": {"token", "list", "--server", "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			d := atTerminal(t, env, args...)
			d.awaits(t, "it is not shown", false)
			d.types(t, "half of it"+ctrlC)
			if code := d.ends(t); code != 130 {
				t.Errorf("exit %d", code)
			}
			d.awaits(t, "interrupted: nothing was done", true)
			if strings.Contains(d.text(), "half of it") {
				t.Errorf("it shows what was typed: %s", d.text())
			}
		})
	}
	t.Run("the standard input", func(t *testing.T) {
		d := atTerminal(t, env, "token", "create", "--name", "x", "--grant", "-")
		d.awaits(t, "Reading what you type", true)
		d.types(t, "- access: user\n")
		d.types(t, ctrlC)
		if code := d.ends(t); code != 130 {
			t.Errorf("exit %d: %s", code, d.text())
		}
	})
	made := atTerminal(t, env, "token", "create", "--name", "ci", "--project", "shop/backend/api",
		"--allow", "read_job,read_pipeline")
	made.awaits(t, "it is not shown", false)
	made.types(t, w.alicePAT+"\n")
	if code := made.ends(t); code != 0 || strings.Contains(made.text(), w.alicePAT) {
		t.Fatalf("exit %d: %s", code, made.text())
	}
	const id = "1000000000000"
	for _, c := range []struct {
		name, typed, want string
		code              int
	}{
		{"Ctrl-C changes nothing", ctrlC, "interrupted: nothing was done", 130},
		{"nor does a bare return", "\n", "nothing was changed", 1},
		{"nor a no", "no\n", "nothing was changed", 1},
		{"a yes does", "y\n", "read_job", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := atTerminal(t, env, "token", "edit", id, "--remove", "read_pipeline")
			d.awaits(t, "Change it? [y/N]", true)
			if !strings.Contains(d.text(), fmt.Sprintf("- read_pipeline on project shop/backend/api (%d)", w.api)) {
				t.Errorf("it asks about %s", d.text())
			}
			d.types(t, c.typed)
			if code := d.ends(t); code != c.code {
				t.Errorf("exit %d", code)
			}
			d.awaits(t, c.want, true)
		})
	}
	t.Run("and --yes is not asked", func(t *testing.T) {
		d := atTerminal(t, env, "token", "edit", id, "--name", "other", "--yes")
		if code := d.ends(t); code != 0 || strings.Contains(d.text(), "[y/N]") {
			t.Errorf("exit %d: %s", code, d.text())
		}
	})
}

// What somebody says yes to, at a running patgate, is the token as it was shown: one that was changed since stays as it is.
func TestAYesToATokenThatChangedMeanwhile(t *testing.T) {
	r := unlimited(t)
	made := r.make(t, creation("ci", on(r.world.api, "read_job", "read_work_item")))
	for name, args := range map[string][]string{
		"a name":       {"--name", "other"},
		"permissions":  {"--remove", "read_job"},
		"whole scopes": {"--project", fmt.Sprint(r.world.api), "--allow", "read_job"},
	} {
		t.Run(name, func(t *testing.T) {
			d := atTerminal(t, append(r.env, "PATGATE_OWNER_CREDENTIAL="+r.world.alicePAT),
				append([]string{"token", "edit", "--server", r.gate, fmt.Sprint(made.ID)}, args...)...)
			d.awaits(t, "Change it? [y/N]", true)
			r.want(t, 200, r.world.alicePAT, "PATCH", extra(made.ID, ""), object{"description": name})
			d.types(t, "y\n")
			if code := d.ends(t); code != 1 {
				t.Errorf("exit %d", code)
			}
			d.awaits(t, "changed meanwhile", true)
			l, text := r.want(t, 200, r.world.alicePAT, "GET", extra(made.ID, ""), nil)
			if l.Name != "ci" || len(l.GranularScopes[0].Permissions) != 2 {
				t.Error(text)
			}
		})
	}
}

// On a terminal a denial says where and what lacks, and the command behind it, as it stands there, gives the token that.
func TestTheNextStepOnATerminal(t *testing.T) {
	r := unlimited(t)
	secret := r.mint(t, "--name", "ci", "--project", "shop/backend/api", "--allow", "read_job")
	if err := r.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d := atTerminal(t, r.env, "serve")
	project := fmt.Sprintf("%s/api/v4/projects/%d", r.gate, r.world.api)
	get := func(address string) int {
		return send("GET", address, http.Header{"Private-Token": {secret}}, nil).status
	}
	for end := time.Now().Add(patience); get(project+"/jobs") != http.StatusOK; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(d.text())
		}
	}
	if status := get(project + "/issues"); status != http.StatusForbidden {
		t.Fatal(status)
	}
	d.awaits(t, "to allow it: ", true)
	if !strings.Contains(d.text(), " ALLOW ci GET /projects/{project}/jobs on shop/backend/api 200") ||
		!strings.Contains(d.text(), " DENY ci GET /projects/{project}/issues needs read_work_item on shop/backend/api (permission_missing)") {
		t.Error(d.text())
	}
	_, step, _ := strings.Cut(d.text(), "to allow it: ")
	step, _, _ = strings.Cut(step, "\r\n")
	edit := exec.Command("bash", "-c", step)
	edit.Env, edit.Dir = append(r.env, "PATGATE_OWNER_CREDENTIAL="+r.world.alicePAT), r.dir
	if out, err := edit.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", step, err, out)
	}
	if status := get(project + "/issues"); status != http.StatusOK {
		t.Errorf("after %s: %d", step, status)
	}
	get(r.gate + "/api/v4/projects/secret%2Fnothing/pipelines") // a name that the client alone gives stands nowhere
	get(project + "/pipelines")
	d.awaits(t, "GET /projects/{project}/pipelines needs read_pipeline on shop/backend/api (permission_missing)", true)
	if text := d.text(); strings.Contains(text, "nothing") || strings.Count(text, "/pipelines needs read_pipeline on project (") != 1 {
		t.Error(text)
	}
	d.types(t, "\x03")
	if code := d.ends(t); code != 0 {
		t.Errorf("exit %d: %s", code, d.text())
	}
	if err := r.start(r.env, nil, r.operators); err != nil { // which the end of the test stops
		t.Fatal(err)
	}
}
