package api

import (
	"time"

	"patgate/admin/marks"
	"patgate/admin/names"
	"patgate/policy"
	"patgate/store"
	"patgate/token"
	"patgate/token/limits"
)

// Token is a token as GitLab shows it (lib/api/entities/personal_access_token, 19.3), followed by fields of ours. The
// commands print it as JSON too.
type Token struct {
	ID             int64      `json:"id"`
	Name           string     `json:"name"`
	Revoked        bool       `json:"revoked"`
	CreatedAt      time.Time  `json:"created_at"`
	Description    string     `json:"description"`
	Scopes         []string   `json:"scopes"`
	UserID         int64      `json:"user_id"`
	LastUsedAt     *time.Time `json:"last_used_at"`
	LastUsedIPs    []string   `json:"last_used_ips"`
	Active         bool       `json:"active"`
	ExpiresAt      string     `json:"expires_at"` // a date, at whose first moment the token is certainly over
	Granular       bool       `json:"granular"`
	GranularScopes []Scope    `json:"granular_scopes"`
	// Limits are the conditions under which it may be used; null: none.
	Limits *limits.Spec `json:"limits"`
	// LimitsUsed is how much of the limits was used, in the answer that shows one token; null where they bound no sum.
	LimitsUsed *limits.Used `json:"limits_used"`
	// Token is the secret, in the answer that makes it.
	Token string `json:"token,omitempty"`

	ExpiresAtTime time.Time `json:"expires_at_time"` // to the moment
	RenewUntil    time.Time `json:"renew_until"`
	// Mode is report in report mode, else enforce. ReportFrom is when report mode first began, and ReportUntil its end, which may
	// be in the past.
	Mode        string     `json:"mode"`
	ReportFrom  *time.Time `json:"report_from"`
	ReportUntil *time.Time `json:"report_until"`
	State       string     `json:"state"` // active, expired, revoked, paused, credential_invalid
	StateReason string     `json:"state_reason,omitempty"`
	Username    string     `json:"username"`
	Uses        int64      `json:"uses"`
	// BlastRadius says how much a thief of the token could do: the projects that it reaches, times the weight of its
	// permissions, times the days of its life. It is null until the token was judged.
	BlastRadius *int64 `json:"blast_radius"`
	// BlastRadiusParts are what it is made of.
	BlastRadiusParts *marks.Radius `json:"blast_radius_parts,omitempty"`
	// Reaches is what lets it reach the place that a list is narrowed to: named, group_above, may (everything that its owner has
	// access to, or the owner's own projects), report_mode.
	Reaches      string `json:"reaches,omitempty"`
	LastFour     string `json:"last_four"`
	TableVersion int    `json:"table_version"`
	CredentialID int64  `json:"credential_id"`
	ParentID     *int64 `json:"parent_id"`
	FamilyID     int64  `json:"family_id"`
	// Revision moves with every edit and rotation. An edit that names another one than the token has is refused.
	Revision     int64      `json:"revision"`
	RotatedTo    *int64     `json:"rotated_to"`
	RevokedAt    *time.Time `json:"revoked_at"`
	RevokedBy    string     `json:"revoked_by,omitempty"`
	RevokeReason string     `json:"revoke_reason,omitempty"`
	PausedAt     *time.Time `json:"paused_at"`
	PausedBy     string     `json:"paused_by,omitempty"`
	PauseReason  string     `json:"pause_reason,omitempty"`
	// CredentialReason is why the forge credential that the token is bound to is not valid, while it is not.
	CredentialReason string `json:"credential_reason,omitempty"`

	// Managed is the file of policy as code that keeps the token; it is left out for one that was made by hand.
	Managed *Managed `json:"managed,omitempty"`

	Warnings []string `json:"warnings,omitempty"`
	// Places are the projects and groups that the scopes name. They are left out in answers to a token.
	Places  []Place `json:"places,omitempty"`
	Widened *bool   `json:"widened,omitempty"`
	// RevokedTokens are the tokens below it that an edit ended.
	RevokedTokens []int64 `json:"revoked_tokens,omitempty"`
}

// Managed says which file a token is kept by, and what was changed by hand since it was applied.
type Managed struct {
	Set     string             `json:"set"`
	File    string             `json:"file"`
	Name    string             `json:"name"` // of its document
	Differs []token.Difference `json:"differs"`
}

// managed shows the file that a token is kept by; nil when there is none.
func managed(r *token.Record) *Managed {
	if r.Managed == nil {
		return nil
	}
	m := &Managed{Set: r.Managed.Set, File: r.Managed.File, Name: r.Managed.Name, Differs: r.Differences()}
	if m.Differs == nil {
		m.Differs = []token.Difference{}
	}
	return m
}

