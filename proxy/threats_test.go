package proxy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"patgate/routes/load"
)

// threat is one request of testdata/threats; README.md there says what the parts are.
type threat struct {
	name    string
	control bool
	gateway []string // expected answers: "400 several_credentials"
	direct  string   // what the forge makes of it without patgate; empty where that shows nothing
	request string
}

// minThreats guards against a corpus that is not found or not read.
const minThreats = 250

// TestThreats sends every request of the corpus to the gateway: attacks must not reach the forge, controls must.
func TestThreats(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	upstream := newEcho(t, nil)
	g := newWorldGateway(t, table, world{}, upstream.URL)
	attacks := 0
	for file, threats := range readThreats(t) {
		t.Run(file, func(t *testing.T) {
			if !slices.ContainsFunc(threats, func(c threat) bool { return c.control }) {
				t.Error("there is no positive control")
			}
			for _, c := range threats {
				t.Run(c.name, func(t *testing.T) {
					before := len(upstream.requests())
					c.send(t, g.address, g.token, c.gateway)
					after := len(upstream.requests())
					switch {
					case !c.control && after != before:
						t.Errorf("it reached the forge: %+v", upstream.requests()[before:])
					case c.control && after == before:
						t.Error("it did not reach the forge")
					}
				})
				if !c.control {
					attacks++
				}
			}
		})
	}
	if attacks < minThreats {
		t.Errorf("the corpus has %d attacks, want at least %d", attacks, minThreats)
	}
}

// TestThreatsWithoutGateway sends the same requests to the stand-in with the owner's credential, as a proxy would that only
// swaps the token: what the file says goes wrong there does.
func TestThreatsWithoutGateway(t *testing.T) {
	if testing.Short() {
		t.Skip("the stand-in takes long to start")
	}
	forge := startGrape(t)
	shown := 0
	for file, threats := range readThreats(t) {
		t.Run(file, func(t *testing.T) {
			for _, c := range threats {
				if c.direct == "" {
					continue
				}
				shown++
				t.Run(c.name, func(t *testing.T) { c.goesWrong(t, forge) })
			}
		})
	}
	if shown < minThreats/2 {
		t.Errorf("only %d requests show anything", shown)
	}
}

func readThreats(t *testing.T) map[string][]threat {
	t.Helper()
	out, err := loadThreats()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// loadThreats reads the corpus, by file.
func loadThreats() (map[string][]threat, error) {
	files, err := filepath.Glob("testdata/threats/*.txt")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no threats were found: %w", err)
	}
	out := map[string][]threat{}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			return nil, err
		}
		if prose := string(a.Comment); !strings.HasPrefix(prose, "Threat: ") || !strings.Contains(prose, "\nAttack: ") {
			return nil, fmt.Errorf("%s: it must begin with Threat: and Attack:", file)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		for _, f := range a.Files {
			c, err := readThreat(f)
			if err != nil {
				return nil, fmt.Errorf("reading %s, %s: %w", file, f.Name, err)
			}
			out[name] = append(out[name], c)
		}
	}
	return out, nil
}

func readThreat(f txtar.File) (c threat, err error) {
	kind, name, ok := strings.Cut(f.Name, ": ")
	if !ok || kind != "attack" && kind != "control" {
		return c, fmt.Errorf("a request is called `attack: name` or `control: name`")
	}
	c.name, c.control = name, kind == "control"
	head, raw, ok := strings.Cut(string(f.Data), "\n\n")
	if !ok {
		return c, fmt.Errorf("an empty line must stand between what is expected and the request")
	}
	for _, line := range strings.Split(head, "\n") {
		switch key, value, _ := strings.Cut(line, ": "); key {
		case "gateway":
			c.gateway = strings.Split(value, ", ")
		case "direct":
			c.direct = value
		default:
			return c, fmt.Errorf("unknown line %q", line)
		}
	}
	if len(c.gateway) == 0 {
		return c, fmt.Errorf("it does not say what the gateway answers")
	}
	c.request, err = strconv.Unquote(`"` + strings.ReplaceAll(strings.ReplaceAll(raw, "\n", ""), `"`, `\"`) + `"`)
	return c, err
}

