package trustcmd

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/cli/desk"
	"patgate/cli/terminal"
	"patgate/token"
)

// traded is what a patgate answers to an ID token.
type traded struct {
	Token   string    `json:"access_token"`
	Expires time.Time `json:"expires_at"`
	Trust   string    `json:"trust"`
}

func addFlags(cmd *cobra.Command) {
	cmd.Flags().String("server", "", "address of patgate (default: PATGATE_SERVER)")
	cmd.Flags().String("trust", "", "name of the trust; that of the ID token's audience, when not given")
	cmd.Flags().String("id-token-file", "", "file with the ID token (- is standard input; default: PATGATE_ID_TOKEN_FILE, "+
		"or the token itself in PATGATE_ID_TOKEN)")
}

// idToken reads the ID token.
func idToken(cmd *cobra.Command) (token.Secret, error) {
	file, _ := cmd.Flags().GetString("id-token-file")
	if file == "" {
		file = os.Getenv("PATGATE_ID_TOKEN_FILE")
	}
	text := os.Getenv("PATGATE_ID_TOKEN")
	if file != "" {
		var err error
		if text, err = terminal.ReadSmall(cmd, file); err != nil {
			return token.Secret{}, fmt.Errorf("reading the ID token: %w", err)
		}
	}
	if text = strings.TrimSpace(text); text == "" {
		return token.Secret{}, terminal.Usage(errors.New("no ID token was given (fix: set PATGATE_ID_TOKEN or " +
			"PATGATE_ID_TOKEN_FILE, or give --id-token-file)"))
	}
	return token.NewSecret(text), nil
}

// remote gives the patgate to ask.
func remote(cmd *cobra.Command) (*desk.Remote, error) {
	r, err := desk.OpenRemote(cmd)
	if err == nil && r == nil {
		err = terminal.Usage(errors.New("no patgate was named (fix: give --server, or set PATGATE_SERVER)"))
	}
	return r, err
}

// trade trades the ID token.
func trade(ctx context.Context, cmd *cobra.Command, r *desk.Remote) (t traded, err error) {
	id, err := idToken(cmd)
	if err != nil {
		return t, err
	}
	name, _ := cmd.Flags().GetString("trust")
	return t, r.Trade(ctx, id, name, &t)
}

// NewExchange gives the command exchange.
func NewExchange() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exchange",
		Short: "Trade an ID token for a patgate token, and print or write that",
		Example: `  patgate exchange --server https://patgate.example.com --trust release-notes
  patgate exchange --id-token-file /var/run/secrets/patgate/token --output /run/patgate/token --watch`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			output, _ := cmd.Flags().GetString("output")
			watch, _ := cmd.Flags().GetBool("watch")
			if watch && output == "" {
				return terminal.Usage(errors.New("--watch goes with --output"))
			}
			r, err := remote(cmd)
			if err != nil {
				return err
			}
			for failed := 0; ; {
				t, err := trade(cmd.Context(), cmd, r)
				if err == nil {
					err = put(cmd, output, t.Token)
				}
				if !watch {
					return err
				}
				wait := max(soonest, time.Until(t.Expires)*2/3)
				if err != nil {
					if id, readErr := idToken(cmd); readErr == nil && over(id, time.Now()) {
						return fmt.Errorf("%w (the ID token has expired: another one must be given)", err)
					}
					fmt.Fprintln(cmd.ErrOrStderr(), "patgate:", err)
					wait = min(soonest<<failed, latest)
					failed = min(failed+1, 10)
				} else {
					failed = 0
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(wait):
				}
			}
		},
	}
	addFlags(cmd)
	cmd.Flags().String("output", "", "file to write the token to, with mode 0600, instead of printing it")
	cmd.Flags().Bool("watch", false, "go on, and write another one before it ends, from an ID token that is read again")
	return cmd
}

// How long --watch waits: at least between two trades, and at most after failures, which double it.
const (
	soonest = 15 * time.Second
	latest  = 5 * time.Minute
)

// over tells whether an ID token has ended, as far as it can be read: one that cannot is not said to be.
func over(id token.Secret, now time.Time) bool {
	_, rest, _ := strings.Cut(id.Reveal(), ".")
	payload, _, _ := strings.Cut(rest, ".")
	data, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		Ends float64 `json:"exp"`
	}
	return err == nil && json.Unmarshal(data, &claims) == nil && claims.Ends > 0 && float64(now.Unix()) >= claims.Ends
}

