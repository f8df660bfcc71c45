package proxy

import (
	"testing"

	"patgate/policy"
)

// A row of the user boundary may have a project in its path, or find by a look-up whether an object is the owner's.
func TestRowsOfTheAccount(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	account := g.mint(t, nil, policy.ScopeSpec{Access: "user", Permissions: []string{"update_notification_setting", "read_snippet"}})
	project := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"read_job"}})

	for _, c := range []struct {
		name, token, method, target string
		status                      int
		sent                        string
	}{
		{"the owner's settings for a project go by its id", account, "PUT", "/api/v4/projects/group%2Fgranted/notification_settings", 200, "/api/v4/projects/7/notification_settings"},
		{"a token without the permission", project, "PUT", "/api/v4/projects/7/notification_settings", 403, ""},
		{"a project that the owner cannot see", account, "PUT", "/api/v4/projects/group%2Fnowhere/notification_settings", 403, ""},
		{"a snippet that is the owner's", account, "GET", "/api/v4/snippets/5", 200, "/api/v4/snippets/5"},
		{"a snippet that nobody finds", account, "GET", "/api/v4/snippets/6", 403, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(upstream.requests())
			g.raw(t, request(c.method, c.target, "", "PRIVATE-TOKEN: "+c.token, "Connection: close")).wants(t, c.status)
			got := upstream.requests()[before:]
			if c.sent == "" && len(got) != 0 {
				t.Fatalf("the forge was asked for %s", got[0].target)
			}
			if c.sent != "" && (len(got) != 1 || got[0].target != c.sent) {
				t.Fatalf("the forge got %v, want %s", got, c.sent)
			}
		})
	}
}
