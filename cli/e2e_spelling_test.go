package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// spelled is a gateway to which requests come as clients spell them.
type spelled struct {
	*running
	token, path string
}

func startSpelled(t *testing.T) *spelled {
	r := startRunning(t)
	v := r.make(t, creation("spells", on(r.world.api, "read_project", "read_job", "read_repository", "read_branch", "read_repository_tag",
		"read_label", "read_wiki",
		"create_markdown_upload", "delete_branch")))
	return &spelled{running: r, token: v.Token, path: fmt.Sprintf("/api/v4/projects/%d", r.world.api)}
}

// reached does something and gives the request that the forge then got; nil when there was none.
func (s *spelled) reached(do func()) *forgetest.Request {
	before := len(s.world.forge.Requests())
	do()
	var last *forgetest.Request
	for _, r := range s.world.forge.Requests()[before:] {
		if r.Header.Get("User-Agent") != "patgate" && r.Header.Get("X-Request-Id") != "" {
			last = &r
		}
	}
	return last
}

// exchange sends bytes and gives the status and the body of the answer. ${P} is the project's path, ${T} the token, ${G} the gate.
func (s *spelled) exchange(t *testing.T, raw string) (status int, body string) {
	t.Helper()
	gate := strings.TrimPrefix(s.gate, "http://")
	raw = strings.NewReplacer("${P}", s.path, "${T}", s.token, "${G}", gate, "\n", "\r\n").Replace(raw)
	c, err := net.Dial("tcp", gate)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, raw)
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	all, _ := io.ReadAll(a.Body)
	return a.StatusCode, string(all)
}

