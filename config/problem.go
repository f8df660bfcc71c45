package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Source is where a value was given: a file with its line, an environment variable or a flag. The zero value is the
// default.
type Source struct {
	File string // path of the file; empty for the others
	Line int    // from 1
	Name string // "environment variable PATGATE_LISTEN", "flag --listen"
}

// String gives file:line, or the name of the variable or flag.
func (s Source) String() string {
	switch {
	case s.File != "" && s.Line > 0:
		return s.File + ":" + strconv.Itoa(s.Line)
	case s.File != "":
		return s.File
	case s.Name != "":
		return s.Name
	}
	return "default"
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Source  Source
	Key     string // "upstream.url"; empty when the file as a whole is meant
	Value   string // what was given; masked for secrets, empty when it does not matter
	Message string
	Fix     string // what to write instead
}

// Error gives the problem in one line.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Source.String())
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	if p.Value != "" {
		fmt.Fprintf(&b, ": %q", p.Value)
	}
	b.WriteString(": " + p.Message)
	if p.Fix != "" {
		b.WriteString(" (fix: " + p.Fix + ")")
	}
	return b.String()
}