// put prints the token, or writes it to a file.
func put(cmd *cobra.Command, file, text string) error {
	if file == "" {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	}
	return write(file, []byte(text+"\n"))
}

// write writes a file with mode 0600, whole or not at all.
func write(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".patgate-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("writing the token: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the token: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// onDemand gives a token, traded a moment ago or now: an ID token may be traded once, and git and docker ask for each command.
func onDemand(cmd *cobra.Command, r *desk.Remote) (t traded, err error) {
	id, k, err := ofJob(cmd, r)
	if err != nil {
		return t, err
	}
	if t, ok := k.read(); ok {
		return t, nil
	}
	name, _ := cmd.Flags().GetString("trust")
	if err := r.Trade(cmd.Context(), id, name, &t); err != nil {
		return t, err
	}
	if _, err := token.Parse([]byte(t.Token)); err != nil {
		return traded{}, errors.New("the server answered with something else than a token")
	}
	return t, k.write(&t)
}

// ofJob reads the job's ID token, and finds what is kept for it.
func ofJob(cmd *cobra.Command, r *desk.Remote) (id token.Secret, k kept, err error) {
	if id, err = idToken(cmd); err == nil {
		name, _ := cmd.Flags().GetString("trust")
		k, err = keptFor(r.Address(), name, id)
	}
	return id, k, err
}

// forget drops what is kept: git and docker ask for that when a server did not take it.
func forget(cmd *cobra.Command, r *desk.Remote) error {
	_, k, err := ofJob(cmd, r)
	if err != nil {
		return nil // there is nothing that could be found
	}
	return k.drop()
}

// NewCredential gives the command credential.
func NewCredential() *cobra.Command {
	cmd := &cobra.Command{Use: "credential", Short: "Give git and docker a token that an ID token is traded for"}
	cmd.AddCommand(newGit(), newDocker())
	return cmd
}

func newGit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "git get|store|erase",
		Short: "A credential helper of git",
		Example: `  git config --global credential.https://patgate.example.com.helper \
    '!patgate credential git --server https://patgate.example.com'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			asked := map[string]string{}
			lines := bufio.NewScanner(cmd.InOrStdin())
			for lines.Scan() && lines.Text() != "" {
				name, value, _ := strings.Cut(lines.Text(), "=")
				asked[name] = value
			}
			r, err := remote(cmd)
			if err != nil || !r.Is(asked["protocol"], asked["host"]) {
				return err // no other server gets a token
			}
			switch args[0] {
			case "get":
			case "erase":
				return forget(cmd, r)
			default:
				return nil // nothing is kept that came from elsewhere
			}
			t, err := onDemand(cmd, r)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "username=patgate\npassword=%s\npassword_expiry_utc=%d\n", t.Token,
				t.Expires.Unix())
			return err
		},
	}
	addFlags(cmd)
	return cmd
}

func newDocker() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "docker get|store|erase|list",
		Short: "A credential helper of docker, podman, skopeo, crane and oras",
		Long: `These call a program docker-credential-NAME: make one, docker-credential-patgate, with the two lines

  #!/bin/sh
  exec patgate credential docker "$@"

and name it in the configuration: {"credHelpers": {"patgate.example.com": "patgate"}}`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "list":
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "{}")
				return err
			case "store":
				return nil // nothing is kept that came from elsewhere
			case "get", "erase":
			default:
				return terminal.Usage(fmt.Errorf("unknown action %q: use get, store, erase or list", args[0]))
			}
			r, err := remote(cmd)
			if err != nil {
				return err
			}
			line, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
			server := strings.TrimSpace(line)
			protocol, host, found := strings.Cut(server, "://")
			if !found {
				protocol, host = "https", server
			}
			host, _, _ = strings.Cut(host, "/")
			if !r.Is(protocol, host) && (found || !r.Is("http", host)) {
				fmt.Fprintln(cmd.OutOrStdout(), "credentials not found in native keychain") // what docker looks for
				return errors.New("this is another server than --server")
			}
			if args[0] == "erase" {
				return forget(cmd, r)
			}
			t, err := onDemand(cmd, r)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"ServerURL": server, "Username": "patgate",
				"Secret": t.Token})
		},
	}
	addFlags(cmd)
	return cmd
}