// TestSpellings sends requests as HTTP libraries do, byte for byte.
func TestSpellings(t *testing.T) {
	s := startSpelled(t)
	const auth = "Host: ${G}\nPRIVATE-TOKEN: ${T}\n"
	for _, c := range []struct{ name, raw, reaches string }{
		{"a percent sign in a file's name", "GET ${P}/repository/files/100%25.md/raw?ref=main HTTP/1.1\n" + auth + "\n",
			"${P}/repository/files/100%25.md/raw?ref=main"},
		{"a percent sign in a branch", "GET ${P}/repository/branches/100%25 HTTP/1.1\n" + auth + "\n", "${P}/repository/branches/100%25"},
		{"a percent sign in a tag", "GET ${P}/repository/tags/v1%25rc HTTP/1.1\n" + auth + "\n", "${P}/repository/tags/v1%25rc"},
		{"a percent sign in a label", "GET ${P}/labels/50%25%20done HTTP/1.1\n" + auth + "\n", "${P}/labels/50%25%20done"},
		{"a percent sign in a wiki page", "GET ${P}/wikis/100%25 HTTP/1.1\n" + auth + "\n", "${P}/wikis/100%25"},
		{"a percent sign and two digits", "GET ${P}/repository/tags/100%2525 HTTP/1.1\n" + auth + "\n", "${P}/repository/tags/100%2525"},
		{"letters that fetch leaves bare", "GET ${P}/repository/files/pages%2F[slug].tsx?ref=main HTTP/1.1\n" + auth + "\n",
			"${P}/repository/files/pages%2F%5Bslug%5D.tsx?ref=main"},
		{"letters that curl leaves bare", "GET ${P}/repository/tags/a|b^{c}`d\"e<f> HTTP/1.1\n" + auth + "\n",
			"${P}/repository/tags/a%7Cb%5E%7Bc%7D%60d%22e%3Cf%3E"},
		{"raw UTF-8", "GET ${P}/repository/tags/\u00e9 HTTP/1.1\n" + auth + "\n", "${P}/repository/tags/%C3%A9"},
		{"two slashes in front", "GET /${P}/jobs HTTP/1.1\n" + auth + "\n", "${P}/jobs"},
		{"two slashes within", "GET ${P}//jobs HTTP/1.1\n" + auth + "\n", "${P}/jobs"},
		{"a slash at the end", "GET ${P}/jobs/ HTTP/1.1\n" + auth + "\n", "${P}/jobs"},
		{"a slash at the end, and a query", "GET ${P}/jobs/?per_page=5 HTTP/1.1\n" + auth + "\n", "${P}/jobs?per_page=5"},
		{"absolute form", "GET http://${G}${P}/jobs HTTP/1.1\n" + auth + "\n", "${P}/jobs"},
		{"an empty object", "GET ${P}/jobs HTTP/1.1\n" + auth + "Content-Type: application/json\nContent-Length: 2\n\n{}", "${P}/jobs"},
		{"an empty chunked body", "GET ${P}/jobs HTTP/1.1\n" + auth + "Transfer-Encoding: chunked\n\n0\n\n", "${P}/jobs"},
		{"an empty body with a type", "GET ${P}/jobs HTTP/1.1\n" + auth + "Content-Type: application/json\nContent-Length: 0\n\n",
			"${P}/jobs"},
		{"an empty object in chunks", "DELETE ${P}/repository/branches/x HTTP/1.1\n" + auth +
			"Content-Type: application/json\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n",
			"${P}/repository/branches/x"},
		{"the token in two places", "GET ${P}/jobs HTTP/1.1\n" + auth + "Authorization: Bearer ${T}\n\n", "${P}/jobs"},
		{"the token in two lines", "GET ${P}/jobs HTTP/1.1\n" + auth + "PRIVATE-TOKEN: ${T}\n\n", "${P}/jobs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var status int
			var body string
			r := s.reached(func() { status, body = s.exchange(t, c.raw) })
			if r == nil {
				t.Fatalf("it did not reach the forge: %d %s", status, body)
			}
			if want := strings.ReplaceAll(c.reaches, "${P}", s.path); r.Target != want || len(r.Body) > 0 ||
				r.Header.Get("Content-Type") != "" {
				t.Errorf("the forge got %s with a body of %d bytes, want %s", r.Target, len(r.Body), want)
			}
		})
	}
	for _, c := range []struct{ name, lines string }{
		{"Guzzle", "Content-Length: 1\n"},
		{"OkHttp", "Content-Type: image/png\nContent-Length: 1\n"},
		{"HttpMime", "Content-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n"},
		{"a mail's library", "Content-Transfer-Encoding: 8bit\nContent-Type: text/plain\n"},
	} {
		t.Run("a part as of "+c.name, func(t *testing.T) {
			body := "--b\nContent-Disposition: form-data; name=\"file\"; filename=\"100%.png\"\n" + c.lines + "\nx\n--b--\n"
			length := len(strings.ReplaceAll(body, "\n", "\r\n"))
			var status int
			var text string
			r := s.reached(func() {
				status, text = s.exchange(t, fmt.Sprintf("POST ${P}/uploads HTTP/1.1\n%sContent-Type: multipart/form-data; boundary=b\n"+
					"Content-Length: %d\n\n%s", auth, length, body))
			})
			if r == nil {
				t.Fatalf("it did not reach the forge: %d %s", status, text)
			}
			if sent := string(r.Body); strings.Contains(sent, "Content-Length") || strings.Contains(sent, "Transfer-Encoding") ||
				!strings.Contains(sent, "filename*=UTF-8''100%25.png") {
				t.Errorf("the forge got %q", sent)
			}
		})
	}
	for _, c := range []struct{ name, raw, says string }{
		{"a backslash", "GET ${P}/repository/tags/a\\b HTTP/1.1\n" + auth + "\n", "percent-encoded"},
		{"an escape without digits", "GET ${P}/repository/tags/100% HTTP/1.1\n" + auth + "\n", "a percent sign as %25"},
		{"a project that is encoded twice", "GET /api/v4/projects/acme%252Fapi/jobs HTTP/1.1\n" + auth + "\n", "encode it once"},
		{"a dot segment that is encoded twice", "GET ${P}/repository/files/a%252F%252E%252E%252Fb HTTP/1.1\n" + auth + "\n",
			"encode each part of the path once"},
		{"absolute form of another host", "GET http://evil.example${P}/jobs HTTP/1.1\n" + auth + "\n", "Send the path alone"},
		{"a body that says something", "GET ${P}/jobs HTTP/1.1\n" + auth +
			"Content-Type: application/json\nContent-Length: 14\n\n{\"per_page\": 5}", "in the query"},
		{"a long body that says nothing", "GET ${P}/jobs HTTP/1.1\n" + auth + "Content-Type: application/json\nContent-Length: 100\n\n" +
			strings.Repeat(" ", 98) + "{}",
			"in the query"},
		{"two credentials", "GET ${P}/jobs HTTP/1.1\n" + auth + "Authorization: Bearer glpat-x\n\n", ".netrc"},
		{"the token in the query, too", "GET ${P}/jobs?private_token=${T} HTTP/1.1\n" + auth + "\n", "logs keep it"},
	} {
		t.Run("refused: "+c.name, func(t *testing.T) {
			var status int
			var body string
			if r := s.reached(func() { status, body = s.exchange(t, c.raw) }); r != nil {
				t.Errorf("it reached the forge as %s", r.Target)
			}
			if status != 400 || !strings.Contains(body, c.says) {
				t.Errorf("status %d, want 400 and %q: %s", status, c.says, body)
			}
		})
	}
}

