package opening

import (
	"time"

	"github.com/go-jose/go-jose/v4"

	"patgate/config"
	"patgate/routes"
	"patgate/routes/reload"
	"patgate/trust"
	"patgate/trust/keys"
)

// issuers gives what policies need to know of the issuers that the configuration names.
func issuers(c *config.Config) ([]trust.Issuer, error) {
	all := make([]trust.Issuer, len(c.OIDC.Issuers))
	for n, i := range c.OIDC.Issuers {
		kind, err := trust.ParseKind(i.Kind)
		if err != nil {
			return nil, err
		}
		all[n] = trust.Issuer{Name: i.Name, URL: i.URL, Kind: kind}
	}
	return all, nil
}

// Keys gives the keys of the issuers.
func Keys(c *config.Config, report func(issuer string, err error)) (*keys.Keys, error) {
	o := keys.Options{Report: report}
	for _, i := range c.OIDC.Issuers {
		k := keys.Issuer{Name: i.Name, URL: i.URL, KeysURL: i.JWKSURL, CAFile: i.CAFile}
		for _, a := range i.Algorithms {
			k.Algorithms = append(k.Algorithms, jose.SignatureAlgorithm(a))
		}
		o.Issuers = append(o.Issuers, k)
	}
	return keys.New(o)
}

// Trusts keeps the policies that the configuration names up to date with their files. paths are other files than those; nil is
// none.
func Trusts(c *config.Config, paths []string, table func() *routes.Table,
	report func(set *trust.Set, files int, problems []routes.Problem)) (*reload.Kept[trust.Set], error) {
	known, err := issuers(c)
	if err != nil {
		return nil, err
	}
	if paths == nil {
		paths = c.OIDC.Trusts
	}
	kept, problems := reload.Keep(reload.Source[trust.Set]{Paths: paths, Interval: time.Duration(c.Routes.WatchInterval),
		MayBeNone: true, // a policy that is deleted is out of force
		Load: func(files []routes.File, _ *trust.Set) (*trust.Set, []routes.Problem) {
			return trust.Load(trust.Options{Files: files, Issuers: known, Table: table()})
		},
		Report: report})
	if len(problems) > 0 {
		return nil, routes.Problems(problems)
	}
	return kept, nil
}
