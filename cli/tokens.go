package cli

import (
	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/config"
	"patgate/routes"
	"patgate/token"
)

// newTokens makes the token service that the configuration describes.
func newTokens(c *config.Config, o *opened, f tokens.Forge, table func() *routes.Table, edit func(*tokens.Options)) (*tokens.Service, error) {
	options := tokens.Options{
		Store: o.store, Keyring: o.keyring, Table: table, Forge: f, Origin: c.Upstream.URL.String(),
		Lifetimes:        tokens.Lifetimes{Standard: c.Tokens.DefaultLifetime.Std(), Longest: c.Tokens.MaxLifetime.Std(), Grace: c.Tokens.MaxGrace.Std()},
		AllowAdminOwners: c.Tokens.AllowAdminOwners, Administrators: c.Administrators,
	}
	if edit != nil {
		edit(&options)
	}
	return tokens.New(options)
}

// newLeaks gives the leak reports that the configuration takes; nil when it takes none.
func newLeaks(c *config.Config) *api.Leaks {
	l := &api.Leaks{GitLabToken: token.NewSecret(c.LeakReports.GitLabToken.Reveal())}
	if c.LeakReports.GitHubKeysURL != "" {
		l.GitHubKey = newGitHubKeys(c.LeakReports.GitHubKeysURL).find
	}
	return l
}
