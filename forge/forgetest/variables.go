package forgetest

import (
	"cmp"
	"maps"
	"slices"
)

type variable struct {
	key, value, scope string
	protected, masked bool
}

func showVariable(v *variable) any {
	return object{
		"variable_type":     "env_var",
		"key":               v.key,
		"value":             v.value,
		"hidden":            false,
		"protected":         v.protected,
		"masked":            v.masked,
		"raw":               false,
		"environment_scope": cmp.Or(v.scope, "*"),
		"description":       nil,
	}
}

// variables finds those of the project or group in the path; only its maintainers (owners for a group) reach them.
func (c *call) variables() map[string]*variable {
	if _, isGroup := c.path["group_id"]; isGroup {
		g := c.findGroup("group_id")
		if c.groupLevel(g) < Owner {
			forbidden()
		}
		return g.variables
	}
	p := c.findProject("id")
	c.require(p, Maintainer)
	return p.variables
}

func (c *call) listVariables() answer {
	all := c.variables()
	return list(slices.Sorted(maps.Keys(all)), func(key string) any { return showVariable(all[key]) })
}

func (c *call) findVariable() *variable {
	v := c.variables()[c.path.text("key")]
	if v == nil {
		notFound("Variable")
	}
	return v
}

func (c *call) getVariable() answer { return ok(showVariable(c.findVariable())) }

func (c *call) createVariable() answer {
	all := c.variables()
	key := c.params.text("key")
	if key == "" {
		badRequest("key is missing, value is missing")
	}
	if all[key] != nil {
		panic(halt{answer{status: 400, body: object{"message": object{"key": []string{"(" + key + ") has already been taken"}}}}})
	}
	all[key] = &variable{key: key, value: c.params.text("value"), scope: c.params.text("environment_scope"),
		protected: c.params.flag("protected"), masked: c.params.flag("masked")}
	return created(showVariable(all[key]))
}

func (c *call) updateVariable() answer {
	v := c.findVariable()
	v.value = cmp.Or(c.params.text("value"), v.value)
	return ok(showVariable(v))
}

func (c *call) deleteVariable() answer {
	v := c.findVariable()
	delete(c.variables(), v.key)
	return noContent()
}
