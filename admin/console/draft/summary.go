package draft

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"patgate/admin/console/elsewhere"
	"patgate/admin/console/picker"
	"patgate/admin/console/words"
	"patgate/policy"
	"patgate/routes"
	"patgate/token/limits"
)

// Summary is what a form describes: in plain words, and in the forms in which the same token can be made elsewhere.
type Summary struct {
	Lines     []SummaryLine `json:"lines"`
	Warnings  []string      `json:"warnings"`
	JSON      string        `json:"json"`
	Command   string        `json:"command"`
	Terraform string        `json:"terraform"`
	Count     int           `json:"count"` // of permissions, over all scopes
}

// SummaryLine is one scope in words.
type SummaryLine struct {
	Where string   `json:"where"`
	What  []string `json:"what"`
}

// Where says where a scope reaches, in the middle of a sentence.
func (s *Scope) Where() string { return s.where(math.MaxInt) }

// where names so many places of each kind at most.
func (s *Scope) where(most int) string {
	var parts []string
	switch s.Access {
	case policy.AccessPersonalProjects.String():
		return "all your personal projects, including those made later"
	case policy.AccessAllMemberships.String():
		return "every project and group that you have access to, including those made later"
	case policy.AccessUser.String():
		return "your own account"
	case policy.AccessInstance.String():
		return "the whole instance"
	}
	if groups := words.Listed(s.Groups); len(groups) > 0 {
		word := "group "
		if len(groups) > 1 {
			word = "groups "
		}
		parts = append(parts, word+called(groups, most)+" with everything below")
	}
	if projects := words.Listed(s.Projects); len(projects) > 0 {
		word := "project "
		if len(projects) > 1 {
			word = "projects "
		}
		parts = append(parts, word+called(projects, most))
	}
	if len(parts) == 0 {
		return "no project or group yet"
	}
	return strings.Join(parts, " and ")
}

// inWords is how many places of a scope a form says in words; all of them stand in it.
const inWords = 20

func called(places []string, most int) string {
	more := ""
	if n := len(places) - most; n > 1 {
		places, more = places[:most], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(words.Each(places, placePath), ", ") + more
}

// Summarize puts a draft into words.
func (d *Draft) Summarize(k *picker.Catalogue) Summary {
	out := Summary{Lines: []SummaryLine{}, Warnings: []string{}}
	var cautions []string
	of := map[string][]string{} // caution: permissions
	warn := func(text, permission string) {
		if of[text] == nil {
			cautions = append(cautions, text)
		}
		if !slices.Contains(of[text], permission) {
			of[text] = append(of[text], permission)
		}
	}
	for i := range d.Scopes {
		s := &d.Scopes[i]
		line := SummaryLine{Where: s.where(inWords), What: []string{}}
		for _, w := range k.Group(s.Permissions) {
			line.What = append(line.What, w.Plainly())
			for _, name := range w.Permissions {
				v := k.Verbs[name]
				if v == nil {
					continue
				}
				for _, text := range v.Escapes {
					warn("Makes credentials that no limit here applies to: "+text, name)
				}
				if v.Mints && len(v.Escapes) == 0 {
					warn("Some endpoints under these answer with another credential, which patgate does not hand out", name)
				}
				for _, effect := range v.Effects {
					warn(effect, name)
				}
			}
		}
		spec := policy.ConstraintSpec{
			RefPatterns:      words.Listed(s.Refs),
			ForbidRefDeletes: s.NoDeletes,
			ForbidTagChanges: s.NoTagChanges,
		}
		line.What = append(line.What, spec.Words()...)
		out.Count += len(s.Permissions)
		out.Lines = append(out.Lines, line)
	}
	if spec := limits.ParseLines(d.Limits); !spec.Empty() {
		out.Lines = append(out.Lines, SummaryLine{Where: "Within these limits", What: words.Listed(spec.Lines())})
	}
	if d.ReportUntil != "" {
		out.Warnings = append(out.Warnings, "In report mode the token may do all that you may, except what would outlast "+
			"report mode.")
	}
	for _, text := range cautions {
		out.Warnings = append(out.Warnings, text+": "+strings.Join(of[text], ", ")+".")
	}
	return out
}

// Elsewhere describes the token of a form for other places.
func (d *Draft) Elsewhere(table *routes.Table) elsewhere.Token {
	t := elsewhere.Token{Name: d.Name, Description: d.Description, RenewUntil: d.Renew, ReportUntil: d.ReportUntil, Seal: d.Seal,
		Scopes: []elsewhere.Scope{}, Limits: limits.ParseLines(d.Limits)}
	if elsewhere.IsDate(d.Expires) {
		t.ExpiresAt = d.Expires
	} else {
		t.ExpiresIn = d.Expires
	}
	for i, s := range d.Terms() {
		one := elsewhere.Scope{Access: s.Access, Permissions: s.Permissions}
		if s.Access == policy.AccessSelectedMemberships.String() {
			one.Projects = Outside(routes.RefProject, d.Scopes[i].Projects, table)
			one.Groups = Outside(routes.RefGroup, d.Scopes[i].Groups, table)
		}
		if one.Permissions == nil {
			one.Permissions = []string{}
		}
		if c := s.Constraints; len(c.RefPatterns) > 0 || c.ForbidRefDeletes || c.ForbidTagChanges {
			one.Constraints = &c
		}
		t.Scopes = append(t.Scopes, one)
	}
	return t
}
