package elsewhere

import (
	"encoding/json"
	"strings"

	"patgate/admin/console/snippet"
)

// Terraform gives a resource of the provider Mastercard/restapi, which speaks to the API as it is: GitLab's own provider
// has no fine-grained tokens.
func (t *Token) Terraform(gateway string) string {
	var b strings.Builder
	b.WriteString("# provider \"restapi\" (Mastercard/restapi): uri = " + snippet.HCL(gateway+"/-/patgate/api") + ",\n")
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
	if data, err := json.Marshal(t.Limits); err == nil && !t.Limits.Empty() {
		fields = append(fields, [2]string{"limits", "jsondecode(" + snippet.HCL(string(data)) + ")"})
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
