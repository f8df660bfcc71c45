package policycmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"patgate/admin/manifest"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/routes"
)

// ErrWidens is what diff and a dry run end with when the files would let tokens do more: it has an exit code of its own.
var ErrWidens = errors.New("something would be allowed more than now")

// NewApply gives the command that makes tokens what files say.
func NewApply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply -f DIR",
		Short: "Make tokens what the files of a directory say",
		Long: `Reads all YAML documents of a directory: tokens, and the templates and limits beside them. What is wrong with
them is printed all at once. Then every path is looked up: which id it means is written into patgate.lock, which is
committed with the files. A path that means another project or group than the lock says stops it, before anything is
changed: the project was renamed, or made anew under the same name.

A token that is not there is made, one that differs is edited, by the same checks as patgate token create and edit: giving
more needs the owner's forge token (PATGATE_OWNER_CREDENTIAL). What was changed by hand is put back. With --prune, tokens
that an earlier apply of this set made and no file names are revoked; what was made by hand never is. The secret of a new
token goes to a file of its name in --secrets-dir, to the output with --secrets-stdout, or nowhere.

Limits, issuers and trusts are in force where a gateway reads the same files (policies), and nowhere else. Templates stand
for permissions in the tokens of their own set, and in the forms of that gateway's console.`,
		Example: `  patgate diff -f policies
  patgate apply -f policies --secrets-dir /run/secrets/patgate --prune`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dry, _ := cmd.Flags().GetBool("dry-run")
			return apply(cmd, dry)
		},
	}
	f := cmd.Flags()
	f.Bool("dry-run", false, "change nothing, and exit as diff does")
	f.String("secrets-dir", "", "directory, made when needed, for a file of its name (mode 0600) with the secret of each "+
		"new token")
	f.Bool("secrets-stdout", false, "print the name and the secret of each new token, once")
	addCommon(cmd)
	addInForce(cmd)
	return cmd
}

// NewDiff gives the command that says what apply would do.
func NewDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff -f DIR",
		Short: "Say what apply would change, and whether it widens anything",
		Long: `Compares three things: the files, what they said when they were applied last, and what the tokens are now. Nothing
is changed, and patgate.lock is not written. Limits, issuers and trusts are compared with those in force: of --in-force, or of
policies in the configuration. Exits 3 when something would be allowed more than now, so that CI can ask for a second pair of
eyes: a token, what a limit forbids, an issuer, a trust; 0 when nothing would; 1 when something is wrong with the files.`,
		Example: `  patgate diff -f policies --prune
  patgate diff -f policies --in-force ../main/policies`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return apply(cmd, true) },
	}
	addCommon(cmd)
	addInForce(cmd)
	return cmd
}

func addCommon(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringP("file", "f", "", "directory with the files, or one file (required)")
	f.Bool("prune", false, "revoke what an earlier apply of this set made and no file names")
	f.String("set", "", "what the set is called in the store; its lock remembers it (default: the name of the directory)")
	f.Int64("credential", 0, "which of the owner's sealed credentials, when there are several")
	_ = cmd.MarkFlagRequired("file")
	desk.AddCredentialFlags(cmd)
}

// apply plans, and unless it is dry does it.
func apply(cmd *cobra.Command, dry bool) error {
	c, err := opening.Settings(cmd, settings.Store(), settings.WithUpstream)
	if err != nil {
		return err
	}
	table, err := opening.Table(c)
	if err != nil {
		return err
	}
	path, _ := cmd.Flags().GetString("file")
	if same(path, c.Policies) {
		c.Policies = "" // read here, strictly: their lock may lack what is about to be looked up
	}
	files, problems := manifest.Files(path)
	set, found := manifest.Read(files, table, c.OIDC.Issuers...)
	lock := set.Lock
	if problems = append(problems, wrong(files, c, table, path, set, found)...); len(problems) > 0 {
		return terminal.Problems(problems)
	}
	if name, _ := cmd.Flags().GetString("set"); name != "" && lock.Set != "" && name != lock.Set {
		return terminal.Usage(fmt.Errorf("--set %s: %s says that the set is called %s", name, manifest.LockName, lock.Set))
	} else if lock.Set == "" {
		whole, err := filepath.Abs(filepath.Dir(manifest.LockOf(path)))
		if err != nil {
			return err
		}
		if lock.Set = filepath.Base(whole); name != "" {
			lock.Set = name
		}
	}
	if secrets, _ := cmd.Flags().GetString("secrets-dir"); secrets != "" && !dry { // before any is made
		if err := os.MkdirAll(secrets, 0o700); err != nil {
			return fmt.Errorf("making --secrets-dir: %w", err)
		}
	}
	return desk.AtForge(cmd, c, table, false, func(ctx context.Context, d *desk.Desk, shown *tokens.Owner) error {
		a := &application{cmd: cmd, desk: d, table: table, set: set, lock: &lock, shown: shown, path: path}
		return desk.Told(cmd, a.run(ctx, dry))
	})
}

// same tells whether two paths lead to one file or directory.
func same(a, b string) bool {
	one, err := os.Stat(a)
	other, also := os.Stat(b)
	return err == nil && also == nil && os.SameFile(one, other)
}

// wrong gives the problems of files, except paths that the lock does not have yet: these are looked up.
func wrong(files []routes.File, c *config.Config, t *routes.Table, path string, s *manifest.Set,
	found []routes.Problem) []routes.Problem {
	if len(found) == 0 {
		_, problems := opening.TrustsOf(c, s, t)
		return problems
	}
	filled := manifest.Lock{}
	for _, p := range s.Paths() {
		filled.With(p.Kind, p.Path, manifest.Standing(p))
	}
	_, problems := manifest.Read(manifest.WithLock(files, manifest.LockOf(path), &filled), t, c.OIDC.Issuers...)
	if len(problems) == 0 {
		_, problems = opening.TrustsOf(c, s, t)
	}
	for _, p := range found {
		if manifest.IsLock(p.Source.File) {
			problems = append(problems, p)
		}
	}
	return problems
}
