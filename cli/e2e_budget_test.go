package cli_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// TestBudgets: a bot walks through all the projects of its own group at once; who asks for what is not there, or not for the token,
// spends the token's allowance; what fails once is tried once more; the forge's own 429 is told as such, and once.
func TestBudgets(t *testing.T) {
	r := startRunning(t)
	const projects = 150
	for i := range projects {
		r.world.forge.AddProject(fmt.Sprintf("shop/walk-%d", i), forgetest.Private)
		r.world.forge.AddProject(fmt.Sprintf("secret/hidden-%d", i), forgetest.Private)
	}
	for _, name := range []string{"broken", "gateway", "limited", "free"} {
		r.world.forge.AddProject("shop/"+name, forgetest.Private)
	}
	issues := func(token, project string) answer {
		return send("GET", r.gate+"/api/v4/projects/"+strings.ReplaceAll(project, "/", "%2F")+"/issues",
			map[string][]string{"Private-Token": {token}}, nil)
	}
	// all asks for all of them at the same time, and counts the statuses. The last answer with 429 is given.
	all := func(token, name string) (count map[int]int, limited answer) {
		count = map[int]int{}
		var group sync.WaitGroup
		var mu sync.Mutex
		for i := range projects {
			group.Go(func() {
				a := issues(token, fmt.Sprintf(name, i))
				mu.Lock()
				defer mu.Unlock()
				if count[a.status]++; a.status == 429 {
					limited = a
				}
			})
		}
		group.Wait()
		return count, limited
	}
	mint := func(name string) string {
		return r.mint(t, "--name", name, "--group", "shop", "--allow", "read_work_item")
	}
	walker := mint("walker")
	if count, _ := all(walker, "shop/walk-%d"); count[200] != projects {
		t.Errorf("a walk through %d projects was answered %v", projects, count)
	}
	for token, name := range map[string]string{mint("guesser"): "shop/not-there-%d", mint("prober"): "secret/hidden-%d"} {
		count, limited := all(token, name)
		if count[429] < projects/2 || count[403]+count[404] == 0 || !strings.Contains(limited.body, "resolver.budget_per_token") ||
			limited.header.Get("Retry-After") == "" {
			t.Errorf("%s was answered %v: %s", name, count, limited.body)
		}
	}
	can := func(token, project string) answer {
		target := "/projects/" + url.PathEscape(project) + "/issues"
		return send("GET", r.gate+ownAPI+"/tokens/self/can?method=GET&path="+url.QueryEscape(target),
			map[string][]string{"Private-Token": {token}}, nil)
	}
	for token, name := range map[string]string{mint("asker"): "shop/not-there-%d", mint("knower"): "secret/hidden-%d"} {
		count := map[int]int{}
		for i := range projects {
			count[can(token, fmt.Sprintf(name, i)).status]++
		}
		if count[429] < projects/3 || count[200] == 0 || count[200]+count[429] != projects {
			t.Errorf("questions whether a token may read %s were answered %v", name, count)
		}
	}

	lookup := func(name string) string { return "GET /api/v4/projects/shop%2F" + name }
	r.world.forge.Plant(forgetest.Fault{Match: lookup("broken"), Break: true, Times: 1})
	r.world.forge.Plant(forgetest.Fault{Match: lookup("gateway"), Status: 502, Times: 1})
	for _, name := range []string{"shop/broken", "shop/gateway"} {
		if a := issues(walker, name); a.status != 200 {
			t.Errorf("%s, whose look-up fails once, was answered %d %s", name, a.status, a.body)
		}
	}
	r.world.forge.Plant(forgetest.Fault{Match: lookup("limited"), Status: 429, RetryAfter: 7 * time.Second, Times: 1})
	a := issues(walker, "shop/limited")
	if a.status != 429 || a.header.Get("Retry-After") != "7" || !strings.Contains(a.body, "The forge's own rate limit") {
		t.Errorf("the forge's 429 is told as %d %v %s", a.status, a.header, a.body)
	}
	for _, name := range []string{"shop/limited", "shop/free"} {
		if a := issues(mint("after "+name[5:]), name); a.status != 200 {
			t.Errorf("after one 429 of the forge, %s was answered %d %s", name, a.status, a.body)
		}
	}
}
