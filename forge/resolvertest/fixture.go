package resolvertest

import (
	"testing"
	"time"

	"patgate/forge"
	"patgate/token"
)

// Fixture is one world with a resolver in front of it. Each test gets a new one.
type Fixture struct {
	Resolver forge.Resolver
	// Session acts for a user who is an ordinary member, Stranger for one who is a member of nothing here.
	Session, Stranger *token.Session

	// Group is private, Subgroup lies in it; zero when the forge's groups hold no groups. The user is a member of Group.
	Group, Subgroup Named
	// UserIsGroup: a user counts as a group, in which the user's own projects lie.
	UserIsGroup bool
	// Inherited is a private project in Subgroup, or in Group when there is none. Outside is a private project that
	// the user is a direct member of, in OutsideGroup, which the user is no member of. Invited is a private project that the
	// user reaches only through a group (or team) that was invited to it; zero when the forge knows no such thing.
	Inherited, Outside, OutsideGroup, Invited Named
	// Public is a public project whose members do not include the user; Hidden is a private one.
	Public, Hidden Named
	// Personal is a private project in the user's own namespace.
	Personal Named

	// Rename gives a project another last segment and returns the new path; the old path redirects, if the forge does.
	Rename func(project Named, segment string) (path string)
	// Redirects: the forge answers for the old path of a renamed project with the renamed one.
	Redirects bool
	// Create makes a private project under this path, which may be the old one of another, with the user as a member.
	Create func(path string) Named
	// Leave ends the user's membership of Outside.
	Leave func()

	// Now reads the resolver's clock, and Advance moves it.
	Now     func() time.Time
	Advance func(time.Duration)
	// Asked counts the requests that the forge has received.
	Asked func() int
	// Fail makes the forge answer every request with a status, Hang not at all, until undone. SlowDown delays answers.
	Fail     func(status int) (undo func())
	Hang     func() (undo func())
	Garble   func() (undo func())
	SlowDown func(time.Duration) (undo func())
	// Refuse makes the forge refuse the user's credential.
	Refuse func()
	// TTL is the resolver's own limit for the age of facts. Burst is how many questions its budget gives a token.
	TTL   time.Duration
	Burst int
}

// Named is a container with its id and full path.
type Named struct {
	ID   int64
	Path string
}

// above gives the ids of the groups above Inherited.
func (f *Fixture) above() []int64 {
	if f.Subgroup.ID == 0 {
		return []int64{f.Group.ID}
	}
	return []int64{f.Subgroup.ID, f.Group.ID}
}

// Run runs all tests against fresh fixtures.
func Run(t *testing.T, fixture func(t *testing.T) *Fixture) {
	t.Run("Containers", func(t *testing.T) { containers(t, fixture) })
	t.Run("Below", func(t *testing.T) { below(t, fixture) })
	t.Run("Freshness", func(t *testing.T) { freshness(t, fixture) })
	t.Run("Forget", func(t *testing.T) { forget(t, fixture) })
	t.Run("Failing", func(t *testing.T) { failing(t, fixture) })
	t.Run("Budget", func(t *testing.T) { budget(t, fixture) })
	t.Run("SingleFlight", func(t *testing.T) { singleFlight(t, fixture) })
}
