package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"patgate/admin/tokens"
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
	h, err := New(Options{Base: "/api/v4", Tokens: &tokens.Service{}})
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
			r := &Request{Method: strings.ToUpper(method), Path: extras + strings.ReplaceAll(path, "{id}", "1000000000000"), Header: http.Header{"Content-Type": {"application/json"}}}
			if path == "/tokens" && method == "post" {
				r.Body = []byte(`{"granular_scopes":[]}`)
			}
			if path == "/tokens" && method == "get" {
				continue // it looks at the clock first
			}
			asked++
			switch a := h.Answer(t.Context(), r); {
			case operation.Security == nil && a.Status != http.StatusUnauthorized:
				t.Errorf("%s %s without a credential: %d %s", method, path, a.Status, a.Body)
			case operation.Security != nil && a.Status == http.StatusNotFound, a.Status == http.StatusUnauthorized && operation.Security != nil:
				t.Errorf("%s %s: %d %s", method, path, a.Status, a.Body)
			}
		}
	}
	if asked < 12 {
		t.Errorf("only %d operations were asked for", asked)
	}
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
			p := readParams(&Request{Query: tc.form})
			if err := p.problems.Err(); err != nil || !reflect.DeepEqual(p.values, tc.want) {
				t.Errorf("got %v, %v", p.values, err)
			}
		})
	}
	for _, form := range []string{"a%zz=1", "=1", "a[=1", "a=1&a[]=2", "a[]=1&a[b]=2", "a=%"} {
		t.Run(form, func(t *testing.T) {
			if p := readParams(&Request{Query: form}); p.problems.Err() == nil {
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
			p := readParams(&Request{Body: []byte(tc.body), Header: http.Header{"Content-Type": {tc.media}}})
			if p.problems.Err() == nil {
				t.Errorf("got %v", p.values)
			}
		})
	}
}

func TestIdsAreReadInEveryForm(t *testing.T) {
	for _, tc := range []struct {
		value any
		want  []int64
		ok    bool
	}{
		{[]any{6.0, "7"}, []int64{6, 7}, true}, {"6, 7", []int64{6, 7}, true}, {6.0, []int64{6}, true}, {nil, nil, true},
		{6.5, nil, false}, {1e300, nil, false}, {"x", nil, false}, {object{}, nil, false}, {[]any{true}, nil, false}, {[]any{nil}, nil, false},
	} {
		p := &params{problems: &tokens.Invalid{}}
		if got := p.ids("project_ids", tc.value); !reflect.DeepEqual(got, tc.want) || (p.problems.Err() == nil) != tc.ok {
			t.Errorf("%v gives %v, %v", tc.value, got, p.problems.Err())
		}
	}
}

func TestTheDateOfAnExpiry(t *testing.T) {
	for at, want := range map[string]string{"2026-03-01T00:00:00Z": "2026-03-01", "2026-03-01T00:00:00.001Z": "2026-03-02", "2026-12-31T23:59:59Z": "2027-01-01"} {
		moment, err := time.Parse(time.RFC3339Nano, at)
		if err != nil || lastDay(moment) != want {
			t.Errorf("%s gives %s, want %s (%v)", at, lastDay(moment), want, err)
		}
	}
}
