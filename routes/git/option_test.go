package git

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// gitRow gives a table and its row of pushes to a repository.
func gitRow(t *testing.T, load func() (*routes.Table, error), repository string) (*routes.Table, *routes.Route) {
	t.Helper()
	table, err := load()
	if err != nil {
		t.Fatal(err)
	}
	row := table.SurfaceRow([]byte("POST /" + repository + ".git/git-receive-pack"))
	if row == nil {
		t.Fatal("there is no row for pushes")
	}
	return table, row
}

// TestReadOptions reads lists of options, and looks at what is sent of them or why they are refused.
func TestReadOptions(t *testing.T) {
	for _, c := range []struct {
		name, list, sent, refused string // lists with | between
	}{
		{"as it is sent", "merge_request.create", "merge_request.create", ""},
		{"the alias", "mr.create|mr.label=a", "merge_request.create|merge_request.label=a", ""},
		{"blanks", " mr . label = a b ", "merge_request.label=a b", ""},
		{"dots in front", "..mr.create", "merge_request.create", ""},
		{"the last one counts", "mr.title=a|ci.skip|merge_request. title=b", "ci.skip|merge_request.title=b", ""},
		{"each one counts", "mr.label=a|merge_request.label=b|mr.label=a", "merge_request.label=b|merge_request.label=a", ""},
		{"yes and no", "mr.squash|mr.draft=1|mr.remove_source_branch=false", "merge_request.squash|merge_request.draft|merge_request.remove_source_branch=false", ""},
		{"yes, with a value", "ci.skip=true", "ci.skip", ""},
		{"a variable", "ci.variable=A=b=c", "ci.variable=A=b=c", ""},
		{"a no that GitLab takes for yes", "mr.create=false", "", "merge_request.create takes no value"},
		{"neither yes nor no", "mr.squash=maybe", "", "merge_request.squash must be true or false"},
		{"no text", "mr.title= ", "", "merge_request.title needs a value"},
		{"another project", "mr.target_project=a/b", "", "merge_request.target_project is not passed on"},
		{"a name that nobody knows", "ci.variables=A=secret", "", "ci.variables is not known"},
		{"capitals", "MR.create", "", "MR.create is not known"},
		{"no name", "=secret", "", "(empty) is not known"},
		{"a control character", "mr.title=a\x01", "", "mr.title is too long, holds a control character"},
		{"a control character in the name", "mr\x1b[31m.title=a", "", "mr?[31m.title is too long, holds"},
		{"another line end", "mr.description=a\u0085/merge", "", "mr.description is too long, holds a control character"},
		{"no UTF-8", "mr.title=\xff", "", "or is not UTF-8"},
		{"a long one", "mr.title=" + strings.Repeat("a", maxOption), "", "mr.title is too long"},
		{"a long name", strings.Repeat("a", 70), "", strings.Repeat("a", 60) + "... is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, row := gitRow(t, load.GitLab, "{project}")
			options, err := ReadOptions(table, row, strings.Split(c.list, "|"))
			var refusal *routes.Refusal
			if c.refused != "" {
				if !errors.As(err, &refusal) || refusal.Code != routes.CodePushOption || !strings.Contains(refusal.Message, c.refused) || strings.Contains(refusal.Message, "secret") {
					t.Errorf("%v, want %q", err, c.refused)
				}
				return
			}
			var sent []string
			for i := range options {
				sent = append(sent, options[i].String())
			}
			if got := strings.Join(sent, "|"); err != nil || got != c.sent {
				t.Errorf("%q is sent, want %q: %v", got, c.sent, err)
			}
		})
	}
}

// TestReadOptionsOfOtherRepositories: at GitLab, options mean something in a project alone.
func TestReadOptionsOfOtherRepositories(t *testing.T) {
	for _, repository := range []string{"{namespace}.wiki", "{project}/snippets/{snippet_id}", "snippets/{snippet_id}"} {
		table, row := gitRow(t, load.GitLab, repository)
		if _, err := ReadOptions(table, row, []string{"ci.skip"}); err == nil || !strings.Contains(err.Error(), "ci.skip means nothing in this repository") {
			t.Errorf("%s: %v", repository, err)
		}
		if _, err := ReadOptions(table, row, nil); err != nil {
			t.Errorf("%s: %v", repository, err)
		}
	}
}

// TestReadGiteaOptions: Gitea takes a name to the letter, and its versions differ on options without a value.
func TestReadGiteaOptions(t *testing.T) {
	for _, repository := range []string{"{project}", "{project}.wiki"} {
		table, row := gitRow(t, load.Gitea, repository)
		for text, sent := range map[string]string{
			"repo.private=false": "repo.private=false", "repo.private=1": "repo.private=true", "force-push": "force-push=true", "force-push=true": "force-push=true",
			"title=a=b ": "title=a=b ", "description={base64}YQ==": "description={base64}YQ==", "topic=x/y": "topic=x/y",
			"repo.private": "", "repo.private=": "", "repo.private=no": "", "force-push=false": "", "title": "", "title=": "", " title=a": "", "Title=a": "", "mr.create": "", "issue=1": "",
		} {
			options, err := ReadOptions(table, row, []string{text})
			if got := ""; err == nil {
				if got = options[0].String(); got != sent {
					t.Errorf("%q is sent as %q, want %q", text, got, sent)
				}
			} else if sent != "" {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

// TestUnseenTexts: a description of which the forge may leave nothing, or into which it puts other texts, is not seen whole.
func TestUnseenTexts(t *testing.T) {
	for text, unseen := range map[string]bool{
		"a text": false, `\n\n`: true, " \u00a0 ": true, "see %{all_commits}": true, "100%": false, `/target_branch main`: true, `/draft\n  /target_branch main\n`: true,
		`/draft\ntext`: false, `text\n/merge`: false,
	} {
		o := Option{PushOption: &routes.PushOption{Name: "merge_request.description"}, Value: text}
		if o.Unseen() != unseen {
			t.Errorf("%q is unseen: %v", text, !unseen)
		}
	}
	if o := (Option{Value: `a\n/approve\\n`}); o.Lines() != "a\n/approve\\\n" {
		t.Errorf("%q", o.Lines())
	}
}

// FuzzReadOptions: what is taken is written in one way, which is read as the same again, and fits a packet of one line.
func FuzzReadOptions(f *testing.F) {
	for _, text := range []string{"mr.create", " mr . title = a ", "ci.variable=A=b", "force-push", "repo.private=false", "..x.y=z"} {
		f.Add(text)
	}
	gitlab, err := load.GitLab()
	if err != nil {
		f.Fatal(err)
	}
	gitea, err := load.Gitea()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, table := range []*routes.Table{gitlab, gitea} {
			row := table.SurfaceRow([]byte("POST /{project}.git/git-receive-pack"))
			options, err := ReadOptions(table, row, []string{text})
			if err != nil {
				continue
			}
			sent := options[0].String()
			again, err := ReadOptions(table, row, []string{sent})
			if err != nil || fmt.Sprint(again) != fmt.Sprint(options) || strings.ContainsAny(sent, "\x00\n") || len(sent) > maxPacket-4 {
				t.Fatalf("%q is sent as %q: %v", text, sent, err)
			}
		}
	})
}
