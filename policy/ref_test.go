package policy

import (
	"testing"

	"patgate/routes"
)

// ref moves a ref.
func ref(name string) Act { return Act{Kind: ActRef, Update: &RefUpdate{Name: []byte(name)}} }

// listing makes a row whose body lists refs.
func listing(r *routes.Route) *routes.Route {
	return with(writing(r), func(r *routes.Route) { r.Refs = routes.RefsListed })
}

// TestConstraintsOnRefs tries constraints with single changes.
func TestConstraintsOnRefs(t *testing.T) {
	bot := Constraints{RefPatterns: []string{"refs/heads/bot/*", "refs/heads/release-*-rc"}}
	noDelete, noTags := Constraints{ForbidRefDeletes: true}, Constraints{ForbidTagChanges: true}
	for _, c := range []struct {
		name        string
		constraints Constraints
		update      RefUpdate
		allowed     bool
	}{
		{"no constraint", Constraints{}, RefUpdate{Name: []byte("refs/heads/main"), Delete: true}, true},
		{"a branch of the pattern", bot, RefUpdate{Name: []byte("refs/heads/bot/fix")}, true},
		{"the star takes slashes", bot, RefUpdate{Name: []byte("refs/heads/bot/a/b/c")}, true},
		{"the star takes nothing, too", bot, RefUpdate{Name: []byte("refs/heads/bot/")}, true},
		{"another branch", bot, RefUpdate{Name: []byte("refs/heads/main")}, false},
		{"a name that only begins like the pattern", bot, RefUpdate{Name: []byte("refs/heads/bottom")}, false},
		{"a pattern is anchored in front", bot, RefUpdate{Name: []byte("refs/x/refs/heads/bot/a")}, false},
		{"case counts", bot, RefUpdate{Name: []byte("refs/heads/Bot/a")}, false},
		{"a star in the middle", bot, RefUpdate{Name: []byte("refs/heads/release-1.2-rc")}, true},
		{"what follows the star counts", bot, RefUpdate{Name: []byte("refs/heads/release-1.2-rc1")}, false},
		{"the tail may come twice", bot, RefUpdate{Name: []byte("refs/heads/release-1-rc-2-rc")}, true},
		{"a delete within the pattern", bot, RefUpdate{Name: []byte("refs/heads/bot/a"), Delete: true}, true},
		{"deletes are forbidden", noDelete, RefUpdate{Name: []byte("refs/heads/main"), Delete: true}, false},
		{"moves are not deletes", noDelete, RefUpdate{Name: []byte("refs/heads/main")}, true},
		{"a new tag", noTags, RefUpdate{Name: []byte("refs/tags/v1"), Create: true}, true},
		{"a moved tag", noTags, RefUpdate{Name: []byte("refs/tags/v1")}, false},
		{"a deleted tag", noTags, RefUpdate{Name: []byte("refs/tags/v1"), Delete: true}, false},
		{"a moved branch", noTags, RefUpdate{Name: []byte("refs/heads/tags/v1")}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.constraints.Allow(&c.update); got != c.allowed {
				t.Errorf("allowed is %v", got)
			}
		})
	}
}

// TestConstraintsCover says when a token with constraints may make one with others.
func TestConstraintsCover(t *testing.T) {
	bot := Constraints{RefPatterns: []string{"refs/heads/bot/*"}}
	both := Constraints{RefPatterns: []string{"refs/heads/bot/*"}, ForbidRefDeletes: true, ForbidTagChanges: true}
	other := Constraints{RefPatterns: []string{"refs/heads/bot/*", "refs/heads/x"}}
	for _, c := range []struct {
		name          string
		parent, child Constraints
		covers        bool
	}{
		{"no constraint covers any", Constraints{}, both, true},
		{"patterns do not cover their absence", bot, Constraints{}, false},
		{"patterns cover fewer", other, bot, true},
		{"patterns do not cover more", bot, other, false},
		{"patterns cover themselves with more forbidden", bot, both, true},
		{"what is forbidden stays so", both, bot, false},
		{"forbidden deletes cover patterns that forbid them too", Constraints{ForbidRefDeletes: true}, both, true},
		{"forbidden deletes do not cover patterns that allow them", Constraints{ForbidRefDeletes: true}, bot, false},
		{"forbidden tags are not forbidden deletes", Constraints{ForbidTagChanges: true}, Constraints{ForbidRefDeletes: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.parent.cover(&c.child); got != c.covers {
				t.Errorf("covers is %v", got)
			}
		})
	}
}
