package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// shown is a token as the API shows it, as far as these tests look at it.
type shown struct {
	ID             int64  `json:"id"`
	Name           string `json:"name"`
	Token          string `json:"token"`
	Active         bool   `json:"active"`
	Revoked        bool   `json:"revoked"`
	State          string `json:"state"`
	StateReason    string `json:"state_reason"`
	Granular       bool   `json:"granular"`
	UserID         int64  `json:"user_id"`
	ExpiresAt      string `json:"expires_at"`
	GranularScopes []struct {
		Access      string   `json:"access"`
		Permissions []string `json:"permissions"`
		ProjectID   *int64   `json:"project_id"`
		GroupID     *int64   `json:"group_id"`
	} `json:"granular_scopes"`
	ExpiresAtTime time.Time `json:"expires_at_time"`
	RotatedTo     *int64    `json:"rotated_to"`
	ParentID      *int64    `json:"parent_id"`
	RevokedTokens []int64   `json:"revoked_tokens"`
	Warnings      []string  `json:"warnings"`
}

// object is a JSON object.
type object = map[string]any

// call makes a request to the gateway; body is sent as JSON unless it is nil.
func (r *running) call(t *testing.T, secret, method, path string, body any) answer {
	t.Helper()
	header := http.Header{}
	if secret != "" {
		header.Set("PRIVATE-TOKEN", secret)
	}
	var data []byte
	if body != nil {
		header.Set("Content-Type", "application/json")
		var err error
		if data, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	a := send(method, r.gate+path, header, data)
	if a.err != nil {
		t.Fatalf("%s %s: %v", method, path, a.err)
	}
	return a
}

// want makes a request that must be answered with a status, and gives the answer as a token.
func (r *running) want(t *testing.T, status int, secret, method, path string, body any) (v shown, text string) {
	t.Helper()
	a := r.call(t, secret, method, path, body)
	if a.status != status {
		t.Fatalf("%s %s: %d, want %d: %s\n%s", method, path, a.status, status, a.body, r.lastLines(3))
	}
	if strings.HasPrefix(a.body, "{") {
		if err := json.Unmarshal([]byte(a.body), &v); err != nil && status < 300 {
			t.Fatalf("%s %s: %v: %s", method, path, err, a.body)
		}
	}
	if v.Token != "" {
		r.secret("a minted token", v.Token)
	}
	return v, a.body
}

// try makes a request that may be cut off, and tells whether it was done.
func (r *running) try(secret, method, path string, body any) (v shown, ok bool) {
	header := http.Header{"Private-Token": {secret}}
	var data []byte
	if body != nil {
		header.Set("Content-Type", "application/json")
		data, _ = json.Marshal(body)
	}
	a := send(method, r.gate+path, header, data)
	if a.err != nil || a.status >= 300 {
		return v, false
	}
	return v, a.status == http.StatusNoContent || json.Unmarshal([]byte(a.body), &v) == nil
}

// parseShown reads a token.
func parseShown(t *testing.T, text []byte) (v shown) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// logs waits until the server has logged a line with that text.
func (r *running) logs(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(r.logText(), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log does not say %s:\n%s", text, r.lastLines(5))
		}
	}
}

const (
	userTokens = "/api/v4/user/personal_access_tokens"
	allTokens  = "/api/v4/personal_access_tokens"
	ownAPI     = "/-/patgate/api"
)

// on is a scope on one project.
func on(project int64, permissions ...string) object {
	return object{"access": "selected_memberships", "permissions": permissions, "project_ids": []int64{project}}
}

// account is a scope on the owner's account.
func account(permissions ...string) object {
	return object{"access": "user", "permissions": permissions}
}

// creation is the body that makes a token.
func creation(name string, scopes ...object) object {
	return object{"name": name, "granular_scopes": scopes, "seal": true}
}

// make makes a token on alice's word.
func (r *running) make(t *testing.T, body object) shown {
	t.Helper()
	v, _ := r.want(t, 201, r.world.alicePAT, "POST", userTokens, body)
	return v
}

func path(id int64, rest string) string { return allTokens + "/" + strconv.FormatInt(id, 10) + rest }
func extra(id int64, rest string) string {
	return ownAPI + "/tokens/" + strconv.FormatInt(id, 10) + rest
}

