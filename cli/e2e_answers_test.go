package cli_test

import (
	"bytes"
	"compress/gzip"
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

// dressed stands before the forge and dresses its answers, as the client's User-Agent asks: the questions that patgate
// itself asks are left alone.
type dressed struct{ forge http.Handler }

func (d dressed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.UserAgent() == "patgate" {
		d.forge.ServeHTTP(w, r)
		return
	}
	seen := httptest.NewRecorder()
	d.forge.ServeHTTP(seen, r)
	body := seen.Body.Bytes()
	for name, values := range seen.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Etag", `W/"of the whole answer"`)
	w.Header().Set("Set-Cookie", "_gitlab_session=stolen; path=/")
	for _, name := range []string{"Gitlab-Workhorse-Send-Data", "X-Sendfile", "X-Gitlab-Meta", "X-Gitlab-Custom-Error", "X-Accel-Redirect"} {
		w.Header().Set(name, "inner")
	}
	switch r.UserAgent() {
	case "gzip":
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(body)
		_ = z.Close()
		body = packed.Bytes()
		w.Header().Set("Content-Encoding", "gzip")
	case "range":
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
		return
	case "token only": // a range that nobody asked for: a part that is JSON by itself
		w.Header().Set("Content-Range", "bytes 1-2/3")
		at := bytes.Index(body, []byte(`"runners_token":`)) + len(`"runners_token":`)
		body = body[at:]
		end := bytes.IndexByte(body[1:], '"') + 2
		w.Header().Set("Content-Length", fmt.Sprint(end))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(body[:end])
		return
	case "text":
		w.Header().Set("Content-Type", "text/plain")
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(seen.Code)
	_, _ = w.Write(body)
}

// TestAnswersAreFiltered runs GitLab's whole route table in front of a forge that shows runners_token to its owner, which
// is what a plain read must not give away.
func TestAnswersAreFiltered(t *testing.T) {
	r := startRunningWith(t, func(w *world) []string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: dressed{w.forge}}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		return []string{"PATGATE_UPSTREAM_URL=http://" + listener.Addr().String(), "PATGATE_UPSTREAM_EXTERNAL_URLS=" + w.url}
	})
	token := r.mint(t, "--name", "reader", "--group", "shop", "--allow", "read_project,update_project,read_group,read_work_item")
	project, group := fmt.Sprintf("/api/v4/projects/%d", r.world.api), fmt.Sprintf("/api/v4/groups/%d", r.world.shop)
	direct := send("GET", r.world.url+project, http.Header{"Private-Token": {r.world.alicePAT}}, nil)
	var shown struct {
		RunnersToken string `json:"runners_token"`
	}
	if err := json.Unmarshal([]byte(direct.body), &shown); err != nil || shown.RunnersToken == "" {
		t.Fatalf("the forge shows no runners_token: the test proves nothing (%s)", direct.body)
	}
	ask := func(method, target, body string, headers ...string) answer {
		h := http.Header{"Private-Token": {token}}
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		if body != "" {
			h.Set("Content-Type", "application/json")
		}
		return send(method, r.gate+target, h, []byte(body))
	}
	for _, c := range []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		want                       string
	}{
		{"a project", "GET", project, "", nil, 200, `"path_with_namespace":"shop/backend/api"`},
		{"a project by its path", "GET", "/api/v4/projects/shop%2Fbackend%2Fapi", "", nil, 200, `"path_with_namespace":`},
		{"the answer to a write", "PUT", project, `{"description":"new"}`, nil, 200, `"description":"new"`},
		{"a group with its projects", "GET", group, "", nil, 200, `"full_path":"shop"`},
		{"the projects of a group", "GET", group + "/projects?include_subgroups=true", "", nil, 200, `"path_with_namespace":`},
		{"a client that takes compressed answers", "GET", project, "", []string{"Accept-Encoding", "gzip, br, deflate"}, 200, `"path_with_namespace":`},
		{"a forge that compresses unasked", "GET", project, "", []string{"User-Agent", "gzip"}, 502, "unfiltered_answer"},
		{"an answer that is called text", "GET", project, "", []string{"User-Agent", "text"}, 502, "unfiltered_answer"},
		{"a range", "GET", project, "", []string{"User-Agent", "range", "Range", "bytes=10-400"}, 200, `"path_with_namespace":`},
		{"a range with a condition", "GET", project, "", []string{"User-Agent", "range", "Range", "bytes=10-400", "If-Range", `W/"of the whole answer"`}, 200, `"path_with_namespace":`},
		{"a range that nobody asked for", "GET", project, "", []string{"User-Agent", "token only"}, 502, "unfiltered_answer"},
		{"HEAD", "HEAD", project, "", nil, 200, ""},
		{"HEAD of a forge that compresses", "HEAD", project, "", []string{"User-Agent", "gzip"}, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(c.method, c.target, c.body, c.headers...)
			if a.err != nil || a.status != c.status || !strings.Contains(a.body, c.want) {
				t.Fatalf("%d %v %s", a.status, a.err, a.body)
			}
			if strings.Contains(a.body, shown.RunnersToken) || strings.Contains(a.body, "runners_token") {
				t.Errorf("the answer holds the runners' token: %s", a.body)
			}
			if n := a.header.Get("Content-Length"); c.method == "HEAD" && n == fmt.Sprint(len(direct.body)) {
				t.Error("the length tells of what is left out")
			}
			for _, name := range []string{"Set-Cookie", "Etag", "Gitlab-Workhorse-Send-Data", "X-Sendfile", "X-Gitlab-Meta", "X-Gitlab-Custom-Error", "X-Accel-Redirect"} {
				if v := a.header.Get(name); v != "" {
					t.Errorf("%s: %s", name, v)
				}
			}
			if a.header.Get("X-Request-Id") == "" {
				t.Error("no X-Request-Id")
			}
		})
	}
	t.Run("a row without a filter", func(t *testing.T) {
		a := ask("GET", project+"/issues?per_page=1", "", "User-Agent", "gzip", "Accept-Encoding", "gzip")
		z, err := gzip.NewReader(strings.NewReader(a.body))
		if err != nil {
			t.Fatalf("%d %v %s", a.status, err, a.body)
		}
		if plain, err := io.ReadAll(z); err != nil || !bytes.Contains(plain, []byte(`"iid":`)) {
			t.Errorf("%s, %v", plain, err)
		}
		link := a.header.Get("Link")
		if !strings.Contains(link, `rel="next"`) || !strings.Contains(link, "<"+r.gate+"/api/v4/") || strings.Contains(link, r.world.url) {
			t.Errorf("Link: %s", link)
		}
		if a.header.Get("Etag") == "" || a.header.Get("Set-Cookie") != "" {
			t.Errorf("headers %v", a.header)
		}
	})
}
