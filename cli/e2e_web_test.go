package cli_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// TestWebPaths asks for archives, release assets and feeds by the web paths that scripts know.
func TestWebPaths(t *testing.T) {
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_RESOLVER_FRESH_FOR_READS=200ms", "PATGATE_RESOLVER_FRESH_FOR_WRITES=200ms", "PATGATE_RESOLVER_NOT_FOUND_TTL=100ms"}
	})
	f := r.world.forge
	open := f.AddProject("shop/open", forgetest.Public)
	f.SetReleaseLink(r.world.api, "https://downloads.example/app-1.0.tar.gz?signature=ab")
	f.SetReleaseLink(open, r.world.url+"/api/v4/projects/1/packages/generic/app/1.0/app")
	const api = "/shop/backend/api"
	code := r.mint(t, "--name", "archives", "--project", "shop/backend/api", "--allow", "download_code,read_release")
	feeds := r.mint(t, "--name", "feeds", "--group", "shop", "--allow", "read_work_item,read_merge_request,read_event,read_code,read_release")
	get := func(token, target string, header ...string) answer {
		t.Helper()
		h := http.Header{}
		if token != "" {
			h.Set("PRIVATE-TOKEN", token)
		}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		a := send(http.MethodGet, r.gate+target, h, nil)
		revealsNothing(t, r.world, []byte(fmt.Sprint(a.header)+a.body))
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a cookie of the forge's comes back", target)
		}
		return a
	}
	apiArchive := fmt.Sprintf("archive main/api-main.tar.gz of project %d\n", r.world.api)
	for _, c := range []struct {
		name, token, target string
		status              int
		text                string // of the body, or the Location
	}{
		{"an archive", code, api + "/-/archive/main/api-main.tar.gz", 200, apiArchive},
		{"by another case", code, "/Shop/Backend/API/-/archive/main/api-main.tar.gz", 200, apiArchive},
		{"of a project out of bounds", code, "/secret/plans/-/archive/main/plans-main.zip", 403, "out_of_bounds"},
		{"of a project that does not exist", code, "/secret/nothing/-/archive/main/plans-main.zip", 403, "out_of_bounds"},
		{"without the permission", feeds, api + "/-/archive/main/api-main.tar.gz", 403, "download_code"},
		{"of a public project", feeds, "/shop/open/-/archive/main/x.zip", 200, "archive main/x.zip"},
		{"a release's asset leads to another host", code, api + "/-/releases/v1/downloads/app", 302, "https://downloads.example/app-1.0.tar.gz?signature=ab"},
		{"a release's asset leads back to patgate", code, "/shop/open/-/releases/v1/downloads/app", 302, r.gate + "/api/v4/projects/1/packages/generic/app/1.0/app"},
		{"the latest release of a private project", code, api + "/-/releases/permalink/latest/downloads/app", 403, "permalink/latest/downloads/:file of the REST API"},
		{"the latest release of a public project", code, "/shop/open/-/releases/permalink/latest/downloads/app", 302, r.gate + "/api/v4/projects/1/packages/generic/app/1.0/app"},
		{"issues", feeds, api + "/-/issues.atom?state=opened", 200, fmt.Sprintf("feed issues.atom of project %d", r.world.api)},
		{"a calendar", feeds, api + "/-/issues.ics", 200, "feed issues.ics"},
		{"merge requests", feeds, api + "/-/merge_requests.atom", 200, "feed merge_requests.atom"},
		{"commits", feeds, api + "/-/commits/main?format=atom", 200, "feed commits/main"},
		{"tags", feeds, api + "/-/tags?format=atom", 200, "feed tags"},
		{"releases", feeds, api + "/-/releases.atom", 200, "feed releases.atom"},
		{"activity", feeds, api + ".atom", 200, "feed"},
		{"issues of a group", feeds, "/groups/shop/-/issues.atom", 200, fmt.Sprintf("feed issues.atom of group %d", r.world.shop)},
		{"issues of a group below", feeds, "/groups/shop/backend/-/work_items.atom", 200, "feed work_items.atom"},
		{"issues of another group", feeds, "/groups/secret/-/issues.atom", 403, "out_of_bounds"},
		{"issues of a group, by a project's token", code, "/groups/shop/-/issues.atom", 403, "read_work_item"},
		{"a feed without the permission", code, api + "/-/issues.atom", 403, "read_work_item"},
		{"a group's activity", feeds, "/groups/shop.atom", 403, "share with the group"},
		{"a dashboard", feeds, "/dashboard/issues.atom", 403, "everything that the token's owner sees"},
		{"raw", code, api + "/-/raw/main/README.md", 403, "files/:file_path/raw"},
		{"raw, named like a repository", code, api + "/-/raw/main/name.git/x", 403, "files/:file_path/raw"},
		{"a page", code, api, 403, "Web pages are not supported"},
		{"a page that names an archive", code, api + "/-/blob/main/-/archive/x.zip", 403, "Web pages are not supported"},
		{"another query", code, api + "/-/archive/main/api-main.tar.gz?format=atom", 400, "ambiguous_path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := get(c.token, c.target)
			if a.status != c.status || !strings.Contains(a.body, c.text) && a.header.Get("Location") != c.text {
				t.Errorf("%d %q %s", a.status, a.header.Get("Location"), a.body)
			}
		})
	}
	t.Run("a token in Basic, or as a bearer, and a wish for another format", func(t *testing.T) {
		for _, header := range [][]string{{"Authorization", basicOf(code)}, {"Authorization", "Bearer " + code}} {
			f.ForgetRequests()
			if a := get("", api+"/-/archive/main/api-main.tar.gz", append(header, "Accept", "application/atom+xml", "Cookie", "theme=dark")...); a.status != 200 || a.body != apiArchive {
				t.Errorf("%d %s", a.status, a.body)
			}
			sent := f.Requests()[len(f.Requests())-1]
			if sent.Header.Get("Accept") != "*/*" || sent.Header.Get("Cookie") != "" || sent.Target != api+"/-/archive/main/api-main.tar.gz" {
				t.Errorf("%s %v", sent.Target, sent.Header)
			}
		}
	})
	t.Run("what is public is asked for without a credential", func(t *testing.T) {
		f.ForgetRequests()
		get(feeds, "/shop/open/-/archive/main/x.zip")
		if sent := f.Requests()[len(f.Requests())-1]; sent.Secret != "" || sent.Header.Get("Private-Token") != "" {
			t.Errorf("%v", sent.Header)
		}
	})
	t.Run("a project that was moved", func(t *testing.T) {
		f.MoveProject(r.world.api, "shop/backend/renamed")
		defer f.MoveProject(r.world.api, "shop/backend/api")
		time.Sleep(300 * time.Millisecond)
		f.ForgetRequests()
		if a := get(code, api+"/-/archive/main/api-main.tar.gz"); a.status != 200 || a.body != apiArchive {
			t.Errorf("%d %s", a.status, a.body)
		}
		if sent := f.Requests()[len(f.Requests())-1]; sent.Target != "/shop/backend/renamed/-/archive/main/api-main.tar.gz" {
			t.Errorf("sent %s", sent.Target)
		}
	})
	t.Run("another project under a name that was given up", func(t *testing.T) {
		f.MoveProject(r.world.api, "shop/backend/renamed")
		f.MoveProject(r.world.plans, "shop/backend/api")
		time.Sleep(300 * time.Millisecond)
		if a := get(code, api+"/-/archive/main/api-main.tar.gz"); a.status != 403 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}
