package proposal

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/learning"
	"patgate/policy"
)

// Picked is what was chosen on the page of a proposal.
type Picked struct {
	Days int
	Said learning.Choices
	Do   string // the button that was pressed
}

// Window is a number of days back.
type Window struct {
	Days   int
	Chosen bool
}

// windows are the numbers of days that one may choose; the second is where a page begins.
var windows = [...]int{7, 30, 60, 90}

// Pick reads what was chosen. days, a button, goes before window, the earlier choice. Only a form of the session's own can tick
// boxes: a link only says how many days to look back.
func Pick(form url.Values, own bool, known func(permission string) bool) (p Picked) {
	p.Days = windows[1]
	for _, name := range []string{"window", "days"} {
		if n, err := strconv.Atoi(form.Get(name)); err == nil && slices.Contains(windows[:], n) {
			p.Days = n
		}
	}
	if !own {
		return p
	}
	p.Do = form.Get("do")
	for name := range strings.SplitSeq(strings.Join(form["accept"], ","), ",") {
		if known(name) && !slices.Contains(p.Said.Accept, name) {
			p.Said.Accept = append(p.Said.Accept, name)
		}
	}
	for name := range form {
		text, ok := strings.CutPrefix(name, "group-")
		if id, err := strconv.ParseInt(text, 10, 64); ok && err == nil && form.Get(name) == "group" {
			p.Said.Groups = append(p.Said.Groups, id)
		}
	}
	slices.Sort(p.Said.Groups)
	p.Said.Suspect = form.Get("suspect") == "yes"
	return p
}

// Windows gives the numbers of days that one may choose.
func (p *Picked) Windows() (all []Window) {
	for _, days := range windows {
		all = append(all, Window{days, days == p.Days})
	}
	return all
}

// Wanted gives the scopes with which a button has the form filled in; none for any other button.
func (p *Picked) Wanted(made *learning.Proposed) []policy.ScopeSpec {
	half, divided := strings.CutPrefix(p.Do, "form-")
	n, err := strconv.Atoi(half)
	switch {
	case p.Do == "form":
		return made.Scopes
	case divided && err == nil && n >= 1 && n <= len(made.Split):
		return made.Split[n-1]
	}
	return nil
}

// Flags are those with which the command line makes the same.
func (p *Picked) Flags(made *learning.Proposed) string {
	text := fmt.Sprintf(" --since %dd", p.Days)
	if len(p.Said.Accept) > 0 {
		text += " --accept " + strings.Join(p.Said.Accept, ",")
	}
	if groups := p.Said.GroupList(); groups != "" {
		text += " --group " + groups
	}
	if p.Said.Suspect {
		text += " --accept-suspect"
	}
	return text + " --expires " + made.Suggested.ExpiresIn
}
