package proxy

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"patgate/policy"
	"patgate/proxy/legacy"
)

// A denial links to the page on which the token is given what it lacks, made of the configuration, the token's id and what the client
// sent.
func TestDenialLinksToTheTokenThatIsNeeded(t *testing.T) {
	const pages = "https://tokens.example.com/tokens"
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.GrantURL = pages })
	narrow := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"run_job"}})
	linkOf := func(t *testing.T, token, request string) string {
		t.Helper()
		a := g.raw(t, strings.Replace(request, "\r\n", "\r\nPRIVATE-TOKEN: "+token+"\r\n", 1))
		var body struct {
			Link string `json:"grant_url"`
		}
		if err := json.Unmarshal([]byte(a.body), &body); err != nil {
			t.Fatalf("%v in %s", err, a.body)
		}
		return body.Link
	}
	cases := []struct {
		name, token, request string
		want                 url.Values
	}{
		{"a permission on a project by its path", narrow, get("/api/v4/projects/group%2Fgranted/jobs"),
			url.Values{"access": {"selected_memberships"}, "permissions": {"read_job"}, "project": {"group/granted"}}},
		{"by its id", narrow, get("/api/v4/projects/7/jobs"), url.Values{"access": {"selected_memberships"}, "permissions": {"read_job"},
			"project": {"7"}}},
		{"a project out of bounds", g.token, get("/api/v4/projects/8/jobs"), url.Values{"access": {"selected_memberships"},
			"permissions": {"read_job"}, "project": {"8"}}},
		{"one that does not exist, by a path of any case", g.token, get("/api/v4/projects/No%2FSuch/jobs"),
			url.Values{"access": {"selected_memberships"}, "permissions": {"read_job"}, "project": {"No/Such"}}},
		{"what Host says counts for nothing", narrow, strings.Replace(get("/api/v4/projects/7/jobs"), "Host: patgate.test",
			"Host: evil.example", 1),
			url.Values{"access": {"selected_memberships"}, "permissions": {"read_job"}, "project": {"7"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			link := linkOf(t, c.token, c.request)
			id, rest, _ := strings.Cut(strings.TrimPrefix(link, pages+"/"), "/")
			if _, err := strconv.ParseInt(id, 10, 64); err != nil || rest != "grant?"+c.want.Encode() {
				t.Errorf("the link is %s, want %s/<id>/grant?%s", link, pages, c.want.Encode())
			}
		})
	}
	t.Run("nothing that the forge told", func(t *testing.T) {
		// The resolver knows group/granted as 7: the id must not come out for the path, nor the path for the id.
		if link := linkOf(t, narrow, get("/api/v4/projects/group%2Fgranted/jobs")); regexp.MustCompile(`=7(&|$)`).MatchString(link) {
			t.Errorf("the link tells an id: %s", link)
		}
		if link := linkOf(t, narrow, get("/api/v4/projects/7/jobs")); strings.Contains(link, "granted") {
			t.Errorf("the link tells a path: %s", link)
		}
	})
	t.Run("a further project that is missing is not put in the place of the first", func(t *testing.T) {
		link := linkOf(t, g.token, request("POST", "/api/v4/projects/7/issues/1/move", `{"to_project_id":8}`,
			"Content-Type: application/json"))
		u, err := url.Parse(link)
		if err != nil || !slices.Contains(strings.Split(u.Query().Get("permissions"), ","), "create_work_item") ||
			u.Query().Get("project") != "7" {
			t.Errorf("the link is %s", link)
		}
	})
	for name, request := range map[string]string{"a row that mints": request("POST", "/api/v4/projects/7/access_tokens", `{}`,
		"Content-Type: application/json"),
		"a row for another credential": get("/api/v4/job"), "no row": get("/api/v4/nowhere"),
		"an ambiguous path": get("/api/v4/projects/7/./jobs")} {
		t.Run("none for "+name, func(t *testing.T) {
			if link := linkOf(t, g.token, request); link != "" {
				t.Errorf("there is a link: %s", link)
			}
		})
	}
	t.Run("none without a console", func(t *testing.T) {
		g := newGateway(t, mustNotBeCalled(t), nil)
		a := g.raw(t, get("/api/v4/projects/8/jobs", "PRIVATE-TOKEN: "+g.token))
		if a.wants(t, 403); strings.Contains(a.body, "grant_url") {
			t.Errorf("there is a link: %s", a.body)
		}
	})
}

// The cookies of patgate's own pages go to no forge, and none of their name comes from one.
func TestOwnCookiesStayHere(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "__Host-patgate-console=planted; Path=/; Secure")
		w.Header().Add("Set-Cookie", " Patgate-Console-form=planted")
		w.Header().Add("Set-Cookie", "theirs=1")
	})
	g := newGateway(t, upstream.URL, func(o *Options) { o.OwnCookies, o.Web, o.Anonymous = "patgate-console", legacy.Allow, legacy.Allow })
	const session = "_gitlab_session=s"
	for _, c := range []struct{ name, cookies, want string }{
		{"before others", "Cookie: __Host-patgate-console=secret; " + session, session},
		{"behind others", "Cookie: " + session + "; __Host-patgate-console=secret; __Host-patgate-console-form=x", session},
		{"between others", "Cookie: a=1; patgate-console=secret; " + session + ";b=2", "a=1; " + session + ";b=2"},
		{"in any case", "Cookie: __hOST-Patgate-Console=secret; " + session, session},
		{"in two headers", "Cookie: __Host-patgate-console=secret\r\nCookie: " + session, session},
		{"without others", "PRIVATE-TOKEN: glpat-x\r\nCookie: __Host-patgate-console=secret", ""},
		{"others keep their bytes", "Cookie: a=1;; b=\"x\" ; my-patgate-console=2; " + session, "a=1;; b=\"x\" ; my-patgate-console=2; " +
			session},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := g.raw(t, get("/group/page", c.cookies))
			a.wants(t, 200)
			if got := strings.Join(upstream.last(t).header["Cookie"], "|"); got != c.want {
				t.Errorf("the forge got %q, want %q", got, c.want)
			}
			if got := a.header.Values("Set-Cookie"); len(got) != 1 || got[0] != "theirs=1" {
				t.Errorf("the client got %q", got)
			}
		})
	}
}
