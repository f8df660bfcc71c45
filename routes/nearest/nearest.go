// Package nearest finds the names that the writer of an unknown one may have meant.
package nearest

import (
	"cmp"
	"slices"
	"strings"
)

// maxNearest bounds the length of a name that is compared with others; a longer one has no near names.
const maxNearest = 100

// Names gives up to n of the candidates that are close to name, closest first. Words in another order (job_read) count
// as close.
func Names(name string, candidates []string, n int) []string {
	if len(name) > maxNearest {
		return nil
	}
	type scored struct {
		name     string
		distance int
	}
	limit := max(2, len(name)/3)
	words := sortedWords(name)
	var near []scored
	for _, candidate := range candidates {
		d := editDistance(name, candidate, limit)
		if d > 1 {
			d = min(d, 1+editDistance(words, sortedWords(candidate), limit))
		}
		if d <= limit {
			near = append(near, scored{candidate, d})
		}
	}
	slices.SortFunc(near, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, s := range near[:min(n, len(near))] {
		names = append(names, s.name)
	}
	return names
}

// sortedWords gives the words of a snake-case name in alphabetical order.
func sortedWords(name string) string {
	words := strings.Split(name, "_")
	slices.Sort(words)
	return strings.Join(words, "_")
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that make a into b; it may give up
// and return limit+1 when there are more.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// DidYouMean gives "did you mean a?" for the candidates that are near a name, or the fallback when none is.
func DidYouMean(name string, candidates []string, fallback string) string {
	near := Names(name, candidates, 3)
	switch len(near) {
	case 0:
		return fallback
	case 1:
		return "did you mean " + near[0] + "?"
	default:
		return "did you mean one of " + strings.Join(near, ", ") + "?"
	}
}
