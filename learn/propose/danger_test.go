package propose

import (
	"testing"

	"patgate/learn"
	"patgate/policy"
)

// TestNothingDangerousComesInByItself holds over random traffic that what exports, gives rights, keeps a secret, hands out a
// credential or runs as the owner is denied by a proposal to which nobody said yes, whatever else needs the same permissions; and
// that all which is denied is told.
func TestNothingDangerousComesInByItself(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	dangers := 0
	for seed := range uint64(60) {
		d := newTraffic(t, table, seed)
		list := d.observations(r, 30)
		p, err := r.Make(Ask{Observations: list, Today: 1020, Owner: owner})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		grant := &policy.Grant{Owner: owner, TableVersion: table.Version()}
		if len(p.Scopes) > 0 {
			if grant, err = policy.Compile(owner, table.Version(), p.Scopes, table.Catalogue()); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for i := range list {
			if row := r.rows[list[i].Unit.Method+" "+list[i].Unit.Route]; len(row.Dangers()) > 0 {
				dangers++
				if r.Simulate(grant, list[i:i+1], learn.Day(0)).Kinds == 0 {
					t.Fatalf("seed %d: %s is allowed by %+v", seed, row.Path, p.Scopes)
				}
			}
		}
		if denied := r.Simulate(grant, list, learn.Day(0)).Kinds; denied != len(p.Unticked) {
			t.Fatalf("seed %d: %d kinds are denied, and %d are told", seed, denied, len(p.Unticked))
		}
	}
	if dangers < 100 {
		t.Errorf("%d dangers were tried", dangers)
	}
}
