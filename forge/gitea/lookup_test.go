package gitea

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"patgate/forge"
	"patgate/routes"
	"patgate/routes/load"
)

func TestLookup(t *testing.T) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		target, method, asked string
		status                int
		body                  string
		projects, groups      []int64
		err                   error
	}{
		"a team":                          {"/api/v1/teams/7/members", "GET", "/api/v1/teams/7", 200, `{"id":7,"organization":{"id":4,"username":"acme"}}`, nil, []int64{4}, nil},
		"a team that the owner is not in": {"/api/v1/teams/7/members", "GET", "/api/v1/teams/7", 403, `{"message":"Must be a team member"}`, nil, nil, nil},
		"a team that is not there":        {"/api/v1/teams/7/members", "GET", "/api/v1/teams/7", 404, `{}`, nil, nil, nil},
		"a credential without the scope": {"/api/v1/teams/7/members", "GET", "/api/v1/teams/7", 403,
			`{"message":"token does not have at least one of required scope(s), required=[read:organization], token scope=read:user"}`, nil, nil, forge.ErrCredential},
		"an answer without an organization's id": {"/api/v1/teams/7/members", "GET", "/api/v1/teams/7", 200, `{"id":7,"organization":{"id":"4"}}`, nil, nil, forge.ErrUnavailable},
		"a notification":                         {"/api/v1/notifications/threads/3", "PATCH", "/api/v1/notifications/threads/3", 200, `{"id":3,"repository":{"id":9}}`, []int64{9}, nil, nil},
		"the branch of a pull request, in a repository named by two segments": {"/api/v1/repos/acme/my.app/pulls/2/update", "POST", "/api/v1/repos/acme/my.app/pulls/2", 200,
			`{"id":11,"head":{"repo":{"id":5}}}`, []int64{5}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.RequestURI != c.asked || r.Method != http.MethodGet {
					t.Errorf("asked for %s %s", r.Method, r.RequestURI)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			op := &routes.Operation{}
			if err := table.Classify(op, c.method, []byte(c.target)); err != nil {
				t.Fatal(err)
			}
			got, err := r.Lookup(t.Context(), session(7, "ada", secret), op.Route, op)
			if !errors.Is(err, c.err) || !slices.Equal(got.Projects, c.projects) || !slices.Equal(got.Groups, c.groups) || got.Found != (c.projects != nil || c.groups != nil) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
