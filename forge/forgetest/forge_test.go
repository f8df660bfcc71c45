package forgetest

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// raw sends a request exactly as written and gives status, header and body.
func raw(t *testing.T, url, method, target string, header map[string]string, body string) (int, http.Header, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	var req strings.Builder
	fmt.Fprintf(&req, "%s %s HTTP/1.1\r\nHost: client.example\r\nConnection: close\r\n", method, target)
	for name, value := range header {
		fmt.Fprintf(&req, "%s: %s\r\n", name, value)
	}
	if body != "" {
		fmt.Fprintf(&req, "Content-Length: %d\r\n", len(body))
	}
	_, _ = io.WriteString(conn, req.String()+"\r\n"+body)
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return 0, nil, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, string(text)
}

// TestCredentialsCountWhereGitLabReadsThem: a credential that a gateway lets through would work here.
func TestCredentialsCountWhereGitLabReadsThem(t *testing.T) {
	f, d, url, _ := startDemo(t)
	json := map[string]string{"Content-Type": "application/json"}
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:"+d.Secret))
	bob := f.AddToken(f.world.userByName("bob").id, Token{})
	oauth := f.AddToken(d.UserID, Token{Kind: "oauth"})
	job := f.AddToken(d.UserID, Token{Kind: "job"})
	session := f.AddSession(d.UserID)
	for name, c := range map[string]struct {
		method, target string
		header         map[string]string
		body           string
		place, user    string
	}{
		"header":                           {"GET", "/api/v4/user", map[string]string{"PRIVATE-TOKEN": d.Secret}, "", "PRIVATE-TOKEN", "ada"},
		"header with an underscore":        {"GET", "/api/v4/user", map[string]string{"Private_Token": d.Secret}, "", "PRIVATE-TOKEN", "ada"},
		"bearer":                           {"GET", "/api/v4/user", map[string]string{"Authorization": "bearer " + d.Secret}, "", "Bearer", "ada"},
		"query":                            {"GET", "/api/v4/user?private_token=" + d.Secret, nil, "", "private_token", "ada"},
		"query, written otherwise":         {"GET", "/api/v4/user?[priv%61te_token]=" + d.Secret, nil, "", "private_token", "ada"},
		"query beats header":               {"GET", "/api/v4/user?private_token=" + bob, map[string]string{"PRIVATE-TOKEN": d.Secret}, "", "private_token", "bob"},
		"access_token":                     {"GET", "/api/v4/user?access_token=" + oauth, nil, "", "access_token", "ada"},
		"bearer_token":                     {"GET", "/api/v4/user?bearer_token=" + d.Secret, nil, "", "bearer_token", "ada"},
		"JSON body of a GET":               {"GET", "/api/v4/user", json, `{"\u0070rivate_token":"` + d.Secret + `"}`, "private_token", "ada"},
		"form body of a GET":               {"GET", "/api/v4/user", form, "a=1& private_token=" + d.Secret, "private_token", "ada"},
		"job token":                        {"GET", "/api/v4/user", map[string]string{"JOB-TOKEN": job}, "", "JOB-TOKEN", "ada"},
		"cookie":                           {"GET", "/api/v4/user", map[string]string{"Cookie": "_gitlab_session=" + session}, "", "cookie", "ada"},
		"Basic, where packages are":        {"GET", fmt.Sprintf("/api/v4/projects/%d/packages/generic/generated/10/x.bin", d.ProjectID), map[string]string{"Authorization": basic}, "", "Basic", "ada"},
		"GraphQL, query beats body":        {"POST", "/api/graphql?private_token=" + bob, json, `{"private_token":"` + d.Secret + `"}`, "private_token", "bob"},
		"GraphQL, Basic":                   {"POST", "/api/graphql", map[string]string{"Authorization": basic, "Content-Type": "application/json"}, `{}`, "Basic", "ada"},
		"a POST that is a GET by override": {"POST", "/api/v4/user", map[string]string{"X-Http-Method-Override": "get", "PRIVATE-TOKEN": d.Secret}, "", "PRIVATE-TOKEN", "ada"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, body := raw(t, url, c.method, c.target, c.header, c.body)
			got := f.LastRequest()
			if status != 200 || got.User != c.user || got.Credential != c.place {
				t.Fatalf("%d %s: answered as %q by %q", status, body, got.User, got.Credential)
			}
		})
	}
	for name, c := range map[string]struct {
		target string
		header map[string]string
		status int
	}{
		"nothing":                      {"/api/v4/user", nil, 401},
		"an unknown token":             {"/api/v4/user", map[string]string{"PRIVATE-TOKEN": "glpat-x"}, 401},
		"Basic, where it is not taken": {"/api/v4/user", map[string]string{"Authorization": basic}, 401},
		"a cookie on a POST":           {"/api/v4/projects", map[string]string{"Cookie": "_gitlab_session=" + session}, 401},
		"an OAuth token as PAT":        {"/api/v4/user", map[string]string{"PRIVATE-TOKEN": oauth}, 401},
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			method := "GET"
			if c.target == "/api/v4/projects" {
				method = "POST"
			}
			if status, _, body := raw(t, url, method, c.target, c.header, ""); status != c.status {
				t.Fatalf("%d %s", status, body)
			}
		})
	}
}

