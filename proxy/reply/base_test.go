package reply

import "testing"

func TestABaseIsAnOriginWithAPlainPath(t *testing.T) {
	for address, want := range map[string]bool{
		"https://git.example.com": true, "http://git.example.com:8080/gitlab": true, "https://[::1]/a/b-c_d.e~f": true,
		"": false, "git.example.com": false, "ftp://git.example.com": false, "https://": false, "https:///gitlab": false,
		"https://git.example.com/": false, "https://git.example.com//a": false, "https://git.example.com/a/..": false,
		"https://git.example.com/%61": false, "https://git.example.com/a?b": false, "https://u:p@git.example.com": false,
	} {
		t.Run(address, func(t *testing.T) {
			if _, ok := ParseBase(address); ok != want {
				t.Errorf("got %t", ok)
			}
		})
	}
}

// TestLinksOfAForgeUnderAPath: what lies beside the forge on the same host is another's.
func TestLinksOfAForgeUnderAPath(t *testing.T) {
	const origin = "https://git.example.com"
	const client = "http://10.0.0.1:8080/gitlab"
	plain := NewLinks("https://p", origin+"/gitlab", "http://old.example/git")
	keeps := NewLinks("https://p/gitlab", origin+"/gitlab")
	asked := NewLinks("", origin+"/gitlab")
	above := NewLinks("https://p/git", "http://gitea:3000", "https://p/git")
	for _, c := range []struct {
		name  string
		links *Links
		in    string
		want  string
		leads Destination
	}{
		{"the path is taken off", plain, origin + "/gitlab/api/v4/x?y", "https://p/api/v4/x?y", LeadsHere},
		{"the path alone", plain, origin + "/gitlab", "https://p", LeadsHere},
		{"another name with another path", plain, "http://old.example/git/x", "https://p/x", LeadsHere},
		{"an address without a host", plain, "/gitlab/x", "/x", LeadsHere},
		{"the path without a host", plain, "/gitlab", "/", LeadsHere},
		{"a neighbour", plain, origin + "/jira/x", origin + "/jira/x", LeadsAway},
		{"a neighbour without a host", plain, "/jira/x", "/jira/x", LeadsAway},
		{"a longer name", plain, origin + "/gitlab2/x", origin + "/gitlab2/x", LeadsAway},
		{"the host alone", plain, origin, origin, LeadsAway},
		{"the path of the other name", plain, "https://old.example/gitlab", "https://old.example/gitlab", LeadsAway},
		{"clients keep the path", keeps, origin + "/gitlab/x", "https://p/gitlab/x", LeadsHere},
		{"clients keep the path without a host", keeps, "/gitlab/x", "/gitlab/x", LeadsHere},
		{"as the client came", asked, origin + "/gitlab/x", client + "/x", LeadsHere},
		{"a path in front of patgate alone", above, "https://p/git/x", "https://p/git/x", LeadsHere},
		{"and the forge's own name", above, "http://gitea:3000/x", "https://p/git/x", LeadsHere},
		{"and no name", above, "/x", "/git/x", LeadsHere},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(c.links.AppendLocation(nil, []byte(c.in), []byte(client))); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := c.links.Destination([]byte(c.in)); got != c.leads {
				t.Errorf("leads to %d, want %d", got, c.leads)
			}
		})
	}
}

// TestARedirectInCirclesIsFound: the same target at another scheme or name of the forge's.
func TestARedirectInCirclesIsFound(t *testing.T) {
	l := NewLinks("https://p", "http://git.example.com/gitlab", "https://gitlab.example.com/gitlab")
	for value, want := range map[string]bool{
		"https://git.example.com/gitlab/x?y":    true,
		"https://gitlab.example.com/gitlab/x?y": true,
		"http://git.example.com/gitlab/x?y":     false, // the forge itself: perhaps after a cookie
		"https://git.example.com/gitlab/x":      false,
		"https://git.example.com/x?y":           false,
		"https://other.example/gitlab/x?y":      false,
		"/gitlab/x?y":                           false,
		"https://p/x?y":                         true, // patgate itself
		"https://p/x":                           false,
		"https://p2/x?y":                        false,
	} {
		if got := l.repeats([]byte(value), []byte("GET /gitlab/x?y HTTP/1.1\r\n"), nil); got != want {
			t.Errorf("%s: %t", value, got)
		}
	}
}
