package forgetest

import (
	"maps"
	"slices"
	"time"
)

// snippet has a global id. One without a project belongs to its author.
type snippet struct {
	id, project, author int64
	title, content      string
	visibility          string
	created             time.Time
}

// AddSnippet adds a snippet to a project, or to a user alone when projectID is 0, and gives its id.
func (f *Forge) AddSnippet(projectID, authorID int64, visibility, title, content string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &snippet{
		id:         f.world.next("snippet"),
		project:    projectID,
		author:     authorID,
		title:      title,
		content:    content,
		visibility: visibility,
		created:    f.now(),
	}
	f.world.snippets[s.id] = s
	return s.id
}

func (c *call) showSnippet(s *snippet) any {
	var projectID any
	if s.project != 0 {
		projectID = s.project
	}
	return object{
		"id":          s.id,
		"title":       s.title,
		"description": "",
		"visibility":  s.visibility,
		"author":      c.showUser(c.f.world.users[s.author]),
		"created_at":  stamp(s.created),
		"updated_at":  stamp(s.created),
		"project_id":  projectID,
		"file_name":   "snippet.txt",
		"web_url":     c.f.external + "/-/snippets/" + idText(s.id),
		"raw_url":     c.f.external + "/-/snippets/" + idText(s.id) + "/raw",
	}
}

// listOwnSnippets is what the caller wrote, in projects and beside them.
func (c *call) listOwnSnippets() answer {
	return c.listSnippets(func(s *snippet) bool { return s.author == c.user.id })
}

// listAllSnippets is all that the caller sees.
func (c *call) listAllSnippets() answer { return c.listSnippets(c.seesSnippet) }

func (c *call) listSnippets(which func(*snippet) bool) answer {
	a := answer{status: 200, list: []any{}}
	for _, id := range slices.Sorted(maps.Keys(c.f.world.snippets)) {
		if s := c.f.world.snippets[id]; which(s) {
			a.list = append(a.list, c.showSnippet(s))
		}
	}
	return a
}

func (c *call) seesSnippet(s *snippet) bool {
	visible := s.author == c.user.id || c.user.admin || s.visibility != Private
	if visible && s.project != 0 {
		p := c.f.world.projects[s.project]
		visible = p != nil && c.f.world.canReadProject(p, c.user)
	}
	return visible
}

// findSnippet finds one by its global id; GitLab's /snippets/:id answers for personal snippets and those of projects.
func (c *call) findSnippet() *snippet {
	s := c.f.world.snippets[c.path.number("id")]
	if s == nil || !c.seesSnippet(s) {
		notFound("")
	}
	return s
}

func (c *call) getSnippet() answer { return ok(c.showSnippet(c.findSnippet())) }

func (c *call) getRawSnippet() answer {
	return text("text/plain; charset=utf-8", c.findSnippet().content)
}
