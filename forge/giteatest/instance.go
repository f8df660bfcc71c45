package giteatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The environment names Gitea's program and, for one that was built without its templates and options, their folder.
const (
	ProgramVariable = "PATGATE_E2E_GITEA"
	StaticVariable  = "PATGATE_E2E_GITEA_STATIC"
)

// How says how to run the tests that need a real Gitea.
const How = "set " + ProgramVariable + "=/path/to/gitea (and " + StaticVariable +
	"=/its/static/files, unless they are built in), or run `make e2e-gitea`"

// Password is that of every user of an Instance.
const Password = "Correct-Horse-7"

// Instance is a Gitea that runs on a database of its own, on a loopback address, and writes an access log. It is an
// implementation of World.
type Instance struct {
	Address string // "http://127.0.0.1:1234"
	Version string
	// AdminToken may do everything.
	AdminToken string

	t       testing.TB
	dir     string
	program string
	secrets [4]string
}

// Naming says what a Gitea calls itself.
type Naming struct {
	RootURL   string // with a slash at its end; empty: the address that it listens on
	Detection string // PUBLIC_URL_DETECTION; empty is Gitea's own default
}

// Start starts a Gitea and stops it at the end of the test. Without a program it skips the test, or fails it when
// PATGATE_E2E_REQUIRED is set and the variable names something that is not there.
func Start(t testing.TB) *Instance { return StartAs(t, Naming{}) }

// StartAs starts a Gitea that calls itself something.
func StartAs(t testing.TB, as Naming) *Instance {
	t.Helper()
	program := os.Getenv(ProgramVariable)
	if program == "" {
		t.Skip("needs a real Gitea: " + How)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%s: %v", ProgramVariable, err)
	}
	g := &Instance{t: t, dir: t.TempDir(), program: program, secrets: [...]string{random(32), random(32), random(64), random(32)}}
	g.configure(as)
	g.command("migrate")
	out := g.command("admin", "user", "create", "--username", "root-of-all", "--password", Password,
		"--email", "root@localhost.invalid", "--admin",
		"--must-change-password=false", "--access-token", "--access-token-scopes", "all")
	fields := strings.Fields(out)
	if len(fields) == 0 || len(fields[len(fields)-1]) != 40 {
		t.Fatalf("gitea admin user create printed no token:\n%s", out)
	}
	g.AdminToken = fields[len(fields)-1]
	for tries := 1; ; tries++ { // a port that was free may be somebody's by now
		g.configure(as)
		err := g.serve()
		if err == nil {
			break
		}
		if tries == 3 || !strings.Contains(err.Error(), "address already in use") {
			t.Fatal(err)
		}
	}
	var version struct{ Version string }
	g.must(http.MethodGet, "/version", nil, &version)
	g.Version = version.Version
	return g
}

