package load_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

//go:generate go test . -run ^TestQuickActionsPage$ -update

var update = flag.Bool("update", false, "write docs/quick-actions.md instead of comparing it")

const quickActionsPage = "../../docs/quick-actions.md"

// TestQuickActionsPage holds docs/quick-actions.md to the table; `make docs` rewrites the page.
func TestQuickActionsPage(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	want := quickActionsReference(table)
	if *update {
		if err := os.WriteFile(quickActionsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(quickActionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s does not agree with routes/gitlab/quick_actions.yaml: run `make docs`", quickActionsPage)
	}
}

func quickActionsReference(table *routes.Table) string {
	var b strings.Builder
	b.WriteString(`<!-- Generated from routes/gitlab/quick_actions.yaml by "make docs". Do not edit. -->

# Quick actions

GitLab carries out lines such as ` + "`/merge` or `/move group/project`" + ` that stand in a description or a note, with the rights of
whoever wrote it. Behind patgate that is the token's owner. So patgate reads such texts, and a token needs for each
command what it would need for the REST request that does the same. If it lacks something, the request is refused with 403, the
reason ` + "`quick_action`" + ` and a message that names the line and the command, and nothing else of the text:

> Line 3 of ` + "`body`" + ` has the quick action /merge, which needs merge_merge_request.

Some commands take a reference to another project, group or item. Nobody can tell beforehand what GitLab will take it for.
Their permissions are needed on the project or group of the request, and in a scope with access ` + "`all_memberships`" + ` too.

## What counts as a command

A line whose first visible characters are a slash and the name of a known command, in capital or small letters, followed
by a blank or the end of the line. ` + "`/usr/bin`, `/closed`, `see /close` and `> /close`" + ` are none. GitLab leaves out code blocks and
HTML by its own reading of Markdown; patgate does not try to read Markdown in the same way, and finds commands there too.

A command that GitLab does not carry out in a kind of text, such as ` + "`/merge`" + ` in an issue, is not counted there.

` + "`limits.quick_actions: allow`" + ` in the configuration turns the check off: every token that may write a text may then do by it
whatever its owner may do. An overlay of the route table may change single commands and texts: see
[the route table](routes.md#quick-actions).

## Texts that GitLab makes itself

A request that makes an issue, an epic or another work item without a description, or with a blank one, gets the text of a
template: ` + "`.gitlab/issue_templates/Default.md`" + ` of the repository, or of a template project of a group above or of the instance, or
the project's setting. GitLab carries out the commands in it. Whoever may push can write them, and patgate does not see them. So
such a request counts as if every command stood in it, and is refused unless the token may do all of them everywhere. **Send a
description**, as short as you like: then no template is taken. The texts with a template are marked in the list below.

- The settings ` + "`issues_template` and `merge_requests_template`" + ` are read as texts when a token writes them.
- ` + "`/create_merge_request`" + ` makes a merge request that is described by the repository's template: it needs what commands there can ask for.
- An issue that is moved or cloned by a request is made anew, with the commands of the template where it comes to. So that needs
  ` + "`update_work_item`" + ` there too. One thing is left: by ` + "`/relate`" + ` in that template, the copy can be linked with an item elsewhere
  that the owner sees.
- ` + "`/approve` and `/submit_review`" + ` publish the owner's drafts of notes, and need ` + "`update_merge_request`" + `; ` + "`publish_review`" + ` of the
  request that approves is refused: publish the drafts by their own request.
- A merge request that is made by the API gets neither a template nor a commit's message for its description; one that is made by a
  push option does, see [git](git.md).

Not quick actions, and not read: words such as ` + "`Closes #5`" + ` in the description of a merge request or in a commit message,
which close issues when the change is merged. Which words these are is a setting of the forge, and those in commits that are pushed
nobody but the forge reads. Nor are commands in texts that are stored already: drafts of notes that the owner wrote in the browser and
that a token then publishes, and templates and descriptions that were there before. What carries each text to GitLab's quick
actions, and what does not, is listed in ` + "`routes/testdata/gitlab-quick-actions.tsv`" + `, and the rows are held to it.

## Commands

Needs are for texts on work items (issues, tasks, incidents, epics), merge requests and commits. *Elsewhere*: needed under
` + "`all_memberships`" + ` too. Commands of GitLab 19.3, all tiers.

| command | work item | merge request | commit | elsewhere |
| --- | --- | --- | --- | --- |
`)
	var harmless []string
	for _, c := range slices.SortedFunc(slices.Values(table.Commands().All()), func(a,
		c *routes.Command) int {
		return strings.Compare(a.Name, c.Name)
	}) {
		if c.Harmless {
			harmless = append(harmless, "`/"+c.Name+"`")
			continue
		}
		b.WriteString("| `/" + c.Name + "`")
		for _, alias := range c.Aliases {
			b.WriteString(", `/" + alias + "`")
		}
		for k := routes.CommandsWorkItem; k <= routes.CommandsCommit; k++ {
			b.WriteString(" | " + codes(table.Catalogue().Names(c.Needs(k))))
		}
		elsewhere := ""
		if c.Elsewhere {
			elsewhere = "yes"
		}
		b.WriteString(" | " + elsewhere + " |\n")
	}
	fmt.Fprintf(&b, "\n%s only change the text and need nothing.\n", strings.Join(harmless, ", "))
	b.WriteString("\n## Texts\n\n| text | parameters | of |\n| --- | --- | --- |\n")
	for k := routes.CommandsWorkItem; k <= routes.CommandsCommit; k++ {
		for _, r := range table.Routes() {
			var names []string
			template := false
			for _, f := range r.Texts {
				if f.Kind == k {
					names = append(names, f.Param)
					template = template || f.Template
				}
			}
			if len(names) > 0 {
				without := ""
				if template {
					without = ", a template without it"
				}
				fmt.Fprintf(&b, "| %s | %s%s | `%s %s` |\n", strings.ReplaceAll(k.String(), "_", " "), codes(names), without, r.Method,
					r.Path)
			}
		}
	}
	return b.String()
}

func codes(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}
