package cli_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"patgate/forge/forgetest"
)

// commands are the words that scripts have beside testscript's own:
//
//	serve [FLAG...]                 start patgate serve and wait until it is ready; its log is serve.log
//	shutdown                        SIGTERM, and it must end cleanly
//	kill9                           SIGKILL
//	hup                             SIGHUP
//	[!] patgate ARG...              the binary; what it prints is kept and searched for secrets at the end
//	mint NAME ARG...                patgate token create ARG..., the secret becomes $NAME and the id $NAME_ID
//	as NAME METHOD PATH [BODY]      a request with the secret $NAME as PRIVATE-TOKEN; PATH is below the gateway
//	anyone METHOD PATH [BODY]       one without a credential
//	with 'HEADER: VALUE' METHOD PATH [BODY]
//	gets STATUS [REGEXP...]         what the last request got, header lines and body
//	soon STATUS as NAME METHOD PATH the same request until it gets STATUS, for at most a second
//	[!] logged REGEXP               what the server logs, now or soon (with !: not so far)
//	begin as NAME METHOD PATH       a request in the background; `finish` waits for its answer
//	hammer as NAME METHOD PATH      the same request over and over; `unharmed` ends it: every one got 200
//	metric REGEXP                   a line of /metrics
//	forge delay|status|break ARG    plant a fault: delay DURATION MATCH, status CODE MATCH, break MATCH
//	[!] forgesaw REGEXP             whether the forge received such a METHOD TARGET line since the last forget
//	forget                          forget what the forge received
//	waitfor URL                     until something answers there
//	postgres [crash|empty]          the store is on a PostgreSQL of the script's own; crash ends and starts that, empty takes another database
//	certificate NAME                make NAME.crt and NAME.key
//	serves NAME                     the gateway serves that certificate, now or soon
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"serve":    serveCommand,
		"shutdown": shutdownCommand,
		"kill9":    killCommand,
		"hup":      hupCommand,
		"mint":     mintCommand,
		"patgate":  patgateCommand,
		"as":       requestCommand("as"),
		"anyone":   requestCommand("anyone"),
		"with":     requestCommand("with"),
		"gets":     getsCommand,
		"soon":     soonCommand,
		"logged":   loggedCommand,
		"begin":    beginCommand,
		"finish":   finishCommand,
		"hammer":   hammerCommand,
		"unharmed": unharmedCommand,
		"metric":   metricCommand,
		"forge":    forgeCommand,
		"forgesaw": forgesawCommand,
		"forget":   forgetCommand,
		"waitfor":  waitforCommand,

		"postgres":    postgresCommand,
		"certificate": certificateCommand,
		"serves":      servesCommand,
	}
}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// plain refuses the negated form of a command that has none.
func plain(ts *testscript.TestScript, neg bool) {
	if neg {
		ts.Fatalf("this command cannot be negated")
	}
}

