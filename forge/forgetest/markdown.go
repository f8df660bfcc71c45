package forgetest

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
)

// issueReference is how a text names an issue of another project: group/project#1.
var issueReference = regexp.MustCompile(`([\w.-]+(?:/[\w.-]+)+)#([0-9]+)`)

// render makes HTML of a text as GitLab does (Banzai's reference filters): issues that the caller may read have their titles.
func (c *call) render(text string) string {
	w := &c.f.world
	return issueReference.ReplaceAllStringFunc(html.EscapeString(text), func(reference string) string {
		parts := issueReference.FindStringSubmatch(reference)
		p := w.projectByPath(parts[1])
		if p == nil || !w.canReadProject(p, c.user) {
			return reference
		}
		for _, i := range p.issues {
			if strconv.FormatInt(i.iid, 10) == parts[2] {
				address := fmt.Sprintf("%s/%s/-/issues/%d", c.f.external, w.projectPath(p), i.iid)
				return fmt.Sprintf(`<a href="%s" title="%s">%s</a>`, address, html.EscapeString(i.title), reference)
			}
		}
		return reference
	})
}
