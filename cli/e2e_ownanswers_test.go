package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/routes/load"
)

// plantedText is what a telling forge adds to its answers.
const plantedText = "planted by the forge"

// telling stands before the forge and adds to every object of its JSON answers what patgate does not know, something that looks
// like a credential, and an address. It does so for the questions that patgate itself asks, too.
type telling struct{ forge http.Handler }

func (f telling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := httptest.NewRecorder()
	f.forge.ServeHTTP(seen, r)
	body := seen.Body.Bytes()
	if strings.Contains(seen.Header().Get("Content-Type"), "json") {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var document any
		if d.Decode(&document) == nil {
			body, _ = json.Marshal(plantIn(document))
		}
	}
	maps.Copy(w.Header(), seen.Header())
	w.Header().Set("X-Planted", plantedText)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(seen.Code)
	_, _ = w.Write(body)
}

func plantIn(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = plantIn(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = plantIn(v[name])
		}
		for _, name := range []string{"unheard_of", "runners_token", "web_url", "description", "description_html", "_links"} {
			v[name] = plantedText
		}
	}
	return v
}

// startTelling starts a server in front of a telling forge.
func startTelling(t *testing.T) *running {
	t.Helper()
	return startRunningWith(t, func(w *world) []string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.forge.ServeRegistryTokens(); err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: telling{w.forge}}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		return []string{"PATGATE_UPSTREAM_URL=http://" + listener.Addr().String(), "PATGATE_UPSTREAM_EXTERNAL_URLS=" + w.url,
			"PATGATE_REGISTRY_URL=http://" + listener.Addr().String()}
	})
}

// ownRows gives the rows of GitLab's table that the token API answers, as METHOD and path with an id in the place of captures.
func ownRows(t *testing.T, id string) (out [][2]string) {
	t.Helper()
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := api.New(api.Options{Tokens: &tokens.Service{}, Base: table.Base()})
	if err != nil {
		t.Fatal(err)
	}
	capture := regexp.MustCompile(`\{[^}]*\}`)
	for _, row := range table.Routes() {
		if handler.Owns(row) || handler.Probes(row) {
			out = append(out, [2]string{row.Method, table.Base() + capture.ReplaceAllString(row.Path, id)})
		}
	}
	if len(out) < 9 {
		t.Fatalf("only %d rows are patgate's own: the test proves nothing", len(out))
	}
	return out
}

