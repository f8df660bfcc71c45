package policycmd

import (
	"context"
	"fmt"
	"path/filepath"

	"patgate/admin/tokens"
	"patgate/cli/desk"
)

// do does one step.
func (a *application) do(ctx context.Context, s *step) error {
	switch s.what {
	case "revoke":
		_, err := a.desk.Revoke(ctx, tokens.Operator(desk.Actor()), s.now.ID, "no file of the set "+a.lock.Set+" names it "+
			"any more")
		return err
	case "edit":
		_, err := a.desk.Edit(ctx, a.desk.As, s.now.ID, s.changes)
		return err
	case "deliver":
		// Nobody has the secret, so nobody misses the token.
		_, err := a.desk.Revoke(ctx, tokens.Operator(desk.Actor()), s.now.ID, "its secret did not arrive")
		if err != nil {
			return err
		}
		return a.make(ctx, s)
	case "make":
		return a.make(ctx, s)
	}
	return nil
}

// make makes a token and delivers its secret. Until that has arrived, the store says so: an apply that was killed is told by it.
func (a *application) make(ctx context.Context, s *step) error {
	dir, _ := a.cmd.Flags().GetString("secrets-dir")
	printed, _ := a.cmd.Flags().GetBool("secrets-stdout")
	s.managed.Undelivered = dir != "" || printed
	q := s.creation
	q.Managed = &s.managed
	made, err := a.desk.Create(ctx, a.desk.As, q)
	if err != nil {
		return err
	}
	for _, w := range made.Warnings {
		fmt.Fprintf(a.cmd.ErrOrStderr(), "patgate: note: %s: %s\n", s.name(), w)
	}
	if !s.managed.Undelivered {
		return nil
	}
	if dir != "" {
		if err := replace(filepath.Join(dir, s.name()), []byte(made.Secret.Reveal()+"\n"), 0o600); err != nil {
			return fmt.Errorf("writing its secret: %w", err)
		}
	}
	if printed {
		if _, err := fmt.Fprintf(a.cmd.OutOrStdout(), "%s\t%s\n", s.name(), made.Secret.Reveal()); err != nil {
			return fmt.Errorf("printing its secret: %w", err)
		}
	}
	s.managed.Undelivered = false
	_, err = a.desk.Edit(ctx, a.desk.As, made.ID, tokens.Changes{Managed: &s.managed})
	return err
}
