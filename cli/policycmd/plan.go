package policycmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/manifest"
	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/terminal"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
	"patgate/token/limits"
)

// application is files on their way into the store.
type application struct {
	cmd   *cobra.Command
	desk  *desk.Desk
	table *routes.Table
	set   *manifest.Set
	lock  *manifest.Lock
	shown *tokens.Owner // whose credential was given; nil: the sealed ones are used
	path  string
}

// step is what is done about one token.
type step struct {
	what            string // make, edit, revoke, or deliver: it was made and its secret never arrived
	kind, called    string // of a limit, an issuer or a trust, which are not stored
	object          *manifest.Object
	now             *store.Listed
	why             string
	widens, narrows bool
	creation        tokens.Creation
	changes         tokens.Changes
	lines           []string
	managed         token.Managed
}

// run plans, says what would be done, and unless it is dry does it.
func (a *application) run(ctx context.Context, dry bool) error {
	if err := a.resolve(ctx); err != nil {
		return err
	}
	steps, err := a.plan(ctx)
	if err != nil {
		return err
	}
	if dry {
		rulings, err := a.ruling()
		if err != nil {
			return err
		}
		steps = append(steps, rulings...)
	}
	widens, narrows := a.say(steps)
	if dry {
		if widens > 0 {
			return ErrWidens
		}
		_ = narrows
		return nil
	}
	// What the paths meant is written down before a token goes by it.
	if err := replace(manifest.LockOf(a.path), a.lock.Text(), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", manifest.LockName, err)
	}
	for i := range steps {
		if err := a.do(ctx, &steps[i]); err != nil {
			return fmt.Errorf("%s: %w", steps[i].name(), err)
		}
	}
	return nil
}

// creation begins a token of the owner whom a file names, else of the only one that there is.
func (a *application) creation(ctx context.Context, owner string) (q tokens.Creation, userID int64, err error) {
	if a.shown != nil {
		if owner != "" && !strings.EqualFold(owner, a.shown.Username()) {
			return q, 0, fmt.Errorf("the given credential belongs to %s, not to the owner %s", a.shown.Username(), owner)
		}
		a.desk.As, q.Seal = a.shown, true
		return q, a.shown.UserID(), nil
	}
	o, err := a.desk.OnlyOwner(ctx, owner)
	if err != nil {
		return q, 0, err
	}
	if o == nil {
		return q, 0, errors.New("no owner is known yet: give the owner's forge token by PATGATE_OWNER_CREDENTIAL")
	}
	number, _ := a.cmd.Flags().GetInt64("credential")
	credential, err := desk.ChooseCredential(o, number)
	q.OwnerID, q.CredentialID = o.ID, credential.ID
	return q, o.UserID, err
}

// resolve looks up every path. One that means another place than the lock says ends it: whatever was meant, it is not this.
func (a *application) resolve(ctx context.Context) error {
	var problems []routes.Problem
	q, _, err := a.creation(ctx, a.owner())
	paths := a.set.Paths()
	if err != nil && len(paths) > 0 {
		return err
	}
	used := manifest.Lock{Set: a.lock.Set}
	for _, p := range paths {
		fail := func(fix, format string, args ...any) {
			problems = append(problems, routes.Problem{Source: p.Source, Message: fmt.Sprintf(format, args...), Fix: fix})
		}
		ref, ok := a.table.ParseReference(p.Kind, []byte(p.Path))
		if !ok {
			fail("write a full path, or an id", "%q is not a path of a %s", p.Path, p.Kind)
			continue
		}
		found, err := a.desk.Place(ctx, a.desk.As, q, ref)
		if err != nil {
			return err
		}
		locked, known := a.lock.ID(p.Kind, p.Path)
		switch there := found.Boundary == p.Kind.Boundary() && found.Access != policy.OwnerNone; {
		case !there && known:
			fail(fmt.Sprintf("write the path that the %s %d has now, or take it out of the files and of %s", p.Kind, locked,
				manifest.LockName), "the %s %q, which was %d, is gone, renamed or no longer visible", p.Kind, p.Path, locked)
		case !there:
			fail("correct the path, or give a credential that sees it", "the %s %q is not found, or not visible", p.Kind, p.Path)
		case known && locked != found.ID:
			fail(fmt.Sprintf("when the new one is meant, take %q out of %s and apply again; else write the path that the "+
				"%s %d has now",
				p.Path, manifest.LockName, p.Kind, locked),
				"the %s %q was %d and is %d: it was renamed, or made anew under the same name", p.Kind, p.Path, locked, found.ID)
		case p.Capped && found.Partial:
			fail("give a credential that sees them", "not all groups above the %s %q are visible: a limit there must "+
				"know them", p.Kind,
				p.Path)
		case p.Capped:
			used.With(p.Kind, p.Path, manifest.Locked{ID: found.ID, Above: found.Ancestors, Whole: true})
		default:
			used.With(p.Kind, p.Path, manifest.Locked{ID: found.ID})
		}
	}
	if len(problems) > 0 {
		return terminal.Problems(problems)
	}
	*a.lock = used
	a.set.Lock = used
	return nil
}