// TestThreatAnswersOfPatgateGoPastTheFilters: what a forwarded row has taken out of its answer (runners_token in nineteen rows)
// comes out of an answer that patgate makes itself from what it asked the forge. The attack: ask for each of patgate's own answers, with
// a token that may only read jobs, with one that may do more, and with the owner's credential. The control: what the forge adds
// comes through in an answer that is forwarded.
func TestThreatAnswersOfPatgateGoPastTheFilters(t *testing.T) {
	r := startTelling(t)
	w := r.world
	reader := r.make(t, creation("reads jobs", on(w.api, "read_job")))
	group := object{"access": "selected_memberships", "group_ids": []int64{w.shop}, "permissions": []string{"read_job", "read_project",
		"read_container_repository", "read_dependency_proxy", "read_package", "download_code"}}
	able := r.make(t, creation("does more", group, account("read_personal_access_token", "create_personal_access_token")))
	everywhere := r.make(t, creation("reaches all", object{"access": "all_memberships", "permissions": []string{"read_job"}}))

	t.Run("control: a forwarded answer", func(t *testing.T) {
		a := r.call(t, able.Token, "GET", fmt.Sprintf("/api/v4/projects/%d", w.api), nil)
		if a.status != 200 || !strings.Contains(a.body, plantedText) || a.header.Get("X-Planted") == "" || strings.Contains(a.body, "runners_token") {
			t.Fatalf("the forge adds nothing: %d %v %s", a.status, a.header, a.body)
		}
	})
	silent := func(t *testing.T, a answer) {
		t.Helper()
		for _, told := range []string{plantedText, "runners_token", "X-Planted", w.url} {
			if strings.Contains(a.body, told) || strings.Contains(fmt.Sprint(a.header), told) {
				t.Errorf("the forge's %q comes out: %d %v %s", told, a.status, a.header, a.body)
			}
		}
	}
	t.Run("associations", func(t *testing.T) {
		for name, secret := range map[string]string{"one project": reader.Token, "a group": able.Token, "everywhere": everywhere.Token} {
			a := r.call(t, secret, "GET", allTokens+"/self/associations?per_page=100", nil)
			silent(t, a)
			var found struct{ Projects, Groups []map[string]any }
			if err := json.Unmarshal([]byte(a.body), &found); err != nil || a.status != 200 || len(found.Projects) == 0 {
				t.Fatalf("%s: %d %s", name, a.status, a.body)
			}
			for _, p := range found.Projects {
				if got := slices.Sorted(maps.Keys(p)); !slices.Equal(got, []string{"access_levels", "id", "name", "name_with_namespace", "namespace", "path",
					"path_with_namespace", "visibility"}) || !strings.Contains(p["path_with_namespace"].(string), "/") {
					t.Errorf("%s: a project has %q: %v", name, got, p)
				}
			}
			for _, g := range found.Groups {
				if got := slices.Sorted(maps.Keys(g)); !slices.Equal(got, []string{"access_levels", "full_path", "id", "name", "parent_id", "visibility"}) {
					t.Errorf("%s: a group has %q: %v", name, got, g)
				}
			}
		}
	})
	t.Run("every row that is patgate's own", func(t *testing.T) {
		made := r.make(t, creation("to be looked at", on(w.api, "read_job")))
		for _, row := range ownRows(t, fmt.Sprint(made.ID)) {
			for _, secret := range []string{reader.Token, able.Token} {
				if strings.Contains(row[1], "/self") && row[0] != "GET" {
					continue // it ends the token
				}
				a := r.call(t, secret, row[0], row[1], nil)
				silent(t, a)
				if a.status >= 500 {
					t.Errorf("%s %s: %d %s", row[0], row[1], a.status, a.body)
				}
			}
		}
	})
	t.Run("every operation of patgate's own API", func(t *testing.T) {
		a := r.call(t, "", "GET", ownAPI+"/openapi.json", nil)
		var document struct {
			Paths map[string]map[string]json.RawMessage
		}
		if err := json.Unmarshal([]byte(a.body), &document); err != nil || len(document.Paths) < 8 {
			t.Fatalf("%v: %s", err, a.body)
		}
		made := r.make(t, creation("to be looked at", on(w.api, "read_job")))
		for path, operations := range document.Paths {
			for method := range operations {
				if method == "parameters" {
					continue
				}
				target := ownAPI + strings.ReplaceAll(path, "{id}", fmt.Sprint(made.ID))
				for _, secret := range []string{w.alicePAT, able.Token, reader.Token} {
					silent(t, r.call(t, secret, strings.ToUpper(method), target, nil))
				}
			}
		}
		silent(t, r.call(t, w.alicePAT, "POST", ownAPI+"/tokens", creation("another", on(w.api, "read_job"))))
		silent(t, r.call(t, w.alicePAT, "GET", ownAPI+"/report?all=true", nil))
	})
	basic := func(target string) answer {
		return send("GET", r.gate+target, http.Header{"Authorization": {basicOf(able.Token)}}, nil)
	}
	for _, c := range []struct {
		name, target string
		status       int
	}{
		{"a token of the container registry", "/jwt/auth?service=container_registry&scope=repository:shop/backend/api:pull", 200},
		{"a token of the dependency proxy", "/jwt/auth?service=dependency_proxy", 200},
		{"whether there is a registry", "/v2/", 401},
		{"the services of Terraform", "/.well-known/terraform.json", 200},
		{"a token of Conan", fmt.Sprintf("/api/v4/projects/%d/packages/conan/v1/users/authenticate", w.api), 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := basic(c.target)
			silent(t, a)
			if a.status != c.status {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	t.Run("objects of Git LFS", func(t *testing.T) {
		if err := w.forge.ServeGit(t.TempDir()); err != nil {
			missing(t, "git http-backend is not here: "+err.Error())
		}
		body := fmt.Sprintf(`{"operation":"download","transfers":["basic"],"objects":[{"oid":%q,"size":3}]}`, strings.Repeat("ab", 32))
		a := send("POST", r.gate+"/shop/backend/api.git/info/lfs/objects/batch", http.Header{"Authorization": {basicOf(able.Token)},
			"Content-Type": {"application/vnd.git-lfs+json"}}, []byte(body))
		silent(t, a)
		if a.status != 200 || !strings.Contains(a.body, `"objects"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}
