package forgetest

import (
	"cmp"
	"slices"
	"strconv"
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
		sha, base := c.shaOf(m.source, m.from), c.shaOf(p.id, m.to)
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
				"base_sha":  base,
				"head_sha":  sha,
				"start_sha": base,
			},
		}
	}
}

// shaOf gives the commit of a branch, or what once stood for it when the branch is gone.
func (c *call) shaOf(projectID int64, branch string) string {
	if p := c.f.world.projects[projectID]; p != nil {
		if r := c.repository(p); r.dir == "" || slices.Contains(r.branches, branch) {
			return r.commit(branch)["id"].(string)
		}
	}
	return commitFor("branch", projectID, branch)
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
	from, to := c.params.text("source_branch"), c.params.text("target_branch")
	for _, m := range p.requests {
		if (state == "" || state == "all" || state == m.state) && (from == "" || from == m.from) && (to == "" || to == m.to) {
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
	if r := c.repository(to); r.dir != "" && from == to && slices.Contains(r.branches, m.from) {
		// Its own ref, which `glab mr checkout` fetches, is where its branch is.
		r.wantGit(nil, "symbolic-ref", "refs/merge-requests/"+strconv.FormatInt(m.iid, 10)+"/head", "refs/heads/"+m.from)
	}
	return created(c.showMergeRequest(to)(m))
}

func (c *call) updateMergeRequest() answer {
	p, m := c.findMergeRequest()
	c.require(p, Developer)
	m.title = cmp.Or(c.params.text("title"), m.title)
	m.description = cmp.Or(c.params.text("description"), m.description)
	if labels, sent := c.params["labels"]; sent && labels != nil {
		m.labels = c.params.texts("labels")
	}
	switch c.params.text("state_event") {
	case "close":
		m.state = "closed"
	case "reopen":
		m.state = "opened"
	}
	return ok(c.showMergeRequest(p)(m))
}

func (c *call) mergeMergeRequest() answer {
	p, m := c.findMergeRequest()
	c.require(p, Maintainer)
	if r := c.repository(p); r.dir != "" {
		r.wantGit(nil, "update-ref", "refs/heads/"+m.to, m.from)
	}
	m.state = "merged"
	c.mentions(m.description, func(_ *project, i *issue) { i.state = "closed" })
	return ok(c.showMergeRequest(p)(m))
}

// listMergeRequestDiffs and getMergeRequestChanges show what it changes, where ServeGit serves the repository.
func (c *call) listMergeRequestDiffs() answer {
	p, m := c.findMergeRequest()
	a := answer{status: 200, list: []any{}}
	if r := c.repository(p); r.dir != "" && slices.Contains(r.branches, m.from) {
		a.list = r.gitDiffs(m.to, m.from)
	}
	return a
}

// listMergeRequestVersions shows the one version that a merge request has here.
func (c *call) listMergeRequestVersions() answer {
	p, m := c.findMergeRequest()
	return list([]*mergeRequest{m}, c.showVersion(p))
}

func (c *call) getMergeRequestVersion() answer {
	p, m := c.findMergeRequest()
	if c.path.number("version_id") != m.id {
		notFound("")
	}
	shown := c.showVersion(p)(m).(object)
	shown["diffs"], shown["commits"] = c.listMergeRequestDiffs().list, c.listMergeRequestCommits().list
	return ok(shown)
}

func (c *call) showVersion(p *project) func(*mergeRequest) any {
	return func(m *mergeRequest) any {
		base := c.shaOf(p.id, m.to)
		return object{"id": m.id, "merge_request_id": m.id, "state": "collected", "head_commit_sha": c.shaOf(m.source, m.from),
			"base_commit_sha": base, "start_commit_sha": base, "created_at": stamp(m.created)}
	}
}

func (c *call) getMergeRequestChanges() answer {
	p, m := c.findMergeRequest()
	shown := c.showMergeRequest(p)(m).(object)
	shown["changes"] = c.listMergeRequestDiffs().list
	return ok(shown)
}

func (c *call) listMergeRequestCommits() answer {
	p, m := c.findMergeRequest()
	r := c.repository(p)
	if r.dir == "" || !slices.Contains(r.branches, m.from) {
		return list([]object{r.commit(m.from)}, func(o object) any { return o })
	}
	return list(r.gitCommits(m.to+".."+m.from, "--"), func(o object) any { return o })
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
