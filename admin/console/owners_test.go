package console_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
	"patgate/store"
)

// figures finds the links of a row of the table of owners, with what they say.
var figures = regexp.MustCompile(`<a class="figure kind-\w+(?: none)?" href="([^"]+)">(\d+)<span class="hidden-label"> tokens of (\w+): ([^<]+)`)

// Administrators see what each owner's tokens amount to, and each figure leads to as many tokens; nobody else sees anything of it.
func TestOwners(t *testing.T) {
	w := newWorld(t, nil)
	alice, bob := w.signedIn(t, w.alicePAT), w.signedIn(t, w.bobPAT)
	root := w.signedIn(t, w.forge.AddToken(w.root, forgetest.Token{}))
	used, _ := alice.make(t, w.alicePAT, nil)
	alice.make(t, w.alicePAT, url.Values{"scope-0-permission": {"push_code"}})
	alice.make(t, w.alicePAT, url.Values{"scope-0-access": {"all_memberships"}})
	paused, _ := alice.make(t, w.alicePAT, nil)
	alice.post(t, at(paused, "/pause"), alice.get(t, at(paused, "/pause")).fill(nil)).wants(t, http.StatusOK, "is paused")
	bob.make(t, w.bobPAT, url.Values{"scope-0-access": {"user"}, "scope-0-projects": nil, "scope-0-permission": {"read_user"}})
	if err := w.store.AddUses(t.Context(), []store.Use{{TokenID: used, Count: 1, Last: w.now()}}); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*visitor{alice, bob} {
		for _, path := range []string{"/owners", "/owners?search=bob", "/owners?sort=name"} {
			page := v.get(t, path)
			page.wants(t, http.StatusNotFound)
			page.lacks(t, ">Owners<", "/everyone?owner=")
		}
	}
	theirs := root.get(t, "/everyone")
	theirs.wants(t, http.StatusOK, "Everything the owner has access to", "The owner’s account")
	theirs.lacks(t, "I have access to", "My account")
	alice.get(t, "/tokens").wants(t, http.StatusOK, "Everything I have access to")
	w.visitor(t).get(t, "/owners").lacks(t, "/everyone?owner=")
	follow := func(when string, want map[string]int) {
		t.Helper()
		got := 0
		for _, m := range figures.FindAllStringSubmatch(root.get(t, "/owners").body, -1) {
			link, count, of := html.UnescapeString(m[1]), m[2], m[3]+" "+m[4]
			if n, known := want[of]; known {
				if got++; strconv.Itoa(n) != count {
					t.Errorf("%s: %s of %s, want %d", when, count, of, n)
				}
			}
			list, total := root.get(t, link), count+" token"
			if count == "0" {
				total = "No token"
			}
			if list.status != http.StatusOK || !strings.Contains(list.body, total) {
				t.Errorf("%s: %s of %s lead to %s, which does not say %q", when, count, of, link, total)
			}
		}
		if got != len(want) {
			t.Errorf("%s: only %d of %d figures are there", when, got, len(want))
		}
	}
	follow("at once", map[string]int{"alice Active": 3, "alice Broad": 1, "alice Dangerous": 1, "alice Unused for 60 days": 0,
		"alice Expiring soon": 0, "bob Active": 1})
	if err := w.Marks().Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.change(t, "UPDATE marks SET broad = 0, judged = 0")
	follow("judged when it is asked", map[string]int{"alice Active": 3, "alice Broad": 1, "alice Dangerous": 1})
	root.get(t, "/owners").lacks(t, "Still counting")
	w.change(t, "UPDATE marks SET dangerous = -1, judged = 7, version = 0")
	root.get(t, "/owners").wants(t, http.StatusOK, "Still counting")
	root.get(t, "/everyone").wants(t, http.StatusOK, "Still counting")
	if err := w.Marks().Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	root.get(t, "/owners").lacks(t, "Still counting")
	follow("counted anew", map[string]int{"alice Active": 3, "alice Broad": 1, "alice Dangerous": 1, "bob Active": 1})
	w.pass(25 * 24 * time.Hour)
	root = w.signedIn(t, w.forge.AddToken(w.root, forgetest.Token{}))
	follow("later", map[string]int{"alice Active": 3, "alice Expiring soon": 3})
	w.pass(80 * 24 * time.Hour)
	root = w.signedIn(t, w.forge.AddToken(w.root, forgetest.Token{}))
	follow("when all are over", map[string]int{"alice Active": 0, "alice Broad": 0, "alice Expiring soon": 0, "bob Active": 0})
	root.get(t, "/owners?search=AL").wants(t, http.StatusOK, "1 owner", "alice")
	root.get(t, "/owners?search=AL").lacks(t, ">bob<")
	root.get(t, "/owners?search=nobody").wants(t, http.StatusOK, "No owner matches this search")
	root.get(t, "/owners?search="+strconv.FormatInt(w.bob, 10)).wants(t, http.StatusOK, ">bob<")
	names := root.get(t, "/owners?sort=name&page=99")
	names.wants(t, http.StatusOK, "2 owners")
	if strings.Index(names.body, ">alice<") > strings.Index(names.body, ">bob<") {
		t.Error("they are not in the order of names")
	}
}