// TestSpellingsOfClients has real clients send what they make of it.
func TestSpellingsOfClients(t *testing.T) {
	s := startSpelled(t)
	dir := t.TempDir()
	for _, name := range []string{"100%.png", "a;b%41.txt", `say "hi".txt`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	netrc := fmt.Sprintf("machine 127.0.0.1 login alice password %s\n", s.token)
	if err := os.WriteFile(filepath.Join(dir, ".netrc"), []byte(netrc), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, name string, args ...string) {
		t.Helper()
		program, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("%s is not here", name)
		}
		for i := range args {
			args[i] = strings.NewReplacer("${U}", s.gate+s.path, "${T}", s.token).Replace(args[i])
		}
		c := exec.Command(program, args...)
		c.Dir, c.Env = dir, append(os.Environ(), "HOME="+dir, "no_proxy=*")
		if out, err := c.CombinedOutput(); err != nil {
			t.Skipf("%v: %s", err, out) // without a library that it needs
		}
	}
	header := "PRIVATE-TOKEN: ${T}"
	for _, c := range []struct {
		name, target, holds string
		command             []string
	}{
		{"curl sends a file with a percent sign", "/uploads", `filename*=UTF-8''100%25.png`, []string{"curl", "-sS", "-H", header, "-F",
			"file=@100%.png", "${U}/uploads"}},
		{"curl sends a file with an escape", "/uploads", `filename*=UTF-8''a%3Bb%2541.txt`, []string{"curl", "-sS", "-H", header, "-F",
			`file=@"a;b%41.txt"`, "${U}/uploads"}},
		{"curl sends a file with quotation marks", "/uploads", `filename*=UTF-8''`, []string{"curl", "-sS", "-H", header, "-F",
			`file=@"say \"hi\".txt"`, "${U}/uploads"}},
		{"curl reads a .netrc", "/jobs", "", []string{"curl", "-sS", "-n", "-H", header, "${U}/jobs"}},
		{"curl leaves brackets", "/repository/files/pages%2F%5Bslug%5D.tsx/raw?ref=main", "",
			[]string{"curl", "-sS", "-g", "-H", header, "${U}/repository/files/pages%2F[slug].tsx/raw?ref=main"}},
		{"fetch leaves brackets", "/repository/files/pages%2F%5Bslug%5D.tsx?ref=main", "",
			[]string{"node", "-e", `fetch("${U}/repository/files/pages%2F[slug].tsx?ref=main", {headers: {"PRIVATE-TOKEN": "${T}"}})`}},
		{"node sends an empty object with a GET", "/jobs", "", []string{"node", "-e", `
			const r = require("http").request("${U}/jobs", {headers: {"PRIVATE-TOKEN": "${T}", "Content-Type": "application/json", "Content-Length": 2}}, a => a.resume())
			r.end("{}")`}},
		{"requests leaves brackets, and sends an empty object", "/repository/tags/%5Bx%5D100%25", "", []string{"python3", "-c",
			"import requests; requests.get('${U}/repository/tags/[x]100%25', headers={'PRIVATE-TOKEN': '${T}'}, json={})"}},
		{"requests sends a file with a percent sign", "/uploads", `filename*=UTF-8''100%25.png`, []string{"python3", "-c",
			"import requests; requests.post('${U}/uploads', headers={'PRIVATE-TOKEN': '${T}'}, files={'file': ('100%.png', b'x', 'image/png', {'Content-Transfer-Encoding': 'binary'})})"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.reached(func() { run(t, c.command[0], c.command[1:]...) })
			if r == nil {
				t.Fatalf("it did not reach the forge: %s", s.lastLines(2))
			}
			if r.Target != s.path+c.target || !strings.Contains(string(r.Body), c.holds) {
				t.Errorf("the forge got %s and %.300q", r.Target, r.Body)
			}
		})
	}
	_ = os.Remove(filepath.Join(dir, ".netrc"))
}
