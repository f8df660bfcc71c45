package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/tokens"
	"patgate/config"
	"patgate/forge"
	"patgate/store"
	"patgate/token"
)

func newOwnerAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Verify a forge token and keep it sealed for its user's patgate tokens",
		Long: `Asks the forge whose token it is and which scopes it has, and seals it. Nothing is stored
before the forge has accepted it. Refused are job, deploy, OAuth and fine-grained tokens, and,
unless tokens.allow_admin_owners is set, tokens of administrators and those with the scopes sudo
or admin_mode.

An owner may have several credentials: a token stays with the one that it was made under.`,
		Example: `  patgate owner add --upstream https://gitlab.example.com
  PATGATE_OWNER_CREDENTIAL_FILE=/run/secrets/glpat patgate owner add`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, o, secret, id, err := verifiedCredential(cmd)
			if err != nil {
				return err
			}
			defer o.Close()
			owner, cred, fresh, err := sealCredential(cmd.Context(), c, o, secret, id)
			if err != nil {
				return err
			}
			if !fresh {
				return fmt.Errorf("this credential of %s is stored already, as credential %d", owner.Username, cred.ID)
			}
			return printSealed(cmd, o, owner, &cred, "Sealed")
		},
	}
	addCredentialFlags(cmd)
	return cmd
}

func newOwnerReplace() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replace [USERNAME|ID]",
		Short: "Put a new forge token in the place of a sealed one",
		Long: `The tokens that were made under the old credential go on with the new one. It must be of the same
user, and must not reach further than the old one: a token never uses a broader credential than the
one that authorised it. For a broader one: patgate owner add, then make new tokens.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, o, secret, id, err := verifiedCredential(cmd)
			if err != nil {
				return err
			}
			defer o.Close()
			owner, err := ownerToReplace(cmd.Context(), o, c, id, args)
			if err != nil {
				return err
			}
			number, _ := cmd.Flags().GetInt64("credential")
			old, err := chooseCredential(cmd.Context(), o.store, &owner, number)
			if err != nil {
				return err
			}
			if beyond := tokens.Broader(id.Scopes, old.Scopes); len(beyond) > 0 {
				return fmt.Errorf("the new credential also has %s, which credential %d with %s does not: the tokens bound to it must not reach further (fix: make a forge token with the same scopes, or patgate owner add)",
					strings.Join(beyond, ", "), old.ID, strings.Join(old.Scopes, ", "))
			}
			if _, err := o.store.PutOwner(cmd.Context(), store.Owner{Origin: owner.Origin, UserID: id.UserID, Username: id.Username, Admin: id.Admin, CreatedAt: time.Now()}); err != nil {
				return err
			}
			old.Kind, old.Scopes, old.ExpiresAt, old.UpdatedAt = id.Kind.String(), id.Scopes, id.ExpiresAt, time.Now()
			cred, err := o.store.ReplaceCredential(cmd.Context(), old, sealer(o, secret))
			if err != nil {
				return err
			}
			return printSealed(cmd, o, owner, &cred, "Replaced")
		},
	}
	cmd.Flags().Int64("credential", 0, "which of several credentials of the owner")
	addCredentialFlags(cmd)
	return cmd
}

func addCredentialFlags(cmd *cobra.Command) {
	addStoreFlags(cmd)
	cmd.Flags().String("credential-file", "", "file with the owner's forge token (- is standard input)")
}

// verifiedCredential reads a credential, has the forge verify it, and only then opens the store.
func verifiedCredential(cmd *cobra.Command) (c *config.Config, o *opened, secret token.Secret, id *forge.Identity, err error) {
	fail := func(err error) (*config.Config, *opened, token.Secret, *forge.Identity, error) {
		return nil, nil, token.Secret{}, nil, err
	}
	if c, err = loadSettings(cmd, storeSettings(), withUpstream); err != nil {
		return fail(err)
	}
	secret, given, err := givenCredential(cmd)
	if err == nil && !given {
		secret, err = askCredential(cmd, c)
	}
	if err != nil {
		return fail(err)
	}
	f, err := askForge(c)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	identity, err := identify(cmd.Context(), c, f, secret)
	if err != nil {
		return fail(err)
	}
	if o, err = openStore(cmd.Context(), c); err != nil {
		return fail(err)
	}
	return c, o, secret, &identity, nil
}

// ownerToReplace finds the owner that is named, or the credential's own user, and makes sure that they are the same.
func ownerToReplace(ctx context.Context, o *opened, c *config.Config, id *forge.Identity, args []string) (store.Owner, error) {
	name := id.Username
	if len(args) == 1 {
		name = args[0]
	}
	owner, err := findOwner(ctx, o.store, c, name)
	if err != nil {
		return owner, err
	}
	if owner.UserID != id.UserID || owner.Origin != c.Upstream.URL.String() {
		return owner, fmt.Errorf("the new credential belongs to %s (user %d), not to %s (user %d): tokens never change their owner",
			id.Username, id.UserID, owner.Username, owner.UserID)
	}
	return owner, nil
}

// chooseCredential gives the owner's credential with that number, or the only one when it is 0.
func chooseCredential(ctx context.Context, st store.Store, owner *store.Owner, number int64) (store.Credential, error) {
	all, err := st.Credentials(ctx, owner.ID)
	if err != nil {
		return store.Credential{}, err
	}
	var numbers []string
	for _, cred := range all {
		if cred.ID == number || number == 0 && len(all) == 1 {
			return cred, nil
		}
		numbers = append(numbers, strconv.FormatInt(cred.ID, 10)+" ("+strings.Join(cred.Scopes, ", ")+")")
	}
	switch {
	case len(all) == 0:
		return store.Credential{}, fmt.Errorf("%s has no sealed credential (fix: patgate owner add)", owner.Username)
	case number == 0:
		return store.Credential{}, usageError{fmt.Errorf("%s has several credentials: choose one with --credential: %s", owner.Username, strings.Join(numbers, ", "))}
	}
	return store.Credential{}, usageError{fmt.Errorf("%s has no credential %d: there are %s", owner.Username, number, strings.Join(numbers, ", "))}
}

func printSealed(cmd *cobra.Command, o *opened, owner store.Owner, cred *store.Credential, done string) error {
	if wantsJSON(cmd) {
		v, err := viewOwner(cmd.Context(), o.store, owner)
		if err != nil {
			return err
		}
		return printJSON(cmd.OutOrStdout(), v)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s credential %d of %s (user %d at %s) with the scopes %s, expires %s, under key %s.\n",
		done, cred.ID, owner.Username, owner.UserID, owner.Origin, strings.Join(cred.Scopes, ", "), stamp(cred.ExpiresAt), cred.KeyID)
	return err
}
