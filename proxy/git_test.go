package proxy

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/token"
)

// gitUpstream remembers what it got and answers with nothing.
type gitUpstream struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func (u *gitUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests, u.bodies = append(u.requests, r), append(u.bodies, string(body))
	w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
}

func (u *gitUpstream) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.requests)
}

// newGitGateway starts a gateway with GitLab's own table and a token that pushes bot branches to project 7.
func newGitGateway(t *testing.T) (*gateway, *gitUpstream, string) {
	t.Helper()
	upstream := &gitUpstream{}
	server := httptest.NewServer(upstream)
	t.Cleanup(server.Close)
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, server.URL, func(o *Options) { o.Table = func() *routes.Table { return table } })
	g.table = table
	bot := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"download_code", "push_code", "read_wiki"},
		Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/heads/bot/*"}}})
	return g, upstream, bot
}

func (g *gateway) git(t *testing.T, token, method, target string, header map[string]string, body []byte) (int, string) {
	t.Helper()
	all := map[string]string{"Authorization": basic("anyone", token)}
	maps.Copy(all, header)
	status, _, answer := g.send(t, method, target, string(body), all)
	return status, answer
}

// pushOf makes the body of a push of one ref.
func pushOf(ref, capabilities string) string {
	line := strings.Repeat("1", 40) + " " + strings.Repeat("2", 40) + " " + ref + "\x00" + capabilities
	return fmt.Sprintf("%04x%s0000PACK and more", len(line)+4, line)
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

// TestGitPushBodies sends lists of refs in every form, and looks at what reaches the forge.
func TestGitPushBodies(t *testing.T) {
	g, upstream, bot := newGitGateway(t)
	const receive = "application/x-git-receive-pack-request"
	const reports = " report-status side-band-64k"
	allowed, refused := pushOf("refs/heads/bot/a", reports), pushOf("refs/heads/main", reports)
	two := append(gzipped(allowed[:20]), gzipped(allowed[20:])...)
	for _, c := range []struct {
		name, contentType, encoding string
		body                        []byte
		status                      int
		text                        string
		forwarded                   bool
		sent                        string // empty: as it came
	}{
		{"a ref of the pattern", receive, "", []byte(allowed), 200, "", true, ""},
		{"the same, compressed", receive, "gzip", gzipped(allowed), 200, "", true, allowed},
		{"the same, in other words", receive, "", []byte(pushOf("refs/heads/bot/a", "ofs-delta side-band-64k  report-status\n")), 200, "", true, allowed},
		{"the probe for a credential", receive, "", []byte("0000"), 200, "", true, ""},
		{"the probe, compressed", receive, "gzip", gzipped("0000"), 200, "", true, "0000"},
		{"something behind the probe", receive, "", []byte("0000" + allowed), 400, "behind an empty list", false, ""},
		{"something behind the probe, compressed", receive, "gzip", gzipped("0000" + allowed), 400, "behind an empty list", false, ""},
		{"something behind the compressed probe", receive, "gzip", append(gzipped("0000"), gzipped("0000")...), 400, "behind an empty list", false, ""},
		{"another ref", receive, "", []byte(refused), 200, "may not change refs/heads/main", false, ""},
		{"the same, compressed", receive, "gzip", gzipped(refused), 200, "may not change refs/heads/main", false, ""},
		{"the same, from a client that takes no report", receive, "", []byte(pushOf("refs/heads/main", "agent=x")), 403, "may not change refs/heads/main", false, ""},
		{"compressed without saying so", receive, "", gzipped(allowed), 400, "cannot be read", false, ""},
		{"said to be compressed", receive, "gzip", []byte(allowed), 400, "cannot be read", false, ""},
		{"compressed in two parts", receive, "gzip", two, 400, "cannot be read", false, ""},
		{"another compression", receive, "deflate", []byte(allowed), 415, "gzip", false, ""},
		{"compressed twice", receive, "gzip, gzip", gzipped(allowed), 415, "gzip", false, ""},
		{"another type", "application/json", "", []byte(allowed), 415, receive, false, ""},
		{"nothing", receive, "", nil, 400, "", false, ""},
		{"a list that does not end", receive, "", []byte(allowed[:60]), 400, "cannot be read", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := upstream.count()
			header := map[string]string{"Content-Type": c.contentType}
			if c.encoding != "" {
				header["Content-Encoding"] = c.encoding
			}
			status, answer := g.git(t, bot, "POST", "/group/granted.git/git-receive-pack", header, c.body)
			if status != c.status || !strings.Contains(answer, c.text) {
				t.Errorf("%d %q", status, answer)
			}
			if forwarded := upstream.count() > before; forwarded != c.forwarded {
				t.Fatalf("forwarded is %v", forwarded)
			}
			if e := g.sink.last(t); strings.Contains(c.text, "may not change") != (e.Act == policy.ActRef) {
				t.Errorf("recorded as %q of %v", e.Reason, e.Act)
			}
			if !c.forwarded {
				return
			}
			r := upstream.requests[before]
			if want := cmp.Or(c.sent, string(c.body)); upstream.bodies[before] != want || r.Header.Get("Content-Encoding") != "" {
				t.Errorf("the forge got %q with %q", upstream.bodies[before], r.Header.Get("Content-Encoding"))
			}
			if user, password, _ := r.BasicAuth(); user != "owner" || password != ownerCredential || r.URL.Path != "/group/granted.git/git-receive-pack" {
				t.Errorf("%s as %s", r.URL, user)
			}
		})
	}
	t.Run("a list that inflates to more than is read", func(t *testing.T) {
		before := upstream.count()
		shallow := "0035shallow " + strings.Repeat("1", 40) + "\n"
		header := map[string]string{"Content-Type": receive, "Content-Encoding": "gzip"}
		status, _ := g.git(t, bot, "POST", "/group/granted.git/git-receive-pack", header, gzipped(strings.Repeat(shallow, (8<<20)/len(shallow)+1)))
		if status != 413 || upstream.count() != before {
			t.Errorf("%d", status)
		}
	})
	t.Run("what is broken behind the list", func(t *testing.T) {
		cut, extra := gzipped(allowed), append(gzipped(allowed), gzipped("more")...)
		wrong := bytes.Clone(cut)
		wrong[len(wrong)-6] ^= 1 // of the checksum
		for name, body := range map[string][]byte{"cut off": cut[:len(cut)-3], "with a wrong checksum": wrong, "with a second part": extra} {
			if status, answer := g.git(t, bot, "POST", "/group/granted.git/git-receive-pack", map[string]string{"Content-Type": receive, "Content-Encoding": "gzip"}, body); status != 400 {
				t.Errorf("%s: %d %q", name, status, answer)
			}
		}
	})
}

// TestGitRequests sends requests whose target, credential or method is odd.
func TestGitRequests(t *testing.T) {
	g, upstream, bot := newGitGateway(t)
	fetch := map[string]string{"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2"}
	for _, c := range []struct {
		name, method, target string
		header               map[string]string
		status               int
		sent                 string
	}{
		{"a fetch", "POST", "/group/granted.git/git-upload-pack", fetch, 200, "/group/granted.git/git-upload-pack"},
		{"in another case", "POST", "/Group/GRANTED.git/git-upload-pack", fetch, 200, "/group/granted.git/git-upload-pack"},
		{"of a wiki", "POST", "/group/granted.wiki.git/git-upload-pack", fetch, 200, "/group/granted.wiki.git/git-upload-pack"},
		{"of another project", "POST", "/group/withheld.git/git-upload-pack", fetch, 403, ""},
		{"of nothing", "POST", "/group/absent.git/git-upload-pack", fetch, 403, ""},
		{"a public project", "POST", "/group/open.git/git-upload-pack", fetch, 200, "/group/open.git/git-upload-pack"},
		{"a push to a public project", "GET", "/group/open.git/info/refs?service=git-receive-pack", nil, 403, ""},
		{"without .git", "GET", "/group/granted/info/refs?service=git-upload-pack", nil, 301, ""},
		{"a body on a GET", "GET", "/group/granted.git/info/refs?service=git-upload-pack", map[string]string{"Content-Type": "text/plain"}, 400, ""},
		{"another method by a header", "POST", "/group/granted.git/git-upload-pack", map[string]string{"Content-Type": fetch["Content-Type"], "X-HTTP-Method-Override": "PUT"}, 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := upstream.count()
			var body []byte
			if c.header != nil {
				body = []byte("0000")
			}
			status, answer := g.git(t, bot, c.method, c.target, c.header, body)
			if status != c.status {
				t.Errorf("%d %q", status, answer)
			}
			if c.sent == "" {
				if upstream.count() != before {
					t.Error("it was forwarded")
				}
				return
			}
			r := upstream.requests[before]
			if r.URL.RequestURI() != c.sent || r.Header.Get("Git-Protocol") != "version=2" {
				t.Errorf("%s with %v", r.URL, r.Header)
			}
			if public := strings.Contains(c.target, "open"); public != (r.Header.Get("Authorization") == "") {
				t.Errorf("the credential was sent: %v", !public)
			}
		})
	}
}

// twinResolver knows a project called granted.wiki besides.
type twinResolver struct{ asking.Resolver }

func (r twinResolver) Known(s *token.Session, ref routes.Reference, maxAge time.Duration, _ time.Time) *policy.Container {
	return knownBy(r, s, ref, maxAge)
}

func (r twinResolver) Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error) {
	if ref.Kind == routes.RefProject && string(ref.Path) == "group/granted.wiki" {
		return withheld, nil
	}
	return r.Resolver.Resolve(ctx, s, ref, maxAge)
}

// TestWikiOrProject: a project may be called like another one's wiki, and the forge would take the path for the project.
// Nobody may reach that project by the permissions of the wiki. A token that does not reach the wiki learns nothing.
func TestWikiOrProject(t *testing.T) {
	g, upstream, bot := newGitGateway(t)
	g.handler.rules.Resolver = twinResolver{g.resolver}
	header := map[string]string{"Content-Type": "application/x-git-upload-pack-request"}
	if status, answer := g.git(t, bot, "POST", "/group/granted.wiki.git/git-upload-pack", header, []byte("0000")); status != 400 || !strings.Contains(answer, "whole name") {
		t.Errorf("%d %s", status, answer)
	}
	other := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{8}, Permissions: []string{"read_wiki"}})
	if status, answer := g.git(t, other, "POST", "/group/granted.wiki.git/git-upload-pack", header, []byte("0000")); status != 403 {
		t.Errorf("%d %s", status, answer)
	}
	if upstream.count() != 0 {
		t.Error("it was forwarded")
	}
}
