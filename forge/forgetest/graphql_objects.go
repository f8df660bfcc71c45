package forgetest

import "slices"

// itemFields are those that issues and work items have in common.
func itemFields() graphType {
	return graphType{
		"iid":          of("", func(_ *call, w *workItem) any { return idText(w.i.iid) }),
		"title":        of("", func(_ *call, w *workItem) any { return w.i.title }),
		"description":  of("", func(_ *call, w *workItem) any { return w.i.description }),
		"confidential": always(false),
		"createdAt":    of("", func(_ *call, w *workItem) any { return stamp(w.i.created) }),
		"updatedAt":    of("", func(_ *call, w *workItem) any { return stamp(w.i.created) }),
		"closedAt":     always(nil),
		"webUrl": of("", func(c *call, w *workItem) any {
			return c.f.external + "/" + c.f.world.projectPath(w.p) + "/-/issues/" + idText(w.i.iid)
		}),
		"descriptionHtml": of("", func(c *call, w *workItem) any { return c.render(w.i.description) }),
		"author":          of("UserCore", func(c *call, w *workItem) any { return orNull(c.f.world.users[w.i.author]) }),
		"workItemType":    of("WorkItemType", func(*call, *workItem) any { return "" }),
	}
}

func issueFields() graphType {
	fields := itemFields()
	fields["id"] = of("", func(_ *call, w *workItem) any { return globalID("Issue", w.i.id) })
	fields["projectId"] = of("", func(_ *call, w *workItem) any { return w.p.id })
	fields["state"] = of("", func(_ *call, w *workItem) any { return w.i.state })
	fields["labels"] = of("LabelConnection", func(_ *call, w *workItem) any { return labelsOf(w) })
	fields["notes"] = of("NoteConnection", func(_ *call, w *workItem) any { return notesOf(w.p, w.i.notes) })
	return fields
}

func workItemFields() graphType {
	fields := itemFields()
	fields["id"] = of("", func(_ *call, w *workItem) any { return globalID("WorkItem", w.i.id) })
	fields["state"] = of("", func(_ *call, w *workItem) any {
		if w.i.state == "opened" {
			return "OPEN"
		}
		return "CLOSED"
	})
	fields["project"] = of("Project", func(_ *call, w *workItem) any { return w.p })
	fields["namespace"] = of("Namespace", func(_ *call, w *workItem) any { return w.p })
	fields["features"] = of("WorkItemFeatures", func(_ *call, w *workItem) any { return w })
	return fields
}

// widget makes a feature with the fields that are shown of it.
func widget(types map[string]graphType, name string, fields graphType) graphField {
	types[name] = fields
	return of(name, func(_ *call, w *workItem) any { return w })
}

// featureFields are the features of a work item; those that it does not have are null. It adds their types.
func featureFields(types map[string]graphType) graphType {
	one := func(field, of string) graphType {
		return graphType{field: {of: of, get: func(*call, any, params) any { return nil }}}
	}
	empty := func(name string) graphField { return of(name, func(*call, *workItem) any { return connection{} }) }
	none := func(name string, fields graphType) graphField {
		types[name] = fields
		return graphField{of: name, get: func(*call, any, params) any { return nil }}
	}
	types["LinkedWorkItemType"] = graphType{"linkType": always("relates_to"),
		"workItem": {of: "WorkItem", get: func(_ *call, self any, _ params) any { return self }}}
	types["WorkItemStatus"] = graphType{"name": always(nil)}
	types["Iteration"], types["Milestone"] = graphType{"id": always(nil)}, graphType{"id": always(nil)}
	return graphType{
		"assignees": widget(types, "WorkItemWidgetAssignees", graphType{"assignees": empty("UserCoreConnection")}),
		"hierarchy": widget(types, "WorkItemWidgetHierarchy", graphType{"hasParent": always(false), "hasChildren": always(false),
			"parent": one("parent", "WorkItem")["parent"], "children": empty("WorkItemConnection")}),
		"labels": widget(types, "WorkItemWidgetLabels", graphType{"labels": of("LabelConnection",
			func(_ *call, w *workItem) any { return labelsOf(w) })}),
		"linkedItems": widget(types, "WorkItemWidgetLinkedItems",
			graphType{"linkedItems": of("LinkedWorkItemTypeConnection", linked)}),
		"milestone": widget(types, "WorkItemWidgetMilestone", one("milestone", "Milestone")),
		"notes": widget(types, "WorkItemWidgetNotes", graphType{"notes": of("NoteConnection",
			func(_ *call, w *workItem) any { return notesOf(w.p, w.i.notes) })}),
		"startAndDueDate": widget(types, "WorkItemWidgetStartAndDueDate",
			graphType{"startDate": always(nil), "dueDate": always(nil)}),
		"color":        none("WorkItemWidgetColor", graphType{"color": always(nil), "textColor": always(nil)}),
		"healthStatus": none("WorkItemWidgetHealthStatus", graphType{"healthStatus": always(nil)}),
		"iteration":    none("WorkItemWidgetIteration", one("iteration", "Iteration")),
		"status":       none("WorkItemWidgetStatus", one("status", "WorkItemStatus")),
		"weight":       none("WorkItemWidgetWeight", graphType{"weight": always(nil)}),
	}
}

