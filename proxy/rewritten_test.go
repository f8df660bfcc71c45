package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// batch asks for an LFS object.
func batch(token string) string {
	body := `{"operation":"download","objects":[{"oid":"` + strings.Repeat("a", 64) + `","size":1}]}`
	return request("POST", "/acme/app.git/info/lfs/objects/batch", body, "Authorization: "+basic("anyone", token),
		"Content-Type: application/vnd.git-lfs+json")
}

// Threat: the rest of an answer is taken for the answer to another request of the owner's.
// Attack: an answer that patgate makes anew, and for which there is no room in memory: only its beginning is read, which could
// stand for itself; and the rest, which comes later, looks like an answer. Control: there is room.
func TestThreatAnswerBeyondTheRoom(t *testing.T) {
	pad := func(text string) string { return text + strings.Repeat(" ", 512-len(text)) }
	for _, c := range []struct {
		name, begin string
		status      int
	}{
		{"an LFS batch", pad("{}"), 404},
		{"a registry's token", pad(`{"token":"aaa.bbb.ccc"}`), 200},
	} {
		for _, room := range []int64{2000, 3000, 0} {
			t.Run(fmt.Sprint(c.name, ", room ", room), func(t *testing.T) {
				upstream := bareUpstream(t, func(n int, conn net.Conn) {
					defer conn.Close()
					for r := bufio.NewReader(conn); ; {
						q, err := http.ReadRequest(r)
						if err != nil {
							return
						}
						_, _ = io.Copy(io.Discard, q.Body)
						if strings.Contains(q.RequestURI, "jobs") {
							_, _ = io.WriteString(conn, ordinary(fmt.Sprint(`"its own" on `, n)))
							continue
						}
						fmt.Fprintf(conn, "HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n%s", c.status, c.begin)
						time.Sleep(60 * time.Millisecond)
						stale := ordinary(`"stale"`)
						if room == 0 {
							stale = ""
						}
						_, _ = io.WriteString(conn, stale+strings.Repeat(" ", 4000-len(c.begin)-len(stale)))
					}
				})
				g := registryWorld(t, upstream, func(o *Options) {
					o.Registry, o.Limits.BodiesMemory = Upstream{URL: "http://127.0.0.1:1"}, room
				})
				bot := g.mint(t, nil, inAcme("download_code", "read_job", "read_container_repository"))
				asked := get("/jwt/auth?service=container_registry&scope=repository:acme/app:pull", "Authorization: "+basic("anyone", bot))
				if strings.Contains(c.name, "LFS") {
					asked = batch(bot)
				}
				a := g.raw(t, asked)
				time.Sleep(100 * time.Millisecond)
				next := g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+bot))
				if room == 0 {
					a.wants(t, c.status)
					next.wants(t, 200, `"its own"`)
					return
				}
				a.wants(t, 502, "could not be checked")
				next.wants(t, 200, `"its own" on 1`) // for the connection is closed
			})
		}
	}
}

// An answer that patgate makes anew keeps what says whether and how to ask again, however the forge spells it, and what shuts
// the forge's pages off; it keeps nothing else.
func TestFieldsOfARewrittenAnswer(t *testing.T) {
	const challenge = `Basic realm="GitLab"`
	upstream := bareUpstream(t, func(_ int, conn net.Conn) {
		defer conn.Close()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n"+
				"Www-Authenticate: "+challenge+"\r\nLfs-AUTHENTICATE: "+challenge+"\r\nretry-after: 7\r\nETag: \"1\"\r\nX-Secret: 1\r\n"+
				"content-security-policy: default-src *\r\nSet-Cookie: a=b\r\n\r\n{}")
		}
	})
	for _, own := range []bool{false, true} {
		g := registryWorld(t, upstream, func(o *Options) { o.OwnPages = own })
		bot := g.mint(t, nil, inAcme("download_code"))
		a := g.raw(t, batch(bot))
		a.wants(t, 401)
		for name, want := range map[string][]string{
			"Www-Authenticate": {challenge}, "Lfs-Authenticate": {challenge}, "Retry-After": {"7"}, "Cache-Control": {"no-store"},
			"Content-Type": {"application/vnd.git-lfs+json"}, "Etag": nil, "X-Secret": nil, "Set-Cookie": nil,
		} {
			if got := a.header.Values(name); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if len(a.header.Values("X-Request-Id")) != 1 {
			t.Errorf("X-Request-Id: %q", a.header.Values("X-Request-Id"))
		}
		policies := map[bool][]string{true: {"sandbox"}}[own]
		if got := a.header.Values("Content-Security-Policy"); !slices.Equal(got, policies) {
			t.Errorf("policies %q, want %q", got, policies)
		}
	}
}

// Threat: whoever may not see a part of an answer guesses it, and the forge says whether the guess is right.
// Attack: conditions on a row whose answer is filtered; the name that the forge gives the whole answer, on every status.
// Control: on a row whose answer comes as it is, conditions and names pass.
func TestThreatConditionsTellOfWhatIsTakenOut(t *testing.T) {
	status := 0
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `W/"whole"`)
		w.Header().Set("Content-Type", map[bool]string{true: "application/json", false: "text/plain"}[status < 400])
		w.WriteHeader(status)
		if status == 200 {
			_, _ = io.WriteString(w, `{"runners_token":"x"}`)
		}
	})
	g := newGateway(t, upstream.URL, nil)
	auth := "PRIVATE-TOKEN: " + g.token
	const date = "Sat, 29 Oct 1994 19:43:31 GMT"
	conditions := []string{`If-None-Match: W/"guess"`, `IF-MATCH: W/"guess"`, `If-Range: "guess"`,
		"If-Modified-Since: " + date, "if-unmodified-since: " + date}
	for _, c := range []struct {
		target string
		passes bool
	}{
		{"/api/v4/projects/7", false},
		{"/api/v4/projects/7/boards", false},
		{"/api/v4/projects/7/issues?details=true", false},
		{"/api/v4/projects/7/packages/simple", false},
		{jobs, true},
		{"/api/v4/projects/7/issues", true},
	} {
		for _, status = range []int{200, 204, 304, 404, 412, 503} {
			for _, method := range []string{"GET", "HEAD"} {
				t.Run(fmt.Sprint(method, " ", c.target, " ", status), func(t *testing.T) {
					for _, condition := range conditions {
						a := g.raw(t, request(method, c.target, "", auth, condition))
						if a.status != status {
							t.Errorf("%d %s", a.status, a.body)
						}
						name, _, _ := strings.Cut(condition, ":")
						if sent := upstream.last(t).header.Get(name) != ""; sent != c.passes {
							t.Errorf("%s reaches the forge: %v", name, sent)
						}
						if came := a.header.Get("Etag") != ""; came != c.passes {
							t.Errorf("ETag comes back: %v", came)
						}
					}
				})
			}
		}
	}
}
