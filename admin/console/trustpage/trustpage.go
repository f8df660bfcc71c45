// Package trustpage puts trusts into the words of the console's pages.
package trustpage

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"patgate/admin/console/picker"
	"patgate/admin/console/rows"
	"patgate/admin/console/words"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/admin/trustwatch"
	"patgate/store"
	"patgate/token"
	"patgate/trust"
)

// List is the table of trusts.
type List struct {
	Everyone, Admin bool
	Stale           bool // the files, as they are now, are not in force
	Trusts          []Row
}

// Row is one trust.
type Row struct {
	Name, Description, Issuer, Owner string
	File                             string // and its line; empty when no file has it any more
	State, StateWords, Reason        string // as those of a token
	Alive, Most                      int
	Differs                          []string
	Own                              bool
}

// Page is one trust with all there is to know.
type Page struct {
	Row
	Stale       bool
	Kind, URL   string // of the issuer
	Audience    string
	Match, Deny []trust.Clause
	Grant       []rows.Scope
	Facts       []Fact
	Tokens      []TokenRow
	Came        []CameRow
	AllowedBy   string
	Allowed     rows.Moment
	CanRevoke   bool
	Why         string // as it was typed
	Problems    []string
}

// Fact is a line of facts.
type Fact struct{ Name, Words string }

// TokenRow is a token that the trust has given and that is alive.
type TokenRow struct {
	ID                         int64
	Name, LastFour, Claims     string
	State, StateWords, Reason  string
	Created, Expires, LastUsed rows.Moment
}

// CameRow is an outcome of ID tokens.
type CameRow struct {
	Words, Claim, Claims string
	Given                bool
	Times                int64
	Last                 rows.Moment
}

// tokensShown is how many tokens of a trust its page shows.
const tokensShown = 20

// Of gives the table of a caller's trusts, or of everyone's.
func Of(ctx context.Context, s *trustwatch.Service, c *tokens.Owner, everyone, admin bool) (*List, error) {
	all, err := s.List(ctx, c, everyone)
	if err != nil {
		return nil, err
	}
	p := &List{Everyone: everyone, Admin: admin, Stale: s.Stale()}
	for _, t := range all {
		p.Trusts = append(p.Trusts, rowOf(t))
	}
	return p, nil
}

func rowOf(t *trustwatch.One) Row {
	r := Row{Name: t.Name, Alive: t.Alive, Differs: t.Differs, Own: t.Own, Issuer: t.Rules.Issuer, Most: t.Rules.MaxActive}
	if p := t.Policy; p != nil {
		r.Description, r.Owner = p.Description, p.Owner
		r.File = filepath.Base(p.Source.File) + ":" + strconv.Itoa(p.Source.Line)
	}
	if t.Allowed != nil {
		r.Owner = t.Allowed.Owner.Username
	}
	r.State, r.StateWords, r.Reason = state(t)
	return r
}

// state says how a trust stands, with a badge of tokens.
func state(t *trustwatch.One) (badge, text, why string) {
	switch t.Standing {
	case trustwatch.Open:
		return "active", "Gives tokens", ""
	case trustwatch.Unallowed:
		return "paused", "Not allowed yet", "It gives no tokens until its owner allows it: patgate trust allow " + t.Name
	case trustwatch.OtherOwner:
		return "paused", "Another owner", "Its file names " + t.Policy.Owner + " as its owner, who has not allowed it: it " +
			"gives no tokens"
	case trustwatch.Widened:
		return "credential_invalid", "Wider than allowed", "Its file reaches further than its owner has allowed: it gives no " +
			"tokens until that is allowed: patgate trust allow " + t.Name
	case trustwatch.Paused:
		return "paused", "Paused", "Its file says mode: paused"
	case trustwatch.Audit:
		return "paused", "Audit", "Its file says mode: audit: it gives no tokens, and logs what it would match"
	}
	return "expired", "No file", "No file has it any more: it gives no tokens. Those that it gave end by themselves, or " +
		"are revoked here"
}

// Show is what a page needs to know to show a trust.
type Show struct {
	Catalogue *picker.Catalogue
	Names     func([]store.Place) store.Named
	Now       time.Time
}

