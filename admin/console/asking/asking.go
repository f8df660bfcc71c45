// Package asking has the texts of the pages that ask before something is done to a token.
package asking

import (
	"strconv"
	"time"

	"patgate/admin/console/rows"
	"patgate/admin/terms"
	"patgate/token"
)

// Page asks before something is done to a token.
type Page struct {
	Action, Title, Text, Button string
	Token                       rows.Token
	Danger                      bool
	Credential                  bool // the forge credential is asked for
	Reason                      bool // a reason may be given
	Grace                       bool // a grace may be given
	Values                      map[string]string
	Problems                    map[string][]string
	MaxGrace, MaxLifetime       string
	Back                        []rows.Scope // what an undo gives back
	Children                    int64
}

// Of gives the page of an action: revoke, pause, resume, confirm, undo or rotate.
func Of(action string) Page {
	p := Page{Action: action, Values: map[string]string{}, Problems: map[string][]string{}}
	switch action {
	case "revoke":
		p.Title, p.Button, p.Danger, p.Reason = "Revoke this token?", "Revoke token", true, true
		p.Text = "It stops working at once, for good, and with it every token that it made. This cannot be undone."
	case "pause":
		p.Title, p.Button, p.Reason = "Pause this token?", "Pause token", true
		p.Text = "It stops working at once, until you resume it."
	case "resume":
		p.Title, p.Button, p.Credential = "Resume this token?", "Resume token", true
		p.Text = "It works again at once."
	case "confirm":
		p.Title, p.Button, p.Credential = "Confirm newer endpoints?", "Confirm", true
		p.Text = "Since this token was made, new endpoints were added under its permissions. It does not reach them until " +
			"you confirm."
	case "undo":
		p.Title, p.Button = "Undo the narrowing?", "Give it back"
		p.Text = "It gets back what it could do before it was last narrowed, and nothing else. Its expiry stays as it is, " +
			"and tokens that it made and that ended with the narrowing stay ended."
	case "rotate":
		p.Title, p.Button, p.Credential, p.Grace = "Rotate this token", "Rotate token", true, true
		p.Text = "You get a new secret for the same name and scopes. The old one ends at once, or after the grace period " +
			"that you give."
	}
	return p
}

// SameLife gives the lifetime that a token had, for one that takes its place, and at most the longest.
func SameLife(r *token.Record, longest time.Duration) string {
	const day = 24
	hours := int64(r.ExpiresAt.Sub(r.CreatedAt).Hours() + 0.5)
	switch hours = min(hours, int64(longest.Hours())); {
	case hours >= day:
		return strconv.FormatInt(hours/day, 10) + "d"
	case hours >= 1:
		return strconv.FormatInt(hours, 10) + "h"
	}
	return terms.WriteSpan(r.ExpiresAt.Sub(r.CreatedAt).Round(time.Minute))
}
