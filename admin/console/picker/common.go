package picker

import (
	"slices"
	"strings"

	"patgate/admin/catalogue"
)

// common are the resources that most tokens are about, in the order in which people look for them.
const common = "code project repository branch commit merge_request work_item pipeline job job_artifact container_repository " +
	"package release repository_tag"

// Common gives the resources that most tokens are about, which a form shows first.
func (k *Catalogue) Common() (all []Resource) {
	for _, id := range strings.Fields(common) {
		for i := range k.All {
			if j := slices.IndexFunc(k.All[i].Resources, func(r Resource) bool { return r.ID == id }); j >= 0 {
				all = append(all, k.All[i].Resources[j])
			}
		}
	}
	return all
}

// Card is a template as the form offers it.
type Card struct {
	catalogue.Template
	Permissions int
	Life        string // 90 days
	// Dangers are what of it is dangerous, in words of two each; empty for most.
	Dangers string
}

// Cards gives the templates.
func (k *Catalogue) Cards() (all []Card) {
	for _, t := range catalogue.Templates() {
		c := Card{Template: t, Life: strings.TrimSuffix(t.ExpiresIn, "d") + " days"} // none lives for less
		var dangers []string
		for _, s := range t.Scopes {
			c.Permissions += len(s.Permissions)
			for _, name := range s.Permissions {
				if text := k.Dangers(name); text != "" {
					dangers = append(dangers, strings.Split(text, ", ")...)
				}
			}
		}
		slices.Sort(dangers)
		c.Dangers = strings.Join(slices.Compact(dangers), ", ")
		all = append(all, c)
	}
	return all
}