func TestTokenAPI(t *testing.T) {
	r := unlimited(t)
	w := r.world
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", w.api)

	t.Run("a credential is sealed only when the request says so", func(t *testing.T) {
		body := creation("unsealed", on(w.api, "read_work_item"))
		delete(body, "seal")
		if _, text := r.want(t, 403, w.alicePAT, "POST", userTokens, body); !strings.Contains(text, "seal: true") {
			t.Error(text)
		}
		r.make(t, creation("sealing", on(w.api, "read_work_item")))
		r.want(t, 201, w.alicePAT, "POST", userTokens, body) // sealed by now
	})
	t.Run("a token is made as GitLab makes one", func(t *testing.T) {
		v, text := r.want(t, 201, w.alicePAT, "POST", userTokens, object{"name": "bot", "description": "d", "expires_at": time.Now().AddDate(0, 1, 0).Format(time.DateOnly),
			"granular_scopes": []object{{"access": "selected_memberships", "permissions": []string{"read_work_item"}, "project_ids": []int64{w.api, w.web}, "group_ids": []int64{w.shop}}}})
		if v.ID < 1_000_000_000_000 || !v.Active || !v.Granular || v.ExpiresAt != time.Now().AddDate(0, 1, 0).Format(time.DateOnly) || len(v.GranularScopes) != 3 {
			t.Error(text)
		}
		if p, g := v.GranularScopes[0], v.GranularScopes[2]; *p.ProjectID != w.api || p.GroupID != nil || *g.GroupID != w.shop || g.ProjectID != nil {
			t.Error(text)
		}
		r.want(t, 200, v.Token, "GET", issues, nil)
	})
	t.Run("a form makes one too", func(t *testing.T) {
		header := http.Header{"Private-Token": {w.alicePAT}, "Content-Type": {"application/x-www-form-urlencoded"}}
		form := fmt.Sprintf("name=form&granular_scopes[][access]=selected_memberships&granular_scopes[][permissions][]=read_work_item&granular_scopes[][project_ids]=%d,%d"+
			"&granular_scopes[][access]=user&granular_scopes[][permissions][]=read_user", w.api, w.web)
		a := send("POST", r.gate+userTokens, header, []byte(form))
		var v shown
		if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != 201 || len(v.GranularScopes) != 3 {
			t.Fatal(a.status, a.body)
		}
		r.secret("a minted token", v.Token)
	})
	t.Run("legacy scopes pass through", func(t *testing.T) {
		w.forge.ForgetRequests()
		r.call(t, w.alicePAT, "POST", userTokens, object{"name": "legacy", "scopes": []string{"k8s_proxy"}})
		if got := w.forge.Requests(); len(got) != 1 || got[0].Method != "POST" || !strings.Contains(string(got[0].Body), `"k8s_proxy"`) {
			t.Errorf("the forge got %+v", got)
		}
	})
	t.Run("bad input is told field by field", func(t *testing.T) {
		for name, tc := range map[string]struct {
			change object
			status int
			want   []string
		}{
			"no name":                 {object{"name": " "}, 400, []string{`"name":["is missing`}},
			"a long name":             {object{"name": strings.Repeat("x", 201)}, 400, []string{`"name":["has 201 characters, at most 200`}},
			"a long description":      {object{"description": strings.Repeat("x", 256)}, 400, []string{`"description":["has 256 characters`}},
			"a line feed in a name":   {object{"name": "a\nb"}, 400, []string{`"name":["has control characters`}},
			"an expiry in the past":   {object{"expires_at": "2020-01-01"}, 400, []string{`"expires_at":["is in the past`}},
			"an expiry too far off":   {object{"expires_at": "2d"}, 201, nil},
			"an expiry beyond":        {object{"expires_at": "400d"}, 400, []string{`"expires_at":["is too late: the longest lifetime here is 365d (tokens.max_lifetime)`}},
			"an expiry too soon":      {object{"expires_in": "4m"}, 400, []string{`is too soon: a token lives at least 5m`}},
			"the shortest life":       {object{"expires_in": "5m"}, 201, nil},
			"an expiry that is none":  {object{"expires_at": "soon"}, 400, []string{`"expires_at":["\"soon\" is neither`}},
			"two expiries":            {object{"expires_at": "2d", "expires_in": "2d"}, 400, []string{`"expires_in":["excludes expires_at`}},
			"both kinds of scopes":    {object{"scopes": []string{"api"}}, 400, []string{`exclude each other`}},
			"no scope":                {object{"granular_scopes": []object{}}, 400, []string{`"granular_scopes":["a token needs at least one scope`}},
			"scopes that are none":    {object{"granular_scopes": "all"}, 400, []string{`must be a list of objects`}},
			"an unknown access":       {object{"granular_scopes": []object{{"access": "everything", "permissions": []string{"read_job"}}}}, 400, []string{`"granular_scopes[0].access":["unknown access`}},
			"no permission":           {object{"granular_scopes": []object{on(w.api)}}, 400, []string{`"granular_scopes[0].permissions":["a scope needs at least one permission`}},
			"a misspelt permission":   {object{"granular_scopes": []object{on(w.api, "read_jop")}}, 400, []string{`nearest: read_job`}},
			"a doubled permission":    {object{"granular_scopes": []object{on(w.api, "read_job", "read_job")}}, 400, []string{`is listed twice`}},
			"duplicate scopes":        {object{"granular_scopes": []object{on(w.api, "read_job"), on(w.api, "run_job")}}, 400, []string{`is in scopes[0] already`}},
			"a boundary it lacks":     {object{"granular_scopes": []object{account("read_job")}}, 400, []string{`cannot be granted under user`}},
			"a misspelt constraint":   {object{"granular_scopes": []object{{"access": "user", "permissions": []string{"read_user"}, "constraint": object{}}}}, 400, []string{`"granular_scopes[0].constraint":["is not known`}},
			"an unknown project":      {object{"granular_scopes": []object{on(999999, "read_job")}}, 404, []string{`granular_scopes[0].project_ids: project \"999999\": not found, or alice cannot see it`}},
			"an unknown group":        {object{"granular_scopes": []object{{"access": "selected_memberships", "permissions": []string{"read_job"}, "group_ids": "999999"}}}, 404, []string{`404 Not Found`}},
			"a project by its path":   {object{"granular_scopes": []object{{"access": "selected_memberships", "permissions": []string{"read_job"}, "projects": []string{"shop/backend/api"}}}}, 201, nil},
			"everything that is read": {object{"granular_scopes": []object{on(w.api, "read_*")}}, 201, nil},
			"several at once":         {object{"name": "", "expires_at": "x"}, 400, []string{`"name"`, `"expires_at"`}},
		} {
			t.Run(name, func(t *testing.T) {
				body := creation("input", on(w.api, "read_job"))
				for k, v := range tc.change {
					body[k] = v
				}
				_, text := r.want(t, tc.status, w.alicePAT, "POST", userTokens, body)
				for _, want := range tc.want {
					if !strings.Contains(text, want) {
						t.Errorf("%q is missing in %s", want, text)
					}
				}
			})
		}
	})
	t.Run("a body that is no JSON, or has doubled names, is refused", func(t *testing.T) {
		maker := r.make(t, creation("maker", account("create_personal_access_token")))
		for _, body := range []string{"{", `{"name":"a","name":"b"}`, "[]"} {
			a := send("POST", r.gate+userTokens, http.Header{"Private-Token": {maker.Token}, "Content-Type": {"application/json"}}, []byte(body))
			if a.status != 400 {
				t.Errorf("%s: %d %s", body, a.status, a.body)
			}
		}
	})
	t.Run("self always answers", func(t *testing.T) {
		v := r.make(t, creation("selfish", on(w.api, "read_job")))
		self, text := r.want(t, 200, v.Token, "GET", allTokens+"/self", nil)
		if self.ID != v.ID || self.Token != "" || self.State != "active" {
			t.Error(text)
		}
		if _, text := r.want(t, 200, v.Token, "GET", allTokens+"/self/associations", nil); !strings.Contains(text, `"projects"`) {
			t.Error(text)
		}
		r.want(t, 403, v.Token, "GET", path(v.ID-1, ""), nil)
		r.want(t, 403, v.Token, "GET", allTokens, nil)
		r.want(t, 404, v.Token, "GET", allTokens+"/17", nil)
		r.want(t, 204, v.Token, "DELETE", allTokens+"/self", nil)
		r.want(t, 401, v.Token, "GET", allTokens+"/self", nil)
	})
	t.Run("probes are answered with the least", func(t *testing.T) {
		v := r.make(t, creation("probe", on(w.api, "read_job")))
		if _, text := r.want(t, 200, v.Token, "GET", "/api/v4/user", nil); !strings.Contains(text, `"username":"alice"`) || strings.Contains(text, "email") {
			t.Error(text)
		}
		if _, text := r.want(t, 200, v.Token, "GET", "/api/v4/version", nil); !strings.Contains(text, `"version":"`) {
			t.Error(text)
		}
		r.want(t, 200, v.Token, "GET", "/api/v4/metadata", nil)
		full := r.make(t, creation("reader", account("read_user")))
		if _, text := r.want(t, 200, full.Token, "GET", "/api/v4/user", nil); !strings.Contains(text, `"email":"alice@`) ||
			!strings.Contains(text, `"commit_email":"alice@`) {
			t.Error("who may ask the forge gets its answer:", text)
		}
	})
	t.Run("lists are filtered, sorted and paged as GitLab's", func(t *testing.T) {
		for i := range 3 {
			r.make(t, creation(fmt.Sprintf("page %d", i), on(w.api, "read_job")))
		}
		a := r.call(t, w.alicePAT, "GET", allTokens+"?granular=true&search=page&per_page=2&sort=name_asc", nil)
		var list []shown
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != 200 || len(list) != 2 || list[0].Name != "page 0" {
			t.Fatal(a.status, a.body)
		}
		for name, want := range map[string]string{"X-Total": "3", "X-Total-Pages": "2", "X-Page": "1", "X-Next-Page": "2", "X-Per-Page": "2", "X-Prev-Page": ""} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		if link := a.header.Get("Link"); !strings.Contains(link, "<"+r.gate+allTokens+"?") || !strings.Contains(link, `rel="next"`) || !strings.Contains(link, "search=page") {
			t.Error(link)
		}
		for query, status := range map[string]int{"sort=upside_down": 400, "state=gone": 400, "page=0": 400, "per_page=x": 400, "created_after=then": 400,
			"revoked=perhaps": 400, "user_id=999": 401, "state=inactive": 200, "revoked=false&created_after=2020-01-01&expires_before=2099-01-01&last_used_after=2020-01-01T00:00:00Z": 200,
			"sort=created_at_desc": 200} {
			r.want(t, status, w.alicePAT, "GET", allTokens+"?granular=true&"+query, nil)
		}
	})
	t.Run("filters and sorting give what they say", func(t *testing.T) {
		soon, late, gone := r.make(t, creation("filtered soon", on(w.api, "read_project"))), shown{}, shown{}
		for _, made := range []*shown{&late, &gone} {
			body := creation("filtered late", on(w.api, "read_project"))
			body["expires_in"] = "200d"
			*made = r.make(t, body)
		}
		r.want(t, 204, w.alicePAT, "DELETE", path(gone.ID, ""), nil)
		r.want(t, 200, soon.Token, "GET", fmt.Sprintf("/api/v4/projects/%d", w.api), nil)
		tomorrow, yesterday := time.Now().AddDate(0, 0, 1).Format(time.DateOnly), time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
		middle := time.Now().AddDate(0, 0, 100).Format(time.RFC3339)
		for query, want := range map[string][]shown{
			"":                                 {gone, late, soon},
			"state=active":                     {late, soon},
			"state=inactive":                   {gone},
			"revoked=true":                     {gone},
			"revoked=false":                    {late, soon},
			"created_after=" + tomorrow:        nil,
			"created_before=" + tomorrow:       {gone, late, soon},
			"created_before=" + yesterday:      nil,
			"expires_before=" + middle:         {soon},
			"expires_after=" + middle:          {gone, late},
			"state=active&sort=expires_asc":    {soon, late},
			"state=active&sort=expires_desc":   {late, soon},
			"state=active&sort=created_at_asc": {soon, late},
			"sort=name_asc&state=active":       {late, soon},
		} {
			var got []int64
			target := allTokens + "?granular=true&search=filtered&per_page=1&" + strings.ReplaceAll(query, "+", "%2B")
			for next := target; next != ""; { // along the Link header, as clients go
				a := r.call(t, w.alicePAT, "GET", next, nil)
				var list []shown
				if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != 200 || len(list) > 1 {
					t.Fatal(query, a.status, a.body)
				}
				for _, v := range list {
					got = append(got, v.ID)
				}
				next = ""
				for link := range strings.SplitSeq(a.header.Get("Link"), ", ") {
					if address, rel, _ := strings.Cut(link, "; "); rel == `rel="next"` {
						next = strings.TrimPrefix(strings.Trim(address, "<>"), r.gate)
					}
				}
			}
			var ids []int64
			for _, v := range want {
				ids = append(ids, v.ID)
			}
			if !slices.Equal(got, ids) {
				t.Errorf("%s gives %v, want %v", query, got, ids)
			}
		}
		for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) { // uses are stored now and then
			if a := r.call(t, w.alicePAT, "GET", allTokens+"?granular=true&search=filtered&last_used_after="+yesterday, nil); strings.Contains(a.body, fmt.Sprint(soon.ID)) && !strings.Contains(a.body, fmt.Sprint(late.ID)) {
				break
			} else if time.Now().After(end) {
				t.Fatal("the used token is not found by its use:", a.body)
			}
		}
	})
	t.Run("associations are what the token reaches", func(t *testing.T) {
		for name, tc := range map[string]struct {
			scope            object
			projects, groups []int64
		}{
			"a project":       {on(w.api, "read_project"), []int64{w.api}, nil},
			"a group":         {object{"access": "selected_memberships", "permissions": []string{"read_project"}, "group_ids": []int64{w.shop}}, []int64{w.api, w.web}, []int64{w.shop, w.backend}},
			"all memberships": {object{"access": "all_memberships", "permissions": []string{"read_project"}}, []int64{w.api, w.web, w.plans}, []int64{w.shop, w.backend, w.secret}},
			"the account":     {account("read_user"), nil, nil},
		} {
			v := r.make(t, creation(name, tc.scope))
			a := r.call(t, v.Token, "GET", allTokens+"/self/associations?per_page=100", nil)
			var found struct{ Projects, Groups []struct{ ID int64 } }
			if err := json.Unmarshal([]byte(a.body), &found); err != nil || a.status != 200 {
				t.Fatal(name, a.status, a.body)
			}
			same := func(what string, got []struct{ ID int64 }, want []int64) {
				var ids []int64
				for _, g := range got {
					ids = append(ids, g.ID)
				}
				slices.Sort(ids)
				slices.Sort(want)
				if !slices.Equal(ids, want) {
					t.Errorf("%s: %s %v, want %v", name, what, ids, want)
				}
			}
			same("projects", found.Projects, tc.projects)
			same("groups", found.Groups, tc.groups)
		}
	})
	t.Run("the forge's own list stays the forge's", func(t *testing.T) {
		w.forge.ForgetRequests()
		r.call(t, w.alicePAT, "GET", allTokens, nil)
		r.call(t, w.alicePAT, "GET", allTokens+"/self", nil)
		if got := w.forge.Requests(); len(got) != 2 {
			t.Errorf("the forge got %+v", got)
		}
	})
	t.Run("another user sees nothing", func(t *testing.T) {
		v := r.make(t, creation("private", on(w.api, "read_job")))
		r.want(t, 404, w.bobPAT, "GET", path(v.ID, ""), nil)
		r.want(t, 404, w.bobPAT, "DELETE", path(v.ID, ""), nil)
		r.want(t, 404, w.bobPAT, "POST", path(v.ID, "/rotate"), nil)
		r.want(t, 401, "glpat-nonsense", "GET", path(v.ID, ""), nil)
		r.want(t, 401, "", "GET", ownAPI+"/tokens", nil)
	})
	t.Run("client-go", func(t *testing.T) { goClientTokens(t, r) })
}

