package console_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// Who can do what, and where: each filter leaves what it says, keeps in the address of what is downloaded, and a wrong one lists
// nothing rather than too much.
func TestFilters(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	v.make(t, w.alicePAT, url.Values{"name": {"=jobs"}})
	v.make(t, w.alicePAT, url.Values{"name": {"everywhere"}, "scope-0-access": {"all_memberships"}, "scope-0-projects": {""}})
	v.make(t, w.alicePAT, url.Values{"name": {"pushes"}, "scope-0-permission": {"push_code"}})
	for query, want := range map[string]string{
		"can=read_job":                           "=jobs everywhere",
		"can=push_code":                          "pushes",
		"on=shop/api":                            "=jobs everywhere pushes",
		"on=shop/api&reach=named":                "=jobs pushes",
		"on=shop/api&can=read_job&reach=named":   "=jobs",
		"on=shop/nothing":                        "everywhere",
		"unused=never":                           "=jobs everywhere pushes",
		"unused=30d":                             "",
		"network=any":                            "",
		"network=none":                           "=jobs everywhere pushes",
		"network=10.1.2.3":                       "",
		"credential=999":                         "",
		"can=push_code&on=shop/api&unused=never": "pushes",
	} {
		p := v.get(t, "/tokens?"+query)
		p.wants(t, http.StatusOK)
		for _, name := range []string{"=jobs", "everywhere", "pushes"} {
			if listed := strings.Contains(p.body, ">"+name+"</a>"); listed != slices.Contains(strings.Fields(want), name) {
				t.Errorf("%s: %q is listed: %v", query, name, listed)
			}
		}
		table := v.get(t, "/tokens.csv?"+query)
		rows, err := csv.NewReader(strings.NewReader(table.body)).ReadAll()
		if err != nil || len(rows) != 1+len(strings.Fields(want)) {
			t.Errorf("%s: %d rows, %v: %s", query, len(rows), err, table.body)
		}
		var all []map[string]any
		if err := json.Unmarshal([]byte(v.get(t, "/tokens.json?"+query).body), &all); err != nil || len(all) != len(strings.Fields(want)) {
			t.Errorf("%s: %d as JSON, %v", query, len(all), err)
		}
	}
	v.get(t, "/tokens?on=shop/api").wants(t, http.StatusOK, "names shop/api", "may reach it, as its owner does")
	if text := v.get(t, "/tokens.csv?can=read_job").body; !strings.Contains(text, ",'=jobs,") {
		t.Errorf("a formula is written: %s", text)
	}
	for query, problem := range map[string]string{"can=push_cod": "is not a permission", "on=6": "may be a project or a group",
		"reach=named": "says nothing without", "reach=x&on=a/b": "write named", "network=10.0.0.0/33": "neither any nor none",
		"unused=often": "neither never nor", "credential=x": "not the id"} {
		v.get(t, "/tokens?"+query).wants(t, http.StatusOK, problem, "No token matches these filters")
		v.get(t, "/tokens.csv?"+query).wants(t, http.StatusUnprocessableEntity, problem)
	}
	v.get(t, "/tokens?page=999&can=read_job").wants(t, http.StatusOK, "=jobs")
	v.get(t, "/everyone.csv").wants(t, http.StatusNotFound)
	w.visitor(t).get(t, "/tokens.csv").lacks(t, "everywhere")
}

