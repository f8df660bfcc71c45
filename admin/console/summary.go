package console

import (
	"slices"
	"strings"

	"patgate/admin/console/snippet"
	"patgate/policy"
	"patgate/routes"
)

// summary is what a form describes: in plain words, and in the forms in which the same token can be made elsewhere.
type summary struct {
	Lines     []summaryLine `json:"lines"`
	Warnings  []string      `json:"warnings"`
	JSON      string        `json:"json"`
	Command   string        `json:"command"`
	Terraform string        `json:"terraform"`
	Count     int           `json:"count"` // of permissions, over all scopes
}

// summaryLine is one scope in words.
type summaryLine struct {
	Where string   `json:"where"`
	What  []string `json:"what"`
}

// where says where a scope reaches, in the middle of a sentence.
func (s *draftScope) where() string {
	var parts []string
	switch s.Access {
	case policy.AccessPersonalProjects.String():
		return "all your personal projects, also those made later"
	case policy.AccessAllMemberships.String():
		return "every project and group that you have access to, also those made later"
	case policy.AccessUser.String():
		return "your own account"
	case policy.AccessInstance.String():
		return "the whole instance"
	}
	if groups := listed(s.Groups); len(groups) > 0 {
		word := "group "
		if len(groups) > 1 {
			word = "groups "
		}
		parts = append(parts, word+strings.Join(each(groups, placePath), ", ")+" with everything below")
	}
	if projects := listed(s.Projects); len(projects) > 0 {
		word := "project "
		if len(projects) > 1 {
			word = "projects "
		}
		parts = append(parts, word+strings.Join(each(projects, placePath), ", "))
	}
	if len(parts) == 0 {
		return "no project or group yet"
	}
	return strings.Join(parts, " and ")
}

func (q *request) summarize(d *draft, k *catalog) summary {
	out := summary{Lines: []summaryLine{}, Warnings: []string{}}
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
		line := summaryLine{Where: s.where(), What: []string{}}
		for _, w := range k.group(s.Permissions) {
			line.What = append(line.What, w.Title+": "+strings.ToLower(strings.Join(w.Verbs, ", ")))
			for _, name := range w.Permissions {
				v := k.verbs[name]
				if v == nil {
					continue
				}
				for _, text := range v.Escapes {
					warn("Makes credentials that nothing here holds: "+text, name)
				}
				if v.Mints && len(v.Escapes) == 0 {
					warn("Some of what these reach answers with another credential, which patgate does not hand out", name)
				}
				for _, effect := range v.Effects {
					warn(effect, name)
				}
			}
		}
		spec := policy.ConstraintSpec{RefPatterns: listed(s.Refs), ForbidRefDeletes: s.NoDeletes, ForbidTagChanges: s.NoTagChanges}
		line.What = append(line.What, limitWords(&spec)...)
		out.Count += len(s.Permissions)
		out.Lines = append(out.Lines, line)
	}
	if d.ReportUntil != "" {
		out.Warnings = append(out.Warnings, "In report mode the token may do all that you may, but for what only the name of a "+
			"permission grants.")
	}
	for _, text := range cautions {
		out.Warnings = append(out.Warnings, text+": "+strings.Join(of[text], ", ")+".")
	}
	out.JSON, out.Command, out.Terraform = q.asJSON(d), q.asCommand(d), q.asTerraform(d)
	return out
}

// apiScope is a scope in the API's form. Its ids are numbers where they were typed as such.
type apiScope struct {
	Access      string                 `json:"access"`
	Permissions []string               `json:"permissions"`
	Projects    []string               `json:"projects,omitempty"`
	Groups      []string               `json:"groups,omitempty"`
	Constraints *policy.ConstraintSpec `json:"constraints,omitempty"`
}

// apiToken is a new token in the API's form.
type apiToken struct {
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	ExpiresIn   string     `json:"expires_in,omitempty"`
	ExpiresAt   string     `json:"expires_at,omitempty"`
	RenewUntil  string     `json:"renew_until,omitempty"`
	ReportUntil string     `json:"report_until,omitempty"`
	Seal        bool       `json:"seal,omitempty"`
	Scopes      []apiScope `json:"granular_scopes"`
}

// isDate tells whether an end was typed as a date rather than a length of time.
func isDate(text string) bool { return strings.Count(text, "-") >= 2 }