// TestWhereACommandFindsItsCredential asks a running patgate with a forge token from a file, from standard input and from
// the environment, with a patgate token, and with none.
func TestWhereACommandFindsItsCredential(t *testing.T) {
	r := startRunning(t)
	made := r.make(t, creation("lister", account("read_personal_access_token")))
	file := filepath.Join(r.dir, "pat.txt")
	if err := os.WriteFile(file, []byte(r.world.alicePAT+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args      []string
		env, in   string
		want      string // of the output
		otherwise bool   // it fails
	}{
		"a file":                   {args: []string{"--credential-file", file}, want: "lister"},
		"a file by the variable":   {env: "PATGATE_OWNER_CREDENTIAL_FILE=" + file, want: "lister"},
		"standard input":           {args: []string{"--credential-file", "-"}, in: r.world.alicePAT, want: "lister"},
		"a variable":               {env: "PATGATE_OWNER_CREDENTIAL=" + r.world.alicePAT, want: "lister"},
		"a patgate token":          {env: "PATGATE_OWNER_CREDENTIAL=" + made.Token, want: "lister"},
		"a patgate token, cut off": {env: "PATGATE_OWNER_CREDENTIAL=" + made.Token[:40], want: "malformed patgate token", otherwise: true},
		"none":                     {want: "no forge credential was given", otherwise: true},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("patgate", append([]string{"token", "list", "--server", r.gate}, tc.args...)...)
			cmd.Env, cmd.Dir, cmd.Stdin = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, tc.env}, r.dir, strings.NewReader(tc.in)
			out, err := cmd.CombinedOutput()
			if (err != nil) != tc.otherwise || !strings.Contains(string(out), tc.want) || strings.Contains(string(out), made.Token[:20]) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestProbesCanBeForwarded holds the other setting: what tools ask to see whether a token works is decided as all else.
func TestProbesCanBeForwarded(t *testing.T) {
	r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_IDENTITY_PROBE=forward"} })
	narrow, reader := r.make(t, creation("narrow", on(r.world.api, "read_job"))), r.make(t, creation("reader", account("read_user")))
	if _, text := r.want(t, 403, narrow.Token, "GET", "/api/v4/user", nil); !strings.Contains(text, "read_user") {
		t.Error(text)
	}
	r.want(t, 200, reader.Token, "GET", "/api/v4/user", nil)
	r.want(t, 200, narrow.Token, "GET", allTokens+"/self", nil)
}

// goClientTokens makes, reads, rotates and revokes a token through GitLab's own Go client, unchanged. It has no field for
// granular_scopes yet, so that creation goes through NewRequest and Do.
func goClientTokens(t *testing.T, r *running) {
	owner, err := gitlab.NewClient(r.world.alicePAT, gitlab.WithBaseURL(r.gate), gitlab.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	request, err := owner.NewRequest(http.MethodPost, "user/personal_access_tokens", object{"name": "through client-go",
		"granular_scopes": []object{on(r.world.api, "read_project"), account("read_personal_access_token", "rotate_personal_access_token")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var made gitlab.PersonalAccessToken
	if _, err := owner.Do(request, &made); err != nil || made.Token == "" {
		t.Fatal(err)
	}
	r.secret("client-go's token", made.Token)
	client, err := gitlab.NewClient(made.Token, gitlab.WithBaseURL(r.gate), gitlab.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	self, _, err := client.PersonalAccessTokens.GetSinglePersonalAccessToken()
	if err != nil || self.ID != made.ID || !self.Active || self.ExpiresAt == nil {
		t.Fatal(self, err)
	}
	list, response, err := client.PersonalAccessTokens.ListPersonalAccessTokens(&gitlab.ListPersonalAccessTokensOptions{Search: gitlab.Ptr("client-go")})
	if err != nil || len(list) != 1 || response.TotalItems != 1 {
		t.Fatal(list, err)
	}
	rotated, _, err := client.PersonalAccessTokens.RotatePersonalAccessTokenSelf(nil)
	if err != nil || rotated.Token == "" || rotated.ID == made.ID {
		t.Fatal(rotated, err)
	}
	r.secret("client-go's rotated token", rotated.Token)
	if _, _, err := client.PersonalAccessTokens.GetSinglePersonalAccessToken(); err == nil {
		t.Error("the rotated-out token works")
	}
	again, _, err := owner.PersonalAccessTokens.RotatePersonalAccessTokenByID(rotated.ID, nil)
	if err != nil || again.Token == "" {
		t.Fatal(err)
	}
	r.secret("client-go's token, rotated twice", again.Token)
	if _, err := owner.PersonalAccessTokens.RevokePersonalAccessTokenByID(again.ID); err != nil {
		t.Fatal(err)
	}
	if gone, _, err := owner.PersonalAccessTokens.GetSinglePersonalAccessTokenByID(again.ID); err != nil || !gone.Revoked || gone.Active {
		t.Error(gone, err)
	}
}