func TestSudo(t *testing.T) {
	f, d, url, _ := startDemo(t)
	root := f.AddUser("root")
	f.SetAdmin(root)
	full := f.AddToken(root, Token{Scopes: []string{"api", "sudo"}})
	for name, c := range map[string]struct {
		target string
		header map[string]string
		want   string
	}{
		"header":             {"/api/v4/user", map[string]string{"PRIVATE-TOKEN": full, "Sudo": "ada"}, "ada"},
		"parameter":          {"/api/v4/user?sudo=ada", map[string]string{"PRIVATE-TOKEN": full}, "ada"},
		"parameter by id":    {"/api/v4/user?%73udo=" + fmt.Sprint(d.UserID), map[string]string{"PRIVATE-TOKEN": full}, "ada"},
		"no administrator":   {"/api/v4/user?sudo=root", map[string]string{"PRIVATE-TOKEN": d.Secret}, ""},
		"without that scope": {"/api/v4/user?sudo=ada", map[string]string{"PRIVATE-TOKEN": f.AddToken(root, Token{})}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, _ := raw(t, url, "GET", c.target, c.header, "")
			if got := f.LastRequest(); got.Sudo != c.want || (status == 200) != (c.want != "") {
				t.Fatalf("%d as %q", status, got.Sudo)
			}
		})
	}
}

func TestPathsAreReadAsGitLabReadsThem(t *testing.T) {
	f, d, url, _ := startDemo(t)
	id := fmt.Sprint(d.ProjectID)
	for target, route := range map[string]string{
		"/api/v4/projects/" + id + "/issues":          "GET /projects/{id}/issues",
		"//api//v4///projects/" + id + "/issues/":     "GET /projects/{id}/issues",
		"/api/v4/%70rojects/" + id + "/%69ssues":      "GET /projects/{id}/issues",
		"/api/v4/projects/" + id + "/issues.json":     "GET /projects/{id}/issues",
		"/api/v4/projects/" + id + "/issues/1.patch":  "GET /projects/{id}/issues/:issue_iid",
		"/api/v4/projects/acme%2Fwebsite":             "GET /projects/{id}",
		"/api/v4/projects/ACME%2fWebsite":             "GET /projects/{id}",
		"/api/v4/projects/acme%2Fwebsite/issues?a=/b": "GET /projects/{id}/issues",
	} {
		t.Run("found: "+target, func(t *testing.T) {
			status, _, body := raw(t, url, "GET", target, map[string]string{"PRIVATE-TOKEN": d.Secret}, "")
			if got := f.LastRequest(); status != 200 || got.Route != route || got.Target != target {
				t.Fatalf("%d by %q for %q: %s", status, got.Route, got.Target, body)
			}
		})
	}
	for target, want := range map[string]int{
		"/api/V4/user": 404, "/api/v4/Projects": 404, "/%61pi/v4/user": 404, "/api/v4/projects/acme/website": 404, "/api/v4/projects/1/../2": 400,
		"/api/v4/projects/acme%252Fwebsite": 404, "/nothing": 404,
	} {
		t.Run("not found: "+target, func(t *testing.T) {
			if status, _, body := raw(t, url, "GET", target, map[string]string{"PRIVATE-TOKEN": d.Secret}, ""); status != want {
				t.Fatalf("%d: %s", status, body)
			}
		})
	}
}

