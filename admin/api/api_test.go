package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/admin/filters"
	"patgate/admin/learning"
	"patgate/admin/questions"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/store"
)

// TestTheDocumentDescribesWhatIsThere asks for every operation of the OpenAPI document without a credential: each must be
// known, and none but those that say so may be open.
func TestTheDocumentDescribesWhatIsThere(t *testing.T) {
	var document struct {
		Servers []struct{ URL string }
		Paths   map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(openAPI, &document); err != nil || document.Servers[0].URL != extras {
		t.Fatal(err)
	}
	h, err := New(Options{Base: "/api/v4", Tokens: &tokens.Service{}, Questions: questions.New(&tokens.Service{}, nil, nil),
		Learning: learning.New(&tokens.Service{})})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for path, operations := range document.Paths {
		for method, raw := range operations {
			if method == "parameters" {
				continue
			}
			var operation struct{ Security *[]any }
			if err := json.Unmarshal(raw, &operation); err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(strings.ToUpper(method), extras+strings.ReplaceAll(path, "{id}", "1000000000000"), nil)
			r.Header.Set("Content-Type", "application/json")
			asked++
			a := httptest.NewRecorder()
			switch h.ServeHTTP(a, r); {
			case operation.Security == nil && a.Code != http.StatusUnauthorized:
				t.Errorf("%s %s without a credential: %d %s", method, path, a.Code, a.Body)
			case operation.Security != nil && a.Code == http.StatusNotFound, a.Code == http.StatusUnauthorized && operation.Security != nil:
				t.Errorf("%s %s: %d %s", method, path, a.Code, a.Body)
			}
		}
	}
	if asked < 12 {
		t.Errorf("only %d operations were asked for", asked)
	}
}

// What the mux would clean, redirect or decode is not there: one that is patgate's own is a 404, any other passes on.
func TestPathsAreTakenAsTheyStand(t *testing.T) {
	h, err := New(Options{Base: "/api/v4", Tokens: &tokens.Service{}, Questions: questions.New(&tokens.Service{}, nil, nil),
		Learning: learning.New(&tokens.Service{})})
	if err != nil {
		t.Fatal(err)
	}
	const id, hash = "1000000000000", "/tokens/1000000000000"
	const goesOn = 0
	for _, tc := range []struct {
		method, path string
		want         int
	}{
		{"GET", extras + hash, 401}, {"HEAD", extras + hash, 401}, {"GET", extras + hash + "/", 401}, {"PUT", extras + hash, 401},
		{"GET", extras + hash + "//", 404}, {"GET", extras + "/" + hash, 404}, {"GET", extras + "/x/.." + hash, 404},
		{"POST", extras + hash, 404},
		{"POST", extras + hash + "/rotate", 401}, {"POST", extras + hash + "%2Frotate", 404}, {"POST", extras + hash + "/rotat%65", 404},
		{"GET", extras + "/tokens/self", 404}, {"GET", extras + "/tokens/7", 404}, {"GET", "/-/patgate", 404},
		{"GET", "/-/patgate/leaks/github", 404},
		{"GET", "/api/v4/personal_access_tokens/" + id, 401}, {"GET", "/api/v4/personal_access_tokens/" + id + ".json", 401},
		{"PUT", "/api/v4/personal_access_tokens/" + id, 404}, {"GET", "/api/v4/personal_access_tokens/" + id + "/rotate", 404},
		{"GET", "/api/v4/personal_access_tokens/7", goesOn}, {"GET", "/api/v4/personal_access_tokens/self", goesOn},
		{"GET", "/api/v4/personal_access_tokens/self/associations", goesOn}, {"GET", "/api/v4/personal_access_tokens", goesOn},
		{"POST", "/api/v4/user/personal_access_tokens", goesOn}, {"GET", "/api/v4//personal_access_tokens/" + id, goesOn},
		{"GET", "/api/v4/user", goesOn}, {"DELETE", "/api/v4/projects/1", goesOn}, {"GET", "/", goesOn},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			r := &http.Request{Method: tc.method, URL: &url.URL{Path: tc.path}, Header: http.Header{}, Body: http.NoBody}
			a, passed := httptest.NewRecorder(), false
			r = r.WithContext(WithAsker(t.Context(), Asker{Passed: func() { passed = true }}))
			if h.ServeHTTP(a, r); !passed && a.Code != tc.want || passed && (tc.want != goesOn || a.Body.Len()+len(a.Header()) > 0) {
				t.Errorf("passed on %t, status %d, want %d: %s", passed, a.Code, tc.want, a.Body)
			}
		})
	}
}

// asked is a request with that query and body.
func asked(query, media, body string) *call {
	return &call{Request: &http.Request{URL: &url.URL{RawQuery: query}, Header: http.Header{"Content-Type": {media}}}, body: []byte(body)}
}

