package cli_test

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The console on the clients' address: its pages are patgate's own, its cookies stay there, and a denial links to its form.
func TestConsoleOnTheGateway(t *testing.T) {
	r := startRunning(t, "--console-listen", "gateway")
	const path = "/-/patgate/console"
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: &http.Transport{Proxy: nil}}
	read := func(request *http.Request, err error) (*http.Response, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(body)
	}
	get := func(target string) (*http.Response, string) {
		t.Helper()
		return read(http.NewRequest(http.MethodGet, r.gate+target, nil))
	}
	hidden := regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)
	post := func(target, page string, fields url.Values) (*http.Response, string) {
		t.Helper()
		for _, m := range hidden.FindAllStringSubmatch(page, -1) {
			fields.Set(m[1], m[2])
		}
		request, err := http.NewRequest(http.MethodPost, r.gate+target, strings.NewReader(fields.Encode()))
		if err == nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Sec-Fetch-Site", "same-origin")
			request.Header.Set("Origin", "null")
		}
		return read(request, err)
	}

	response, page := get(path)
	if response.StatusCode != 200 || response.Request.URL.Path != path+"/sign-in" ||
		!strings.Contains(response.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("%d at %s\n%s", response.StatusCode, response.Request.URL, r.lastLines(3))
	}
	style := regexp.MustCompile(`href="(` + path + `/assets/[^"]*\.css)"`).FindStringSubmatch(page)
	if style == nil {
		t.Fatal("no style")
	}
	if response, _ := get(style[1]); response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the style: %d %v", response.StatusCode, response.Header)
	}
	response, page = post(path+"/sign-in", page, url.Values{"credential": {r.world.alicePAT}})
	if response.StatusCode != 200 || response.Request.URL.Path != path+"/tokens" || !strings.Contains(page, "alice") {
		t.Fatalf("signing in: %d at %s\n%s", response.StatusCode, response.Request.URL, r.lastLines(3))
	}
	_, page = get(path + "/tokens/new")
	response, page = post(path+"/tokens", page, url.Values{"do": {"generate"}, "name": {"read jobs"}, "seal": {"yes"},
		"credential":     {r.world.alicePAT},
		"scope-0-access": {"personal_projects"}, "scope-0-permission": {"read_job"}})
	secret := regexp.MustCompile(`patgate_[0-9A-Za-z]{36}`).FindString(page)
	if response.StatusCode != 200 || secret == "" {
		t.Fatalf("making a token: %d\n%s", response.StatusCode, r.lastLines(3))
	}
	r.secret("a minted token", secret)

	t.Run("a denial links to a page that gives the token what lacks", func(t *testing.T) {
		project := "/api/v4/projects/" + url.PathEscape("shop/backend/api")
		a := r.call(t, secret, http.MethodGet, project+"/issues", nil)
		address := grantURL(t, a)
		u, err := url.Parse(address)
		if err != nil || !regexp.MustCompile(`^`+path+`/tokens/[0-9]+/grant$`).MatchString(u.Path) {
			t.Fatalf("the link is %s", address)
		}
		_, page := get(u.RequestURI())
		if !strings.Contains(page, "read_work_item") || !strings.Contains(page, "shop/backend/api") {
			t.Fatal("the page does not say what is added")
		}
		r.want(t, 403, secret, http.MethodGet, project+"/issues", nil) // nothing has happened by looking
		if response, _ := post(u.Path, page, url.Values{"permissions": {"read_work_item"}, "access": {"selected_memberships"},
			"project": {"shop/backend/api"}}); response.StatusCode != 422 {
			t.Fatalf("without the credential: %d", response.StatusCode)
		}
		response, _ := post(u.Path, page, url.Values{"permissions": {"read_work_item"}, "access": {"selected_memberships"},
			"project": {"shop/backend/api"}, "credential": {r.world.alicePAT}})
		if response.StatusCode != 200 {
			t.Fatalf("with it: %d at %s", response.StatusCode, response.Request.URL)
		}
		r.want(t, 200, secret, http.MethodGet, project+"/issues", nil)
		r.want(t, 403, secret, http.MethodGet, "/api/v4/projects/"+url.PathEscape("shop/my.web-site")+"/issues", nil)
	})
	t.Run("the token's page lists what it was denied, and one click leads to what grants it", func(t *testing.T) {
		target := "/api/v4/projects/" + url.PathEscape("shop/my.web-site") + "/jobs/1/trace" // read_job, which it has elsewhere
		denied := grantURL(t, r.call(t, secret, http.MethodGet, target, nil))
		_, own, _ := strings.Cut(strings.Split(denied, "/grant?")[0], path)
		link := regexp.MustCompile(`href="([^"]*/grant\?[^"]*permissions=read_job[^"]*)"`)
		var found []string
		for end := time.Now().Add(patience); found == nil; time.Sleep(100 * time.Millisecond) {
			_, page := get(path + own)
			if found = link.FindStringSubmatch(page); found == nil && time.Now().After(end) {
				t.Fatalf("nothing on %s leads there:\n%s", own, page)
			}
		}
		address := html.UnescapeString(found[1])
		at, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		_, page := get(address)
		if !strings.Contains(page, "read_job") || !strings.Contains(page, "shop/my.web-site") {
			t.Fatalf("%s does not say what is added:\n%s", address, page)
		}
		form := at.Query()
		form.Set("credential", r.world.alicePAT)
		if response, _ := post(at.Path, page, form); response.StatusCode != 200 {
			t.Fatalf("it answers %d", response.StatusCode)
		}
		r.want(t, 404, secret, http.MethodGet, target, nil) // the forge's own: there is no such job
	})
	t.Run("what is not there is not granted, but a form for a new token is filled in", func(t *testing.T) {
		a := r.call(t, secret, http.MethodGet, "/api/v4/projects/no%2Fsuch/issues", nil)
		link := regexp.MustCompile(`"grant_url":"([^"]*)"`).FindStringSubmatch(a.body)
		if a.status != 403 || link == nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		address := strings.ReplaceAll(link[1], `\u0026`, "&")
		u, err := url.Parse(address)
		if err != nil || !strings.HasSuffix(u.Path, "/grant") || u.Query().Get("project") != "no/such" ||
			u.Query().Get("permissions") != "read_work_item" {
			t.Fatalf("the link is %s", address)
		}
		if _, page := get(u.RequestURI()); !strings.Contains(page, "cannot see it") {
			t.Error("the page does not say that there is no such project")
		}
		if _, page := get(path + "/tokens/new?" + u.RawQuery); !strings.Contains(page, `value="read_work_item" checked`) ||
			!strings.Contains(page, "no/such</textarea>") {
			t.Error("the form is not filled in")
		}
	})
	t.Run("what the forge answers is no document of its origin", func(t *testing.T) {
		response, _ := get("/shop/backend/api?private_token=junk")
		if policies := response.Header.Values("Content-Security-Policy"); response.Request.URL.Path != "/shop/backend/api" ||
			len(policies) == 0 || policies[len(policies)-1] != "sandbox" {
			t.Errorf("%d at %s, policies %q", response.StatusCode, response.Request.URL, policies)
		}
	})
	t.Run("its cookies never go to the forge", func(t *testing.T) {
		before := r.world.forge.RequestCount()
		for _, credential := range []string{secret, r.world.alicePAT} {
			request, err := http.NewRequest(http.MethodGet, r.gate+"/api/v4/version", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("PRIVATE-TOKEN", credential)
			if response, body := read(request, nil); response.StatusCode != 200 {
				t.Fatalf("%d %s", response.StatusCode, body)
			}
		}
		requests := r.world.forge.Requests()
		if len(requests) <= before {
			t.Fatal("the forge was not asked")
		}
		for _, request := range requests {
			if got := request.Header.Get("Cookie"); strings.Contains(got, "patgate-console") {
				t.Errorf("%s %s got the cookie", request.Method, request.Target)
			}
		}
	})
	t.Run("the API request and the command that it shows make the same token", func(t *testing.T) {
		_, page := get(path + "/tokens/new")
		_, answer := post(path+"/tokens/preview", page, url.Values{"name": {"it's \"quoted\" $(here)"}, "description": {"two words"},
			"expires_at":     {"12h"},
			"scope-0-access": {"personal_projects"}, "scope-0-permission": {"read_job", "run_job"}, "scope-1-access": {"user"},
			"scope-1-permission": {"read_user"}})
		var shown struct{ JSON, Command string }
		if err := json.Unmarshal([]byte(answer), &shown); err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
		head, body, _ := strings.Cut(shown.JSON, "\n\n")
		var request map[string]any
		if err := json.Unmarshal([]byte(body), &request); err != nil || !strings.HasPrefix(head,
			"POST "+r.gate+"/-/patgate/api/tokens\nAuthorization: Bearer ") {
			t.Fatalf("%v: %s", err, shown.JSON)
		}
		made, _ := r.want(t, http.StatusCreated, r.world.alicePAT, http.MethodPost, "/-/patgate/api/tokens", request)
		cmd := exec.Command("sh", "-c", shown.Command+" --json")
		cmd.Env, cmd.Dir = append(r.env, "PATGATE_OWNER_CREDENTIAL="+r.world.alicePAT), r.dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", shown.Command, err)
		}
		var again struct {
			Name, Token, Description string
			GranularScopes           any `json:"granular_scopes"`
		}
		if err := json.Unmarshal(out, &again); err != nil || again.Token == "" {
			t.Fatalf("%v: %s", err, out)
		}
		r.secret("a minted token", again.Token)
		if made.Name != again.Name || again.Name != "it's \"quoted\" $(here)" || again.Description != "two words" {
			t.Errorf("%q and %q, %q", made.Name, again.Name, again.Description)
		}
		for _, token := range []string{made.Token, again.Token} {
			self, _ := r.want(t, http.StatusOK, token, http.MethodGet, "/-/patgate/api/tokens/self", nil)
			if len(self.GranularScopes) != 2 || len(self.GranularScopes[0].Permissions) != 2 || self.GranularScopes[1].Access != "user" {
				t.Errorf("the scopes are %+v", self.GranularScopes)
			}
		}
	})
	t.Run("other pages are refused as before", func(t *testing.T) {
		if response, _ := get("/acme/website"); response.StatusCode != 403 {
			t.Errorf("%d", response.StatusCode)
		}
		if response, _ := get("/-/patgate/tokens"); response.StatusCode != 404 {
			t.Errorf("%d", response.StatusCode)
		}
	})
	t.Run("a form of another site is refused", func(t *testing.T) {
		request, err := http.NewRequest(http.MethodPost, r.gate+path+"/sign-out", strings.NewReader("csrf=x"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", "https://evil.example")
		if response, _ := read(request, nil); response.StatusCode != 403 {
			t.Errorf("%d", response.StatusCode)
		}
	})
	t.Run("without one there is nothing", func(t *testing.T) {
		plain := startRunning(t)
		if a := plain.call(t, "", http.MethodGet, path+"/sign-in", nil); a.status != 404 {
			t.Errorf("%d", a.status)
		}
	})
}