// Several tokens are paused, narrowed and revoked by one form, each for itself; what cannot be done is told, and the rest is done.
func TestSeveral(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	first, _ := v.make(t, w.alicePAT, url.Values{"name": {"first"}})
	second, _ := v.make(t, w.alicePAT, url.Values{"name": {"second"}, "scope-0-permission": {"read_job"}})
	ids := url.Values{"id": {fmt.Sprint(first), fmt.Sprint(second), "1000000099999"}}
	ask := func(action string) *page { return v.get(t, "/bulk?action="+action+"&"+ids.Encode()) }
	do := func(action string, more url.Values) *page {
		form := ask(action).fill(url.Values{"id": ids["id"]})
		for name, values := range more {
			form[name] = values
		}
		return v.post(t, "/bulk", form)
	}
	v.get(t, "/bulk?action=pause").wants(t, http.StatusOK, "Nothing is selected")
	v.get(t, "/bulk?action=delete&id=1").wants(t, http.StatusNotFound)
	ask("revoke").wants(t, http.StatusOK, "Revoke 2 tokens?", "first", "second", "1 token that was selected is not there any more")
	if l := w.read(t, first); !l.RevokedAt.IsZero() {
		t.Fatal("asking has revoked it")
	}
	v.post(t, "/bulk", url.Values{"action": {"revoke"}, "id": ids["id"]}).wants(t, http.StatusForbidden)
	do("narrow", nil).wants(t, http.StatusUnprocessableEntity, "Tick what is to be taken away")
	do("narrow", url.Values{"take": {"read_job"}}).wants(t, http.StatusOK, "1 of 3 tokens: narrowed", "nothing would be left",
		"2 tokens were not changed")
	if l := w.read(t, first); !slices.Equal(l.Scopes[0].Permissions, []string{"read_pipeline"}) {
		t.Errorf("the first holds %v", l.Scopes)
	}
	if l := w.read(t, second); !slices.Equal(l.Scopes[0].Permissions, []string{"read_job"}) {
		t.Errorf("the second holds %v", l.Scopes)
	}
	do("pause", url.Values{"reason": {"a look"}}).wants(t, http.StatusOK, "2 of 3 tokens: paused")
	if l := w.read(t, first); l.PausedAt.IsZero() || l.PauseReason != "a look" {
		t.Errorf("%+v", l.PausedAt)
	}
	do("pause", nil).wants(t, http.StatusOK, "0 of 3 tokens: paused", "Nothing to do")
	do("revoke", nil).wants(t, http.StatusOK, "2 of 3 tokens: revoked")
	if l := w.read(t, second); l.RevokedAt.IsZero() {
		t.Error("it is not revoked")
	}
	stranger := w.signedIn(t, w.alicePAT)
	stranger.header.Set("Sec-Fetch-Site", "cross-site")
	form := url.Values{"action": {"revoke"}, "id": ids["id"]}
	stranger.post(t, "/bulk", form).wants(t, http.StatusForbidden)
}

// An order for several tokens goes on to its end when whoever gave it hangs up. The log has the order and what came of it, and the next
// page says it.
func TestSeveralCutOff(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	first, _ := v.make(t, w.alicePAT, url.Values{"name": {"first"}})
	second, _ := v.make(t, w.alicePAT, url.Values{"name": {"second"}})
	ids := url.Values{"id": {fmt.Sprint(first), fmt.Sprint(second), "1000000099999"}}
	form := v.get(t, "/bulk?action=revoke&"+ids.Encode()).fill(ids)
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan struct{})
	console := w.nodes[0]
	w.nodes[0] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			go func() { <-r.Context().Done(); close(gone) }()
		}
		console.ServeHTTP(rw, r)
	})
	w.storing.revoking = func() { hangUp(); <-gone }
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.origin+"/bulk", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"null"},
		"Sec-Fetch-Site": {"same-origin"}}
	if a, err := v.Do(request); err == nil {
		_ = a.Body.Close()
		t.Fatal("the request was not cut off")
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(v.get(t, "/tokens").body, "2 of 3 tokens: revoked") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the next page does not say what came of it")
		}
	}
	for _, id := range []int64{first, second} {
		if w.read(t, id).RevokedAt.IsZero() {
			t.Errorf("%d is not revoked", id)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var told []string
	for _, c := range w.changes {
		if strings.HasPrefix(c.What, "several_") || c.What == "revoked" {
			told = append(told, fmt.Sprintf("%s by %d: %s", c.What, c.OwnerID, c.Reason))
		}
	}
	want := []string{
		fmt.Sprintf("several_ordered by %d: revoke tokens %d, %d, 1000000099999", w.alice, first, second),
		fmt.Sprintf("revoked by %d: revoked by alice", w.alice), fmt.Sprintf("revoked by %d: revoked by alice", w.alice),
		fmt.Sprintf("several_done by %d: revoke: done to %d, %d; nothing to do for none; not done to 1000000099999", w.alice,
			first, second),
	}
	if !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}