func TestPagination(t *testing.T) {
	_, d, url, _ := startDemo(t)
	get := func(query string) (http.Header, []any) {
		_, h, body := raw(t, url, "GET", "/api/v4/projects/acme%2Fwebsite/issues?"+query, map[string]string{"PRIVATE-TOKEN": d.Secret}, "")
		var items []any
		if err := json.Unmarshal([]byte(body), &items); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return h, items
	}
	t.Run("links name the configured host and every parameter, that of the path too", func(t *testing.T) {
		h, items := get("per_page=2&page=1&state=opened&labels[]=a+b")
		base := "<https://gitlab.example/api/v4/projects/acme%2Fwebsite/issues?id=acme%2Fwebsite&labels%5B%5D=a+b&page="
		want := base + `2&per_page=2&state=opened>; rel="next", ` + base + `1&per_page=2&state=opened>; rel="first", ` + base + `2&per_page=2&state=opened>; rel="last"`
		if h.Get("Link") != want {
			t.Fatalf("Link is\n%s, want\n%s", h.Get("Link"), want)
		}
		if len(items) != 2 || h.Get("X-Total") != "3" || h.Get("X-Total-Pages") != "2" || h.Get("X-Next-Page") != "2" || h.Get("X-Prev-Page") != "" {
			t.Fatalf("%d items, %v", len(items), h)
		}
	})
	t.Run("the last page", func(t *testing.T) {
		h, items := get("per_page=2&page=2")
		if len(items) != 1 || h.Get("X-Next-Page") != "" || h.Get("X-Prev-Page") != "1" || strings.Contains(h.Get("Link"), `"next"`) {
			t.Fatalf("%d items, %v", len(items), h)
		}
	})
	t.Run("keyset pages have a link and no numbers", func(t *testing.T) {
		h, items := get("per_page=2&pagination=keyset")
		if len(items) != 2 || h.Get("X-Total") != "" || !strings.HasSuffix(h.Get("Link"), `>; rel="next"`) {
			t.Fatalf("%d items, %v", len(items), h)
		}
	})
}

func TestMovedProjects(t *testing.T) {
	f, d, url, _ := startDemo(t)
	id := f.AddProject("acme/old.name", Private)
	f.MoveProject(id, "acme/new.name")
	header := map[string]string{"PRIVATE-TOKEN": d.Secret}
	for target, location := range map[string]string{
		"/api/v4/projects/acme%2Fold.name":            fmt.Sprintf("https://gitlab.example/api/v4/projects/%d.name", id),
		"/api/v4/projects/acme%2Fold.name/issues?x=y": fmt.Sprintf("https://gitlab.example/api/v4/projects/%d/issues?x=y", id),
	} {
		status, h, _ := raw(t, url, "GET", target, header, "")
		if status != 301 || h.Get("Location") != location {
			t.Fatalf("%s: %d %q, want %q", target, status, h.Get("Location"), location)
		}
	}
	if status, _, body := raw(t, url, "POST", "/api/v4/projects/acme%2Fold.name/issues", header, ""); status != 405 {
		t.Fatalf("%d %s", status, body)
	}
	taken := f.AddProject("acme/old.name", Private)
	if _, _, body := raw(t, url, "GET", "/api/v4/projects/acme%2Fold.name", header, ""); !strings.Contains(body, fmt.Sprintf(`"id":%d,`, taken)) {
		t.Fatalf("%s", body)
	}
}

