package opening

import (
	"patgate/admin/manifest"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/policy"
	"patgate/routes"
	"patgate/trust/issuer"
)

// Tokens makes the token service that the configuration describes.
func Tokens(c *config.Config, o *Opened, f tokens.Forge, table func() *routes.Table,
	edit func(*tokens.Options)) (*tokens.Service, error) {
	options := tokens.Options{
		Store:            o.Store,
		Keyring:          o.Keyring,
		Table:            table,
		Forge:            f,
		Origin:           c.Upstream.URL.String(),
		Lifetimes:        Lifetimes(c),
		Administrators:   c.Administrators,
		AllowAdminOwners: c.Tokens.AllowAdminOwners,
		AllowReportMode:  c.Tokens.ReportMode == config.ReportModeAllow,
		// The other forges serve their registries themselves.
		RegistryApart: c.Forge.Table() == routes.ForgeGitLab && c.Registry.URL.String() == "",
	}
	if edit != nil {
		edit(&options)
	}
	if options.Ceilings == nil && c.Policies != "" {
		ceilings, err := Ceilings(c.Policies, table())
		if err != nil {
			return nil, err
		}
		options.Ceilings = func() *policy.Ceilings { return &ceilings }
	}
	return tokens.New(options)
}

// Policies reads a directory with policy as code, or one file, beside the issuers of the configuration.
func Policies(path string, t *routes.Table, issuers ...issuer.Issuer) (*manifest.Set, error) {
	files, problems := manifest.Files(path)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	set, problems := manifest.Read(files, t, issuers...)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	return set, nil
}

// Ceilings reads the limits of a directory with policy as code, or of one file.
func Ceilings(path string, t *routes.Table) (policy.Ceilings, error) {
	set, err := Policies(path, t)
	if err != nil {
		return nil, err
	}
	ceilings, problems := set.Ceilings(t)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	return ceilings, nil
}

// ConfiguredCeilings reads the limits that a configuration names, for a table; nil when it names none.
func ConfiguredCeilings(c *config.Config, t *routes.Table) (policy.Ceilings, error) {
	if c.Policies == "" {
		return nil, nil
	}
	return Ceilings(c.Policies, t)
}

// Lifetimes gives how long tokens may live.
func Lifetimes(c *config.Config) terms.Lifetimes {
	return terms.Lifetimes{Standard: c.Tokens.DefaultLifetime.Std(), Longest: c.Tokens.MaxLifetime.Std(),
		Grace: c.Tokens.MaxGrace.Std()}
}
