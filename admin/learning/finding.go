package learning

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"patgate/admin/marks"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/learn"
	"patgate/learn/propose"
	"patgate/store"
	"patgate/token"
)

// Standing is what is found of a token's rights.
type Standing string

// The standings.
const (
	// SomeUnused: some rights are unused, and the token can be narrowed to the others.
	SomeUnused Standing = "some_unused"
	// AllUsed: every right was used.
	AllUsed Standing = "all_used"
	// NothingUsed: the token was not used at all. It had better be revoked.
	NothingUsed Standing = "nothing_used"
	// TooYoung: the token, or one of its rights, is younger than the window, or use has not been kept for so long.
	TooYoung Standing = "too_young"
	// NotKept: what tokens do is not kept.
	NotKept Standing = "not_kept"
	// NotActive: the token is paused, expired, rotated or revoked.
	NotActive Standing = "not_active"
)

// Standings are all of them.
func Standings() []Standing {
	return []Standing{SomeUnused, AllUsed, NothingUsed, TooYoung, NotKept, NotActive}
}

// Finding says which rights of a token are unused.
type Finding struct {
	TokenID int64  `json:"token_id"`
	Name    string `json:"name"`
	// Owner is the name of the forge user that the token acts for.
	Owner    string   `json:"username"`
	Days     int      `json:"window_days"`
	Standing Standing `json:"standing"`
	// Text says it to people.
	Text string `json:"text"`
	// SeenDays are for how many days the use of all that the token may do has been kept.
	SeenDays int `json:"seen_days"`
	propose.Counts
	// Damaged are observations that could not be read.
	Damaged int `json:"damaged,omitempty"`
	// Rights are what goes and what stays; nil for a token that is not judged, and in lists.
	Rights *propose.Unused `json:"rights,omitempty"`
	// Digest stands for what would stay: a narrowing that names it does just that.
	Digest string `json:"digest,omitempty"`

	revision int64
}

// Find tells the owner of a token which of its rights were unused for some days, 0 for the standard.
func (s *Service) Find(ctx context.Context, c tokens.Caller, id int64, days int) (*Finding, error) {
	days, err := findingDays(days)
	if err != nil {
		return nil, err
	}
	found, err := s.tokens.Show(ctx, c, id)
	if err == nil {
		err = s.tokens.ToldTo(c, &found)
	}
	if err != nil {
		return nil, err
	}
	kept, err := s.tokens.Units().ObservingSince(ctx, s.tokens.Now())
	if err != nil {
		return nil, err
	}
	return s.judge(ctx, &found, days, kept)
}

// Findings gives the findings of the caller's active tokens, or of everyone's for an administrator, without the single rights.
// About others' tokens an administrator is told how many permissions are unused, not which projects or groups. total counts all.
func (s *Service) Findings(ctx context.Context, c tokens.Caller, days int, all bool, limit, offset int) (list []Finding,
	total int, err error) {
	if days, err = findingDays(days); err != nil {
		return nil, 0, err
	}
	active := store.Filter{State: store.StateActive, Sort: store.SortCreatedAsc, Limit: limit, Offset: offset}
	found, total, err := s.tokens.List(ctx, c, 0, all, active)
	if err != nil {
		return nil, 0, err
	}
	kept, err := s.tokens.Units().ObservingSince(ctx, s.tokens.Now())
	if err != nil {
		return nil, 0, err
	}
	list = []Finding{}
	for i := range found {
		f, err := s.judge(ctx, &found[i], days, kept)
		if err != nil {
			return nil, 0, err
		}
		if s.tokens.ToldTo(c, &found[i]) != nil {
			f.leaveOutPlaces()
		}
		f.Rights, f.Digest = nil, ""
		list = append(list, *f)
	}
	return list, total, nil
}

// Narrow takes from a token what is unused. digest, when not empty, is that of the finding that the caller has seen: nothing is
// done when the token would now keep something else.
func (s *Service) Narrow(ctx context.Context, c tokens.Caller, id int64, days int, digest string) (*tokens.Edited, error) {
	f, err := s.Find(ctx, c, id, days)
	switch {
	case err != nil:
		return nil, err
	case f.Standing == NothingUsed:
		return nil, tokens.Conflict("%s: revoke it instead", f.Text)
	case f.Standing != SomeUnused:
		return nil, tokens.Conflict("there is nothing to narrow: %s", f.Text)
	case digest != "" && digest != f.Digest:
		return nil, tokens.Conflict("what is unused has changed since: read it again")
	}
	return s.tokens.Narrow(ctx, c, id, f.revision, f.Rights.Scopes)
}

// firstDay is the first one that counts: all of it, so that the window is never shorter than it says.
func (s *Service) firstDay(days int) learn.Day { return s.first(days) - 1 }

