//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// instructionsFile holds how many instructions a request takes, by Go version and architecture.
const instructionsFile = "testdata/instructions.json"

// Wall time says nothing on a busy machine, and instructions always the same: within tolerance they are what they were.
const (
	tolerance       = .02
	warmRequests    = 500
	countedRequests = 3000
)

// counted are the functions that work for requests. What runs by the clock (the scheduler's monitor, polls of the store,
// questions to the forge, the database) is more on a slow machine, and is left out.
var counted = regexp.MustCompile(`^(patgate/(proxy|routes|policy|token|audit|cache|forge|store\.|admin/usage\.(\(\*Use\)\.Decision|\(\*gathered\)\.(count|countOf|seenFrom)|addUse|ownUnitOf|appendUnit))` +
	`|github\.com/(valyala/fasthttp|dgraph-io/ristretto)|go\.uber\.org/zap` +
	`|bufio\.|bytes\.|strings\.|net\.|net/netip\.|internal/(poll|bytealg|strconv)\.|strconv\.|crypto/|hash/|encoding/|time\.|sync[./]|internal/runtime/maps\.` +
	`|indexbody|indexbytebody|memeqbody|cmpbody|aeshashbody` +
	`|runtime\.(memmove|memequal|memclr|map|mallocgc|newobject|growslice|slicebyte|string|concat|conv|chansend|memhash|strhash|typedmemmove|typedslicecopy|wbMove|defer|gopanic))`)

// TestInstructionsOfARequest counts the instructions that the real binary spends in user mode on a proxied request with all
// checks, under callgrind. Asynchronous preemption is off, because callgrind takes no signals, and so is the garbage
// collector; the count would hold some more with them. So are the processor's extensions, some of which valgrind does not
// know, so that all processors take the same way. What is allocated is held by other tests.
//
// When it fails because a request has to do more now, write the new figure with: make instructions
func TestInstructionsOfARequest(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs patgate under valgrind")
	}
	for program, install := range map[string]string{"valgrind": "valgrind", "callgrind_control": "valgrind", "nginx": "nginx-light"} {
		if _, err := find(program); err != nil {
			if os.Getenv("PATGATE_E2E_REQUIRED") == "1" {
				t.Fatalf("%s is not here (apt-get install %s)", program, install)
			}
			t.Skipf("%s is not here (apt-get install %s)", program, install)
		}
	}
	known := map[string]int64{}
	text, err := os.ReadFile(instructionsFile)
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`^go1\.\d+`).FindString(runtime.Version()) + " " + runtime.GOOS + "/" + runtime.GOARCH
	want, ok := known[version]
	got := countInstructions(t)
	for more := 2; ok && more > 0 && float64(got)/float64(want)-1 > tolerance; more-- {
		got = min(got, countInstructions(t)) // a loop that waits longer for a busy machine does more, and never less
	}
	t.Logf("%d instructions for a request with %s", got, version)
	if os.Getenv("BENCH_INSTRUCTIONS") == "renew" {
		known[version] = got
		text, err := json.MarshalIndent(known, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(instructionsFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !ok && os.Getenv("PATGATE_E2E_REQUIRED") == "1" {
		t.Fatalf("there is no figure for %s yet: make instructions writes it into bench/%s", version, instructionsFile)
	}
	if !ok {
		t.Skipf("there is no figure for %s yet: make instructions writes it into bench/%s", version, instructionsFile)
	}
	switch change := float64(got)/float64(want) - 1; {
	case change < -tolerance:
		t.Logf("that is %+.1f %%: make instructions writes it down", 100*change)
	case change > tolerance:
		t.Errorf("a request takes %d instructions, %+.1f %% against the %d in bench/%s. When that is meant, write the new figure with: make instructions",
			got, 100*change, want, instructionsFile)
	}
}

// countInstructions runs patgate under callgrind and gives the instructions of one request.
func countInstructions(t *testing.T) int64 {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "patgate")
	cmd := exec.Command("go", "build", "-pgo=off", "-o", binary, "patgate") // of packages as tests of CI compile them
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, err := newStage(t.Context(), &options{binary: binary, tokens: 10}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	listen, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	config := s.fill(patgateConfig, "@CONNECTIONS@", manyConnections, "@FURTHER@", wideBudget,
		"@ORIGIN@", "http://"+s.upstream, "@CA@", "", "@TLS@", "", "@LISTEN@", listen, "@ADMIN@", `"off"`,
		"@DATA@", s.seeded.data, "@KEY@", s.seeded.keys)
	profile := s.path("callgrind.out")
	v, err := s.configured("callgrind", config, listen, []string{"GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1,cpu.all=off"},
		"valgrind", "--tool=callgrind", "--callgrind-out-file="+profile, binary, "serve", "--config", "%s")
	if err != nil {
		t.Fatal(err)
	}
	defer v.stop()
	var client net.Conn
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if client, err = net.Dial("tcp", listen); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("patgate does not start under valgrind: %v; it said: %s", err, s.tail("callgrind"))
		}
	}
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(5 * time.Minute))
	in := bufio.NewReader(client)
	control := func(what string) {
		out, err := exec.Command("callgrind_control", what, strconv.Itoa(v.pids[0])).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "OK") {
			t.Fatalf("callgrind_control %s: %v: %s", what, err, out)
		}
	}
	ask(t, s, client, in, warmRequests)
	control("-z")
	ask(t, s, client, in, countedRequests)
	control("-d")
	dump, err := os.ReadFile(profile + ".1")
	if err != nil {
		t.Fatal(err)
	}
	costs, err := selfCosts(dump)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for name, cost := range costs {
		if counted.MatchString(name) {
			sum += cost
		}
	}
	return sum / countedRequests
}

