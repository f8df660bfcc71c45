package forgetest

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
)

// SetReleaseLink makes downloads of a project's release assets redirect to an address, as GitLab does with links.
func (f *Forge) SetReleaseLink(projectID int64, address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.projects[projectID].releaseLink = address
}

// serveWeb answers those of GitLab's web paths that take a personal access token; false is any other path. Whether a token is
// looked for at all is told by parts of the path, as in GitLab (lib/gitlab/auth/auth_finders.rb, 19.3).
func (f *Forge) serveWeb(w http.ResponseWriter, r *http.Request, rec *record, raw string) bool {
	path, err := url.PathUnescape(raw)
	if err != nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	container, rest, found := strings.Cut(strings.TrimPrefix(path, "/"), "/-/")
	feed := strings.HasSuffix(path, ".atom") || strings.HasSuffix(path, ".ics") || r.URL.RawQuery == "format=atom" ||
		strings.Contains(r.Header.Get("Accept"), "atom")
	if !found && !feed {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &call{f: f, r: r, rec: rec, path: params{}, params: params{}, rails: params{}}
	if strings.Contains(path, "/-/archive/") || strings.Contains(path, "/downloads/") &&
		!strings.Contains(path, "/permalink/latest") || feed {
		var a answer
		var halted bool
		func() {
			defer c.caught(&a, &halted)
			c.authenticate(false)
		}()
		if halted {
			c.user = nil // a token that is no good is none
		}
	}
	if group, isGroup := strings.CutPrefix(container, "groups/"); isGroup {
		g := f.world.groupByPath(group)
		if g == nil || !f.world.canReadGroup(g, c.user) {
			http.Redirect(w, r, f.external+"/users/sign_in", http.StatusFound)
			return true
		}
		writeFeed(w, rest, fmt.Sprintf("group %d", g.id), "")
		return true
	}
	p := f.world.projectByPath(strings.TrimSuffix(container, ".atom"))
	if moved := f.world.projects[f.world.moved[strings.ToLower(container)]]; p == nil && moved != nil {
		http.Redirect(w, r, f.external+"/"+f.world.projectPath(moved)+"/-/"+rest, http.StatusFound)
		return true
	}
	if p == nil || !f.world.canReadProject(p, c.user) {
		http.Redirect(w, r, f.external+"/users/sign_in", http.StatusFound)
		return true
	}
	http.SetCookie(w, &http.Cookie{Name: "_gitlab_session", Value: "0123456789abcdef0123456789abcdef"})
	switch {
	case strings.HasPrefix(rest, "releases/") && strings.Contains(rest, "/downloads/"):
		http.Redirect(w, r, p.releaseLink, http.StatusFound)
	case strings.HasPrefix(rest, "archive/"):
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = fmt.Fprintf(w, "archive %s of project %d\n", strings.TrimPrefix(rest, "archive/"), p.id)
	default:
		writeFeed(w, rest, fmt.Sprintf("project %d", p.id), c.render(p.description))
	}
	return true
}

// writeFeed answers with a calendar, or with an Atom feed of one entry whose text is rendered.
func writeFeed(w http.ResponseWriter, name, container, rendered string) {
	if strings.HasSuffix(name, ".ics") {
		w.Header().Set("Content-Type", "text/calendar")
		_, _ = fmt.Fprintf(w, "feed %s of %s\n", name, container)
		return
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>feed %s of %s</title>
<entry><title>the entry</title><content type="html">%s</content></entry></feed>
`, html.EscapeString(name), container, html.EscapeString(rendered))
}