// Place is a project or group with its name when a credential of the token's owner last saw it.
type Place struct {
	Kind string     `json:"kind"` // project or group
	ID   int64      `json:"id"`
	Path string     `json:"path"` // full path; empty: it was never seen
	Seen *time.Time `json:"seen"` // null: never
	Gone *time.Time `json:"gone"` // since when it is not there, or not for the owner; null: it is there as far as is known
}

// places shows what scopes name; none to a reader who is not told.
func places(specs []policy.ScopeSpec, named store.Named) (views []Place) {
	if named == nil {
		return nil
	}
	had := map[store.Place]bool{}
	for _, p := range store.PlacesOf(specs) {
		if !had[p] {
			had[p] = true
			n := named[p]
			views = append(views, Place{names.Kind(p.Kind), p.ID, n.Path, orNull(n.Seen), orNull(n.Gone)})
		}
	}
	return views
}

// Scope is a scope as GitLab's answers have it: one project or group to an entry.
type Scope struct {
	Access      string                 `json:"access"`
	Permissions []string               `json:"permissions"`
	ProjectID   *int64                 `json:"project_id"`
	GroupID     *int64                 `json:"group_id"`
	Constraints *policy.ConstraintSpec `json:"constraints,omitempty"`
}

func viewScopes(specs []policy.ScopeSpec) []Scope {
	views := []Scope{}
	for i := range specs {
		s := &specs[i]
		v := Scope{Access: s.Access, Permissions: s.Permissions}
		if !s.Constraints.Empty() {
			v.Constraints = &s.Constraints
		}
		for _, id := range s.ProjectIDs {
			v.ProjectID = &id
			views = append(views, v)
		}
		v.ProjectID = nil
		for _, id := range s.GroupIDs {
			v.GroupID = &id
			views = append(views, v)
		}
		if len(s.ProjectIDs)+len(s.GroupIDs) == 0 {
			views = append(views, v)
		}
	}
	return views
}

// judged gives a token's blast radius; nil while it was not judged.
func judged(l *store.Listed) *int64 {
	if l.Kept.Under == 0 {
		return nil
	}
	return &l.Kept.Reach
}

// View shows a token as it is at that time.
func View(l *store.Listed, now time.Time) *Token {
	state, reason := l.State(now)
	broken := ""
	if l.Credential == store.CredentialInvalid {
		broken = l.CredentialReason
	}
	var limited *limits.Spec
	if !l.Limits.Empty() {
		limited = &l.Limits
	}
	mode := "enforce"
	if l.Reports(now) {
		mode = "report"
	}
	ips := l.Addresses
	if ips == nil {
		ips = []string{}
	}
	return &Token{
		ID:               l.ID,
		Name:             l.Name,
		Revoked:          !l.RevokedAt.IsZero(),
		CreatedAt:        l.CreatedAt,
		Description:      l.Description,
		Scopes:           []string{"granular"},
		UserID:           l.Owner.UserID,
		LastUsedAt:       orNull(l.LastUsedAt),
		LastUsedIPs:      ips,
		Active:           state == "active",
		ExpiresAt:        lastDay(l.ExpiresAt),
		Granular:         true,
		GranularScopes:   viewScopes(l.Scopes),
		Limits:           limited,
		LimitsUsed:       l.LimitUse,
		ExpiresAtTime:    l.ExpiresAt,
		RenewUntil:       l.RenewUntil,
		Mode:             mode,
		ReportFrom:       orNull(l.ReportFrom),
		ReportUntil:      orNull(l.ReportUntil),
		State:            state,
		StateReason:      reason,
		Username:         l.Owner.Username,
		Uses:             l.Uses,
		BlastRadius:      judged(l),
		LastFour:         l.LastFour,
		TableVersion:     l.TableVersion,
		CredentialID:     l.CredentialID,
		ParentID:         orNull(l.ParentID),
		FamilyID:         l.FamilyID,
		Revision:         l.Revision,
		RotatedTo:        orNull(l.RotatedTo),
		RevokedAt:        orNull(l.RevokedAt),
		RevokedBy:        l.RevokedBy,
		RevokeReason:     l.RevokeReason,
		PausedAt:         orNull(l.PausedAt),
		PausedBy:         l.PausedBy,
		PauseReason:      l.PauseReason,
		CredentialReason: broken,
		Managed:          managed(&l.Record),
		Places:           places(l.Scopes, l.Names),
	}
}

// lastDay gives the date at whose first moment UTC the time is reached or past, as GitLab's expiry dates are read.
func lastDay(t time.Time) string {
	t = t.UTC()
	day := t.Truncate(24 * time.Hour)
	if t.After(day) {
		day = day.Add(24 * time.Hour)
	}
	return day.Format(time.DateOnly)
}

// orNull gives nil for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