// linked is what an item mentions, as if they were linked with it: it may be in any project that the caller sees.
func linked(c *call, w *workItem) any {
	out := connection{}
	c.mentions(w.i.description, func(p *project, i *issue) { out = append(out, &workItem{p, i}) })
	return out
}

// labelsOf gives the labels of an issue that its project knows.
func labelsOf(w *workItem) connection {
	out := connection{}
	for _, l := range w.p.labels {
		if slices.Contains(w.i.labels, l.name) {
			out = append(out, l)
		}
	}
	return out
}

func notesOf(p *project, notes []*note) connection {
	out := connection{}
	for _, n := range notes {
		out = append(out, &comment{p, n})
	}
	return out
}

func noteFields() graphType {
	return graphType{
		"id":      of("", func(_ *call, n *comment) any { return globalID("Note", n.n.id) }),
		"body":    of("", func(_ *call, n *comment) any { return n.n.body }),
		"project": of("Project", func(_ *call, n *comment) any { return n.p }),
		"author":  of("UserCore", func(c *call, n *comment) any { return orNull(c.f.world.users[n.n.author]) }),
	}
}

func mergingFields() graphType {
	itself := func(_ *call, m *merging) any { return m.p }
	return graphType{
		"id":           of("", func(_ *call, m *merging) any { return globalID("MergeRequest", m.m.id) }),
		"iid":          of("", func(_ *call, m *merging) any { return idText(m.m.iid) }),
		"title":        of("", func(_ *call, m *merging) any { return m.m.title }),
		"description":  of("", func(_ *call, m *merging) any { return m.m.description }),
		"state":        of("", func(_ *call, m *merging) any { return m.m.state }),
		"sourceBranch": of("", func(_ *call, m *merging) any { return m.m.from }),
		"targetBranch": of("", func(_ *call, m *merging) any { return m.m.to }),
		"projectId":    of("", func(_ *call, m *merging) any { return m.p.id }),
		"webUrl": of("", func(c *call, m *merging) any {
			return c.f.external + "/" + c.f.world.projectPath(m.p) + "/-/merge_requests/" + idText(m.m.iid)
		}),
		"project":       of("Project", itself),
		"targetProject": of("Project", itself),
		"sourceProject": of("Project", func(c *call, m *merging) any {
			if p := c.f.world.projects[m.m.source]; p != nil && c.f.world.canReadProject(p, c.user) {
				return p
			}
			return nil
		}),
		"author": of("UserCore", func(c *call, m *merging) any { return orNull(c.f.world.users[m.m.author]) }),
		"notes":  of("NoteConnection", func(_ *call, m *merging) any { return notesOf(m.p, m.m.notes) }),
	}
}

// payloads adds what mutations give back.
func payloads(types map[string]graphType) {
	for name, of := range map[string][2]string{"CreateNotePayload": {"note", "Note"},
		"WorkItemCreatePayload": {"workItem", "WorkItem"},
		"WorkItemUpdatePayload": {"workItem", "WorkItem"}, "WorkItemDeletePayload": {"namespace", "Namespace"},
		"MergeRequestUpdatePayload":             {"mergeRequest", "MergeRequest"},
		"ProjectTargetBranchRuleCreatePayload":  {"targetBranchRule", "ProjectTargetBranchRule"},
		"ProjectTargetBranchRuleDestroyPayload": {"", ""}, "IssueMovePayload": {"issue", "Issue"}} {
		types[name] = graphType{"clientMutationId": always(nil),
			"errors": {get: func(_ *call, self any, _ params) any { return append([]any{}, self.(*payload).errors...) }}}
		if of[0] != "" {
			made := func(_ *call, self any, _ params) any { return self.(*payload).object }
			types[name][of[0]] = graphField{of: of[1], get: made}
		}
	}
}
