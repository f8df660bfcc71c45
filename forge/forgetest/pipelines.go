package forgetest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

type pipeline struct {
	id, iid, user int64
	ref, status   string
	created       time.Time
	jobs          []*job
}

type job struct {
	id     int64
	name   string
	status string
	trace  string
}

// AddPipeline adds a pipeline with a job called "test" and gives the ids of both.
func (f *Forge) AddPipeline(projectID int64, ref string) (pipelineID, jobID int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.world.projects[projectID]
	pl := f.world.newPipeline(p, ref, 0, f.now())
	pl.status = "success"
	return pl.id, pl.jobs[0].id
}

func (w *world) newPipeline(p *project, ref string, userID int64, now time.Time) *pipeline {
	pl := &pipeline{
		id:      w.next("pipeline"),
		iid:     int64(len(p.pipelines) + 1),
		user:    userID,
		ref:     ref,
		status:  "pending",
		created: now,
	}
	pl.jobs = []*job{{id: w.next("job"), name: "test", status: "success", trace: "Running with gitlab-runner\nJob succeeded\n"}}
	p.pipelines = append(p.pipelines, pl)
	return pl
}

func (c *call) showPipeline(p *project) func(*pipeline) any {
	return func(pl *pipeline) any {
		return object{
			"id":          pl.id,
			"iid":         pl.iid,
			"project_id":  p.id,
			"sha":         commitFor("branch", p.id, pl.ref),
			"ref":         pl.ref,
			"status":      pl.status,
			"source":      "api",
			"created_at":  stamp(pl.created),
			"updated_at":  stamp(pl.created),
			"tag":         false,
			"yaml_errors": nil,
			"user":        c.showUser(c.f.world.users[pl.user]),
			"duration":    nil,
			"coverage":    nil,
			"web_url":     c.f.external + "/" + c.f.world.projectPath(p) + "/-/pipelines/" + idText(pl.id),
		}
	}
}

func (c *call) showJob(p *project, pl *pipeline) func(*job) any {
	project := c.f.external + "/" + c.f.world.projectPath(p)
	return func(j *job) any {
		return object{"id": j.id, "status": j.status, "stage": "test", "name": j.name, "ref": pl.ref, "tag": false,
			"coverage": nil, "allow_failure": false, "created_at": stamp(pl.created), "started_at": nil, "finished_at": nil,
			"duration": nil, "user": c.showUser(c.f.world.users[pl.user]), "commit": p.repository.commit(pl.ref),
			"pipeline": c.showPipeline(p)(pl), "project": object{"ci_job_token_scope_enabled": false}, "artifacts": []any{},
			"runner": nil, "tag_list": []string{}, "web_url": project + "/-/jobs/" + idText(j.id)}
	}
}

func (c *call) listPipelines() answer {
	p := c.findProject("id")
	all := slices.Clone(p.pipelines)
	slices.SortFunc(all, func(a, b *pipeline) int { return cmp.Compare(b.id, a.id) })
	return list(all, c.showPipeline(p))
}

func (c *call) findPipeline() (*project, *pipeline) {
	p := c.findProject("id")
	for _, pl := range p.pipelines {
		if pl.id == c.path.number("pipeline_id") {
			return p, pl
		}
	}
	notFound("")
	return nil, nil
}

func (c *call) getPipeline() answer {
	p, pl := c.findPipeline()
	return ok(c.showPipeline(p)(pl))
}

// getLatestPipeline shows the newest pipeline of a branch.
func (c *call) getLatestPipeline() answer {
	p := c.findProject("id")
	ref := cmp.Or(c.params.text("ref"), "main")
	var latest *pipeline
	for _, pl := range p.pipelines {
		if pl.ref == ref && (latest == nil || pl.id > latest.id) {
			latest = pl
		}
	}
	if latest == nil {
		notFound("Pipeline")
	}
	return ok(c.showPipeline(p)(latest))
}

func (c *call) createPipeline() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	if c.params.text("ref") == "" {
		badRequest("ref is missing")
	}
	return created(c.showPipeline(p)(c.f.world.newPipeline(p, c.params.text("ref"), c.user.id, c.f.now())))
}

// changePipeline answers retry and cancel.
func (c *call) changePipeline() answer {
	p, pl := c.findPipeline()
	c.require(p, Developer)
	pl.status = "running"
	if strings.HasSuffix(rawPath(c.r), "/cancel") {
		pl.status = "canceled"
	}
	return answer{status: 201, body: c.showPipeline(p)(pl)}
}

func (c *call) listPipelineJobs() answer {
	p, pl := c.findPipeline()
	return list(pl.jobs, c.showJob(p, pl))
}

func (c *call) listJobs() answer {
	p := c.findProject("id")
	a := answer{status: 200, list: []any{}}
	for _, pl := range p.pipelines {
		for _, j := range pl.jobs {
			a.list = append(a.list, c.showJob(p, pl)(j))
		}
	}
	return a
}

func (c *call) findJob() (*project, *pipeline, *job) {
	p := c.findProject("id")
	for _, pl := range p.pipelines {
		for _, j := range pl.jobs {
			if j.id == c.path.number("job_id") {
				return p, pl, j
			}
		}
	}
	notFound("")
	return nil, nil, nil
}

func (c *call) getJob() answer {
	p, pl, j := c.findJob()
	return ok(c.showJob(p, pl)(j))
}

func (c *call) getTrace() answer {
	_, _, j := c.findJob()
	return text("text/plain", j.trace)
}

// getArtifacts is an archive without a file.
func (c *call) getArtifacts() answer {
	c.findJob()
	return text("application/zip", "PK\x05\x06"+strings.Repeat("\x00", 18))
}

func (c *call) playJob() answer {
	p, pl, j := c.findJob()
	c.require(p, Developer)
	j.status = "pending"
	return ok(c.showJob(p, pl)(j))
}

// listOwnPipelines is the pipelines of every project that the caller is a member of.
func (c *call) listOwnPipelines() answer {
	return c.across(func(p *project) (all []any) {
		for _, pl := range p.pipelines {
			all = append(all, c.showPipeline(p)(pl))
		}
		return all
	})
}

// listRunnerJobs is Entities::Ci::JobBasicWithProject of every project, as if the runner had run them all.
func (c *call) listRunnerJobs() answer {
	c.findRunner()
	return c.across(func(p *project) (all []any) {
		for _, pl := range p.pipelines {
			for _, j := range pl.jobs {
				o := c.showJob(p, pl)(j).(object)
				o["project"] = object{"id": p.id, "path_with_namespace": c.f.world.projectPath(p)}
				all = append(all, o)
			}
		}
		return all
	})
}
