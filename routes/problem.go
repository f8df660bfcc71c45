package routes

import (
	"cmp"
	"slices"
	"strings"
)

// Problem is something wrong with a route table, with the place and what to do about it. Loading collects all of them.
type Problem struct {
	Source  Source
	Message string // what is wrong, naming the offending value
	Fix     string // what to write instead; may be empty
}

// Error gives "file:line: message (fix: ...)".
func (p Problem) Error() string {
	text := p.Message
	if p.Source.File != "" {
		text = p.Source.String() + ": " + text
	}
	if p.Fix != "" {
		text += " (fix: " + p.Fix + ")"
	}
	return text
}

// Problems is an error that holds every problem of a table, one a line.
type Problems []Problem

// Error gives the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// SortProblems orders problems by the given order of files, then by line. Files that are not named come last.
func SortProblems(ps []Problem, files []string) {
	rank := make(map[string]int, len(files))
	for i, f := range files {
		if _, known := rank[f]; !known {
			rank[f] = i - len(files)
		}
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rank[a.Source.File], rank[b.Source.File]), cmp.Compare(a.Source.Line, b.Source.Line))
	})
}