func (q *request) api(d *draft) apiToken {
	t := apiToken{Name: d.Name, Description: d.Description, RenewUntil: d.Renew, ReportUntil: d.ReportUntil, Seal: d.Seal,
		Scopes: []apiScope{}}
	if isDate(d.Expires) {
		t.ExpiresAt = d.Expires
	} else {
		t.ExpiresIn = d.Expires
	}
	for i, s := range d.scopes() {
		one := apiScope{Access: s.Access, Permissions: s.Permissions}
		if s.Access == policy.AccessSelectedMemberships.String() {
			one.Projects = q.outside(routes.RefProject, d.Scopes[i].Projects)
			one.Groups = q.outside(routes.RefGroup, d.Scopes[i].Groups)
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

// asJSON gives the request to the API, for curl.
func (q *request) asJSON(d *draft) string {
	body, err := toJSON(q.api(d))
	if err != nil {
		return ""
	}
	return "POST " + q.o.Gateway + "/-/patgate/api/tokens\nAuthorization: Bearer <your " + q.o.Forge +
		" access token>\nContent-Type: application/json\n\n" + body
}

// asCommand gives the command line. What flags cannot say is told in a comment.
func (q *request) asCommand(d *draft) string {
	var b strings.Builder
	b.WriteString("patgate token create --server " + snippet.Quote(q.o.Gateway))
	if d.Seal {
		b.WriteString(" --seal")
	}
	b.WriteString(" --name " + snippet.Quote(d.Name))
	if d.Description != "" {
		b.WriteString(" --description " + snippet.Quote(d.Description))
	}
	if d.Expires != "" {
		b.WriteString(" --expires " + snippet.Quote(d.Expires))
	}
	if d.Renew != "" {
		b.WriteString(" --renew-until " + snippet.Quote(d.Renew))
	}
	if d.ReportUntil != "" {
		b.WriteString(" --report-until " + snippet.Quote(d.ReportUntil))
	}
	constrained := false
	for i, s := range d.scopes() {
		b.WriteString(" \\\n  ")
		switch s.Access {
		case policy.AccessSelectedMemberships.String():
			var parts []string
			if projects := q.outside(routes.RefProject, d.Scopes[i].Projects); len(projects) > 0 {
				parts = append(parts, "--project "+snippet.Quote(strings.Join(projects, ",")))
			}
			if groups := q.outside(routes.RefGroup, d.Scopes[i].Groups); len(groups) > 0 {
				parts = append(parts, "--group "+snippet.Quote(strings.Join(groups, ",")))
			}
			if len(parts) == 0 {
				parts = append(parts, "--project '<path>'")
			}
			b.WriteString(strings.Join(parts, " "))
		case policy.AccessPersonalProjects.String():
			b.WriteString("--personal")
		case policy.AccessAllMemberships.String():
			b.WriteString("--all-memberships")
		case policy.AccessUser.String():
			b.WriteString("--user")
		case policy.AccessInstance.String():
			b.WriteString("--instance")
		}
		b.WriteString(" --allow " + snippet.Quote(strings.Join(s.Permissions, ",")))
		constrained = constrained || len(s.Constraints.RefPatterns) > 0 || s.Constraints.ForbidRefDeletes ||
			s.Constraints.ForbidTagChanges
	}
	if constrained {
		b.WriteString("\n# The limits on pushes are not among the flags: give the scopes as a file, --grant scopes.yaml.")
	}
	return b.String()
}

// asTerraform gives a resource of the provider Mastercard/restapi, which speaks to the API as it is: GitLab's own provider
// has no fine-grained tokens.
func (q *request) asTerraform(d *draft) string {
	t := q.api(d)
	t.Seal = false
	var b strings.Builder
	b.WriteString("# provider \"restapi\" (Mastercard/restapi): uri = " + snippet.HCL(q.o.Gateway+"/-/patgate/api") + ",\n")
	b.WriteString("# headers = { Authorization = \"Bearer ${var.forge_token}\" }, write_returns_object = true\n")
	b.WriteString("resource \"restapi_object\" \"token\" {\n  path         = \"/tokens\"\n  id_attribute = \"id\"\n" +
		"  data = jsonencode({\n")
	fields := [][2]string{{"name", snippet.HCL(t.Name)}}
	for _, f := range []struct{ name, value string }{
		{"description", t.Description},
		{"expires_in", t.ExpiresIn},
		{"expires_at", t.ExpiresAt},
		{"renew_until", t.RenewUntil},
		{"report_until", t.ReportUntil},
	} {
		if f.value != "" {
			fields = append(fields, [2]string{f.name, snippet.HCL(f.value)})
		}
	}
	snippet.WriteAttributes(&b, "    ", fields)
	b.WriteString("    granular_scopes = [\n")
	for _, s := range t.Scopes {
		fields := [][2]string{{"access", snippet.HCL(s.Access)}}
		for _, f := range []struct {
			name   string
			values []string
		}{{"projects", s.Projects}, {"groups", s.Groups}, {"permissions", s.Permissions}} {
			if len(f.values) > 0 || f.name == "permissions" {
				fields = append(fields, [2]string{f.name, snippet.HCLList(f.values)})
			}
		}
		if c := s.Constraints; c != nil {
			var parts []string
			if len(c.RefPatterns) > 0 {
				parts = append(parts, "ref_patterns = "+snippet.HCLList(c.RefPatterns))
			}
			if c.ForbidRefDeletes {
				parts = append(parts, "forbid_ref_deletes = true")
			}
			if c.ForbidTagChanges {
				parts = append(parts, "forbid_tag_changes = true")
			}
			fields = append(fields, [2]string{"constraints", "{ " + strings.Join(parts, ", ") + " }"})
		}
		b.WriteString("      {\n")
		snippet.WriteAttributes(&b, "        ", fields)
		b.WriteString("      },\n")
	}
	b.WriteString("    ]\n  })\n}")
	return b.String()
}
