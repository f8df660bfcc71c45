// Package elsewhere writes how to make the token of a form elsewhere: as a request to the API, a command, or Terraform.
package elsewhere

import (
	"bytes"
	"encoding/json"
	"strings"

	"patgate/admin/console/snippet"
	"patgate/policy"
	"patgate/token/limits"
)

// Scope is a scope in the API's form. Its ids are numbers where they were typed as such.
type Scope struct {
	Access      string                 `json:"access"`
	Permissions []string               `json:"permissions"`
	Projects    []string               `json:"projects,omitempty"`
	Groups      []string               `json:"groups,omitempty"`
	Constraints *policy.ConstraintSpec `json:"constraints,omitempty"`
}

// Token is a new token in the API's form.
type Token struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	ExpiresIn   string  `json:"expires_in,omitempty"`
	ExpiresAt   string  `json:"expires_at,omitempty"`
	RenewUntil  string  `json:"renew_until,omitempty"`
	ReportUntil string  `json:"report_until,omitempty"`
	Seal        bool    `json:"seal,omitempty"`
	Scopes      []Scope `json:"granular_scopes"`

	Limits limits.Spec `json:"limits,omitzero"`
}

// IsDate tells whether an end was typed as a date rather than a length of time.
func IsDate(text string) bool { return strings.Count(text, "-") >= 2 }

// JSON gives the request to the API of a gateway, for curl. forge is what the forge is called.
func (t *Token) JSON(gateway, forge string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(t); err != nil {
		return ""
	}
	return "POST " + gateway + "/-/patgate/api/tokens\nAuthorization: Bearer <your " + forge +
		" access token>\nContent-Type: application/json\n\n" + strings.TrimSpace(b.String())
}

// Command gives the command line. What flags cannot say is told in a comment.
func (t *Token) Command(gateway string) string {
	var b strings.Builder
	b.WriteString("patgate token create --server " + snippet.Quote(gateway))
	if t.Seal {
		b.WriteString(" --seal")
	}
	b.WriteString(" --name " + snippet.Quote(t.Name))
	if t.Description != "" {
		b.WriteString(" --description " + snippet.Quote(t.Description))
	}
	if expires := t.ExpiresAt + t.ExpiresIn; expires != "" {
		b.WriteString(" --expires " + snippet.Quote(expires))
	}
	if t.RenewUntil != "" {
		b.WriteString(" --renew-until " + snippet.Quote(t.RenewUntil))
	}
	if t.ReportUntil != "" {
		b.WriteString(" --report-until " + snippet.Quote(t.ReportUntil))
	}
	for _, n := range limits.Names() {
		if flag := strings.ReplaceAll(string(n), "_", "-"); t.Limits.Number(n) != nil && t.Limits.Has(n) {
			b.WriteString(" --" + flag + " " + t.Limits.Text(n))
		}
	}
	for _, network := range t.Limits.Networks {
		b.WriteString(" --network " + snippet.Quote(network))
	}
	for _, w := range t.Limits.Windows {
		b.WriteString(" --window " + snippet.Quote(w.String()))
	}
	constrained := false
	for _, s := range t.Scopes {
		b.WriteString(" \\\n  ")
		switch s.Access {
		case policy.AccessSelectedMemberships.String():
			var parts []string
			if len(s.Projects) > 0 {
				parts = append(parts, "--project "+snippet.Quote(strings.Join(s.Projects, ",")))
			}
			if len(s.Groups) > 0 {
				parts = append(parts, "--group "+snippet.Quote(strings.Join(s.Groups, ",")))
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
		constrained = constrained || s.Constraints != nil
	}
	if constrained {
		b.WriteString("\n# The limits on pushes are not among the flags: give the scopes as a file, --grant scopes.yaml.")
	}
	return b.String()
}
