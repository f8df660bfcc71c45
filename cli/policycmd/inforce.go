package policycmd

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"patgate/admin/manifest"
	"patgate/cli/opening"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
	"patgate/trust"
	"patgate/trust/issuer"
)

// Limits, issuers and trusts are in force where a gateway reads their files, and are stored nowhere. The plan compares files
// with the files that are in force now.

// ruled is what of a set gateways go by.
type ruled struct {
	ceilings policy.Ceilings
	issuers  []issuer.Issuer
	trusts   *trust.Set
}

// ruledBy reads that of a set; nil has nothing.
func ruledBy(c *config.Config, set *manifest.Set, t *routes.Table) (r ruled, problems []routes.Problem) {
	if set == nil {
		return r, nil
	}
	if r.ceilings, problems = set.Ceilings(t); len(problems) > 0 {
		return r, problems
	}
	r.issuers = set.Issuers()
	r.trusts, problems = opening.TrustsOf(c, set, t)
	return r, problems
}

// ruling compares limits, issuers and trusts of the files with those in force: those of --in-force, else of the configuration's
// policies. Without either, limits are not compared, and issuers and trusts count as new.
func (a *application) ruling() (steps []step, err error) {
	c := a.desk.Config
	at, _ := a.cmd.Flags().GetString("in-force")
	var before *manifest.Set
	known := at != "" || c.Policies != ""
	if at != "" {
		before, err = opening.Policies(at, a.table, c.OIDC.Issuers...)
	} else {
		before, err = opening.Mounted(c, a.table)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what is in force: %w", err)
	}
	now, problems := ruledBy(c, before, a.table)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	next, problems := ruledBy(c, a.set, a.table)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	switch {
	case !known && len(next.ceilings) > 0:
		fmt.Fprintln(a.cmd.ErrOrStderr(), "patgate: note: it is not known which limits are in force, so they are not "+
			"compared: name their directory with --in-force")
	case known:
		ceilings := func(r *ruled) map[string]policy.Ceiling {
			return byName(r.ceilings, func(c policy.Ceiling) string { return c.Name })
		}
		steps = append(steps, told("limit", ceilings(&now), ceilings(&next), false, looserCeiling)...)
	}
	issuers := func(r *ruled) map[string]issuer.Issuer {
		return byName(r.issuers, func(i issuer.Issuer) string { return i.Name })
	}
	steps = append(steps, told("issuer", issuers(&now), issuers(&next), true,
		func(x, y issuer.Issuer) string { return x.Beyond(&y) })...)
	policies := func(s *trust.Set) map[string]*trust.Policy {
		return byName(s.All(), func(p *trust.Policy) string { return p.Name })
	}
	steps = append(steps, told("trust", policies(now.trusts), policies(next.trusts), true, func(x, y *trust.Policy) string {
		return a.looserTrust(c.TrustAudience(), x, y)
	})...)
	return steps, nil
}

func byName[T any](all []T, name func(T) string) map[string]T {
	out := map[string]T{}
	for _, one := range all {
		out[name(one)] = one
	}
	return out
}

// told says what changes in the objects of a kind. opens tells that one more object lets more through. beyond(x, y) says what x
// lets through and y does not.
func told[T any](kind string, now, next map[string]T, opens bool, beyond func(x, y T) string) (steps []step) {
	names := slices.Collect(maps.Keys(now))
	for name := range next {
		if _, has := now[name]; !has {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, was := now[name]
		after, is := next[name]
		s := step{kind: kind, called: name}
		switch {
		case !was:
			s.what, s.why, s.widens, s.narrows = "begin", "it is not in force", opens, !opens
		case !is:
			s.what, s.why, s.widens, s.narrows = "end", "no file has it any more", !opens, opens
		default:
			wider, narrower := beyond(after, before), beyond(before, after)
			if wider == "" && narrower == "" {
				continue
			}
			s.what, s.why, s.widens, s.narrows = "change", "its file changed", wider != "", narrower != ""
			if wider != "" {
				s.lines = append(s.lines, "+ "+wider)
			}
			if narrower != "" && narrower != wider {
				s.lines = append(s.lines, "- "+narrower)
			}
		}
		steps = append(steps, s)
	}
	return steps
}

// looserCeiling says in what the limit x is looser than y; empty when in nothing.
func looserCeiling(x, y policy.Ceiling) string {
	missing := func(some, all []int64) bool {
		return slices.ContainsFunc(some, func(id int64) bool { return !slices.Contains(all, id) })
	}
	switch {
	case !x.Everywhere() && (y.Everywhere() || missing(y.Groups, x.Groups) || missing(y.Projects, x.Projects)):
		return "places"
	case !x.Permissions.Contains(&y.Permissions):
		return "permissions"
	case y.MaxAge > 0 && (x.MaxAge == 0 || x.MaxAge > y.MaxAge):
		return "max_lifetime"
	case y.Networks != nil && (x.Networks == nil || slices.ContainsFunc(x.Networks, func(n netip.Prefix) bool {
		return !slices.ContainsFunc(y.Networks, func(m netip.Prefix) bool { return m.Bits() <= n.Bits() && m.Contains(n.Addr()) })
	})):
		return "networks"
	}
	return ""
}

// looserTrust says in what the trust x gives more than y, to more, or for longer; empty when in nothing.
func (a *application) looserTrust(audience string, x, y *trust.Policy) string {
	if what := x.Rules(audience).Beyond(y.Rules(audience)); what != "" {
		return what
	}
	if x.Mode > y.Mode {
		return "mode"
	}
	if x.Owner != y.Owner {
		return "owner"
	}
	if token.SameScopes(x.Power, y.Power) {
		return ""
	}
	catalogue, version := a.table.Catalogue(), a.table.Version()
	one, err := policy.Compile(0, version, x.Power, catalogue)
	if err != nil {
		return "grant"
	}
	other, err := policy.Compile(0, version, y.Power, catalogue)
	unseen := func(routes.Boundary, int64) policy.Container { return policy.Container{} }
	if err != nil || len(policy.Subset(one, other, unseen)) > 0 {
		return "grant"
	}
	return ""
}

// addInForce adds the flag that names the files in force.
func addInForce(cmd *cobra.Command) {
	cmd.Flags().String("in-force", "", "directory with the limits, issuers and trusts that are in force now (default: "+
		"policies of the configuration)")
}