// bytes gives the request with a credential in the place of ${token}. ${length} is what follows the first empty line.
func (c *threat) bytes(credential string) string {
	out := strings.NewReplacer("${token}", credential, "${owner}", ownerCredential).Replace(c.request)
	if _, body, ok := strings.Cut(out, "\r\n\r\n"); ok {
		out = strings.ReplaceAll(out, "${length}", strconv.Itoa(len(body)))
	}
	return out
}

// send sends the request and checks the answers.
func (c *threat) send(t *testing.T, address, token string, want []string) {
	t.Helper()
	in, method := c.open(t, address, token)
	for _, expected := range want {
		a, _ := readAnswer(t, in, method)
		status, reason, _ := strings.Cut(expected, " ")
		if strconv.Itoa(a.status) != status {
			t.Errorf("status %d, want %s; body %s", a.status, expected, a.body)
		}
		if reason != "" && !strings.Contains(a.body, `"reason":"`+reason+`"`) {
			t.Errorf("want the reason %s: %s", reason, a.body)
		}
		if strings.Contains(a.body, token) {
			t.Error("the answer repeats the token")
		}
	}
}

// open sends the request over a connection of its own.
func (c *threat) open(t *testing.T, address, credential string) (in *bufio.Reader, method string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	raw := c.bytes(credential)
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	method, _, _ = strings.Cut(strings.TrimLeft(raw, "\r\n"), " ")
	return bufio.NewReader(conn), method
}

// goesWrong checks what the stand-in makes of the request: `key=value` pairs between semicolons.
func (c *threat) goesWrong(t *testing.T, forge *grape) {
	t.Helper()
	in, method := c.open(t, strings.TrimPrefix(forge.origin, "http://"), ownerCredential)
	expected := strings.Split(c.direct, "; ")
	answers := 1
	if text, ok := strings.CutPrefix(expected[0], "answers="); ok {
		answers, _ = strconv.Atoi(text)
		expected = expected[1:]
	}
	var response *http.Response
	var body []byte
	for range answers {
		var err error
		if response, err = http.ReadResponse(in, &http.Request{Method: method}); err != nil {
			t.Fatalf("no answer: %v", err)
		}
		body, _ = io.ReadAll(response.Body)
	}
	seen, err := readSighting(body)
	for _, pair := range expected {
		key, want, _ := strings.Cut(pair, "=")
		if key == "status" {
			if strconv.Itoa(response.StatusCode) != want {
				t.Errorf("status %d, want %s: %.300s", response.StatusCode, want, body)
			}
			continue
		}
		if err != nil {
			t.Fatalf("status %d: %v", response.StatusCode, err)
		}
		if unquoted, unquoteErr := strconv.Unquote(`"` + want + `"`); unquoteErr == nil {
			want = unquoted
		}
		want = strings.ReplaceAll(want, "${owner}", ownerCredential)
		if got := seen.part(key); !slices.Contains(got, want) {
			t.Errorf("%s is %q, want %q: %s", key, got, want, body)
		}
	}
}

// part gives what the stand-in says under a key of the corpus. credential is what GitLab would use, credentials are all.
func (s *sighting) part(key string) []string {
	var credentials []string
	for _, c := range s.Credentials {
		credentials = append(credentials, fmt.Sprint(c[0], ":", c[1]))
	}
	reader, name, _ := strings.Cut(key, ".")
	switch reader {
	case "route":
		return []string{s.Route}
	case "method":
		return []string{s.Method}
	case "sudo":
		if s.Sudo == nil {
			return []string{""}
		}
		return []string{fmt.Sprint(s.Sudo)}
	case "credential":
		return credentials[:min(1, len(credentials))]
	case "credentials":
		return credentials
	case "grape":
		return []string{value(s.Grape, name)}
	case "rails":
		return []string{value(s.Rails, name)}
	case "header":
		return []string{value(s.Headers, name)}
	}
	return nil
}

func value(of any, name string) string {
	for _, step := range strings.Split(name, ".") {
		switch container := of.(type) {
		case map[string]any:
			of = container[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(container) {
				return ""
			}
			of = container[i]
		}
	}
	switch v := of.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return fmt.Sprint(of)
}
