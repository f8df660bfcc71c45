package params

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
)

// A set that remembers parameters of other requests gives what one gives that remembers nothing.
func TestMemoChangesNothing(t *testing.T) {
	declared := map[string]routes.ParamRule{"per_page": routes.ParamPass, "classifiers": routes.ParamRepeat, "secret": routes.ParamRefuse,
		"milestone_id": routes.ParamPass, "job_name": routes.ParamPass}
	rows := []*routes.Route{plainRow(nil), plainRow(declared), plainRow(declared), plainRow(map[string]routes.ParamRule{"*": routes.ParamPass})}
	rows[2].Targets = []routes.Target{{Param: "to_project_id", Ref: routes.RefProject}, {Param: "owner", Ref: routes.RefUser, Before: ":"}}
	rows[2].Force = []routes.Forced{{Name: "with_shared", Value: "false"}}
	rows[3].Path = "/projects/{project}/jobs/{job_name}"
	rows[3].Texts = []routes.TextField{{Param: "description"}}
	captures := [][]routes.Capture{
		projectPath("7"), projectPath("group/project"), nil,
		{{Name: "project", Ref: routes.RefGroup, Value: []byte("7")}},
		{{Name: "project", Ref: routes.RefProject, Value: []byte("me/it"), Named: true}},
	}
	pairs := []string{"per_page=20", "per_page=100", "per_page", "page=2", "id=7", "id=8", "project_id=7", "project_id=8", "group_id=7", "project=7",
		"project=group/project", "user_id=7", "job_name=test", "job_name=deploy", "classifiers=a", "classifiers=b", "classifiers[]=c", "secret=1", "milestone_id=4",
		"other_id=4", "search=a+b", "search=a%20b", "p%61ge=2", "to_project_id=9", "to_project_id[]=9", "owner=me:x", "owner=x", "with_shared=false",
		"with_shared=true", "sudo=1", "description=/close", "labels[]=x", "labels[a]=x", "x.y=1", "", "=", "=1", "private_token=patgate_0123456789abcdefghij"}
	const rounds = 40_000
	random := rand.New(rand.NewPCG(1, 2))
	remembering, plain := &Set{Memo: new(Memo)}, &Set{}
	passed, recalled := 0, 0
	for range rounds {
		row, path := rows[random.IntN(len(rows))], captures[random.IntN(len(captures))]
		if row == rows[3] {
			path = append(slices.Clone(path), routes.Capture{Name: "job_name", Value: []byte("test")})
		}
		query := make([]string, random.IntN(4))
		for i := range query {
			query[i] = pairs[random.IntN(len(pairs))]
		}
		raw := strings.Join(query, "&")
		for _, q := range query {
			if q == "" {
				continue
			}
			if k := remembering.Memo.pairs.Find([]byte(q)); k != nil && k.route == row {
				recalled++
			}
		}
		var got [2]string
		for i, s := range []*Set{remembering, plain} {
			got[i] = outcomeOf(s, row, path, raw)
		}
		if got[0] != got[1] {
			t.Fatalf("%s, %v, %q:\nremembering %s\nplain       %s", row.Path, path, raw, got[0], got[1])
		}
		if strings.HasPrefix(got[0], "sent") {
			passed++
		}
	}
	if passed < rounds/10 || recalled < rounds/10 {
		t.Errorf("only %d passed, and %d parameters were recalled", passed, recalled)
	}
}

// outcomeOf tells everything that a set says of a query.
func outcomeOf(s *Set, row *routes.Route, path []routes.Capture, raw string) string {
	s.Reset(row, slices.Clone(path))
	if err := s.Query([]byte(raw)); err != nil {
		return err.Error()
	}
	if err := s.Complete(); err != nil {
		return err.Error()
	}
	replacements := make([][]byte, len(s.Targets))
	for i := range replacements {
		replacements[i] = fmt.Appendf(nil, "%d", 1000+i)
	}
	if err := s.Resolve(7, replacements); err != nil {
		return err.Error()
	}
	query, err := s.AppendQuery(nil)
	return fmt.Sprintf("sent %s %v, %d undeclared, %d targets, %d commands, owner %v", query, err, s.Undeclared, len(s.Targets), len(s.Commands), s.NamesOwner)
}
