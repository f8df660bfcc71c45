package cli_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// watched starts a server for tests of what is kept of requests.
func watched(t *testing.T, settings ...string) *subjectStage {
	t.Helper()
	r := startRunningWith(t, func(*world) []string { return append(settings, "PATGATE_LIMITS_FAILED_CREDENTIALS=1000000") })
	return &subjectStage{&gitStage{running: r}, t.TempDir()}
}

// database opens the store of a running server beside it.
func (r *running) database(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.dir, "data", "db", "patgate.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// shows asks patgate learn as alice until it says something.
func (s *subjectStage) shows(t *testing.T, text string, args ...string) (out string) {
	t.Helper()
	for end := time.Now().Add(2 * patience); ; time.Sleep(200 * time.Millisecond) {
		out, err := s.learn(t, s.world.alicePAT, args...)
		if err == nil && strings.Contains(out, text) {
			return out
		}
		if time.Now().After(end) {
			t.Fatalf("%q is not in %s (%v)", text, out, err)
		}
	}
}

func number(id int64) string { return strconv.FormatInt(id, 10) }

// TestWhatIsKeptOfRequests has a patgate token and one of the forge's own send requests of which each part can be told again, and
// looks for these parts in the store's files: there are none. Of the forge's token there is a hash that nobody can make without the key.
// What the patgate token names has its path there, because it is named; no other place has.
func TestWhatIsKeptOfRequests(t *testing.T) {
	s := watched(t, "PATGATE_LEARN_MODE=on")
	w := s.world
	old := w.forge.AddToken(w.alice, forgetest.Token{Name: "old bot"})
	s.secret("the old bot's forge token", old)
	v := s.make(t, creation("kept", on(w.api, "read_work_item", "create_work_item", "read_project")))
	const query, title, text, agent = "kept-of-a-query", "kept-of-a-title", "kept-of-a-text", "kept-of-a-client"
	for _, secret := range []string{v.Token, old} {
		for _, c := range []struct{ method, path, body string }{
			{"GET", "/api/v4/projects/shop%2Fbackend%2Fapi", ""},
			{"GET", fmt.Sprintf("/api/v4/projects/%d/issues?search=%s", w.api, query), ""},
			{"POST", "/api/v4/projects/shop%2Fbackend%2Fapi/issues", fmt.Sprintf(`{"title":%q,"description":%q}`, title, text)},
		} {
			header := http.Header{"PRIVATE-TOKEN": {secret}, "Content-Type": {"application/json"}, "User-Agent": {agent}}
			if a := send(c.method, s.gate+c.path, header, []byte(c.body)); a.status >= 300 {
				t.Fatal(c, a.status, a.body)
			}
		}
	}
	for _, secret := range []string{v.Token, old} {
		send("GET", s.gate+"/api/v4/projects/secret%2Fplans", http.Header{"PRIVATE-TOKEN": {secret}}, nil)
	}
	const last = "POST /projects/{project}/issues"
	s.shows(t, last, "show", number(v.ID))
	var subject listedSubject
	for end := time.Now().Add(2 * patience); subject.Requests < 3; time.Sleep(100 * time.Millisecond) {
		if list := s.subjects(t, w.alicePAT); len(list) == 1 {
			subject = list[0]
		}
		if time.Now().After(end) {
			t.Fatalf("%+v", subject)
		}
	}
	s.shows(t, last, "show", number(subject.ID))
	plain := sha256.Sum256([]byte(old))
	parts := []secret{{"a query's value", query}, {"a title", title}, {"a text", text}, {"a client's name", agent}, {"a path", "secret/plans"},
		{"a path as it was sent", "shop%2Fbackend"}, {"a client's address", "127.0.0.1/"}, {"a hash without a key", string(plain[:])}}
	if found := leaks(filepath.Join(s.running.dir, "data"), parts); len(found) > 0 {
		t.Error(found)
	}
	if found := leaks(filepath.Join(s.running.dir, "data"), []secret{{"a row", "/projects/{project}/issues"}}); len(found) == 0 {
		t.Error("what is kept is not where it is looked for")
	}
	var hash []byte
	if err := s.database(t).QueryRow("SELECT hash FROM subjects").Scan(&hash); err != nil || len(hash) != sha256.Size {
		t.Errorf("%x, %v", hash, err)
	}
}

// TestObservationsAreBounded has a token do more different things than are kept apart: what is beyond is kept with the nearest
// group that all of it lies in, which is said and asked.
func TestObservationsAreBounded(t *testing.T) {
	const most, beyond = 2000, 5
	s := watched(t, "PATGATE_RESOLVER_BUDGET_PER_OWNER=1000000", "PATGATE_RESOLVER_BUDGET_PER_TOKEN=1000000")
	w := s.world
	many, late := w.forge.AddGroup("many", forgetest.Private), int64(0)
	w.forge.AddGroupMember(many, w.alice, forgetest.Maintainer)
	var first, rest []string
	for i := range most {
		first = append(first, fmt.Sprint("/api/v4/projects/", w.forge.AddProject(fmt.Sprint("many/p", i), forgetest.Private)))
	}
	late = w.forge.AddGroup("many/late", forgetest.Private)
	for _, below := range []string{"a", "b"} {
		w.forge.AddGroup("many/late/"+below, forgetest.Private)
		for i := range beyond {
			id := w.forge.AddProject(fmt.Sprintf("many/late/%s/p%d", below, i), forgetest.Private)
			rest = append(rest, fmt.Sprint("/api/v4/projects/", id))
		}
	}
	v := s.make(t, creation("busy", object{"access": "all_memberships", "permissions": []string{"read_project"}}))
	s.onOneConnection(t, v.Token, 200, first...)
	s.used(t, v.Token, func(u *usageOf) bool { return u.Permissions["read_project"].Uses == most })
	s.onOneConnection(t, v.Token, 200, rest...)
	s.used(t, v.Token, func(u *usageOf) bool { return u.Permissions["read_project"].Uses == most+2*beyond })
	var units int
	if err := s.database(t).QueryRow("SELECT count(*) FROM units WHERE subject_id = ?", v.ID).Scan(&units); err != nil || units != most+1 {
		t.Errorf("%d units, %v", units, err)
	}
	out := s.shows(t, "GET /projects/{project}", "show", number(v.ID))
	if !strings.Contains(out, fmt.Sprintf("somewhere in group %d", late)) {
		t.Errorf("what was seen beyond is not told: %.300s", out)
	}
	out = s.shows(t, "Proof", "propose", number(v.ID))
	if !strings.Contains(out, "Note: for 1 kind of request the projects are not known: there were too many") ||
		!strings.Contains(out, fmt.Sprintf("(read_project; %d requests) was in group %d. ", 2*beyond, late)) {
		t.Errorf("it is not said: %s", out[strings.Index(out, "Note"):])
	}
	out = s.shows(t, "Proof", "propose", number(v.ID), "--group", number(late), "--json=false")
	if !strings.Contains(out, fmt.Sprintf("group %d", late)) || strings.Contains(out, "are not known") {
		t.Errorf("the group is not taken: %.600s", out)
	}
}

// TestAStoreThatTakesNoObservations keeps the store from being written to: requests are answered as ever, what they did is lost and
// counted, and with the store everything is kept again.
func TestAStoreThatTakesNoObservations(t *testing.T) {
	t.Parallel() // it waits most of the time
	s := watched(t)
	w := s.world
	v := s.make(t, creation("counted", on(w.api, "read_project")))
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	uses := func(n int64) func(*usageOf) bool {
		return func(u *usageOf) bool { return u.Permissions["read_project"].Uses == n }
	}
	s.onOneConnection(t, v.Token, 200, project)
	s.used(t, v.Token, uses(1))
	if lost := s.counter(t, "patgate_uses_lost_total"); lost != 0 {
		t.Fatalf("%v lost before", lost)
	}
	conn, err := s.database(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	sent := int64(0)
	for end := time.Now().Add(4 * patience); s.counter(t, "patgate_uses_lost_total") == 0; time.Sleep(50 * time.Millisecond) {
		began := time.Now()
		s.onOneConnection(t, v.Token, 200, project)
		sent++
		if took := time.Since(began); took > 9*time.Second/2 {
			t.Errorf("a request took %s", took)
		}
		if time.Now().After(end) {
			t.Fatal("nothing is lost")
		}
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	s.logs(t, "storing what was seen")
	// What came after the last loss is kept; nothing is counted twice, and nothing is neither kept nor lost.
	s.used(t, v.Token, func(u *usageOf) bool {
		return u.Permissions["read_project"].Uses+int64(s.counter(t, "patgate_uses_lost_total")) == 1+sent
	})
	s.onOneConnection(t, v.Token, 200, project, project)
	s.used(t, v.Token, func(u *usageOf) bool {
		return u.Permissions["read_project"].Uses+int64(s.counter(t, "patgate_uses_lost_total")) == sent+3
	})
}

// counter reads a metric without labels.
func (r *running) counter(t *testing.T, name string) float64 {
	t.Helper()
	a := send("GET", r.operators+"/metrics", nil, nil)
	for line := range strings.Lines(a.body) {
		if text, is := strings.CutPrefix(line, name+" "); is {
			n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("there is no metric %s: %d", name, a.status)
	return 0
}

// TestWhatComesFromANewNetwork: what a token does for the first time from another network, when its first days are over, is set
// apart and no part of the proposal, until somebody says yes to it or it comes from a known one.
func TestWhatComesFromANewNetwork(t *testing.T) {
	s := watched(t, "PATGATE_TRUSTED_PROXIES=127.0.0.1", "PATGATE_LEARN_MODE=on")
	w := s.world
	v := s.make(t, creation("elsewhere", on(w.api, "read_project", "read_job", "read_work_item")))
	bot := w.forge.AddToken(w.alice, forgetest.Token{Name: "bot"})
	s.secret("the bot's forge token", bot)
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	from := func(client string, paths ...string) {
		t.Helper()
		for _, secret := range []string{v.Token, bot} {
			for _, path := range paths {
				if a := send("GET", s.gate+path, http.Header{"Private-Token": {secret}, "X-Forwarded-For": {client}}, nil); a.status != 200 {
					t.Fatal(path, a.status, a.body)
				}
			}
		}
	}
	from("192.0.2.7", project)
	var ids []string
	for end := time.Now().Add(2 * patience); len(ids) == 0; time.Sleep(100 * time.Millisecond) {
		if list := s.subjects(t, w.alicePAT); len(list) == 1 && list[0].Requests > 0 {
			ids = []string{number(v.ID), number(list[0].ID)}
		} else if time.Now().After(end) {
			t.Fatalf("%+v", list)
		}
	}
	for _, id := range ids {
		s.shows(t, "GET /projects/{project}", "show", id)
	}
	const week = 8 * 24 * 60 * 60 * 1000
	s.alter(t, fmt.Sprintf("UPDATE subject_networks SET first_at = first_at - %[1]d; UPDATE units SET first_at = first_at - %[1]d", week))
	from("198.51.100.9", project, project+"/jobs")
	from("192.0.77.8", project+"/issues") // the network of the first days
	for _, id := range ids {
		s.shows(t, "/issues", "show", id)
		out := s.shows(t, "/jobs", "show", id)
		if seen, apart, found := strings.Cut(out, "Set apart"); !found || strings.Contains(seen, "/jobs") || !strings.Contains(apart, "/jobs") ||
			strings.Contains(apart, "/issues") {
			t.Errorf("%s: what was seen: %s", id, out)
		}
		out = s.shows(t, "Set apart", "propose", id)
		scopes, apart, _ := strings.Cut(out, "Set apart")
		if strings.Contains(scopes, "read_job") || !strings.Contains(scopes, "read_work_item") || !strings.Contains(scopes, "read_project") ||
			!strings.Contains(apart, "GET /projects/{project}/jobs: read_job") {
			t.Errorf("%s: a proposal: %s", id, out)
		}
		if out := s.shows(t, "Proof", "propose", id, "--accept-suspect"); !strings.Contains(out, "read_job") || strings.Contains(out, "Set apart") {
			t.Errorf("%s: it is taken in: %s", id, out)
		}
	}
	from("192.0.2.9", project+"/jobs")
	for _, id := range ids {
		for end := time.Now().Add(2 * patience); strings.Contains(s.shows(t, "Proof", "propose", id), "Set apart"); {
			if time.Sleep(200 * time.Millisecond); time.Now().After(end) {
				t.Fatalf("%s: it is set apart although it came from a known network", id)
			}
		}
	}
}

// TestDamagedObservations: what cannot be read of what was seen is left out, told in each answer, and counted.
func TestDamagedObservations(t *testing.T) {
	s := watched(t)
	w := s.world
	v := s.make(t, creation("damaged", on(w.api, "read_project", "read_job")))
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	s.onOneConnection(t, v.Token, 200, project, project+"/jobs")
	s.used(t, v.Token, func(u *usageOf) bool {
		return u.Permissions["read_job"].Uses == 1 && u.Permissions["read_project"].Uses == 1
	})
	told := 0.0
	for _, damage := range []string{
		"UPDATE units SET days = x'00' WHERE kind_id IN (SELECT id FROM unit_kinds WHERE kind LIKE '%/jobs\"%')",
		"UPDATE units SET days = x'', places = '[' WHERE kind_id IN (SELECT id FROM unit_kinds WHERE kind LIKE '%/jobs\"%')",
		"UPDATE unit_kinds SET kind = '{' WHERE kind LIKE '%/jobs\"%'",
	} {
		s.alter(t, damage)
		const note = "Note: 1 kept observation is damaged and left out."
		out := s.shows(t, note, "propose", number(v.ID))
		if !strings.Contains(out, "read_project") || strings.Contains(out, "read_job") {
			t.Errorf("a proposal after %s: %s", damage, out)
		}
		if out := s.shows(t, note, "show", number(v.ID)); !strings.Contains(out, "GET /projects/{project}") || strings.Contains(out, "/jobs") {
			t.Errorf("what was seen after %s: %s", damage, out)
		}
		_, text := s.want(t, 200, w.alicePAT, "GET", extra(v.ID, "/proposal"), nil)
		var p struct{ Damaged int }
		if err := json.Unmarshal([]byte(text), &p); err != nil || p.Damaged != 1 {
			t.Errorf("the API after %s: %v %s", damage, err, text)
		}
		now := s.counter(t, "patgate_learn_damaged_total")
		if now < told+3 {
			t.Errorf("%v are counted after %v", now, told)
		}
		told = now
	}
	s.want(t, 200, v.Token, "GET", project+"/jobs", nil)
	s.shows(t, "/jobs", "show", number(v.ID)) // what comes next begins anew
}

// TestForHowLongObservationsAreKept: what was not seen for longer than learn.keep is gone; with learn.mode: off nothing is kept.
func TestForHowLongObservationsAreKept(t *testing.T) {
	s := watched(t, "PATGATE_LEARN_KEEP=30d")
	w := s.world
	v := s.make(t, creation("kept", on(w.api, "read_project", "read_job")))
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	s.onOneConnection(t, v.Token, 200, project, project+"/jobs")
	s.used(t, v.Token, func(u *usageOf) bool { return u.Permissions["read_job"].Uses == 1 })
	restart := func(more ...string) {
		t.Helper()
		if err := s.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := s.start(append(slices.Clone(s.env), more...), nil, s.operators); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (n int) {
		t.Helper()
		if err := s.database(t).QueryRow("SELECT count(*) FROM units WHERE subject_id = ?", v.ID).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const day = 24 * 60 * 60 * 1000
	age := func(days int) {
		t.Helper()
		s.alter(t, fmt.Sprintf("UPDATE units SET last_at = last_at - %d WHERE kind_id IN (SELECT id FROM unit_kinds WHERE kind LIKE "+
			"'%%/jobs\"%%')", days*day))
	}
	age(29)
	restart()
	time.Sleep(500 * time.Millisecond)
	if n := count(); n != 2 {
		t.Errorf("%d are kept within the days", n)
	}
	age(1)
	restart()
	for end := time.Now().Add(patience); count() != 1; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is kept for longer than it should be")
		}
	}
	restart("PATGATE_LEARN_MODE=off")
	s.want(t, 200, v.Token, "GET", project+"/jobs", nil)
	s.want(t, 403, v.Token, "GET", project+"/issues", nil)
	s.used(t, v.Token, func(u *usageOf) bool { return u.Uses >= 3 })
	if n := count(); n != 1 {
		t.Errorf("%d are kept although nothing should be", n)
	}
	out, err := s.learn(t, w.alicePAT, "unused", number(v.ID))
	if err != nil || strings.Contains(out, "Goes") {
		t.Errorf("%v %s", err, out)
	}
}

// TestNoAnswerWaitsForObservation has the forge take its time over whose a credential is and where things are: what the bot asks is
// answered meanwhile, and what it did is known later. The questions are asked with the bot's own token.
func TestNoAnswerWaitsForObservation(t *testing.T) {
	s := watched(t, "PATGATE_LEARN_MODE=on")
	w := s.world
	const late = 5 * time.Second
	bot := w.forge.AddToken(w.alice, forgetest.Token{Name: "bot"})
	s.secret("the bot's forge token", bot)
	defer w.forge.Plant(forgetest.Fault{Match: "GET /api/v4/personal_access_tokens/self", Delay: late})()
	defer w.forge.Plant(forgetest.Fault{Match: fmt.Sprintf("GET /api/v4/projects/%d", w.web), Delay: late})()
	w.forge.ForgetRequests()
	began := time.Now()
	const n = 20
	for range n {
		s.want(t, 200, bot, "GET", fmt.Sprintf("/api/v4/projects/%d/issues", w.web), nil)
	}
	if took := time.Since(began); took > late {
		t.Errorf("%d requests took %s", n, took)
	}
	for end := time.Now().Add(4 * patience); ; time.Sleep(100 * time.Millisecond) {
		if list := s.subjects(t, w.alicePAT); len(list) == 1 && list[0].Requests == n {
			s.shows(t, fmt.Sprintf("project %d", w.web), "show", number(list[0].ID))
			break
		} else if time.Now().After(end) {
			t.Fatalf("%+v", list)
		}
	}
	asked := 0
	for _, q := range w.forge.Requests() {
		if q.Target == fmt.Sprintf("/api/v4/projects/%d", w.web) || strings.HasSuffix(q.Target, "/personal_access_tokens/self") && q.Secret == bot {
			if asked++; q.Secret != bot || q.User != "alice" {
				t.Errorf("%s is asked with another credential", q.Target)
			}
		}
	}
	if asked == 0 || asked > 4 {
		t.Errorf("the forge is asked %d times", asked)
	}
}
