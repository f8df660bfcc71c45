package forgetest

import (
	"cmp"
	"strings"
	"time"
)

// credential is a deploy key, deploy token, access token or trigger of a project or group.
type credential struct {
	id           int64
	kind, place  string // place: what it belongs to, as the path names it
	name, secret string
	push, ended  bool
	user         int64
	about, ends  string // of an access token, as the rest
	scopes       []string
	level        int64
	made         time.Time
}

// credentialKinds are the last segments of the paths, with the beginning of a secret; a key is the client's own.
var credentialKinds = map[string]string{
	"deploy_keys": "", "deploy_tokens": "gldt-", "access_tokens": "glpat-", "triggers": "glptt-",
}

// credentialRoutes are the endpoints that make, show and end them.
func credentialRoutes() (all []route) {
	for kind := range credentialKinds {
		for _, of := range []string{"/projects/{id}/", "/groups/{id}/"} {
			if strings.HasPrefix(of, "/groups") && (kind == "deploy_keys" || kind == "triggers") {
				continue
			}
			all = append(all,
				route{method: "GET", pattern: of + kind, answer: (*call).listCredentials},
				route{method: "POST", pattern: of + kind, answer: (*call).createCredential},
				route{method: "GET", pattern: of + kind + "/:credential_id", answer: (*call).getCredential},
				route{method: "DELETE", pattern: of + kind + "/:credential_id", answer: (*call).deleteCredential})
			if kind == "access_tokens" {
				all = append(all, route{method: "POST", pattern: of + kind + "/:credential_id/rotate",
					answer: (*call).rotateCredential})
			}
		}
	}
	return all
}

// credentialPlace tells which kind is asked for, and where; only maintainers reach it.
func (c *call) credentialPlace() (kind, place string) {
	segments := strings.Split(strings.TrimPrefix(rawPath(c.r), "/api/v4/"), "/")
	if segments[0] == "groups" {
		g := c.findGroup("id")
		if c.groupLevel(g) < Maintainer {
			forbidden()
		}
		return segments[2], "groups/" + idText(g.id)
	}
	p := c.findProject("id")
	c.require(p, Maintainer)
	return segments[2], "projects/" + idText(p.id)
}

func showCredential(d *credential, secret bool) object {
	out := object{"id": d.id, "name": d.name, "title": d.name, "description": d.name, "revoked": d.ended, "active": !d.ended,
		"can_push": d.push}
	if d.kind == "access_tokens" { // Entities::ResourceAccessToken, of a bot of its own
		out["description"], out["scopes"], out["access_level"], out["user_id"] = d.about, d.scopes, d.level, d.id+10000
		out["created_at"], out["expires_at"], out["last_used_at"] = stamp(d.made), d.ends, nil
	}
	switch {
	case d.kind == "deploy_keys":
		out["key"] = d.secret
	case secret, d.kind == "triggers":
		out["token"] = d.secret
	}
	return out
}

func (c *call) createCredential() answer {
	kind, place := c.credentialPlace()
	d := &credential{id: c.f.world.next("credential"), kind: kind, place: place, push: c.params.flag("can_push"), user: c.user.id,
		name:  cmp.Or(c.params.text("name"), c.params.text("title"), c.params.text("description")),
		about: c.params.text("description"), scopes: c.params.texts("scopes"), made: c.f.now(), ends: c.params.text("expires_at"),
		level: cmp.Or(c.params.number("access_level"), Maintainer)}
	if d.secret = c.params.text("key"); kind != "deploy_keys" {
		d.secret = secretFor(credentialKinds[kind], "credential", d.id)
	}
	if d.name == "" || d.secret == "" || strings.HasSuffix(kind, "_tokens") && len(c.params.texts("scopes")) == 0 {
		badRequest("name, key or scopes is missing")
	}
	c.f.world.credentials = append(c.f.world.credentials, d)
	return created(showCredential(d, true))
}

func (c *call) listCredentials() answer {
	kind, place := c.credentialPlace()
	var found []*credential
	for _, d := range c.f.world.credentials {
		if d.kind == kind && d.place == place {
			found = append(found, d)
		}
	}
	return list(found, func(d *credential) any { return showCredential(d, false) })
}

// findCredentialOf gives the credential that the path names, and its place in the list.
func (c *call) findCredentialOf() (int, *credential) {
	kind, place := c.credentialPlace()
	for i, d := range c.f.world.credentials {
		if d.id == c.path.number("credential_id") && d.kind == kind && d.place == place {
			return i, d
		}
	}
	notFound("")
	return 0, nil
}

func (c *call) getCredential() answer {
	_, d := c.findCredentialOf()
	return ok(showCredential(d, false))
}

func (c *call) deleteCredential() answer {
	i, _ := c.findCredentialOf()
	all := c.f.world.credentials
	c.f.world.credentials = append(all[:i:i], all[i+1:]...)
	return noContent()
}

func (c *call) rotateCredential() answer {
	_, d := c.findCredentialOf()
	next := *d
	d.ended, next.id, next.made, next.ends = true, c.f.world.next("credential"), c.f.now(), c.params.text("expires_at")
	next.secret = secretFor(credentialKinds[d.kind], "rotated", next.id)
	c.f.world.credentials = append(c.f.world.credentials, &next)
	return ok(showCredential(&next, true))
}

// triggerPipeline starts a pipeline on the word of a trigger's token, which stands in a parameter; nobody is logged in.
func (c *call) triggerPipeline() answer {
	secret := c.params.text("token")
	if secret == "" || c.params.text("ref") == "" {
		badRequest("ref is missing, token is missing")
	}
	for _, d := range c.f.world.credentials {
		p := c.f.world.projects[c.path.number("id")]
		if d.kind == "triggers" && d.secret == secret && p != nil && d.place == "projects/"+idText(p.id) {
			return created(c.showPipeline(p)(c.f.world.newPipeline(p, c.params.text("ref"), d.user, c.f.now())))
		}
	}
	notFound("")
	return answer{}
}
