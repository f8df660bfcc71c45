package forgetest

// below tells whether a group is another one or below it.
func (w *world) below(group, top int64) bool {
	for ; group != 0; group = w.groups[group].parent {
		if group == top {
			return true
		}
	}
	return false
}

// groupLevel is a user's level in a group: direct, inherited, or through groups that were invited to it or to a group
// above it. Members of a group above an invited one count, as in GitLab.
func (w *world) groupLevel(groupID, userID int64) int {
	level := NoAccess
	for id := groupID; id != 0; id = w.groups[id].parent {
		level = max(level, w.members[source{"group", id}][userID])
		level = max(level, w.invitedLevel(source{"group", id}, userID))
	}
	return level
}

func (w *world) invitedLevel(s source, userID int64) int {
	level := NoAccess
	for invited, highest := range w.invites[s] {
		for id := invited; id != 0; id = w.groups[id].parent {
			if l := w.members[source{"group", id}][userID]; l >= Guest {
				level = max(level, min(highest, l))
			}
		}
	}
	return level
}

// projectLevel is a user's level in a project, by any way.
func (w *world) projectLevel(p *project, userID int64) int {
	s := source{"project", p.id}
	level := max(w.members[s][userID], w.invitedLevel(s, userID))
	if p.group != 0 {
		level = max(level, w.groupLevel(p.group, userID))
	}
	return level
}

// canReadProject: nil is an anonymous caller.
func (w *world) canReadProject(p *project, u *user) bool {
	switch {
	case p.visibility == Public:
		return true
	case u == nil:
		return false
	case u.admin || p.visibility == Internal:
		return true
	}
	return w.projectLevel(p, u.id) >= Guest
}

// canReadGroup: members of a project inside see the group, without being its members.
func (w *world) canReadGroup(g *group, u *user) bool {
	switch {
	case g.visibility == Public:
		return true
	case u == nil:
		return false
	case u.admin || g.visibility == Internal:
		return true
	case w.groupLevel(g.id, u.id) >= Guest:
		return true
	}
	for _, p := range w.projects {
		if p.group != 0 && w.below(p.group, g.id) && w.projectLevel(p, u.id) >= Guest {
			return true
		}
	}
	return false
}
