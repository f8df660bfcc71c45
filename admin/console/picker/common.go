package picker

import (
	"slices"
	"strconv"
	"strings"

	"patgate/admin/catalogue"
	"patgate/admin/console/words"
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
	Life        string // 90 days; empty: it says none
	// Dangers say why it is dangerous, in two words each; empty for most.
	Dangers string
}

// lasting puts a length of time into words: 90 days. One that is not of whole days is given as it is written: 12h.
func lasting(span string) string {
	if days, ok := strings.CutSuffix(span, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil {
			return words.Plural(n, "day", "days")
		}
	}
	return span
}

// Cards gives the templates.
func (k *Catalogue) Cards(templates []catalogue.Template) (all []Card) {
	for _, t := range templates {
		c := Card{Template: t, Life: lasting(t.ExpiresIn)}
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