// ask sends requests one after the other, each with the next token.
func ask(t *testing.T, s *stage, client net.Conn, in *bufio.Reader, n int) {
	t.Helper()
	for i := range n {
		at := i % len(s.seeded.tokens)
		if _, err := fmt.Fprintf(client,
			"GET /api/v4/projects/group%%2Fproject-%d/jobs?per_page=20 HTTP/1.1\r\nHost: patgate.test\r\nPrivate-Token: %s\r\n"+
				"Accept: */*\r\nUser-Agent: bench/1\r\n\r\n", project(at), s.seeded.tokens[at]); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%v; it said: %s", err, s.tail("callgrind"))
		}
		if n, err := io.Copy(io.Discard, response.Body); err != nil || n != answerBytes || response.StatusCode != http.StatusOK {
			t.Fatalf("%s, %d bytes, %v", response.Status, n, err)
		}
	}
}

// selfCosts reads a profile of callgrind: the instructions of each function without those of the functions it called.
func selfCosts(profile []byte) (map[string]int64, error) {
	names, costs := map[string]string{}, map[string]int64{}
	var current string
	called := false
	for line := range bytes.Lines(profile) {
		text := strings.TrimSpace(string(line))
		kind, rest, isName := strings.Cut(text, "=(")
		switch {
		case isName && (kind == "fn" || kind == "cfn"):
			id, name, _ := strings.Cut(rest, ")")
			if name = strings.TrimSpace(name); name != "" {
				names[id] = name
			}
			if kind == "fn" {
				current = id
			}
		case strings.HasPrefix(text, "calls="):
			called = true
		case text != "" && strings.ContainsRune("+-*0123456789", rune(text[0])) && current != "":
			if called {
				called = false
				continue
			}
			fields := strings.Fields(text)
			if len(fields) < 2 {
				continue
			}
			cost, err := strconv.ParseInt(fields[len(fields)-1], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("a profile line %q: %w", text, err)
			}
			costs[current] += cost
		}
	}
	if len(costs) < 100 {
		return nil, fmt.Errorf("the profile names only %d functions", len(costs))
	}
	out := map[string]int64{}
	for id, cost := range costs {
		out[names[id]] += cost
	}
	return out, nil
}
