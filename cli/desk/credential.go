package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/cli/upstream"
	"patgate/config"
	"patgate/routes"
	"patgate/token"
)

// AddCredentialFlags gives a command on the store its flags, and the one for the owner's credential.
func AddCredentialFlags(cmd *cobra.Command) {
	settings.AddStore(cmd)
	cmd.Flags().String("credential-file", "", "file with the owner's forge token (- is standard input)")
}

// errNoCredential: nobody gave an owner's credential, and there is no terminal to ask at.
var errNoCredential = errors.New("no forge credential was given (fix: set PATGATE_OWNER_CREDENTIAL or " +
	"PATGATE_OWNER_CREDENTIAL_FILE, or give --credential-file)")

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
		return secret, false, terminal.Usage(errors.New("PATGATE_OWNER_CREDENTIAL and PATGATE_OWNER_CREDENTIAL_FILE are both " +
			"set: unset one"))
	case file == "" && text == "":
		return secret, false, nil
	case file != "":
		data, err := terminal.ReadSmall(cmd, file)
		if err != nil {
			return secret, false, fmt.Errorf("reading the forge credential: %w", err)
		}
		text = data
	}
	secret, err = asCredential(text)
	return secret, err == nil, err
}

// AskCredential asks for the credential at the terminal, without showing it.
func AskCredential(cmd *cobra.Command, c *config.Config) (token.Secret, error) {
	if _, ok := terminal.Person(cmd); !ok {
		return token.Secret{}, errNoCredential // before the forge is asked what it is
	}
	text, err := terminal.AskSecret(cmd,
		fmt.Sprintf("Personal access token for %s (%s; it is not shown): ", c.Upstream.URL, scopesWanted(cmd.Context(), c)))
	if err != nil {
		return token.Secret{}, fmt.Errorf("reading the forge credential: %w", err)
	}
	return asCredential(text)
}

// scopesWanted says which scopes an owner's credential should have.
func scopesWanted(ctx context.Context, c *config.Config) string {
	upstream.Settle(ctx, c)
	if c.Forge.Table() == routes.ForgeGitea {
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
		return token.Secret{}, errors.New("the forge credential is not a token: it has white space or odd characters, or " +
			"is too long")
	case strings.HasPrefix(text, token.Prefix):
		return token.Secret{}, errors.New("this is a patgate token: an owner's own forge token is needed")
	}
	return token.NewSecret(text), nil
}
