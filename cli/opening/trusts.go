package opening

import (
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"patgate/admin/manifest"
	"patgate/config"
	"patgate/routes"
	"patgate/routes/reload"
	"patgate/trust"
	"patgate/trust/issuer"
	"patgate/trust/keys"
)

// Issuers gives those of the configuration and those of a set of files, which may be nil.
func Issuers(c *config.Config, set *manifest.Set) []issuer.Issuer {
	return slices.Concat(c.OIDC.Issuers, set.Issuers())
}

// KeysOf gives issuers as their keys are kept by them.
func KeysOf(issuers []issuer.Issuer) []keys.Issuer {
	all := make([]keys.Issuer, len(issuers))
	for n, i := range issuers {
		all[n] = keys.Issuer{Name: i.Name, URL: i.URL, KeysURL: i.JWKSURL, CAFile: i.CAFile}
		for _, a := range i.Algorithms {
			all[n].Algorithms = append(all[n].Algorithms, jose.SignatureAlgorithm(a))
		}
	}
	return all
}

// Mounted reads the policy as code that the configuration names; nil when it names none.
func Mounted(c *config.Config, t *routes.Table) (*manifest.Set, error) {
	if c.Policies == "" {
		return nil, nil
	}
	return Policies(c.Policies, t, c.OIDC.Issuers...)
}

// Trusts keeps the policies that the configuration names up to date with their files. mounted gives the set of files in force,
// and may be nil. The set's issuers count, and its trusts count when paths names no other files.
func Trusts(c *config.Config, paths []string, table func() *routes.Table, mounted func() *manifest.Set,
	report func(set *trust.Set, files int, problems []routes.Problem)) (*reload.Kept[trust.Set], error) {
	within := paths == nil
	if within {
		paths = c.OIDC.Trusts
	}
	kept, problems := reload.Keep(reload.Source[trust.Set]{Paths: paths, Interval: time.Duration(c.Routes.WatchInterval),
		MayBeNone: true, // a policy that is deleted is out of force
		Load: func(files []routes.File, _ *trust.Set) (*trust.Set, []routes.Problem) {
			set := mounted()
			var documents []trust.Document
			if within {
				documents = set.Trusts()
			}
			if len(documents) > 0 && c.Policies != "" && c.TrustAudience() == "" {
				return nil, []routes.Problem{{Source: routes.Source{File: documents[0].File, Line: documents[0].Node.Line},
					Message: "no audience is configured for ID tokens",
					Fix:     "give public_url or oidc.audience in the configuration"}}
			}
			return loadTrusts(c, files, documents, set, table())
		},
		Less:   func(before *trust.Set) *trust.Set { return before.Within(mounted().Trusts()) },
		Report: report})
	if len(problems) > 0 {
		return nil, routes.Problems(problems)
	}
	return kept, nil
}

// loadTrusts reads policies with the issuers that there are.
func loadTrusts(c *config.Config, files []routes.File, documents []trust.Document, set *manifest.Set,
	t *routes.Table) (*trust.Set, []routes.Problem) {
	o := trust.Options{Files: files, Documents: documents, Table: t}
	var problems []routes.Problem
	for n, i := range Issuers(c, set) {
		kind, err := trust.ParseKind(i.Kind)
		if err != nil {
			problems = append(problems, routes.Problem{Message: i.Name + " " + err.Error()})
			continue
		}
		o.Issuers = append(o.Issuers, trust.Issuer{Name: i.Name, URL: i.URL, Kind: kind, Keys: i.Keys(),
			OfFile: n >= len(c.OIDC.Issuers)})
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return trust.Load(o)
}

// TrustsOf reads the trusts of a set as a gateway with this configuration would, beside those of oidc.trusts. It gives the set's
// alone.
func TrustsOf(c *config.Config, set *manifest.Set, t *routes.Table) (*trust.Set, []routes.Problem) {
	kept, err := Trusts(c, nil, func() *routes.Table { return t }, func() *manifest.Set { return set }, nil)
	var problems routes.Problems
	if errors.As(err, &problems) {
		return nil, problems
	}
	return kept.Current().OfDocuments(), nil
}
