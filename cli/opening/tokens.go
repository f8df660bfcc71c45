package opening

import (
	"patgate/admin/manifest"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/policy"
	"patgate/routes"
)

// Tokens makes the token service that the configuration describes.
func Tokens(c *config.Config, o *Opened, f tokens.Forge, table func() *routes.Table,
	edit func(*tokens.Options)) (*tokens.Service, error) {
	options := tokens.Options{
		Store: o.Store, Keyring: o.Keyring, Table: table, Forge: f, Origin: c.Upstream.URL.String(), Lifetimes: Lifetimes(c),
		AllowAdminOwners: c.Tokens.AllowAdminOwners, Administrators: c.Administrators,
		RegistryApart:   c.Forge < config.ForgeGitea && c.Registry.URL.String() == "", // those serve theirs themselves
		AllowReportMode: c.Tokens.ReportMode == config.ReportModeAllow,
	}
	if edit != nil {
		edit(&options)
	}
	if options.Limits == nil && c.Policies != "" {
		limits, err := Limits(c.Policies, table())
		if err != nil {
			return nil, err
		}
		options.Limits = func() *policy.Limits { return &limits }
	}
	return tokens.New(options)
}

// Policies reads a directory with policy as code, or one file.
func Policies(path string, t *routes.Table) (*manifest.Set, error) {
	files, problems := manifest.Files(path)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	set, problems := manifest.Read(files, t)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	return set, nil
}

// Limits reads the limits of a directory with policy as code, or of one file.
func Limits(path string, t *routes.Table) (policy.Limits, error) {
	set, err := Policies(path, t)
	if err != nil {
		return nil, err
	}
	limits, problems := set.Limits(t)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	return limits, nil
}

// Ceiling reads the limits that a configuration names, for a table; nil when it names none.
func Ceiling(c *config.Config, t *routes.Table) (policy.Limits, error) {
	if c.Policies == "" {
		return nil, nil
	}
	return Limits(c.Policies, t)
}

// Lifetimes gives how long tokens may live.
func Lifetimes(c *config.Config) terms.Lifetimes {
	return terms.Lifetimes{Standard: c.Tokens.DefaultLifetime.Std(), Longest: c.Tokens.MaxLifetime.Std(),
		Grace: c.Tokens.MaxGrace.Std()}
}
