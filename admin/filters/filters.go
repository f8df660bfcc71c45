// Package filters reads the filters of a list of tokens. The page, the API and the commands have this one grammar: the names of
// the parameters and flags, and their values.
package filters

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// The names of the filters.
const (
	Can        = "can"        // a permission
	On         = "on"         // where: group/project, project 6, group 3
	Reach      = "reach"      // named: only tokens that name it or a group above it; empty: those that may reach it, too
	Network    = "network"    // any: with a limit of networks; none: without; or an address from which they may be used
	Unused     = "unused"     // never; or a length of time: not for so long, and made before
	Credential = "credential" // the id of the forge credential that they are bound to
	Badge      = "badge"      // one of store.MarkNames
)

// Names gives all of them, in the order in which they are shown.
func Names() []string { return []string{Can, On, Reach, Network, Unused, Credential, Badge} }

// About says in one line what is written in a filter.
func About(name string) string {
	return map[string]string{
		Can: "only those that hold this permission (with --on: in a scope that reaches there)",
		On: "only those that reach this project or group: that name it or a group above it, or may reach it by everything " +
			"their owner has access to (group/project, \"project 6\", \"group 3\")",
		Reach: "named: with --on, only those that name it or a group above it",
		Network: "any: only those with a limit of networks; none: only those without; an address: those that may be " +
			"used from it",
		Unused: "never: only those that were never used; 30d: only those that are older than that and were not used " +
			"for so long",
		Credential: "only those that are bound to the forge credential of this id",
		Badge:      "only those with this mark: " + strings.Join(store.MarkNames(), ", "),
	}[name]
}

// Asked is what was read.
type Asked struct {
	// Values are the texts that were given.
	Values map[string]string
	// Problems are what is wrong with them: then they narrow nothing.
	Problems map[string]string
	// On is where tokens must reach, if anywhere, and Named whether they must name it or a group above it.
	On    store.Naming
	Named bool
}

// Read reads filters by their names into a filter of the store, which has its state already. What stands in On is for
// Service.Reach to find. known, when it is not nil, tells which permissions there are.
func Read(get func(name string) string, now time.Time, known func(string) bool, f *store.Filter) *Asked {
	a := &Asked{Values: map[string]string{}, Problems: map[string]string{}}
	for _, name := range Names() {
		text := strings.TrimSpace(get(name))
		if text == "" {
			continue
		}
		a.Values[name] = text
		if problem := a.read(name, text, now, known, f); problem != "" {
			a.Problems[name] = problem
		}
	}
	if a.Named && a.On.Empty() && a.Problems[On] == "" {
		a.Problems[Reach] = "says nothing without a project or group"
	}
	if f.Mark != store.MarkNone && f.State != store.StateAny && f.State != store.StateActive {
		a.Problems[Badge] = fmt.Sprintf("only active tokens have badges, and %s ones are asked for", f.State)
	}
	return a
}

func (a *Asked) read(name, text string, now time.Time, known func(string) bool, f *store.Filter) (problem string) {
	switch name {
	case Can:
		if known != nil && !known(text) {
			return fmt.Sprintf("%q is not a permission", text)
		}
		f.Holds = text
	case On:
		var err error
		if a.On, err = place(text); err != nil {
			return err.Error()
		}
	case Reach:
		if text != "named" {
			return fmt.Sprintf("%q: write named, or nothing", text)
		}
		a.Named = true
	case Network:
		return network(text, f)
	case Unused:
		if text == "never" {
			f.NeverUsed = true
			return ""
		}
		d, ok := terms.ParseSpan(text)
		if !ok || d <= 0 {
			return fmt.Sprintf("%q is neither never nor a length of time like 30d", text)
		}
		f.UnusedSince = now.Add(-d)
	case Credential:
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id <= 0 {
			return fmt.Sprintf("%q is not the id of a credential", text)
		}
		f.CredentialID = id
	case Badge:
		var err error
		if f.Mark, err = store.ParseMark(text); err != nil {
			return err.Error()
		}
	}
	return ""
}

// network reads a filter by networks.
func network(text string, f *store.Filter) (problem string) {
	switch text {
	case "any", "none":
		limited := text == "any"
		f.Networked = &limited
		return ""
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return fmt.Sprintf("%q is neither any nor none nor an address like 10.1.2.3", text)
	}
	f.From = a.Unmap()
	return ""
}

// place reads a project or group: by its path, or by its kind and id.
func place(text string) (store.Naming, error) {
	for _, kind := range []routes.RefKind{routes.RefProject, routes.RefGroup} {
		if rest, is := strings.CutPrefix(text, names.Kind(kind)+" "); is {
			return names.Naming(kind, strings.TrimSpace(rest))
		}
	}
	n, err := names.Naming(routes.RefNone, text)
	if err == nil && n.ID != 0 {
		err = fmt.Errorf("%q may be a project or a group: write %q or %q", text, "project "+text, "group "+text)
	}
	if err != nil {
		return store.Naming{}, err
	}
	return n, nil
}

// How says what lets a token reach a place.
type How string

// The ways, the surest first.
const (
	ByName   How = "named"       // it names it
	ByGroup  How = "group_above" // it names a group above it
	May      How = "may"         // a scope of everything that its owner has access to, or of the owner's own projects
	InReport How = "report_mode" // it may do what its owner may, for now
	Anywhere How = ""            // no place was asked for
)

// HowOf tells what lets a token reach a place: its scopes that hold a permission, if one is named, or report mode. Without a
// place it tells whether a scope or report mode gives the permission.
func HowOf(l *store.Listed, r *store.Reach, on store.Naming, holds string) How {
	above, may, held := false, false, false
	for i := range l.Scopes {
		s := &l.Scopes[i]
		if holds != "" && !slices.Contains(s.Permissions, holds) {
			continue
		}
		held = true
		for _, p := range store.PlacesOf([]policy.ScopeSpec{*s}) {
			switch at := slices.Index(r.Places, p); {
			case at < 0:
			case on.ID == p.ID && on.Kind == p.Kind || isAt(l, p, on.Path):
				return ByName
			default:
				above = true
			}
		}
		may = may || slices.Contains(r.May, s.Access)
	}
	switch {
	case held && r.Anywhere:
		return Anywhere
	case above:
		return ByGroup
	case may || l.ReportUntil.IsZero(): // or it names more permissions than the store notes
		return May
	}
	return InReport
}

// isAt tells whether a place that a token names had that very path when it was seen last.
func isAt(l *store.Listed, p store.Place, path string) bool {
	return path != "" && strings.EqualFold(l.Names[p].Path, path)
}
