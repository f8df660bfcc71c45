package forgetest

import (
	"cmp"
	"time"
)

type release struct {
	tag, name, description string
	author                 int64
	created                time.Time
}

func (c *call) showRelease(p *project) func(*release) any {
	return func(r *release) any {
		return object{
			"name":             r.name,
			"tag_name":         r.tag,
			"description":      r.description,
			"created_at":       stamp(r.created),
			"released_at":      stamp(r.created),
			"upcoming_release": false,
			"author":           c.showUser(c.f.world.users[r.author]),
			"commit":           c.repository(p).commit(r.tag),
			"assets":           c.releaseAssets(p, r.tag),
			"_links":           object{"self": c.f.external + "/" + c.f.world.projectPath(p) + "/-/releases/" + r.tag},
		}
	}
}

// releaseAssets are the archives of a tag, and one file where a link was set.
func (c *call) releaseAssets(p *project, tag string) object {
	at := c.f.external + "/" + c.f.world.projectPath(p) + "/-/"
	sources, links := []any{}, []any{}
	archive := at + "archive/" + tag + "/" + p.path + "-" + tag + "."
	for _, format := range []string{"zip", "tar.gz", "tar.bz2", "tar"} {
		sources = append(sources, object{"format": format, "url": archive + format})
	}
	if p.releaseLink != "" {
		links = append(links, object{"id": 1, "name": "app", "url": p.releaseLink, "link_type": "other",
			"direct_asset_url": at + "releases/" + tag + "/downloads/app"})
	}
	return object{"count": len(sources) + len(links), "sources": sources, "links": links}
}

func (c *call) listReleases() answer {
	p := c.findProject("id")
	return list(p.releases, c.showRelease(p))
}

func (c *call) getRelease() answer {
	p := c.findProject("id")
	for _, r := range p.releases {
		if r.tag == c.path.text("tag_name") {
			return ok(c.showRelease(p)(r))
		}
	}
	notFound("")
	return answer{}
}

func (c *call) createRelease() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	tag := c.params.text("tag_name")
	if tag == "" {
		badRequest("tag_name is missing")
	}
	r := &release{
		tag:         tag,
		name:        cmp.Or(c.params.text("name"), tag),
		description: c.params.text("description"),
		author:      c.user.id,
		created:     c.f.now(),
	}
	repository := c.repository(p)
	if _, exists := repository.tags[tag]; !exists {
		repository.addTag(tag, c.params.text("ref"), c.params.text("tag_message"))
	}
	p.releases = append(p.releases, r)
	return created(c.showRelease(p)(r))
}