// owner gives the owner as whom paths are looked up: the first that a file names.
func (a *application) owner() string {
	for _, o := range manifest.Of[manifest.Token](a.set) {
		if name := o.Spec.(*manifest.Token).Owner; name != "" {
			return name
		}
	}
	return ""
}

// there gives the tokens of the set as they are now, by name: the last of each that was made.
func (a *application) there(ctx context.Context) (map[string]*store.Listed, error) {
	found := map[string]*store.Listed{}
	operator := tokens.Operator(desk.Actor())
	all := func(f store.Filter) ([]store.Listed, int, error) { return a.desk.List(ctx, operator, 0, true, f) }
	err := store.Filter{Limit: 1000, Now: time.Now()}.Walk(all, func(list []store.Listed) error {
		for i := range list {
			l := list[i]
			if m := l.Managed; m == nil || m.Set != a.lock.Set || l.RotatedTo != 0 {
				continue
			}
			if before := found[l.Managed.Name]; before == nil || before.ID < l.ID {
				found[l.Managed.Name] = &l
			}
		}
		return nil
	})
	return found, err
}

// plan compares the files, the files as they were last applied, and the existing tokens.
func (a *application) plan(ctx context.Context) (steps []step, err error) {
	there, err := a.there(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range manifest.Of[manifest.Token](a.set) {
		s, err := a.about(ctx, o, there[o.Name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Source, err)
		}
		delete(there, o.Name)
		if s != nil {
			steps = append(steps, *s)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		l := there[name]
		if l.Validity(time.Now()) == token.Revoked || l.Validity(time.Now()) == token.Expired {
			continue
		}
		s := step{what: "revoke", now: l, narrows: true, why: "no file names it"}
		if prune, _ := a.cmd.Flags().GetBool("prune"); !prune {
			s.what, s.narrows, s.why = "leave", false, "no file names it any more: --prune revokes it"
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// about says what is done about one token of the files; nil when nothing is.
func (a *application) about(ctx context.Context, o *manifest.Object, now *store.Listed) (*step, error) {
	m := o.Spec.(*manifest.Token)
	s := &step{object: o, now: now, what: "make", widens: true, why: "it is not there"}
	q, user, err := a.creation(ctx, m.Owner)
	if err != nil {
		return nil, err
	}
	if q.Scopes, err = a.set.Scopes(m); err != nil {
		return nil, err
	}
	q.Name, q.Description, q.ExpiresAt, q.Limits = o.Name, o.Description, m.Expires, m.Limits.Spec()
	if err := tokens.Check(q, a.table, opening.Lifetimes(a.desk.Config), time.Now()); err != nil {
		return nil, err
	}
	spec, err := json.Marshal(struct {
		Description string
		*manifest.Token
	}{o.Description, m})
	if err != nil {
		return nil, err
	}
	file, err := filepath.Rel(filepath.Dir(manifest.LockOf(a.path)), o.Source.File)
	if err != nil {
		return nil, err
	}
	s.managed = token.Managed{Set: a.lock.Set, Name: o.Name, File: filepath.ToSlash(file), Spec: string(spec)}
	s.creation = q
	if now == nil {
		return s, nil
	}
	switch v := now.Validity(time.Now()); {
	case v == token.Revoked || v == token.Expired:
		s.why = "it is " + v.String()
		return s, nil
	case now.Managed.Undelivered:
		s.what, s.widens, s.why = "deliver", false, "it was made, and its secret did not arrive"
		return s, nil
	case now.Owner.UserID != user:
		return nil, fmt.Errorf("the token %q acts for %s already: revoke it, or give the new one another name", o.Name,
			now.Owner.Username)
	}
	return s, a.edit(s, m)
}

// edit fills in how an existing token differs. A step without a name does nothing.
func (a *application) edit(s *step, m *manifest.Token) error {
	now, last := s.now, struct {
		Description string
		*manifest.Token
	}{}
	if err := json.Unmarshal([]byte(now.Managed.Spec), &last); err != nil {
		return fmt.Errorf("reading what was applied last to token %d: %w", now.ID, err)
	}
	s.what, s.widens, s.why = "", false, ""
	differs := now.Differences()
	byHand := len(differs) > 0
	asBefore := now.Managed.Spec == s.managed.Spec
	if asBefore && !byHand {
		if now.Managed.File != s.managed.File {
			s.what, s.why = "edit", "its file is "+s.managed.File+" now"
			s.changes.Managed, s.changes.Revision = &s.managed, now.Revision
		}
		return nil
	}
	s.what, s.changes.Managed, s.changes.Revision = "edit", &s.managed, now.Revision
	switch {
	case byHand && asBefore:
		s.why = "it was changed by hand"
	case byHand:
		s.why = "its file changed, and it was changed by hand"
	default:
		s.why = "its file changed"
	}
	for _, d := range differs {
		s.lines = append(s.lines, "by hand: "+d.String())
	}
	specs, err := terms.Specs(s.creation.Scopes, a.table)
	if err != nil {
		return err
	}
	if !token.SameScopes(specs, now.Scopes) {
		s.changes.Scopes = &s.creation.Scopes
		if s.widens, s.narrows, err = a.direction(now, specs); err != nil {
			return err
		}
		for _, line := range desk.Describe(now.Scopes, names.Of(now.Names, time.Now())) {
			s.lines = append(s.lines, "- "+line)
		}
		for _, line := range desk.Describe(specs, names.Of(now.Names, time.Now())) {
			s.lines = append(s.lines, "+ "+line)
		}
	}
	s.times(m, last.Token)
	fresh, err := limitsOf(m)
	if err != nil {
		return err
	}
	if last.Token != nil {
		before, err := limitsOf(last.Token)
		if err != nil {
			return err
		}
		a := now.Managed.Applied
		switch same := before.Equal(&fresh); {
		case same && a != nil:
			fresh = a.Limits
		case same && fresh.Empty(): // it was applied before files could state any
			fresh = now.Limits
		}
	}
	if !fresh.Equal(&now.Limits) {
		s.changes.Limits = &fresh
		wider, err := terms.WiderLimits(&fresh, &now.Limits)
		if err != nil {
			return err
		}
		narrower, err := terms.WiderLimits(&now.Limits, &fresh)
		if err != nil {
			return err
		}
		s.widens, s.narrows = s.widens || wider, s.narrows || narrower
		s.lines = append(s.lines, "- limits: "+now.Limits.String(), "+ limits: "+fresh.String())
	}
	if now.Name != s.creation.Name {
		s.changes.Name = &s.creation.Name
	}
	if now.Description != s.creation.Description {
		s.changes.Description = &s.creation.Description
	}
	return nil
}

// times fills in how long a token lives, may renew itself and is in report mode. Files set the life alone. Renewals end with
// it, also for a token that has given itself a shorter life, and there is no report mode.
func (s *step) times(m, last *manifest.Token) {
	now, a := s.now, s.now.Managed.Applied
	becomes := func(before, at time.Time, line string) {
		s.widens, s.narrows = s.widens || at.After(before), s.narrows || at.Before(before)
		s.lines = append(s.lines, "~ "+line)
	}
	end := now.ExpiresAt
	if text := expires(now, m, last); text != "" {
		s.changes.ExpiresAt = &text
		end, _ = terms.ParseEnd(text, time.Now())
		becomes(now.ExpiresAt, end, "expires: "+text)
	}
	if a == nil {
		return
	}
	renewal, text := end, "" // as long as it lives
	if last != nil && last.Expires == m.Expires && a.RenewUntil.Unix() > end.Unix() {
		renewal, text = a.RenewUntil, a.RenewUntil.UTC().Format(time.RFC3339)
	}
	if s.changes.ExpiresAt != nil || renewal.Unix() != now.RenewUntil.Unix() {
		s.changes.RenewUntil = &text
		becomes(now.RenewUntil, renewal, "renewable until: "+cmp.Or(text, "it expires"))
	}
	if now.ReportUntil.Unix() != a.ReportUntil.Unix() {
		s.changes.ReportUntil = new(string)
		becomes(now.ReportUntil, time.Time{}, "report mode: ended")
	}
}

// limitsOf gives the limits of use that a file states, as they are stored.
func limitsOf(m *manifest.Token) (limits.Spec, error) {
	compiled, err := limits.Compile(m.Limits.Spec())
	if err != nil || compiled == nil {
		return limits.Spec{}, err
	}
	return compiled.Spec, nil
}

// expires gives the new end of a token: the end in its file, when the file says something else than before, or the end that was
// last applied, when the token's was changed by hand since. Empty: the end stays.
func expires(now *store.Listed, m, last *manifest.Token) string {
	if last == nil || last.Expires != m.Expires {
		return m.Expires
	}
	a := now.Managed.Applied
	switch {
	case a == nil || a.ExpiresAt.Unix() == now.ExpiresAt.Unix():
		return ""
	case time.Until(a.ExpiresAt) < terms.Shortest: // it was prolonged beyond that: made anew now, it would live so long
		return m.Expires
	}
	return a.ExpiresAt.UTC().Format(time.RFC3339)
}

// direction tells whether scopes hold something that a token does not, and the other way round. It is on the safe side: it does
// not ask what lies below a group, so a project counts as more even when the group above it is already named.
func (a *application) direction(now *store.Listed, specs []policy.ScopeSpec) (widens, narrows bool, err error) {
	catalogue := a.table.Catalogue()
	old, err := store.CompileStored(now.Owner.UserID, now.TableVersion, now.Scopes, catalogue)
	if err != nil {
		return false, false, err
	}
	fresh, err := policy.Compile(now.Owner.UserID, now.TableVersion, specs, catalogue)
	if err != nil {
		return false, false, terms.OfSpec(err)
	}
	unseen := func(routes.Boundary, int64) policy.Container { return policy.Container{} }
	return len(policy.Subset(fresh, old, unseen)) > 0, len(policy.Subset(old, fresh, unseen)) > 0, nil
}

func (s *step) name() string {
	if s.kind != "" {
		return s.called
	}
	if s.object != nil {
		return s.object.Name
	}
	return s.now.Managed.Name
}

// say prints what is done, and how many tokens are allowed more or less by it.
func (a *application) say(steps []step) (widens, narrows int) {
	out := a.cmd.OutOrStdout()
	did := 0
	for i := range steps {
		s := &steps[i]
		if s.what == "" {
			continue
		}
		mark := ""
		if s.widens {
			widens++
			mark += ", widens"
		}
		if s.narrows {
			narrows++
			mark += ", narrows"
		}
		if s.what != "leave" {
			did++
		}
		fmt.Fprintf(out, "%s %s %s: %s%s\n", s.what, cmp.Or(s.kind, "token"), s.name(), s.why, mark)
		for _, line := range s.lines {
			fmt.Fprintln(out, "  "+line)
		}
	}
	if did == 0 {
		fmt.Fprintln(out, "nothing to change")
		return widens, narrows
	}
	fmt.Fprintf(out, "widens %d, narrows %d\n", widens, narrows)
	return widens, narrows
}

// replace writes a file whole, or leaves the one that is there.
func replace(name string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err = f.Chmod(mode); err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