func TestErrorShapes(t *testing.T) {
	f, d, url, _ := startDemo(t)
	expired := f.AddToken(d.UserID, Token{Expires: time.Now().Add(-time.Hour)})
	reader := f.AddToken(d.UserID, Token{Scopes: []string{"read_api"}})
	granular := f.AddToken(d.UserID, Token{Granular: true})
	for name, c := range map[string]struct {
		method, target, secret string
		status                 int
		body                   string
		challenge              bool
	}{
		"no token":          {"GET", "/api/v4/user", "", 401, `{"message":"401 Unauthorized"}`, false},
		"expired":           {"GET", "/api/v4/user", expired, 401, `"error":"invalid_token"`, true},
		"scope missing":     {"POST", "/api/v4/projects", reader, 403, `"scope":"api read_api"`, false},
		"fine-grained":      {"GET", "/api/v4/user", granular, 403, `"error":"insufficient_granular_scope"`, false},
		"hidden project":    {"GET", "/api/v4/projects/999", d.Secret, 404, `{"message":"404 Project Not Found"}`, false},
		"unknown route":     {"GET", "/api/v4/nothing/here", d.Secret, 404, `{"error":"404 Not Found"}`, false},
		"bad parameters":    {"POST", fmt.Sprintf("/api/v4/projects/%d/issues", d.ProjectID), d.Secret, 400, `{"error":"title is missing"}`, false},
		"GraphQL bad token": {"GET", "/api/graphql", "glpat-x", 401, `{"errors":[{"message":"Invalid token"}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{}
			if c.secret != "" {
				header["PRIVATE-TOKEN"] = c.secret
			}
			status, h, body := raw(t, url, c.method, c.target, header, "")
			if status != c.status || !strings.Contains(body, c.body) || (h.Get("WWW-Authenticate") != "") != c.challenge {
				t.Fatalf("%d %s %v", status, body, h)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	f, d, url, _ := startDemo(t)
	get := func(target string) (int, http.Header, string) {
		return raw(t, url, "GET", target, map[string]string{"PRIVATE-TOKEN": d.Secret}, "")
	}
	t.Run("a status, as often as it was asked for", func(t *testing.T) {
		f.Plant(Fault{Match: "GET /api/v4/user", Status: 503, RetryAfter: 7 * time.Second, Times: 1})
		if status, h, _ := get("/api/v4/user"); status != 503 || h.Get("Retry-After") != "7" {
			t.Fatalf("%d %v", status, h)
		}
		if status, _, _ := get("/api/v4/user"); status != 200 {
			t.Fatal(status)
		}
	})
	t.Run("a prefix, until it is removed", func(t *testing.T) {
		remove := f.Plant(Fault{Match: "GET /api/v4/projects*", Status: 429})
		for range 2 {
			if status, _, body := get("/api/v4/projects/1"); status != 429 || body != "Retry later\n" {
				t.Fatal(status, body)
			}
		}
		if status, _, _ := get("/api/v4/user"); status != 200 {
			t.Fatal("another path failed")
		}
		remove()
		if status, _, _ := get("/api/v4/projects"); status != 200 {
			t.Fatal(status)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		defer f.Plant(Fault{Body: "<html>"})()
		if status, _, body := get("/api/v4/user"); status != 200 || body != "<html>" {
			t.Fatal(status, body)
		}
	})
	t.Run("a broken connection is recorded without a status", func(t *testing.T) {
		remove := f.Plant(Fault{Break: true})
		status, _, _ := get("/api/v4/user")
		remove()
		if got := f.LastRequest(); status != 0 || got.Status != 0 || got.Target != "/api/v4/user" {
			t.Fatalf("%d %+v", status, got)
		}
	})
	t.Run("a delay answers in the end", func(t *testing.T) {
		defer f.Plant(Fault{Delay: 30 * time.Millisecond})()
		began := time.Now()
		if status, _, _ := get("/api/v4/user"); status != 200 || time.Since(began) < 30*time.Millisecond {
			t.Fatal(status)
		}
	})
}

func TestRequestsAreRecorded(t *testing.T) {
	f, d, url, _ := startDemo(t)
	f.ForgetRequests()
	body := `{"title":"x"}`
	target := fmt.Sprintf("/api/v4/projects/%d/issues?a=%%20", d.ProjectID)
	status, _, _ := raw(t, url, "POST", target, map[string]string{"PRIVATE-TOKEN": d.Secret, "Content-Type": "application/json", "X-Odd_Name": "1"}, body)
	sum := sha256.Sum256([]byte(body))
	got := f.LastRequest()
	if status != 201 || f.RequestCount() != 1 || got.Method != "POST" || got.Target != target || got.Host != "client.example" ||
		got.Header.Get("X-Odd_Name") != "1" || string(got.Body) != body || got.BodySize != int64(len(body)) ||
		got.BodyHash != hex.EncodeToString(sum[:]) || got.Secret != d.Secret || got.User != "ada" || got.Status != 201 {
		t.Fatalf("%d %+v", status, got)
	}
	t.Run("only the last ones are kept", func(t *testing.T) {
		small := New(Options{KeepRequests: 2})
		server := httptest.NewServer(small)
		defer server.Close()
		for i := range 5 {
			raw(t, server.URL, "GET", fmt.Sprintf("/x/%d", i), nil, "")
		}
		if all := small.Requests(); len(all) != 2 || all[1].Target != "/x/4" || small.RequestCount() != 5 {
			t.Fatalf("%+v", all)
		}
	})
}

func TestPackagesStream(t *testing.T) {
	f, d, url, _ := startDemo(t)
	const size = 32 << 20
	base := fmt.Sprintf("%s/api/v4/projects/%d/packages/generic", url, d.ProjectID)
	do := func(method, path string, body io.Reader) *http.Response {
		req, _ := http.NewRequest(method, base+path, body)
		req.Header.Set("PRIVATE-TOKEN", d.Secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	down := do("GET", fmt.Sprintf("/generated/%d/x.bin", size), nil)
	if down.StatusCode != 200 || down.ContentLength != size {
		t.Fatalf("%d with %d bytes", down.StatusCode, down.ContentLength)
	}
	sum := sha256.New()
	up := do("PUT", "/tool/1.0.0/x.bin", io.TeeReader(down.Body, sum))
	if up.StatusCode != 201 {
		t.Fatal(up.StatusCode)
	}
	got, hash, ok := f.Package(d.ProjectID, "tool", "1.0.0", "x.bin")
	if !ok || got != size || hash != hex.EncodeToString(sum.Sum(nil)) {
		t.Fatalf("%d bytes with hash %s", got, hash)
	}
	if rec := f.LastRequest(); rec.BodySize != size || rec.BodyHash != hash || len(rec.Body) != keptBody {
		t.Fatalf("recorded %d bytes, kept %d", rec.BodySize, len(rec.Body))
	}
}

func TestWebsocketEcho(t *testing.T) {
	f, d, url, _ := startDemo(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = fmt.Fprintf(conn, "GET /-/cable HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nPRIVATE-TOKEN: %s\r\n\r\n", d.Secret)
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("%v %+v", err, res)
	}
	// A masked text frame "hi" with the mask 1 2 3 4.
	_, _ = conn.Write([]byte{0x81, 0x82, 1, 2, 3, 4, 'h' ^ 1, 'i' ^ 2})
	back := make([]byte, 4)
	if _, err := io.ReadFull(r, back); err != nil || string(back) != "\x81\x02hi" {
		t.Fatalf("%q, %v", back, err)
	}
	if got := f.LastRequest(); got.User != "ada" || got.Status != 101 {
		t.Fatalf("%+v", got)
	}
}
