package routes_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// textName matches the parameters that hold a text of a person's.
var textName = regexp.MustCompile(`(^|[.\]_])(body|notes?|description|text|message|content|comment|summary|details|template)$`)

// inertTexts are the texts that GitLab 19.3 does not read for commands, with the reason. Only Issuable services,
// WorkItems services and Notes services (for WorkItem, Issue, MergeRequest, Commit, Epic) call QuickActions::InterpretService.
var inertTexts = []struct {
	reason string
	rows   *regexp.Regexp
}{
	{"notes on snippets, wiki pages and vulnerabilities: Notes::QuickActionsService does not support them",
		regexp.MustCompile(`/(snippets|wiki_pages|vulnerabilities)/\{\}/(notes|discussions)`)},
	{"git objects: commit, tag and merge messages close issues by words, not by commands",
		regexp.MustCompile(`(/repository/(tags|submodules/\{\}|changelog|files/\{\}|commits/\{\}/cherry_pick)|/merge|/suggestions/(\{\}/apply|batch_apply)) (.*message)$`)},
	{"settings of containers, of the instance and of their parts, shown as they are",
		regexp.MustCompile(`^(POST|PUT|PATCH|DELETE) (/projects(/user/\{\}|/\{\})?|/projects/\{\}/fork|/projects/(import|remote-import|remote-import-s3)|/groups(/\{\})?|/organizations|/topics(/\{\})?|/application/(settings|appearance)|/broadcast_messages(/\{\})?|/projects/\{\}/export|/geo/status|/users(/\{\})?|/user/status|(/(projects|groups)/\{\})?/notification_settings|.*/(labels|milestones|variables|hooks|member_roles|admin_member_roles|feature_flags|environments|pipeline_schedules|triggers|tokens|personal_access_tokens|impersonation_tokens|access_tokens|debian_distributions|runners|runner_controllers)(/\{\})?) .*([^t]e|[^e]|note|webhook_template)$`)}, // no template of descriptions
	{"releases: Releases services take the description as it is", regexp.MustCompile(`/projects/\{\}/releases(/\{\})? `)},
	{"snippets and wiki pages: their content is no issuable's", regexp.MustCompile(`(/snippets|/wikis)(/\{\})? `)},
	{"states of vulnerabilities, deployments, commits: a comment that is stored",
		regexp.MustCompile(`(/vulnerabilities/\{\}/(resolve|confirm|revert|flags/ai_detection)|/deployments/\{\}/approval|/statuses/\{\}) `)},
	{"packages and models: metadata", regexp.MustCompile(`(/packages/pypi|/ml/mlflow/.*) `)},
	{"read by a model or a scanner, or rendered, not stored as a note",
		regexp.MustCompile(`(/chat/completions|/code_suggestions/completions|/ai/duo_workflows/.*|/duo_code_review/evaluations|/security_scans/sast/\{\}|/markdown|/ci/lint) `)},
	{"templates of messages, titles and branch names, and a flag: none is a description",
		regexp.MustCompile(`(_commit|_title|_branch|_custom)_template$`)},
	{"captions of images", regexp.MustCompile(`/metric_images(/\{\})? url_text$`)},
	{"a flag", regexp.MustCompile(`/issues/\{\}/clone with_notes$`)},
	{"what to be notified of", regexp.MustCompile(`new_note$`)},
	{"Slack sends it with a token of its own, for a user that it names", regexp.MustCompile(`^POST /slack/trigger text$`)},
}

// TestEveryTextIsJudged demands of every parameter of GitLab's that holds a text that its row reads it for commands, or
// that it is known not to carry any.
func TestEveryTextIsJudged(t *testing.T) {
	carrying, wrong := judgeTexts(t, rowsByShape(t))
	for _, problem := range wrong {
		t.Error(problem)
	}
	if carrying < 25 {
		t.Errorf("only %d texts carry commands: too few to have been compared", carrying)
	}
}

// TestAnUnjudgedTextIsNoticed takes the mark off one row, and puts one on a row that carries no commands.
func TestAnUnjudgedTextIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name, row string
		texts     []routes.TextField
		want      string
	}{
		{"a text that is no longer read", "PUT /projects/{}/issues/{}", nil, "PUT /projects/{}/issues/{} description: declare it"},
		{"a text that is read without need", "POST /projects/{}/releases",
			[]routes.TextField{{Param: "description", Kind: routes.CommandsCommit}},
			"POST /projects/{}/releases description is read for commands and listed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := rowsByShape(t)
			changed := *rows[c.row]
			changed.Texts = c.texts
			rows[c.row] = &changed
			if _, wrong := judgeTexts(t, rows); len(wrong) != 1 || !strings.Contains(wrong[0], c.want) {
				t.Errorf("noticed %q", wrong)
			}
		})
	}
}

