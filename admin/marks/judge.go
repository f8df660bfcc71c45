package marks

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/terms"
	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

const (
	// settled is how old a token must be before it says something that it was never used.
	settled = 7 * 24 * time.Hour
	// JudgedDays is for how many days a right must be unused before it is called so, where nobody names another window.
	JudgedDays = 60
	// rules moves when what is kept of tokens is found in another way: then all are judged anew.
	rules = 3
	// renews is the permission with which a token rotates itself.
	renews = "rotate_personal_access_token"
)

// Judge judges tokens by a route table.
type Judge struct {
	table   *routes.Table
	weights map[string]weight
	mints   map[string]bool
	under   int64
}

// NewJudge makes the judge of a table.
func NewJudge(t *routes.Table) *Judge {
	j := &Judge{table: t, weights: map[string]weight{}, mints: map[string]bool{}}
	for _, r := range t.Minting() {
		for _, name := range t.Catalogue().Names(r.Needs) {
			j.mints[name] = true
		}
	}
	sum := sha256.New()
	fmt.Fprintln(sum, rules)
	for _, e := range catalogue.All(t) {
		j.weights[e.Name] = weigh(&e)
		fmt.Fprintln(sum, e.Name, j.weights[e.Name].n, j.mints[e.Name])
	}
	j.under = int64(binary.BigEndian.Uint64(sum.Sum(nil)) >> 1)
	j.under = max(j.under, 1)
	return j
}

// Dangers are what is dangerous about a permission, in words of two; none for most.
func (j *Judge) Dangers(permission string) []string { return j.weights[permission].dangers }

// Weight is what a permission weighs in a radius.
func (j *Judge) Weight(permission string) int64 { return j.weights[permission].n }

// Of measures a token.
func (j *Judge) Of(l *store.Listed) Radius {
	end := l.ExpiresAt
	if l.RenewUntil.After(end) && slices.ContainsFunc(l.Scopes, func(s policy.ScopeSpec) bool {
		return slices.Contains(s.Permissions, renews)
	}) {
		end = l.RenewUntil // whoever has it renews it until then
	}
	return j.Radius(l.Scopes, end.Sub(l.CreatedAt))
}

// makes tells whether a token can make credentials.
func (j *Judge) makes(l *store.Listed) bool {
	for i := range l.Scopes {
		if slices.ContainsFunc(l.Scopes[i].Permissions, func(name string) bool { return j.mints[name] }) {
			return true
		}
	}
	return false
}

// Badges gives the badges of an active token, and the permissions that it holds without using them, in the window in which
// admin/learning judges its rights. kept is since when uses have been kept; zero when they are not. reports: in report mode.
func (j *Judge) Badges(l *store.Listed, uses []store.PermissionUse, reports bool, kept, now time.Time) (all, unused []string) {
	badge := func(mark store.Mark, wears bool) {
		if wears {
			all = append(all, mark.String())
		}
	}
	badge(store.MarkReports, reports)
	badge(store.MarkBroad, reports || terms.Broad(l.Scopes))
	badge(store.MarkMints, j.makes(l))
	badge(store.MarkNeverUsed, l.LastUsedAt.IsZero() && !now.Before(unusedFrom(l, nil, kept)))
	if from := judgedFrom(l, kept); !from.IsZero() && !now.Before(from) && !l.LastUsedAt.IsZero() {
		unused = Unused(l, uses, (learn.DayOf(now) - JudgedDays).Start())
		badge(store.MarkUnused, len(unused) > 0)
	}
	badge(store.MarkSoon, l.ExpiresAt.Sub(now) < min(store.SoonWithin, l.ExpiresAt.Sub(l.CreatedAt)/store.SoonShare))
	badge(store.MarkHeldBack, l.TableVersion < j.table.Version())
	badge(store.MarkRests, l.Credential == store.CredentialInvalid)
	return all, unused
}

// Unused gives the permissions of a token that it was not seen to use since an instant.
func Unused(l *store.Listed, uses []store.PermissionUse, since time.Time) []string {
	unused := []string{}
	for i := range l.Scopes {
		for _, name := range l.Scopes[i].Permissions {
			used := slices.ContainsFunc(uses, func(u store.PermissionUse) bool {
				return u.Permission == name && u.Uses > 0 && !u.LastUsedAt.Before(since)
			})
			if !used && !slices.Contains(unused, name) {
				unused = append(unused, name)
			}
		}
	}
	return unused
}

// judgedFrom is from when on all that the token may do could have been used for long enough, and its use was kept; zero: never.
func judgedFrom(l *store.Listed, kept time.Time) time.Time {
	if kept.IsZero() || l.RotatedTo != 0 {
		return time.Time{}
	}
	begun := kept
	for _, at := range []time.Time{l.CreatedAt, l.WidenedAt} {
		if at.After(begun) {
			begun = at
		}
	}
	return begun.Add(JudgedDays * 24 * time.Hour)
}

// Unobserved tells that it is not known what tokens use: it has not been kept for long enough by now.
func Unobserved(kept, now time.Time) bool {
	return kept.IsZero() || now.Before(kept.Add(JudgedDays*24*time.Hour))
}

// unusedFrom is from when on a token has what it did not use, if it does nothing more; zero: that cannot be told.
func unusedFrom(l *store.Listed, uses []store.PermissionUse, kept time.Time) (from time.Time) {
	if l.LastUsedAt.IsZero() {
		return l.CreatedAt.Add(settled + time.Millisecond)
	}
	base := judgedFrom(l, kept)
	if base.IsZero() {
		return base
	}
	for i := range l.Scopes {
		for _, name := range l.Scopes[i].Permissions {
			at := base
			for _, u := range uses {
				if u.Permission != name || u.Uses < 1 {
					continue
				}
				if end := (learn.DayOf(u.LastUsedAt) + JudgedDays + 1).Start(); end.After(at) {
					at = end
				}
			}
			if from.IsZero() || at.Before(from) {
				from = at
			}
		}
	}
	return from
}

// judge gives the judgement of a token that is kept. uses reads what the token used, where that matters.
func (j *Judge) judge(l *store.Listed, uses func() ([]store.PermissionUse, error), kept, now time.Time) (store.Judgement, error) {
	radius := j.Of(l)
	made := store.Judgement{TokenID: l.ID, Turn: l.Kept.Turn, Under: j.under, Version: j.table.Version(), At: now,
		Broad: terms.Broad(l.Scopes), Mints: j.makes(l), Dangerous: len(radius.Dangers) > 0, Reach: radius.Figure,
		NeverUsed: l.LastUsedAt.IsZero()}
	from := judgedFrom(l, kept)
	if l.LastUsedAt.IsZero() || from.IsZero() || from.Sub(now) > again {
		if made.UnusedFrom = from; l.LastUsedAt.IsZero() {
			made.UnusedFrom = unusedFrom(l, nil, kept)
		}
		return made, nil
	}
	used, err := uses()
	made.UnusedFrom = unusedFrom(l, used, kept)
	return made, err
}
