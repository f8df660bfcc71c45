package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/tokens"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/config"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Actor names the user who runs the command, for the record: "cli:alice".
func Actor() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "cli:" + u.Username
	}
	return "cli:uid-" + strconv.Itoa(os.Getuid())
}

// AwaitForce waits until a change is in force on all gateways of the store. So a command that takes something away returns only
// when it is gone.
func AwaitForce(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(store.FreshWithin + 20*time.Millisecond):
	}
}

// Desk is the token service on the local store, with the caller that commands act as.
type Desk struct {
	*tokens.Service
	Config *config.Config
	Forge  tokens.Forge // nil where no command asks it anything
	As     tokens.Caller
	Store  store.Store
}

// AtForge runs f at the desk with the forge behind it and the keys open. A credential that is given, or asked for because
// one is needed, is verified before the store is opened, so that a wrong one leaves no trace.
func AtForge(cmd *cobra.Command, c *config.Config, table *routes.Table, needed bool,
	f func(ctx context.Context, d *Desk, shown *tokens.Owner) error) error {
	ctx := cmd.Context()
	secret, given, err := givenCredential(cmd)
	if err == nil && !given && needed {
		secret, err = AskCredential(cmd, c)
		given = true
	}
	if err != nil {
		return err
	}
	client, err := opening.Forge(c)
	if err != nil {
		return err
	}
	defer client.Close()
	var shown *tokens.Owner
	if given {
		if shown, err = Identify(ctx, c, client, secret); err != nil {
			return err
		}
	}
	o, err := opening.Store(ctx, c)
	if err != nil {
		return err
	}
	defer o.Close()
	s, err := opening.Tokens(c, o, client, func() *routes.Table { return table }, nil)
	if err != nil {
		return err
	}
	return f(ctx, &Desk{s, c, client, tokens.Operator(Actor()), o.Store}, shown)
}

// OnStore runs f on a store that exists, for operators' commands that need neither forge nor keys. table may be nil for commands
// without a route table.
func OnStore(cmd *cobra.Command, table func(*config.Config) (*routes.Table, error),
	f func(ctx context.Context, d *Desk) error) error {
	read := settings.Load
	if table != nil {
		read = opening.Settings // the table is that of the forge
	}
	c, err := read(cmd, settings.Store(), settings.WithoutUpstream)
	if err != nil {
		return err
	}
	options := tokens.Options{Origin: c.Upstream.URL.String(), AllowReportMode: c.Tokens.ReportMode == config.ReportModeAllow}
	if table != nil {
		current, err := table(c)
		if err != nil {
			return err
		}
		options.Table = func() *routes.Table { return current }
	}
	st, err := opening.Existing(cmd.Context(), c)
	if err != nil {
		return err
	}
	defer st.Close()
	options.Store = st
	s, err := tokens.New(options)
	if err != nil {
		return err
	}
	return f(cmd.Context(), &Desk{s, c, nil, tokens.Operator(Actor()), st})
}

// WithForge runs f on a store that exists, as the owner of a credential that is given, else as the operator.
func WithForge(cmd *cobra.Command, f func(ctx context.Context, d *Desk) error) error {
	c, err := opening.Settings(cmd, settings.Store(), settings.WithUpstream)
	if err != nil {
		return err
	}
	if st, err := opening.Existing(cmd.Context(), c); err != nil {
		return err
	} else if err := st.Close(); err != nil {
		return err
	}
	table, err := opening.Table(c)
	if err != nil {
		return err
	}
	return AtForge(cmd, c, table, false, func(ctx context.Context, d *Desk, shown *tokens.Owner) error {
		if shown != nil {
			d.As = shown
		}
		return f(ctx, d)
	})
}

// Identify asks the forge whose credential this is, and refuses one that patgate must not hold.
func Identify(ctx context.Context, c *config.Config, f tokens.Forge, secret token.Secret) (*tokens.Owner, error) {
	o, err := tokens.Identify(ctx, f, secret, c.Tokens.AllowAdminOwners)
	if err != nil && !errors.Is(err, tokens.ErrForbidden) {
		err = fmt.Errorf("asking %s whose credential this is: %w", c.Upstream.URL, err)
	}
	return o, err
}