func TestFormsAreReadAsRackReadsThem(t *testing.T) {
	for _, tc := range []struct {
		form string
		want object
	}{
		{"a=1&b=x+y%21", object{"a": "1", "b": "x y!"}},
		{"a[]=1&a[]=2", object{"a": []any{"1", "2"}}},
		{"a[b]=1&a[c][d]=2", object{"a": object{"b": "1", "c": object{"d": "2"}}}},
		{"a[][b]=1&a[][c]=2&a[][b]=3", object{"a": []any{object{"b": "1", "c": "2"}, object{"b": "3"}}}},
		{"a[][b][]=1&a[][b][]=2&a[][c]=3", object{"a": []any{object{"b": []any{"1", "2"}, "c": "3"}}}},
		{"a[0][b]=1&a[0][c]=2&a[1][b]=3", object{"a": []any{object{"b": "1", "c": "2"}, object{"b": "3"}}}},
	} {
		t.Run(tc.form, func(t *testing.T) {
			p := asked(tc.form, "", "").query()
			if err := p.problems.Err(); err != nil || !reflect.DeepEqual(p.values, tc.want) {
				t.Errorf("got %v, %v", p.values, err)
			}
		})
	}
	for _, form := range []string{"a%zz=1", "=1", "a[=1", "a=1&a[]=2", "a[]=1&a[b]=2", "a=%"} {
		t.Run(form, func(t *testing.T) {
			if p := asked(form, "", "").query(); p.problems.Err() == nil {
				t.Errorf("got %v", p.values)
			}
		})
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ media, body string }{
		"no media type":  {"", "{}"},
		"another one":    {"text/plain", "{}"},
		"a list":         {"application/json", "[]"},
		"doubled names":  {"application/json", `{"a":1,"a":2}`},
		"text behind it": {"application/json", `{} {}`},
		"invalid UTF-8":  {"application/json", "{\"a\":\"\xff\"}"},
	} {
		t.Run(name, func(t *testing.T) {
			p := asked("", tc.media, tc.body).params()
			if p.problems.Err() == nil {
				t.Errorf("got %v", p.values)
			}
		})
	}
}

func TestConstraintsAreReadOrRefused(t *testing.T) {
	read := func(constraints any) (terms.Scope, *terms.Invalid) {
		p := &params{problems: &terms.Invalid{},
			values: object{"granular_scopes": []any{object{"access": "all_memberships", "constraints": constraints}}}}
		return p.scopes()[0], p.problems
	}
	for name, tc := range map[string]struct {
		given object
		want  policy.ConstraintSpec
	}{
		"patterns": {object{"ref_patterns": []any{"refs/heads/bot/*"}},
			policy.ConstraintSpec{RefPatterns: []string{"refs/heads/bot/*"}}},
		"a form's words": {object{"forbid_ref_deletes": "true", "forbid_tag_changes": "false"},
			policy.ConstraintSpec{ForbidRefDeletes: true}},
		"all of them": {object{"ref_patterns": "refs/heads/a, refs/heads/b", "forbid_ref_deletes": true, "forbid_tag_changes": true},
			policy.ConstraintSpec{RefPatterns: []string{"refs/heads/a", "refs/heads/b"}, ForbidRefDeletes: true, ForbidTagChanges: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s, problems := read(tc.given)
			if problems.Err() != nil || !reflect.DeepEqual(s.Constraints, tc.want) {
				t.Fatalf("got %+v, %v", s.Constraints, problems)
			}
			shown := viewScopes([]policy.ScopeSpec{{Access: s.Access, Constraints: s.Constraints}})
			if shown[0].Constraints == nil || !reflect.DeepEqual(*shown[0].Constraints, tc.want) {
				t.Errorf("shown as %+v", shown[0].Constraints)
			}
		})
	}
	for name, given := range map[string]any{
		"no object": "refs/heads/*", "null": nil, "a misspelt name": object{"ref_pattern": []any{"refs/heads/*"}},
		"no pattern":             object{"ref_patterns": []any{}},
		"patterns that are null": object{"ref_patterns": nil}, "a number": object{"forbid_ref_deletes": 1.0},
		"null for a truth": object{"forbid_tag_changes": nil},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if s, problems := read(given); problems.Err() == nil {
				t.Errorf("got %+v", s.Constraints)
			}
		})
	}
}

// TestTheDocumentHasEveryFilterOfTokens holds the parameters of a list to those that are read, and the badges to those there are.
func TestTheDocumentHasEveryFilterOfTokens(t *testing.T) {
	var document struct {
		Paths map[string]struct {
			Get struct {
				Parameters []struct {
					Name   string
					Schema struct{ Enum []string }
				}
			}
		}
	}
	if err := json.Unmarshal(openAPI, &document); err != nil {
		t.Fatal(err)
	}
	described := map[string][]string{}
	for _, p := range document.Paths["/tokens"].Get.Parameters {
		described[p.Name] = p.Schema.Enum
	}
	for _, name := range filters.Names() {
		if _, is := described[name]; !is {
			t.Errorf("%s is not described", name)
		}
	}
	if !slices.Equal(described[filters.Badge], store.MarkNames()) {
		t.Errorf("the badges that are described are %q", described[filters.Badge])
	}
}

// TestTheDocumentHasEveryFieldOfAToken holds the schema to the type that is written.
func TestTheDocumentHasEveryFieldOfAToken(t *testing.T) {
	var document struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(openAPI, &document); err != nil {
		t.Fatal(err)
	}
	for name, typ := range map[string]reflect.Type{"Token": reflect.TypeFor[Token](),
		"Constraints": reflect.TypeFor[policy.ConstraintSpec]()} {
		described := document.Components.Schemas[name].Properties
		for i := range typ.NumField() {
			field, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if _, ok := described[field]; !ok {
				t.Errorf("%s.%s is not described", name, field)
			}
			delete(described, field)
		}
		for field := range described {
			t.Errorf("%s.%s is described and never written", name, field)
		}
	}
}

func TestTheDateOfAnExpiry(t *testing.T) {
	for at, want := range map[string]string{"2026-03-01T00:00:00Z": "2026-03-01", "2026-03-01T00:00:00.001Z": "2026-03-02",
		"2026-12-31T23:59:59Z": "2027-01-01"} {
		moment, err := time.Parse(time.RFC3339Nano, at)
		if err != nil || lastDay(moment) != want {
			t.Errorf("%s gives %s, want %s (%v)", at, lastDay(moment), want, err)
		}
	}
}
