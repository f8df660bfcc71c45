package cli_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// person is somebody with a browser, whom a load balancer sends to one node and another.
type person struct {
	t      *testing.T
	client *http.Client
}

// seen is a page as a person sees it.
type seen struct {
	status   int
	at, body string
	began    time.Time
}

// newPerson is somebody without cookies.
func newPerson(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{Proxy: nil}}}
}

const consolePath = "/-/patgate/console"

// get asks a node for a page.
func (p *person) get(n *node, path string) seen {
	return p.send(http.NewRequest(http.MethodGet, n.gate+consolePath+path, nil))
}

// post sends a page's last form to a node, with what the person typed.
func (p *person) post(n *node, path string, page seen, typed url.Values) seen {
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`).FindAllStringSubmatch(page.body, -1) {
		typed.Set(m[1], m[2])
	}
	request, err := http.NewRequest(http.MethodPost, n.gate+consolePath+path, strings.NewReader(typed.Encode()))
	if err == nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return p.send(request, err)
}

func (p *person) send(request *http.Request, err error) seen {
	s := seen{began: time.Now()}
	if err != nil {
		p.t.Error(err)
		return s
	}
	response, err := p.client.Do(request)
	if err != nil {
		return s
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	s.status, s.at, s.body = response.StatusCode, response.Request.URL.Path, string(body)
	return s
}

// signedIn tells whether a page is one of somebody who is signed in.
func (s seen) signedIn() bool {
	return s.status == http.StatusOK && strings.Contains(s.body, "Sign out")
}

// TestAFleetsConsole: who is signed in is so on every node, until he is not on any.
func TestAFleetsConsole(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts three gateways and PostgreSQL")
	}
	f := startFleet(t, 3, "PATGATE_CONSOLE_LISTEN=gateway", "PATGATE_WEB=refuse")
	p := newPerson(t)
	one, two, three := f.nodes[0], f.nodes[1], f.nodes[2]
	form := p.get(one, "/sign-in")
	page := p.post(two, "/sign-in", form, url.Values{"credential": {f.world.alicePAT}})
	if !page.signedIn() || page.at != consolePath+"/tokens" {
		t.Fatalf("signing in: %d at %s\n%s", page.status, page.at, tail(two.logText(), 3))
	}
	for i, n := range f.nodes {
		if page := p.get(n, "/tokens"); !page.signedIn() {
			t.Errorf("node %d: %d at %s", i, page.status, page.at)
		}
	}
	token := func() url.Values {
		return url.Values{"do": {"generate"}, "name": {"once"}, "seal": {"yes"}, "credential": {f.world.alicePAT},
			"scope-0-access": {"personal_projects"}, "scope-0-permission": {"read_job"}}
	}
	t.Run("a form that is sent to all nodes at once makes one token", func(t *testing.T) {
		for range 3 {
			form := p.get(three, "/tokens/new")
			var made atomic.Int64
			var all sync.WaitGroup
			for i := range 9 {
				all.Go(func() {
					page := p.post(f.nodes[i%3], "/tokens", form, token())
					if secret := regexp.MustCompile(`patgate_[0-9A-Za-z]{36}`).FindString(page.body); secret != "" {
						made.Add(1)
						for _, n := range f.nodes {
							n.secret("a minted token", secret)
						}
					}
				})
			}
			all.Wait()
			if made.Load() != 1 {
				t.Errorf("%d tokens", made.Load())
			}
		}
	})
	t.Run("the store tells nothing of the credential", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), two.storeURL())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		var rows string
		err = conn.QueryRow(t.Context(), "SELECT string_agg(s::text, ' ') FROM sign_ins s").Scan(&rows)
		if err != nil || !strings.Contains(rows, `\x`) {
			t.Fatalf("%s, %v", rows, err)
		}
		u, _ := url.Parse(one.gate)
		for _, c := range append(p.client.Jar.Cookies(u), &http.Cookie{Value: f.world.alicePAT}) {
			if strings.Contains(rows, c.Value) || strings.Contains(rows, hex.EncodeToString([]byte(c.Value))) {
				t.Error("it has the credential, or the cookie")
			}
		}
	})
	t.Run("a node that was killed, or stopped, takes it when it is there again", func(t *testing.T) {
		for _, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			_ = one.stop(how) // it says how it ended
			if page := p.get(two, "/tokens"); !page.signedIn() {
				t.Errorf("meanwhile, another node: %d at %s", page.status, page.at)
			}
			if err := one.start(one.env, nil, one.operators); err != nil {
				t.Fatal(err)
			}
			if page := p.get(one, "/tokens"); !page.signedIn() {
				t.Errorf("%d at %s", page.status, page.at)
			}
		}
	})
	t.Run("while PostgreSQL is not there nobody passes, and nobody is signed out", func(t *testing.T) {
		if err := f.cluster.Kill(); err != nil {
			t.Fatal(err)
		}
		for i, n := range f.nodes {
			await(t, fmt.Sprintf("node %d tells that PostgreSQL is not there", i), func() bool { // whose children outlive it for a moment
				return p.get(n, "/tokens").status == http.StatusServiceUnavailable
			})
			if page := p.get(n, "/tokens"); page.status != http.StatusServiceUnavailable ||
				!strings.Contains(page.body, "still signed in") || page.signedIn() {
				t.Errorf("node %d: %d at %s", i, page.status, page.at)
			}
		}
		if err := f.cluster.Boot(); err != nil {
			t.Fatal(err)
		}
		f.allReady(t)
		for i, n := range f.nodes {
			if page := p.get(n, "/tokens"); !page.signedIn() {
				t.Errorf("node %d afterwards: %d at %s", i, page.status, page.at)
			}
		}
	})
	t.Run("signed out on one node, within a second on all", func(t *testing.T) {
		other := newPerson(t) // has the cookies too, and does not forget them
		u, _ := url.Parse(one.gate)
		other.client.Jar.SetCookies(u, p.client.Jar.Cookies(u))
		page := p.get(two, "/tokens")
		var last atomic.Int64 // when the last request began that passed
		done := make(chan struct{})
		var all sync.WaitGroup
		for _, n := range f.nodes {
			all.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					request, err := http.NewRequest(http.MethodGet, n.gate+consolePath+"/tokens", nil)
					if err != nil {
						t.Error(err)
						return
					}
					for _, c := range other.client.Jar.Cookies(u) {
						request.AddCookie(c)
					}
					bare := person{t, &http.Client{Timeout: patience}}
					if s := bare.send(request, nil); s.signedIn() {
						began := s.began.UnixNano()
						for seen := last.Load(); began > seen && !last.CompareAndSwap(seen, began); seen = last.Load() {
						}
					}
				}
			})
		}
		await(t, "the other one is signed in", func() bool { return last.Load() != 0 })
		if out := p.post(two, "/sign-out", page, url.Values{}); out.at != consolePath+"/sign-in" {
			t.Errorf("signing out: %d at %s", out.status, out.at)
		}
		acknowledged := time.Now()
		time.Sleep(2 * time.Second)
		close(done)
		all.Wait()
		if late := time.Unix(0, last.Load()).Sub(acknowledged); late > time.Second {
			t.Errorf("a request passed that began %s after", late)
		}
		for i, n := range f.nodes {
			if s := other.get(n, "/tokens"); s.at != consolePath+"/sign-in" {
				t.Errorf("node %d: %d at %s", i, s.status, s.at)
			}
		}
	})
}

// storeURL gives the URL by which a node reaches its database.
func (n *node) storeURL() string {
	for _, v := range n.env {
		if found, is := strings.CutPrefix(v, "PATGATE_STORE_URL="); is {
			return found
		}
	}
	return ""
}