// configure gives Gitea an address where nobody listens.
func (g *Instance) configure(as Naming) {
	g.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	g.Address = "http://" + address
	if err := os.WriteFile(g.configuration(), []byte(g.settings(address, as)), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// configuration is Gitea's configuration file.
func (g *Instance) configuration() string { return filepath.Join(g.dir, "app.ini") }

// settings gives the configuration: no network, no mail, no timed jobs, cheap password hashes, an access log.
func (g *Instance) settings(address string, as Naming) string {
	host, port, _ := net.SplitHostPort(address)
	runner, name := "", "git"
	if u, err := user.Current(); err == nil {
		name = u.Username
		if u.Uid == "0" {
			runner = "I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true\n"
		}
	}
	root, static := as.RootURL, ""
	if root == "" {
		root = g.Address + "/"
	}
	if as.Detection != "" {
		root += "\nPUBLIC_URL_DETECTION = " + as.Detection
	}
	if dir := os.Getenv(StaticVariable); dir != "" {
		static = "STATIC_ROOT_PATH = " + dir + "\n"
	}
	return "RUN_MODE = prod\nRUN_USER = " + name + "\nWORK_PATH = " + g.dir + "\n" + runner +
		"[server]\nPROTOCOL = http\nHTTP_ADDR = " + host + "\nHTTP_PORT = " + port + "\nROOT_URL = " + root +
		"\nDISABLE_SSH = true\nOFFLINE_MODE = true\n" +
		"LFS_START_SERVER = true\nLFS_JWT_SECRET = " + g.secrets[0] + "\n" + static +
		"[database]\nDB_TYPE = sqlite3\nPATH = " + filepath.Join(g.dir, "gitea.db") + "\nSQLITE_JOURNAL_MODE = WAL\n" +
		"[security]\nINSTALL_LOCK = true\nSECRET_KEY = " + g.secrets[1] + "\nINTERNAL_TOKEN = " + g.secrets[2] +
		"\nPASSWORD_HASH_ALGO = pbkdf2$2$10\n" +
		"[service]\nDISABLE_REGISTRATION = " +
		"true\n[oauth2]\nJWT_SECRET = " + g.secrets[3] + "\n[indexer]\nISSUE_INDEXER_TYPE = db\n" +
		"[cron]\nENABLED = false\n[mailer]\nENABLED = false\n[picture]\nDISABLE_GRAVATAR = true\n" +
		"[webhook]\nALLOWED_HOST_LIST = loopback\n[log]\nMODE = file\nLEVEL = warn\nROOT_PATH = " + filepath.Join(g.dir, "log") +
		"\nlogger.access.MODE = access\nlogger.router.MODE =\n" +
		"[log.access]\nMODE = file\nFILE_NAME = access.log\nLEVEL = info\nLOG_ROTATE = false\n"
}

// random gives n random bytes in the alphabet that Gitea's secrets take.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// command runs one of Gitea's commands to its end.
func (g *Instance) command(args ...string) string {
	g.t.Helper()
	cmd := exec.Command(g.program, append([]string{"--config", g.configuration()}, args...)...)
	cmd.Dir, cmd.Env = g.dir, g.environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("gitea %s: %v\n%s%s", args[0], err, out, g.complaints())
	}
	return string(out)
}

// complaints gives the end of Gitea's own log, which says why it ends: its output does not.
func (g *Instance) complaints() string {
	data, err := os.ReadFile(filepath.Join(g.dir, "log", "gitea.log"))
	if err != nil {
		return "\nit wrote no log: " + err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	text := "\nits log ends with:\n" + strings.Join(lines[max(0, len(lines)-10):], "\n")
	if os.Getenv(StaticVariable) == "" {
		text += "\n" + StaticVariable + " is not set: a Gitea that was built without its templates and options needs it"
	}
	return text
}

func (g *Instance) environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.dir, "GITEA_WORK_DIR=" + g.dir}
}

// serve starts the server and waits until it answers.
func (g *Instance) serve() error {
	var out bytes.Buffer
	cmd := exec.Command(g.program, "--config", g.configuration(), "web")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = g.dir, g.environment(), &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	g.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("gitea ended: %w\n%s%s", err, out.String(), g.complaints())
		default:
		}
		if response, err := http.Get(g.Address + "/api/healthz"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return errors.New("gitea was not ready within a minute" + g.complaints())
}

// Do makes a request of the API, with a token or with "user:password", and gives status and body.
func (g *Instance) Do(credential, method, path string, body any) (int, []byte, error) {
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		reader = bytes.NewReader(data)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // a busy machine is slow
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, g.Address+"/api/v1"+path, reader)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if name, password, basic := strings.Cut(credential, ":"); basic {
		request.SetBasicAuth(name, password)
	} else if credential != "" {
		request.Header.Set("Authorization", "token "+credential)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// must makes a request as the administrator and fails the test unless it succeeds.
func (g *Instance) must(method, path string, body, into any) {
	g.mustAs(g.AdminToken, method, path, body, into)
}

func (g *Instance) mustAs(credential, method, path string, body, into any) {
	g.t.Helper()
	status, answer, err := g.Do(credential, method, path, body)
	if err != nil || status >= 300 {
		g.t.Fatalf("%s %s: status %d, %v\n%s", method, path, status, err, answer)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			g.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

// AccessLog gives the lines of Gitea's access log so far: one for each request that it has answered.
func (g *Instance) AccessLog() []string {
	g.t.Helper()
	data, err := os.ReadFile(filepath.Join(g.dir, "log", "access.log"))
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// Dir is where the instance keeps everything.
func (g *Instance) Dir() string { return g.dir }

var _ fmt.Stringer = (*Instance)(nil)

// String tells which Gitea this is.
func (g *Instance) String() string { return "Gitea " + g.Version + " at " + g.Address }
