package export_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"patgate/admin/export"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

func some() []store.Listed {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	one := store.Listed{Record: token.Record{ID: 1000000000001, Name: `=HYPERLINK("https://evil.example")`, Description: "a, \"b\"\nc",
		LastFour: "abcd", CreatedAt: at, ExpiresAt: at.Add(48 * time.Hour), Scopes: []policy.ScopeSpec{
			{Access: "selected_memberships", ProjectIDs: []int64{6, 7}, Permissions: []string{"read_job"}},
			{Access: "all_memberships", Permissions: []string{"read_job", "push_code"}}}}}
	one.Names = store.Named{{Kind: routes.RefProject, ID: 6}: {Path: "acme/website", Seen: at},
		{Kind: routes.RefProject, ID: 7}: {Path: "-acme/tools", Seen: at, Gone: at}}
	one.Owner.Username = "@alice"
	one.Limits.Networks = []string{"10.0.0.0/8"}
	return []store.Listed{one, {Record: token.Record{ID: 1000000000002, Name: "plain", CreatedAt: at, ExpiresAt: at}}}
}

func write(t *testing.T, format string, list []store.Listed) string {
	t.Helper()
	var b strings.Builder
	w, err := export.New(&b, format, time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC))
	for i := range list {
		if err == nil {
			err = w.Add(&list[i], "may")
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A spreadsheet opens what people called their tokens: nothing of it is a formula.
func TestCSVHoldsNoFormula(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(write(t, "csv", some()))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(len(rows), err)
	}
	got := map[string]string{}
	for i, head := range rows[0] {
		got[head] = rows[1][i]
	}
	for head, want := range map[string]string{"id": "1000000000001", "name": `'=HYPERLINK("https://evil.example")`,
		"description": "a, \"b\"\nc", "owner": "'@alice", "state": "active", "projects": "6 7", "permissions": "read_job push_code",
		"access": "selected_memberships all_memberships", "networks": "10.0.0.0/8", "reaches": "may", "last_used_at": "",
		"paths": "acme/website -acme/tools"} {
		if got[head] != want {
			t.Errorf("%s is %q, want %q", head, got[head], want)
		}
	}
	for text, want := range map[string]string{"": "", "a=b": "a=b", "+1": "'+1", "-1": "'-1", "\tx": "'\tx", "\r=x": "'\r'=x", "＝1": "'＝1",
		"'x": "'x", " =x": " '=x", "\u00a0+x": "\u00a0'+x", "\ufeff@x": "\ufeff'@x", "\u200b\u2060-x": "\u200b\u2060'-x",
		"a;=b": "a;'=b", "a|+b": "a|'+b", "a\t-b": "a\t'-b", "a,@b": "a,'@b", "a\n=b": "a\n'=b", "a; \u00a0=b": "a; \u00a0'=b",
		"a;\ufeff=b;+c": "a;\ufeff'=b;'+c", `a;"=b`: `a;"'=b`, "＝＋": "'＝＋", "a; b=c": "a; b=c", "a-b": "a-b", "a - b": "a - b",
		"a;'=b": "a;'=b", "\xff=b": "\xff=b", "a;\x00=b": "a;\x00'=b"} {
		if got := export.Cell(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// JSON is the API's form, and one list however many there are.
func TestJSONIsOneList(t *testing.T) {
	for _, list := range [][]store.Listed{nil, some()[:1], some()} {
		var all []map[string]any
		text := write(t, "json", list)
		if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) != len(list) {
			t.Fatalf("%v: %s", err, text)
		}
		if len(all) > 0 && (all[0]["id"] != 1000000000001.0 || all[0]["reaches"] != "may" || all[0]["token"] != nil) {
			t.Errorf("%s", text)
		}
	}
	if _, err := export.New(&strings.Builder{}, "xml", time.Time{}); err == nil {
		t.Error("XML is written")
	}
}
