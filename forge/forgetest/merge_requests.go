package forgetest

import (
	"cmp"
	"slices"
	"time"
)

type mergeRequest struct {
	id, iid, author    int64
	source             int64 // project id
	from, to           string
	title, description string
	state              string
	labels             []string
	created            time.Time
	notes              []*note
}

func (c *call) showMergeRequest(p *project) func(*mergeRequest) any {
	path := c.f.world.projectPath(p)
	return func(m *mergeRequest) any {
		sha := commitFor("branch", p.id, m.from)
		return object{
			"id":                           m.id,
			"iid":                          m.iid,
			"project_id":                   p.id,
			"title":                        m.title,
			"description":                  m.description,
			"state":                        m.state,
			"created_at":                   stamp(m.created),
			"updated_at":                   stamp(m.created),
			"merged_at":                    nil,
			"closed_at":                    nil,
			"target_branch":                m.to,
			"source_branch":                m.from,
			"user_notes_count":             len(m.notes),
			"upvotes":                      0,
			"downvotes":                    0,
			"author":                       c.showUser(c.f.world.users[m.author]),
			"assignees":                    []any{},
			"assignee":                     nil,
			"reviewers":                    []any{},
			"source_project_id":            m.source,
			"target_project_id":            p.id,
			"labels":                       append([]string{}, m.labels...),
			"draft":                        false,
			"work_in_progress":             false,
			"milestone":                    nil,
			"merge_when_pipeline_succeeds": false,
			"merge_status":                 "can_be_merged",
			"detailed_merge_status":        "mergeable",
			"sha":                          sha,
			"merge_commit_sha":             nil,
			"squash":                       false,
			"has_conflicts":                false,
			"references": object{
				"short":    "!" + idText(m.iid),
				"relative": "!" + idText(m.iid),
				"full":     path + "!" + idText(m.iid),
			},
			"web_url":       c.f.external + "/" + path + "/-/merge_requests/" + idText(m.iid),
			"changes_count": "1",
			"diff_refs": object{
				"base_sha":  commitFor("branch", p.id, m.to),
				"head_sha":  sha,
				"start_sha": commitFor("branch", p.id, m.to),
			},
		}
	}
}

func (c *call) findMergeRequest() (*project, *mergeRequest) {
	p := c.findProject("id")
	for _, m := range p.requests {
		if m.iid == c.path.number("merge_request_iid") {
			return p, m
		}
	}
	notFound("")
	return nil, nil
}

func (c *call) listMergeRequests() answer {
	p := c.findProject("id")
	state := c.params.text("state")
	var out []*mergeRequest
	for _, m := range p.requests {
		if state == "" || state == "all" || state == m.state {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *mergeRequest) int { return cmp.Compare(b.id, a.id) })
	return list(out, c.showMergeRequest(p))
}

func (c *call) getMergeRequest() answer {
	p, m := c.findMergeRequest()
	return ok(c.showMergeRequest(p)(m))
}

// createMergeRequest makes it in target_project_id when that is given; the path names the source project.
func (c *call) createMergeRequest() answer {
	from := c.findProject("id")
	c.require(from, Developer)
	for _, name := range []string{"title", "source_branch", "target_branch"} {
		if c.params.text(name) == "" {
			badRequest(name + " is missing")
		}
	}
	to := from
	if id := c.params.number("target_project_id"); id != 0 {
		if to = c.f.world.projects[id]; to == nil || !c.f.world.canReadProject(to, c.user) {
			notFound("Project")
		}
	}
	m := &mergeRequest{
		id: c.f.world.next("merge_request"), iid: int64(len(to.requests) + 1), author: c.user.id, source: from.id,
		from: c.params.text("source_branch"), to: c.params.text("target_branch"), title: c.params.text("title"),
		description: c.params.text("description"), state: "opened", labels: c.params.texts("labels"), created: c.f.now(),
	}
	to.requests = append(to.requests, m)
	return created(c.showMergeRequest(to)(m))
}

func (c *call) updateMergeRequest() answer {
	p, m := c.findMergeRequest()
	c.require(p, Developer)
	m.title = cmp.Or(c.params.text("title"), m.title)
	m.description = cmp.Or(c.params.text("description"), m.description)
	if c.params.text("state_event") == "close" {
		m.state = "closed"
	}
	return ok(c.showMergeRequest(p)(m))
}

func (c *call) mergeMergeRequest() answer {
	p, m := c.findMergeRequest()
	c.require(p, Maintainer)
	m.state = "merged"
	return ok(c.showMergeRequest(p)(m))
}

func (c *call) listMergeRequestNotes() answer {
	p, m := c.findMergeRequest()
	return list(m.notes, showNote(c, "MergeRequest", m.id, m.iid, p.id))
}

func (c *call) createMergeRequestNote() answer {
	p, m := c.findMergeRequest()
	n := c.newNote()
	m.notes = append(m.notes, n)
	return created(showNote(c, "MergeRequest", m.id, m.iid, p.id)(n))
}
