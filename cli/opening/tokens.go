package opening

import (
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/config"
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
	return tokens.New(options)
}

// Lifetimes gives how long tokens may live.
func Lifetimes(c *config.Config) terms.Lifetimes {
	return terms.Lifetimes{Standard: c.Tokens.DefaultLifetime.Std(), Longest: c.Tokens.MaxLifetime.Std(),
		Grace: c.Tokens.MaxGrace.Std()}
}