// rowsByShape gives the rows of the built-in table by METHOD PATH, with {} for every capture.
func rowsByShape(t *testing.T) map[string]*routes.Route {
	t.Helper()
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]*routes.Route{}
	for _, r := range table.Routes() {
		rows[r.Method+" "+anyBraces.ReplaceAllString(r.Path, "{}")] = r
	}
	return rows
}

// judgeTexts counts the texts that are read for commands and tells what is wrong.
func judgeTexts(t *testing.T, rows map[string]*routes.Route) (carrying int, wrong []string) {
	t.Helper()
	used := make([]bool, len(inertTexts))
	for _, op := range readTSV(t, "testdata/gitlab-openapi.tsv", 6) {
		if op[0] == "GET" {
			continue
		}
		key := op[0] + " " + anyBraces.ReplaceAllString(op[1], "{}")
		row := rows[key]
		for _, name := range strings.Split(op[3]+","+op[5], ",") {
			if !textName.MatchString(name) {
				continue
			}
			carries := row != nil && slices.ContainsFunc(row.Texts, func(f routes.TextField) bool { return f.Param == name })
			inert := false
			for i, text := range inertTexts {
				if text.rows.MatchString(key + " " + name) {
					used[i], inert = true, true
				}
			}
			switch {
			case carries && inert:
				wrong = append(wrong, key+" "+name+" is read for commands and listed as carrying none")
			case carries:
				carrying++
			case !inert:
				wrong = append(wrong, key+" "+name+": declare it in quick_actions.yaml, or list it here with the reason")
			}
		}
	}
	for i, text := range inertTexts {
		if !used[i] {
			wrong = append(wrong, "nothing is any more: "+text.reason)
		}
	}
	return carrying, wrong
}

var anyBraces = regexp.MustCompile(`\{[^}]*\}`)

// discussed matches the paths under which GitLab makes and changes what can be discussed, and notes on it. Some of their
// rows are newer than the list of parameters.
var discussed = regexp.MustCompile(`/(issues|merge_requests|epics|work_items|notes|discussions|comments|draft_notes)(/\{\}|/bulk_publish)?$`)

// withoutText are rows on such things that take no text at all.
var withoutText = []string{
	"POST /groups/{}/(-/)epics/{}/issues/{}", "PUT /groups/{}/(-/)epics/{}/issues/{}",
	"POST /groups/{}/(-/)epics/{}/epics/{}", "PUT /groups/{}/(-/)epics/{}/epics/{}",
	"POST /groups/{}/(-/)epics/{}/epics", // a title
	"PUT /projects/{}/issues/{}/discussions/{}", "PUT /projects/{}/merge_requests/{}/discussions/{}",
	"PUT /projects/{}/snippets/{}/discussions/{}", "PUT /projects/{}/repository/commits/{}/discussions/{}",
	"PUT /groups/{}/epics/{}/discussions/{}",
	"PUT /projects/{}/-/work_items/{}/discussions/{}", "PUT /groups/{}/-/work_items/{}/discussions/{}",
	"PUT /namespaces/{}/-/work_items/{}/discussions/{}", // resolved or not
	"POST /projects/{}/merge_trains/merge_requests/{}",
}

func TestEveryDiscussionIsJudged(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	judged := 0
	for _, r := range table.Routes() {
		key := r.Method + " " + anyBraces.ReplaceAllString(r.Path, "{}")
		if r.Kind != routes.KindPermission || r.Method == "GET" || r.Method == "DELETE" || !discussed.MatchString(key) {
			continue
		}
		inert := slices.Contains(withoutText, key) || inertTexts[0].rows.MatchString(key)
		if judged++; inert == (len(r.Texts) > 0) {
			t.Errorf("%s: reads %d texts for commands, listed as taking none: %v", key, len(r.Texts), inert)
		}
	}
	if judged < 60 {
		t.Errorf("only %d rows were judged", judged)
	}
}

// TestTextsStandInContainers: a row that reads a text for commands is one that needs a permission in a project or group.
func TestTextsStandInContainers(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range table.Routes() {
		if len(r.Texts) == 0 {
			continue
		}
		if r.Kind != routes.KindPermission || r.Public || r.Find.From != routes.FindInPath || !r.Writes() {
			t.Errorf("%s %s reads texts for commands and is no write in a project or group", r.Method, r.Path)
		}
	}
}
