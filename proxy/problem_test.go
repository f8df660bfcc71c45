package proxy

import (
	"testing"
)

// A denial is problem details (RFC 9457) for a client that takes anything, and plain JSON for one that asks for that.
func TestTheLabelOfADenialFollowsAccept(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), nil)
	for _, c := range []struct{ name, accept, want string }{
		{"no Accept", "", "application/problem+json"},
		{"anything", "Accept: */*", "application/problem+json"},
		{"problem details", "Accept: application/problem+json", "application/problem+json"},
		{"JSON", "Accept: application/json", "application/json"},
		{"JSON before anything", "Accept: application/json, text/plain, */*", "application/json"},
		{"something else", "Accept: text/html", "application/json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"PRIVATE-TOKEN: " + g.token, "Connection: close"}
			if c.accept != "" {
				headers = append(headers, c.accept)
			}
			a := g.raw(t, get("/api/v4/projects/8/jobs", headers...))
			a.wants(t, 403, `"error":"insufficient_granular_scope"`, "read_job")
			if got := a.header.Get("Content-Type"); got != c.want {
				t.Errorf("labelled %s, want %s", got, c.want)
			}
		})
	}
	t.Run("what is no denial keeps its label", func(t *testing.T) {
		a := g.raw(t, get("/api/v4/./projects", "PRIVATE-TOKEN: "+g.token, "Connection: close"))
		a.wants(t, 400)
		if got := a.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("labelled %s", got)
		}
	})
}
