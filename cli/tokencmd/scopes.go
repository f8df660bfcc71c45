package tokencmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"patgate/admin/catalogue"
	"patgate/admin/terms"
	"patgate/policy"
)

// scopeFlags builds scopes from flags in their order: flags for places open a scope, and --allow or --template closes it. A
// further --allow or --template adds to the scope that was closed last.
type scopeFlags struct {
	scopes []terms.Scope
	typed  []map[string][]string // of each scope, what was typed, by the flag's name
	open   bool                  // the last scope has no permissions yet

	amendments []amendment // of a token that is there, by --add and --remove
}

// register adds the flags to a command.
func (s *scopeFlags) register(flags *pflag.FlagSet) {
	flags.Var(&scopeFlag{s, "project", policy.AccessSelectedMemberships}, "project",
		"a project, by full path or id (repeat it, or separate by commas, for more)")
	flags.Var(&scopeFlag{s, "group", policy.AccessSelectedMemberships}, "group",
		"a group with everything below it, by full path or id (repeat it, or separate by commas, for more)")
	for _, plain := range []struct {
		name, usage string
		access      policy.Access
	}{
		{"personal", "all projects in the owner's own namespace", policy.AccessPersonalProjects},
		{"all-memberships", "every project and group that the owner is a member of", policy.AccessAllMemberships},
		{"user", "the owner's account: profile, keys, to-dos", policy.AccessUser},
		{"instance", "what belongs to the forge as a whole", policy.AccessInstance},
	} {
		flags.Var(&scopeFlag{s, plain.name, plain.access}, plain.name, plain.usage)
		flags.Lookup(plain.name).NoOptDefVal = "true"
	}
	flags.Var(&scopeFlag{s, "allow", policy.AccessNone}, "allow",
		"permissions there, comma-separated, wildcards like read_* expand now; it closes the scope")
	flags.Var(&scopeFlag{s, "template", policy.AccessNone}, "template",
		"permissions there, those of a usual job: "+strings.Join(templateNames(), ", "))
}

// registerAmendments adds the flags that give an existing token permissions or take them away.
func (s *scopeFlags) registerAmendments(flags *pflag.FlagSet) {
	flags.Var(&scopeFlag{s, "add", policy.AccessNone}, "add",
		"permissions that it gets beside what it holds, at the places named before it, or in its only scope")
	flags.Var(&scopeFlag{s, "remove", policy.AccessNone}, "remove",
		"permissions that it loses, at the places named before it, or everywhere; wildcards are possible")
}

// where opens a scope, or adds a container to the open one.
func (s *scopeFlags) where(name string, access policy.Access, value string) error {
	if !s.open {
		s.scopes = append(s.scopes, terms.Scope{Access: access.String()})
		s.typed = append(s.typed, map[string][]string{})
		s.open = true
	}
	scope := &s.scopes[len(s.scopes)-1]
	if scope.Access != access.String() {
		return fmt.Errorf("--%s is another kind of place than the one before it: close that with --allow first", name)
	}
	s.note(name, value)
	if access != policy.AccessSelectedMemberships {
		return nil
	}
	for container := range strings.SplitSeq(value, ",") { // no path has a comma in it
		if container = strings.TrimSpace(container); container == "" {
			return errors.New("an empty path")
		}
		if name == "project" {
			scope.Projects = append(scope.Projects, container)
		} else {
			scope.Groups = append(scope.Groups, container)
		}
	}
	return nil
}

// note keeps what was typed for the last scope.
func (s *scopeFlags) note(name, value string) {
	typed := s.typed[len(s.typed)-1]
	typed[name] = append(typed[name], value)
}

// allow closes the open scope, or adds to the last one.
func (s *scopeFlags) allow(value string) error {
	if len(s.scopes) == 0 {
		return errors.New("say where first: --project, --group, --personal, --all-memberships, --user or --instance, then " +
			"--allow")
	}
	scope := &s.scopes[len(s.scopes)-1]
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); name == "" {
			return errors.New("an empty permission name")
		}
		scope.Permissions = append(scope.Permissions, name)
	}
	s.open = false
	return nil
}

// template is allow with the permissions of a template.
func (s *scopeFlags) template(name string) error {
	all := catalogue.Templates()
	i := slices.IndexFunc(all, func(t catalogue.Template) bool { return t.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no such template: choose %s", strings.Join(templateNames(), ", "))
	}
	if err := s.allow(strings.Join(all[i].Scopes[0].Permissions, ",")); err != nil {
		return err
	}
	s.note("template", name)
	return nil
}

// templateNames are the names of all templates.
func templateNames() (names []string) {
	for _, t := range catalogue.Templates() {
		names = append(names, t.Name)
	}
	return names
}

// scopeFlag is one flag of scopeFlags.
type scopeFlag struct {
	all    *scopeFlags
	name   string
	access policy.Access
}

// Typed implements desk.ScopeFlag.
func (f *scopeFlag) Typed(scope int, field string) string {
	if len(f.all.amendments) > 0 {
		return f.all.amended()
	}
	if scope >= len(f.all.typed) {
		return ""
	}
	var names []string
	switch typed := f.all.typed[scope]; {
	case field == "permissions":
		names = []string{"allow", "template"}
	case strings.HasPrefix(field, "project"):
		names = []string{"project"}
	case strings.HasPrefix(field, "group"):
		names = []string{"group"}
	default:
		for name := range typed {
			if name != "allow" && name != "template" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
	}
	var flags []string
	for _, name := range names {
		for _, value := range f.all.typed[scope][name] {
			flag := "--" + name
			if value != "true" {
				flag += " " + value
			}
			flags = append(flags, flag)
		}
	}
	return strings.Join(flags, " ")
}

// Everything implements desk.ScopeFlag.
func (f *scopeFlag) Everything() bool {
	return slices.ContainsFunc(f.all.scopes, func(s terms.Scope) bool { return slices.Contains(s.Permissions, "*") })
}

// String implements pflag.Value; there is no default to show.
func (f *scopeFlag) String() string { return "" }

// Type implements pflag.Value.
func (f *scopeFlag) Type() string {
	switch f.name {
	case "project", "group":
		return "PATH|ID"
	case "allow", "add", "remove":
		return "PERMISSIONS"
	case "template":
		return "NAME"
	}
	return "bool"
}

// Set implements pflag.Value. The flags are set in the order in which they stand.
func (f *scopeFlag) Set(value string) error {
	switch f.name {
	case "allow":
		err := f.all.allow(value)
		if err == nil {
			f.all.note(f.name, value)
		}
		return err
	case "template":
		return f.all.template(value)
	case "add", "remove":
		return f.all.amend(f.name == "add", value)
	case "project", "group":
	default:
		if value != "true" {
			return errors.New("it takes no value")
		}
	}
	return f.all.where(f.name, f.access, value)
}
