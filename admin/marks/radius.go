package marks

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"patgate/policy"
)

// Radius says how much a thief of a token could do: where the token reaches, what it may do there, and for how long.
type Radius struct {
	// Figure is the product, summed over scopes.
	Figure int64 `json:"-"`
	// Containers is how many projects the scopes count for: a group counts for ten, the owner's own projects for 20, all that the
	// owner is a member of for 500, the instance for 1000.
	Containers int64 `json:"containers"`
	// Weight is the greatest of a scope: that of its permissions together.
	Weight int64 `json:"weight"`
	// Days is the whole life, each begun day, with the time for which it may renew itself.
	Days int64 `json:"days"`
	// Dangers are the kinds of dangerous things that it may do, the gravest first.
	Dangers []string `json:"dangers"`
}

// What stands for places that are not named one by one.
const (
	perGroup       = 10
	perOwnProjects = 20
	perMemberships = 500
	perInstance    = 1000
)

// containers counts where a scope reaches.
func containers(s *policy.ScopeSpec) int64 {
	switch a, _ := policy.ParseAccess(s.Access); a {
	case policy.AccessPersonalProjects:
		return perOwnProjects
	case policy.AccessAllMemberships:
		return perMemberships
	case policy.AccessInstance:
		return perInstance
	case policy.AccessUser:
		return 1
	}
	return int64(len(s.ProjectIDs)) + perGroup*int64(len(s.GroupIDs))
}

// Radius measures scopes over a life.
func (j *Judge) Radius(scopes []policy.ScopeSpec, life time.Duration) Radius {
	const day = 24 * time.Hour
	r := Radius{Days: max(1, int64((life+day-1)/day)), Dangers: []string{}}
	gravity := map[string]int64{}
	for i := range scopes {
		s := &scopes[i]
		var heavy int64
		for _, name := range s.Permissions {
			w, known := j.weights[name]
			if !known {
				continue // grants nothing any more
			}
			heavy += w.n
			for _, danger := range w.dangers {
				gravity[danger] = max(gravity[danger], w.n)
			}
		}
		at := containers(s)
		r.Containers += at
		r.Weight = max(r.Weight, heavy)
		r.Figure = plus(r.Figure, times(times(at, heavy), r.Days))
	}
	for danger := range gravity {
		r.Dangers = append(r.Dangers, danger)
	}
	slices.SortFunc(r.Dangers, func(a, b string) int {
		if gravity[a] != gravity[b] {
			return int(gravity[b] - gravity[a])
		}
		return strings.Compare(a, b)
	})
	return r
}

// times and plus stay at the greatest number.
func times(a, b int64) int64 {
	if a > 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}

func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Level says in one word how large it is: small, medium, large or huge.
func (r *Radius) Level() string {
	switch {
	case r.Figure < 1_000:
		return "small"
	case r.Figure < 100_000:
		return "medium"
	case r.Figure < 10_000_000:
		return "large"
	}
	return "huge"
}

// Short writes the figure for a table: 840, 12k, 3.4M.
func (r *Radius) Short() string {
	f := float64(r.Figure)
	switch {
	case r.Figure < 1_000:
		return strconv.FormatInt(r.Figure, 10)
	case r.Figure < 1_000_000:
		return strings.TrimSuffix(strconv.FormatFloat(f/1e3, 'f', decimals(f/1e3), 64), ".0") + "k"
	case r.Figure < 1_000_000_000:
		return strings.TrimSuffix(strconv.FormatFloat(f/1e6, 'f', decimals(f/1e6), 64), ".0") + "M"
	}
	return strings.TrimSuffix(strconv.FormatFloat(f/1e9, 'f', decimals(f/1e9), 64), ".0") + "G"
}

func decimals(f float64) int {
	if f < 10 {
		return 1
	}
	return 0
}

// Explain says how the figure comes about.
func (r *Radius) Explain() string {
	text := fmt.Sprintf("Blast radius %d, %s: it %s.", r.Figure, r.Level(), r.Factors())
	if len(r.Dangers) > 0 {
		text += " It " + strings.Join(r.Dangers, ", ") + "."
	}
	return text
}

// Factors says in words what the figure is the product of.
func (r *Radius) Factors() string {
	return fmt.Sprintf("reaches as much as %s, with permissions that weigh up to %d together, for %s",
		several(r.Containers, "project"), r.Weight, several(r.Days, "day"))
}

// several counts things in words.
func several(n int64, thing string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, thing)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
