package learning

import (
	"fmt"
	"testing"
	"time"

	"patgate/learn"
	"patgate/store"
	"patgate/token"
)

// TestLimitsAreTriedAsIfTheyHadHeld: from which day on limits would have denied all that a token asked for.
func TestLimitsAreTriedAsIfTheyHadHeld(t *testing.T) {
	const day = 24 * time.Hour
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first := learn.DayOf(start)
	made := func(edit func(*store.Listed)) *store.Listed {
		l := &store.Listed{Record: token.Record{CreatedAt: start, ExpiresAt: start.Add(90 * day)}, TouchedAt: start}
		if edit != nil {
			edit(l)
		}
		return l
	}
	used := func(days ...int) (list []learn.Observation) {
		o := learn.Observation{}
		for _, n := range days {
			o.Days = append(o.Days, learn.Count{Day: first + learn.Day(n), N: 1})
		}
		return append(list, o)
	}
	for _, tc := range []struct {
		name   string
		limits Limits
		token  *store.Listed
		next   *store.Listed
		seen   []learn.Observation
		known  time.Time
		want   string
	}{
		{name: "none", limits: Limits{AdminOwners: true}, token: made(nil), want: "[]"},
		{name: "a lifetime that it keeps", limits: Limits{MaxLifetime: 90 * day}, token: made(nil), want: "[]"},
		{name: "a lifetime that it does not", limits: Limits{MaxLifetime: 30 * day}, token: made(nil), want: "[{31 max_lifetime}]"},
		{name: "an end that an edit may have given", limits: Limits{MaxLifetime: 30 * day},
			token: made(func(l *store.Listed) { l.TouchedAt = start.Add(70 * day) }), want: "[]"},
		{name: "a rotated one ends by its grace", limits: Limits{MaxGrace: day, MaxLifetime: day},
			token: made(func(l *store.Listed) { l.ExpiresAt = start.Add(20 * day) }),
			next:  &store.Listed{Record: token.Record{CreatedAt: start.Add(10 * day)}}, want: "[{12 max_grace}]"},
		{name: "an administrator's", token: made(func(l *store.Listed) { l.Owner.Admin = true }), want: "[{all allow_admin_owners}]"},
		{name: "a pause", limits: Limits{RevokeUnusedAfter: 7 * day}, token: made(nil), seen: used(1, 2, 20, 21), known: start,
			want: "[{20 revoke_unused_after}]"},
		{name: "a pause that is as long as it may be", limits: Limits{RevokeUnusedAfter: 7 * day}, token: made(nil),
			seen: used(1, 2, 10), known: start, want: "[]"},
		{name: "a pause with an edit", limits: Limits{RevokeUnusedAfter: 7 * day},
			token: made(func(l *store.Listed) { l.TouchedAt = start.Add(8 * day) }), seen: used(1, 2, 14), known: start, want: "[]"},
		{name: "a pause of which nothing is known", limits: Limits{RevokeUnusedAfter: 7 * day}, token: made(nil), seen: used(20),
			known: start.Add(15 * day), want: "[]"},
		{name: "use is not kept", limits: Limits{RevokeUnusedAfter: 7 * day}, token: made(nil), seen: used(20), want: "[]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := []string{}
			for _, b := range tc.limits.bounds(tc.token, tc.next, tc.seen, tc.known) {
				from := "all"
				if b.From > 0 {
					from = fmt.Sprint(int(b.From - first))
				}
				got = append(got, fmt.Sprintf("{%s %s}", from, b.Reason))
			}
			if fmt.Sprint(got) != tc.want {
				t.Errorf("%v, want %s", got, tc.want)
			}
		})
	}
}

// TestReadsOfForgeTokens: what passes with a credential of the forge's own where only reading does.
func TestReadsOfForgeTokens(t *testing.T) {
	for row, want := range map[string]bool{
		"GET /projects/{project}":                               true,
		"POST /projects/{project}/issues":                       false,
		"GET /{project}.git/info/refs?service=git-upload-pack":  true,
		"POST /{project}.git/git-upload-pack":                   true,
		"GET /{project}.git/info/refs?service=git-receive-pack": false,
		"POST /{project}.git/git-receive-pack":                  false,
		"GET /jwt/auth?scope=repository:{project}:pull":         true,
		"GET /jwt/auth?scope=repository:{project}:push":         false,
		"GET /jwt/auth?scope=repository:{project}:delete":       false,
		"GET /packages/conan/v1/users/authenticate":             false,
		"GET /projects/{project}/push_rule":                     true,
	} {
		u := learn.Unit{}
		if _, err := fmt.Sscan(row, &u.Method, &u.Route); err != nil {
			t.Fatal(err)
		}
		if got := reads(&u); got != want {
			t.Errorf("%s: %v", row, got)
		}
	}
}
