package learncmd

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"patgate/admin/learning"
	"patgate/cli/terminal"
)

// title names a subject for people.
func title(token, subject int64, name, username string) string {
	if token != 0 {
		return fmt.Sprintf("Token %d %q", token, name)
	}
	return fmt.Sprintf("Forge token %d %q of %s", subject, name, username)
}

// Damaged says how much could not be read.
func Damaged(n int) string {
	if n == 0 {
		return ""
	}
	return "Note: " + terminal.Count(n, "kept observation is", "kept observations are") + " damaged and left out.\n"
}

func requests(n int64) string { return terminal.Count(n, "request", "requests") }

func days(n int) string { return terminal.Count(n, "day", "days") }

func lastDays(n int) string { return "the last " + days(n) }

func kinds(n int) string { return terminal.Count(n, "kind of request", "kinds of requests") }

// printSubjects writes a list of subjects for people.
func printSubjects(w io.Writer, list []learning.Listed) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "Nothing was seen.")
		return err
	}
	t := terminal.Table{Head: []string{"ID", "KIND", "NAME", "USER", "REQUESTS", "DAYS", "NOTHING NEW FOR", "LAST SEEN"}}
	for i := range list {
		l := &list[i]
		last, quiet := "-", "-"
		if l.Last != nil {
			last, quiet = l.Last.UTC().Format("2006-01-02 15:04"), days(l.Quiet)
		}
		kind := l.Kind
		if kind != "token" {
			kind = "forge, " + kind
		}
		t.Add(strconv.FormatInt(l.ID, 10), kind, l.Name, l.Username, fmt.Sprint(l.Requests), fmt.Sprint(l.Days), quiet, last)
	}
	return t.Write(w)
}

// printSeen writes for people what a subject did, what is set apart last.
func printSeen(w io.Writer, s *learning.Shown) error {
	fmt.Fprintf(w, "%s, %s:\n", title(s.TokenID, s.SubjectID, s.Name, s.Username), lastDays(s.Days))
	for _, apart := range []bool{false, true} {
		t := terminal.Table{Wide: true}
		for i := range s.Seen {
			one := &s.Seen[i]
			if one.Suspect != apart {
				continue
			}
			if apart && t.Empty() {
				fmt.Fprintln(w, "Set apart, first seen from a new network or shortly before a leak was reported:")
			}
			t.Add("  "+one.Method+" "+one.Route, strings.Join(one.Permissions, ", "), seenAt(one),
				requests(one.Requests)+" on "+days(one.Days), one.First+" to "+one.Last)
		}
		if err := t.Write(w); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, Damaged(s.Damaged))
	return err
}

// seenAt says where something was done.
func seenAt(s *learning.Seen) string {
	at := s.Boundary
	switch {
	case s.InGroupID != 0:
		at = fmt.Sprintf("somewhere in group %d", s.InGroupID)
	case s.Collapsed:
		at = "not known where"
	case s.ContainerID != 0:
		at = fmt.Sprintf("%s %d", s.Boundary, s.ContainerID)
	}
	if len(s.Refs) > 0 {
		at += " " + strings.Join(s.Refs, " ")
	}
	if s.Denied != "" {
		at += ", denied: " + s.Denied
	}
	return at
}