func findingDays(days int) (int, error) {
	if days == 0 {
		return marks.JudgedDays, nil
	}
	if days < 0 || days >= learn.DaysKept {
		problems := &terms.Invalid{}
		problems.Add("since", "must be from 1 to %d days", learn.DaysKept-1)
		return 0, problems
	}
	return days, nil
}

// judge finds the unused rights of a token. kept is since when what tokens do has been kept. What the token did is only read when
// the token can be judged.
func (s *Service) judge(ctx context.Context, found *store.Listed, days int, kept time.Time) (*Finding, error) {
	now := s.tokens.Now()
	w, err := s.lifework(ctx, found, kept)
	if err != nil {
		return nil, err
	}
	f := &Finding{TokenID: w.ID, Name: w.Name, Owner: w.Owner.Username, Days: days, revision: w.Revision}
	if !w.since.IsZero() {
		f.SeenDays = int(now.Sub(w.since) / (24 * time.Hour))
	}
	switch {
	case w.Validity(now) != token.Valid || w.RotatedTo != 0:
		f.Standing, f.Text = NotActive, "the token is not active"
		return f, nil
	case w.since.IsZero():
		f.Standing, f.Text = NotKept, "what tokens do is not recorded here"
		return f, nil
	case f.SeenDays < days:
		f.young()
		return f, nil
	}
	release, err := s.takeTurn(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := s.observe(ctx, &w, s.firstDay(days).Start()); err != nil {
		return nil, err
	}
	again, err := s.tokens.Units().ObservingSince(ctx, now)
	if err != nil {
		return nil, err
	}
	if again.IsZero() || int(now.Sub(again)/(24*time.Hour)) < days { // some of it was dropped before it was read
		f.SeenDays = 0
		f.young()
		return f, nil
	}
	f.Damaged = w.damaged
	f.Rights, err = propose.NewReplay(s.tokens.Table()).Unused(propose.Holding{
		Scopes:       w.Scopes,
		Owner:        w.Owner.UserID,
		TableVersion: w.TableVersion,
		Observations: w.observations,
		Since:        s.firstDay(days),
		Over:         ctx.Err,
	})
	if err != nil {
		return nil, err
	}
	f.Counts = f.Rights.Counts
	f.describe()
	return f, nil
}

// young says that the token cannot be judged yet.
func (f *Finding) young() {
	f.Standing = TooYoung
	f.Text = fmt.Sprintf("too young to be judged: what it may do now has been observed for %s of %d", spell(f.SeenDays, "day"),
		f.Days)
}

// leaveOutPlaces removes from a finding which projects and groups were used.
func (f *Finding) leaveOutPlaces() {
	if f.Rights == nil {
		return
	}
	f.Projects, f.Groups = propose.Share{}, propose.Share{}
	f.describe()
	if f.Standing == AllUsed {
		f.Text = "all of its permissions were used within " + spell(f.Days, "day")
	}
}

// describe says what was found.
func (f *Finding) describe() {
	var parts []string
	for _, one := range []struct {
		share propose.Share
		word  string
	}{{f.Permissions, "permission"}, {f.Projects, "project"}, {f.Groups, "group"}} {
		if one.share.Unused > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s", one.share.Unused, spell(one.share.Of, one.word)))
		}
	}
	switch {
	case len(f.Rights.Scopes) == 0 && f.Rights.Requests > 0:
		f.Standing = NothingUsed
		f.Text = "for " + spell(f.Days, "day") + " no request needed any of its rights"
	case len(f.Rights.Scopes) == 0:
		f.Standing, f.Text = NothingUsed, "none of it was used for "+spell(f.Days, "day")
	case len(parts) == 0:
		f.Standing, f.Text = AllUsed, "all of it was used within "+spell(f.Days, "day")
	default:
		f.Standing = SomeUnused
		if last := len(parts) - 1; last > 0 {
			parts = []string{strings.Join(parts[:last], ", "), parts[last]}
		}
		f.Text = strings.Join(parts, " and ") + " unused for " + spell(f.Days, "day")
		text, err := json.Marshal(f.Rights.Scopes)
		if err == nil { // they were read from JSON
			sum := sha256.Sum256(fmt.Appendf(text, "%d", f.revision))
			f.Digest = hex.EncodeToString(sum[:16])
		}
	}
}

func spell(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// Uses tells the owner of a token, for each of its scopes, how often each of its permissions was used.
func (s *Service) Uses(ctx context.Context, c tokens.Caller, id int64) ([]map[string]propose.Use, error) {
	l, err := s.tokens.Show(ctx, c, id)
	if err == nil {
		err = s.tokens.ToldTo(c, &l)
	}
	if err != nil {
		return nil, err
	}
	list, _, err := s.tokens.Units().Observations(ctx, id, time.Time{})
	if err != nil {
		return nil, err
	}
	return propose.NewReplay(s.tokens.Table()).Uses(propose.Holding{Scopes: l.Scopes, Owner: l.Owner.UserID,
		TableVersion: l.TableVersion, Observations: list})
}
