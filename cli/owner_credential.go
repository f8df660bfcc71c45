package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"patgate/config"
	"patgate/forge"
	"patgate/routes"
	"patgate/store"
	"patgate/store/seal"
	"patgate/token"
)

// errNoCredential: nobody gave an owner's credential, and there is no terminal to ask at.
var errNoCredential = errors.New("no forge credential was given (fix: set PATGATE_OWNER_CREDENTIAL or PATGATE_OWNER_CREDENTIAL_FILE, or give --credential-file)")

// givenCredential reads the owner's forge credential from the environment or from a file; ok is false when neither is
// given.
func givenCredential(cmd *cobra.Command) (secret token.Secret, ok bool, err error) {
	file, _ := cmd.Flags().GetString("credential-file")
	if file == "" {
		file = os.Getenv("PATGATE_OWNER_CREDENTIAL_FILE")
	}
	text := os.Getenv("PATGATE_OWNER_CREDENTIAL")
	switch {
	case file != "" && text != "" && !cmd.Flags().Changed("credential-file"):
		return secret, false, usageError{errors.New("PATGATE_OWNER_CREDENTIAL and PATGATE_OWNER_CREDENTIAL_FILE are both set: unset one")}
	case file == "" && text == "":
		return secret, false, nil
	case file != "":
		data, err := readSmall(cmd, file)
		if err != nil {
			return secret, false, fmt.Errorf("reading the forge credential: %w", err)
		}
		text = data
	}
	secret, err = asCredential(text)
	return secret, err == nil, err
}

// askCredential asks for the credential at the terminal, without showing it.
func askCredential(cmd *cobra.Command, c *config.Config) (token.Secret, error) {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return token.Secret{}, errNoCredential
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Personal access token for %s (%s; it is not shown): ", c.Upstream.URL, scopesWanted(c))
	text, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	if err != nil {
		return token.Secret{}, fmt.Errorf("reading the forge credential: %w", err)
	}
	return asCredential(string(text))
}

// scopesWanted says which scopes an owner's credential should have.
func scopesWanted(c *config.Config) string {
	settleForge(context.Background(), c)
	if tableForge(c) == routes.ForgeGitea {
		return "the scopes that its patgate tokens are to use, and read:user, read:organization and read:repository"
	}
	return "scope api or read_api"
}

// asCredential refuses what cannot be a forge token before it is sent anywhere.
func asCredential(text string) (token.Secret, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return token.Secret{}, errors.New("the forge credential is empty")
	case len(text) > 1024 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return token.Secret{}, errors.New("the forge credential is not a token: it has white space or odd characters, or is too long")
	case strings.HasPrefix(text, token.Prefix):
		return token.Secret{}, errors.New("this is a patgate token: an owner's own forge token is needed")
	}
	return token.NewSecret(text), nil
}

// readSmall reads a file, or the standard input when it is "-".
func readSmall(cmd *cobra.Command, file string) (string, error) {
	const limit = 1 << 20
	var r io.Reader = cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(bufio.NewReader(r), limit+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("%s has more than %d bytes", file, limit)
	}
	return string(data), err
}

// identify asks the forge whose credential this is, and refuses one that patgate must not hold.
func identify(ctx context.Context, c *config.Config, f forgeClient, secret token.Secret) (forge.Identity, error) {
	id, err := f.Identify(ctx, secret)
	switch {
	case errors.Is(err, forge.ErrCredentialKind):
		return id, fmt.Errorf("%s: %w (fix: give a legacy personal access token, %s, not a job, deploy, OAuth or fine-grained token)", c.Upstream.URL, err, scopesWanted(c))
	case err != nil:
		return id, fmt.Errorf("asking %s whose credential this is: %w", c.Upstream.URL, err)
	}
	return id, acceptable(c, &id)
}

// acceptable tells, by an error, why patgate does not hold such a credential.
func acceptable(c *config.Config, id *forge.Identity) error {
	const allow = "use another token, or set tokens.allow_admin_owners"
	switch {
	case id.Kind != forge.CredentialPersonal:
		return fmt.Errorf("the forge credential is not a legacy personal access token but %s (fix: make one with the scope api or read_api)", id.Kind)
	case !id.Active:
		return errors.New("the forge credential is expired or revoked (fix: make a new one)")
	case id.Lacks() != "":
		return fmt.Errorf("the forge credential has the scopes %s; patgate needs %s to ask the forge for projects", strings.Join(id.Scopes, ", "), id.Lacks())
	case c.Tokens.AllowAdminOwners:
		return nil
	case id.HasScope("sudo"):
		return fmt.Errorf("the forge credential has the scope sudo and could act as anybody (fix: %s)", allow)
	case id.HasScope("admin_mode"):
		return fmt.Errorf("the forge credential has the scope admin_mode and could change the forge itself (fix: %s)", allow)
	case id.Admin:
		return fmt.Errorf("%s is an administrator of the forge, so the credential reaches everything there (fix: %s)", id.Username, allow)
	}
	return nil
}

// sealCredential stores an identified credential: under the owner's credential that has the same secret, when there is
// one, else as a new one. told says what was sealed anew.
func sealCredential(ctx context.Context, c *config.Config, o *opened, secret token.Secret, id *forge.Identity) (owner store.Owner, cred store.Credential, told bool, err error) {
	now := time.Now()
	owner, err = o.store.PutOwner(ctx, store.Owner{Origin: c.Upstream.URL.String(), UserID: id.UserID, Username: id.Username, Admin: id.Admin, CreatedAt: now})
	if err != nil {
		return owner, cred, false, err
	}
	known, err := o.store.Credentials(ctx, owner.ID)
	if err != nil {
		return owner, cred, false, err
	}
	for _, k := range known {
		plain, err := o.keyring.Unseal(k.Binding(&owner), k.KeyID, k.Sealed)
		if err != nil {
			return owner, cred, false, fmt.Errorf("opening credential %d: %w", k.ID, err)
		}
		if !secret.Equal(token.NewSecret(string(plain))) {
			continue
		}
		if k.Status != store.CredentialValid {
			if err := o.store.SetCredentialStatus(ctx, k.ID, store.CredentialValid, "", now); err != nil {
				return owner, cred, false, err
			}
		}
		return owner, k, false, nil
	}
	cred, err = o.store.AddCredential(ctx, store.Credential{OwnerID: owner.ID, Kind: id.Kind.String(), Scopes: id.Scopes, ExpiresAt: id.ExpiresAt, CreatedAt: now}, sealer(o, secret))
	return owner, cred, err == nil, err
}

// sealer seals a secret with the store's active key.
func sealer(o *opened, secret token.Secret) store.SealFunc {
	return func(b seal.Binding) (string, []byte, error) { return o.keyring.Seal(b, []byte(secret.Reveal())) }
}