// Find gives the page of one trust.
func Find(ctx context.Context, s *trustwatch.Service, c *tokens.Owner, name string, show Show) (*Page, error) {
	t, err := s.Find(ctx, c, name)
	if err != nil {
		return nil, err
	}
	p := &Page{Row: rowOf(t), Stale: s.Stale(), Audience: s.Audience(name), Kind: t.Rules.Kind.String(), URL: t.Rules.URL,
		CanRevoke: t.Allowed != nil}
	p.Match, p.Deny = t.Rules.Asks()
	granted := tokens.Inspected{Listed: store.Listed{Record: token.Record{Scopes: t.Power},
		Names: show.Names(store.PlacesOf(t.Power))}}
	p.Grant = rows.Scopes(&granted, false, show.Catalogue, show.Now)
	p.Facts = facts(t.Rules)
	if keys := t.Rules.Keys; keys != "" {
		p.Facts = append(p.Facts, Fact{"Keys of the issuer", keys})
	}
	if t.Allowed != nil {
		p.Allowed, p.AllowedBy = rows.At(t.Allowed.AllowedAt, show.Now), t.Allowed.Owner.Username
	}
	alive, err := s.Alive(ctx, c, name, tokensShown)
	if err != nil {
		return nil, err
	}
	for i := range alive {
		p.Tokens = append(p.Tokens, tokenOf(&alive[i], show.Now))
	}
	for _, o := range t.Came {
		p.Came = append(p.Came, CameRow{Words: said(o.Reason, o.Direct), Claim: o.Claim, Claims: o.Claims, Given: o.Reason == "",
			Times: o.Times, Last: rows.At(o.Last, show.Now)})
	}
	return p, nil
}

func tokenOf(l *trustwatch.Made, now time.Time) TokenRow {
	state, reason := l.State(now)
	return TokenRow{
		ID:         l.ID,
		Name:       l.Name,
		LastFour:   l.LastFour,
		Claims:     l.Claims,
		State:      state,
		StateWords: words.State(state),
		Reason:     reason,
		Created:    rows.At(l.CreatedAt, now),
		Expires:    rows.At(l.ExpiresAt, now),
		LastUsed:   rows.At(l.LastUsedAt, now),
	}
}

// facts says for how long a trust gives tokens, and how many.
func facts(r *trust.Rules) []Fact {
	yes := func(is bool, one, other string) string {
		if is {
			return one
		}
		return other
	}
	return []Fact{
		{"Lives", terms.WriteSpan(r.TTL) + yes(r.BindToJob, ", and no longer than the ID token", ", even when the ID token "+
			"has expired")},
		{"Traded", yes(r.SingleUse, "each ID token once", "an ID token again and again")},
		{"Sent itself", yes(r.DirectUse, "the ID token may stand wherever a token may", "no: it has to be traded")},
		{"Alive at once", strconv.Itoa(r.MaxActive) + " at most"},
	}
}

// said puts a reason into words.
func said(reason string, direct bool) string {
	text := map[string]string{
		"":                  "Given",
		"form":              "Not an ID token that can be read",
		"header":            "Something in its header is not accepted",
		"unreadable_claims": "Claims that can be read in two ways",
		"unknown_issuer":    "From an unknown issuer",
		"unknown_key":       "Signed by a key that the issuer does not have",
		"keys_unavailable":  "The keys of the issuer could not be read",
		"signature":         "Not signed by the issuer",
		"time":              "Expired, not valid yet, or too old",
		"audience":          "Made for another audience",
		"issuer":            "From another issuer than the trust’s",
		"claims":            "A claim does not match",
		"audit":             "Matches, but the trust only audits",
		"paused":            "Matches, but the trust is paused",
		"no_jti":            "Has no jti, and the trust takes each once",
		"used":              "Traded before",
		"max_active":        "Too many of its tokens are alive",
		"not_allowed":       "Not allowed by its owner",
		"widened":           "The file reaches further than was allowed",
		"owner_credential":  "The owner’s forge credential was refused",
		"not_direct":        "Sent itself, which the trust does not allow",
		"narrowed":          "The trust gives less than when it was first seen",
		"revoked":           "Its token was revoked or paused",
		"changed":           "The trust or its issuer was changed meanwhile",
		"failed":            "patgate, the forge or the store failed",
	}[reason]
	if text == "" {
		text = strings.ReplaceAll(reason, "_", " ")
	}
	if direct {
		text += " (sent itself)"
	}
	return text
}
