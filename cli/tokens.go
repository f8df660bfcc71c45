package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/config"
	"patgate/routes"
	"patgate/token"
)

// newTokens makes the token service that the configuration describes.
func newTokens(c *config.Config, o *opened, f tokens.Forge, table func() *routes.Table,
	edit func(*tokens.Options)) (*tokens.Service, error) {
	options := tokens.Options{
		Store: o.store, Keyring: o.keyring, Table: table, Forge: f, Origin: c.Upstream.URL.String(), Lifetimes: lifetimes(c),
		AllowAdminOwners: c.Tokens.AllowAdminOwners, Administrators: c.Administrators,
	}
	if edit != nil {
		edit(&options)
	}
	return tokens.New(options)
}

func lifetimes(c *config.Config) terms.Lifetimes {
	return terms.Lifetimes{Standard: c.Tokens.DefaultLifetime.Std(), Longest: c.Tokens.MaxLifetime.Std(),
		Grace: c.Tokens.MaxGrace.Std()}
}

// desk is the token service on the local store, with the caller that commands act as.
type desk struct {
	*tokens.Service
	config *config.Config
	forge  tokens.Forge // nil where no command asks it anything
	as     tokens.Caller
}

// atForge runs f at the desk with the forge behind it and the keys open. A credential that is given, or asked for because
// one is needed, is verified before the store is opened, so that a wrong one leaves no trace.
func atForge(cmd *cobra.Command, c *config.Config, table *routes.Table, needed bool,
	f func(ctx context.Context, d *desk, shown *tokens.Owner) error) error {
	ctx := cmd.Context()
	secret, given, err := givenCredential(cmd)
	if err == nil && !given && needed {
		secret, err = askCredential(cmd, c)
		given = true
	}
	if err != nil {
		return err
	}
	client, err := askForge(c)
	if err != nil {
		return err
	}
	defer client.Close()
	var shown *tokens.Owner
	if given {
		if shown, err = identify(ctx, c, client, secret); err != nil {
			return err
		}
	}
	o, err := openStore(ctx, c)
	if err != nil {
		return err
	}
	defer o.Close()
	s, err := newTokens(c, o, client, func() *routes.Table { return table }, nil)
	if err != nil {
		return err
	}
	return f(ctx, &desk{s, c, client, tokens.Operator(actor())}, shown)
}

// onStore runs f on a store that exists, for what an operator asks for without forge and keys. table may be nil for what
// needs none.
func onStore(cmd *cobra.Command, table func(*config.Config) (*routes.Table, error),
	f func(ctx context.Context, d *desk) error) error {
	c, err := loadSettings(cmd, storeSettings(), withoutUpstream)
	if err != nil {
		return err
	}
	options := tokens.Options{}
	if table != nil {
		current, err := table(c)
		if err != nil {
			return err
		}
		options.Table = func() *routes.Table { return current }
	}
	st, err := openExisting(cmd.Context(), c)
	if err != nil {
		return err
	}
	defer st.Close()
	options.Store = st
	s, err := tokens.New(options)
	if err != nil {
		return err
	}
	return f(cmd.Context(), &desk{s, c, nil, tokens.Operator(actor())})
}

// withForge runs f on a store that exists, as the owner of a credential that is given, else as the operator.
func withForge(cmd *cobra.Command, f func(ctx context.Context, d *desk) error) error {
	c, err := loadSettings(cmd, storeSettings(), withUpstream)
	if err != nil {
		return err
	}
	if st, err := openExisting(cmd.Context(), c); err != nil {
		return err
	} else if err := st.Close(); err != nil {
		return err
	}
	table, err := currentTable(c)
	if err != nil {
		return err
	}
	return atForge(cmd, c, table, false, func(ctx context.Context, d *desk, shown *tokens.Owner) error {
		if shown != nil {
			d.as = shown
		}
		return f(ctx, d)
	})
}

// identify asks the forge whose credential this is, and refuses one that patgate must not hold.
func identify(ctx context.Context, c *config.Config, f tokens.Forge, secret token.Secret) (*tokens.Owner, error) {
	o, err := tokens.Identify(ctx, f, secret, c.Tokens.AllowAdminOwners)
	if err != nil && !errors.Is(err, tokens.ErrForbidden) {
		err = fmt.Errorf("asking %s whose credential this is: %w", c.Upstream.URL, err)
	}
	return o, err
}

// toldOf gives what the token service says of a token in the words of a command.
func toldOf(id int64, err error) error {
	if errors.Is(err, tokens.ErrNotFound) {
		return fmt.Errorf("there is no token %d: patgate token list shows them", id)
	}
	return told(err)
}

// told gives what the token service found wrong with a request one line each, by the flags that it came from.
func told(err error) error {
	var invalid *terms.Invalid
	if !errors.As(err, &invalid) {
		return err
	}
	var lines linesError
	for _, p := range invalid.Problems {
		field := strings.Replace(p.Field, "granular_scopes", "scopes", 1) + ":"
		switch p.Field {
		case "name", "description", "grace":
			field = "--" + p.Field
		case "expires_at":
			field = "--expires"
		case "renew_until":
			field = "--renew-until"
		}
		lines = append(lines, field+" "+p.Message)
	}
	return usageError{lines}
}

// newLeaks gives the leak reports that the configuration takes; nil when it takes none.
func newLeaks(c *config.Config) (*api.Leaks, error) {
	l := &api.Leaks{GitLabToken: token.NewSecret(c.LeakReports.GitLabToken.Reveal())}
	if c.LeakReports.GitHubKeysURL != "" {
		keys, err := newGitHubKeys(c.LeakReports.GitHubKeysURL, c.Upstream.Proxy)
		if err != nil {
			return nil, err
		}
		l.GitHubKey = keys.find
	}
	return l, nil
}