// environ gives the script's environment, as far as patgate reads it. A variable set to nothing is set, one that is "-" is not.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "PATGATE_UPSTREAM_URL", "PATGATE_LISTEN", "PATGATE_ADMIN_LISTEN",
		"PATGATE_DATA_DIR",
		"PATGATE_CONFIG", "PATGATE_POLICIES", "PATGATE_PUBLIC_URL", "PATGATE_ROUTES_OVERLAYS", "PATGATE_ROUTES_WATCH_INTERVAL",
		"PATGATE_LEGACY",
		"PATGATE_ANONYMOUS",
		"PATGATE_WEB", "PATGATE_STORE_KEY", "PATGATE_STORE_URL", "PATGATE_STORE_KEY_FILE", "PATGATE_OWNER_CREDENTIAL", "PATGATE_SERVER",
		"PATGATE_ADMINISTRATORS", "COLUMNS"} {
		value := ts.Getenv(name)
		if value != "-" && (value != "" || name == "PATGATE_UPSTREAM_URL") {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func serveCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	ts.Check(stageOf(ts).start(environ(ts), args, ts.Getenv("ADMIN")))
}

func shutdownCommand(ts *testscript.TestScript, neg bool, _ []string) {
	plain(ts, neg)
	ts.Check(stageOf(ts).stop(syscall.SIGTERM))
}

func killCommand(ts *testscript.TestScript, neg bool, _ []string) {
	plain(ts, neg)
	if err := stageOf(ts).stop(syscall.SIGKILL); err == nil {
		ts.Fatalf("a killed server ended without an error")
	}
}

func hupCommand(ts *testscript.TestScript, neg bool, _ []string) {
	plain(ts, neg)
	ts.Check(stageOf(ts).server.Process.Signal(syscall.SIGHUP))
}

func mintCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	s := stageOf(ts)
	cmd := exec.Command("patgate", append([]string{"token", "create", "--json"}, args[1:]...)...)
	cmd.Env, cmd.Dir = append(environ(ts), "PATGATE_OWNER_CREDENTIAL="+s.world.alicePAT), s.dir
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		ts.Fatalf("patgate token create: %v\n%s", err, errors.String())
	}
	var made struct {
		ID    int64  `json:"id"`
		Token string `json:"token"`
	}
	ts.Check(json.Unmarshal(out, &made))
	if !strings.HasPrefix(made.Token, "patgate_") || made.ID == 0 {
		ts.Fatalf("patgate token create printed neither id nor token")
	}
	s.secret(args[0], made.Token)
	ts.Setenv(args[0], made.Token)
	ts.Setenv(args[0]+"_ID", strconv.FormatInt(made.ID, 10))
}

func patgateCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	cmd := exec.Command("patgate", args...)
	cmd.Env, cmd.Dir = environ(ts), ts.MkAbs(".")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	_, _ = ts.Stdout().Write(out.Bytes())
	_, _ = ts.Stderr().Write(errs.Bytes())
	s.printed.Write(out.Bytes())
	s.printed.Write(errs.Bytes())
	ts.Check(os.WriteFile(filepath.Join(s.dir, "printed.log"), s.printed.Bytes(), 0o600))
	if code := cmd.ProcessState.ExitCode(); err == nil == neg || code != 0 && code != 1 && code != 2 && code != 3 {
		ts.Fatalf("patgate %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	if lines := strings.TrimSuffix(errs.String(), "\n"); neg {
		for line := range strings.SplitSeq(lines, "\n") {
			if !strings.HasPrefix(line, "patgate: ") {
				ts.Fatalf("an error line does not begin with patgate: %q", line)
			}
		}
	}
}

// prepared makes a request of the words behind as, anyone or with.
func prepared(ts *testscript.TestScript, kind string, args []string) func() answer {
	header := http.Header{}
	switch kind {
	case "as":
		value := ts.Getenv(args[0])
		if value == "" {
			ts.Fatalf("$%s is not set", args[0])
		}
		header.Set("PRIVATE-TOKEN", value)
		args = args[1:]
	case "with":
		name, value, ok := strings.Cut(args[0], ": ")
		if !ok {
			ts.Fatalf("not a header: %q", args[0])
		}
		header.Set(name, value)
		args = args[1:]
	case "anyone":
	default:
		ts.Fatalf("not a request: %s", kind)
	}
	if len(args) < 2 {
		ts.Fatalf("a request is METHOD PATH [BODY]")
	}
	var body []byte
	if len(args) > 2 {
		body = []byte(args[2])
		header.Set("Content-Type", "application/json")
	}
	method, url := args[0], ts.Getenv("GATE")+args[1]
	return func() answer { return send(method, url, header.Clone(), body) }
}

func requestCommand(kind string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		plain(ts, neg)
		a := prepared(ts, kind, args)()
		ts.Check(a.err)
		stageOf(ts).answer = a
	}
}

func getsCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	a := stageOf(ts).answer
	text := "HTTP " + strconv.Itoa(a.status) + "\n"
	var lines strings.Builder
	_ = a.header.Write(&lines)
	text += strings.ReplaceAll(lines.String(), "\r", "") + "\n" + a.body
	if strconv.Itoa(a.status) != args[0] {
		ts.Fatalf("wanted %s, got\n%s", args[0], text)
	}
	for _, pattern := range args[1:] {
		re, err := regexp.Compile(`(?m)` + pattern)
		ts.Check(err)
		if !re.MatchString(text) {
			ts.Fatalf("no match for %s in\n%s", pattern, text)
		}
	}
}

func loggedCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	re, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	if neg {
		time.Sleep(100 * time.Millisecond)
		if re.MatchString(s.logText()) {
			ts.Fatalf("the log has a match for %s", args[0])
		}
		return
	}
	for end := time.Now().Add(patience); !re.MatchString(s.logText()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("no match for %s in the log:\n%s", args[0], s.logText())
		}
	}
}

func beginCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	s := stageOf(ts)
	request := prepared(ts, args[0], args[1:])
	pending, seen := make(chan answer, 1), s.world.forge.RequestCount()
	go func() { pending <- request() }()
	s.pending = pending
	for end := time.Now().Add(patience); s.world.forge.RequestCount() == seen; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("the request did not reach the forge")
		}
	}
}

func finishCommand(ts *testscript.TestScript, neg bool, _ []string) {
	plain(ts, neg)
	s := stageOf(ts)
	s.answer = <-s.pending
	ts.Check(s.answer.err)
}

func hammerCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	stageOf(ts).hammer = newHammer(prepared(ts, args[0], args[1:]))
}

func unharmedCommand(ts *testscript.TestScript, neg bool, _ []string) {
	plain(ts, neg)
	h := stageOf(ts).hammer
	h.stop()
	if h.requests < 20 {
		ts.Fatalf("only %d requests were sent: that shows nothing", h.requests)
	}
	if len(h.failures) > 0 {
		ts.Fatalf("%d of %d requests failed, the first with %s", len(h.failures), h.requests, h.failures[0])
	}
	ts.Logf("%d requests, none failed", h.requests)
}

func metricCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	a := send(http.MethodGet, ts.Getenv("ADMIN")+"/metrics", http.Header{}, nil)
	ts.Check(a.err)
	re, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	if !re.MatchString(a.body) {
		name, _, _ := strings.Cut(strings.TrimPrefix(args[0], "^"), `\{`)
		for line := range strings.Lines(a.body) {
			if strings.HasPrefix(line, name) {
				ts.Logf("%s", strings.TrimSuffix(line, "\n"))
			}
		}
		ts.Fatalf("no match for %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("metrics.txt"), []byte(a.body), 0o600))
}

func forgeCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	var fault forgetest.Fault
	switch args[0] {
	case "delay":
		delay, err := time.ParseDuration(args[1])
		ts.Check(err)
		fault = forgetest.Fault{Delay: delay, Match: args[2]}
	case "status":
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		fault = forgetest.Fault{Status: status, Match: args[2]}
	case "break":
		fault = forgetest.Fault{Break: true, Match: args[1]}
	default:
		ts.Fatalf("unknown fault %s", args[0])
	}
	stageOf(ts).world.forge.Plant(fault)
}

func forgesawCommand(ts *testscript.TestScript, neg bool, args []string) {
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	var lines []string
	found := false
	for _, r := range stageOf(ts).world.forge.Requests() {
		line := r.Method + " " + r.Target
		lines = append(lines, line)
		found = found || re.MatchString(line)
	}
	if found == neg {
		ts.Fatalf("the forge received\n%s", strings.Join(lines, "\n"))
	}
}

func forgetCommand(ts *testscript.TestScript, neg bool, _ []string) {
	plain(ts, neg)
	stageOf(ts).world.forge.ForgetRequests()
}

func waitforCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		a := send(http.MethodGet, args[0], http.Header{}, nil)
		if a.err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("nothing answers: %v", a.err)
		}
	}
}

func soonCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	request := prepared(ts, args[1], args[2:])
	for end := time.Now().Add(time.Second); ; time.Sleep(10 * time.Millisecond) {
		a := request()
		ts.Check(a.err)
		stageOf(ts).answer = a
		if strconv.Itoa(a.status) == args[0] {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("after a second it still gets %d", a.status)
		}
	}
}
