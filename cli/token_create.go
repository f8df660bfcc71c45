package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"patgate/config"
	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Limits of names and descriptions, in characters: GitLab's own (constants.js, 19.3).
const (
	maxTokenName        = 200
	maxTokenDescription = 255
)

// minLifetime is the shortest life of a token.
const minLifetime = 5 * time.Minute

func newTokenCreate() *cobra.Command {
	var flags scopeFlags
	cmd := &cobra.Command{
		Use:   "create --name NAME (WHERE... --allow PERMISSIONS)... | --grant FILE",
		Short: "Make a token and print its secret, once",
		Long: `A scope says where (--project, --group, --personal, --all-memberships, --user, --instance) and then, with
--allow, what. Repeat both for further scopes: flags are read in the order in which they stand.

The token acts for an owner, with the owner's own forge token, which the forge verifies before anything is
stored. It is read from PATGATE_OWNER_CREDENTIAL, from PATGATE_OWNER_CREDENTIAL_FILE or --credential-file,
or, when patgate knows no owner yet, at a prompt, and is then kept sealed; later commands need it no more.

Wildcards such as read_* stand for the permissions of today, and never for those that yield another credential.`,
		Example: `  patgate token create --name "read jobs" --project group/project --allow read_job,read_pipeline
  patgate token create --name release --expires 12h --project a/lib --allow 'read_*' --project a/app --allow push_code
  patgate token create --name bot --grant scopes.yaml --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadSettings(cmd, storeSettings(), withUpstream)
			if err != nil {
				return err
			}
			d, err := readDraft(cmd, c, &flags)
			if err != nil {
				return err
			}
			return createToken(cmd, c, d)
		},
	}
	f := cmd.Flags()
	f.String("name", "", "what the token is for (required)")
	f.String("description", "", "more about it")
	f.String("owner", "", "forge user whom the token acts for, when several are known (username or id)")
	f.Int64("credential", 0, "which of the owner's sealed credentials, when there are several")
	f.String("expires", "", "how long it lives (12h, 30d) or when it ends (2026-12-31); the configuration has default and maximum")
	f.String("grant", "", "YAML file with the scopes (- is standard input), instead of the flags below")
	f.BoolP("quiet", "q", false, "print the secret alone")
	flags.register(f)
	addCredentialFlags(cmd)
	return cmd
}

// draft is a token as it is asked for, checked as far as it can be without the forge.
type draft struct {
	name, description string
	created, expires  time.Time
	wanted            []wantedScope
	table             *routes.Table
}

// readDraft reads the flags. All that is wrong is reported together.
func readDraft(cmd *cobra.Command, c *config.Config, flags *scopeFlags) (*draft, error) {
	d := &draft{created: time.Now().UTC().Truncate(time.Millisecond)}
	var wrong []error
	d.name, _ = cmd.Flags().GetString("name")
	d.description, _ = cmd.Flags().GetString("description")
	d.name = strings.TrimSpace(d.name)
	if d.name == "" {
		wrong = append(wrong, errors.New("--name is missing: say what the token is for"))
	}
	wrong = append(wrong, checkText("--name", d.name, maxTokenName), checkText("--description", d.description, maxTokenDescription))
	text, _ := cmd.Flags().GetString("expires")
	expires, err := parseExpiry(text, d.created, c.Tokens.DefaultLifetime.Std(), c.Tokens.MaxLifetime.Std())
	d.expires = expires
	wrong = append(wrong, err)
	file, _ := cmd.Flags().GetString("grant")
	switch {
	case file != "" && len(flags.scopes) > 0:
		wrong = append(wrong, errors.New("give the scopes by --grant or by flags, not by both"))
	case file != "":
		data, err := readSmall(cmd, file)
		if err == nil {
			d.wanted, err = parseGrant([]byte(data))
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("reading --grant %s: %w", file, err))
		}
	case len(flags.scopes) == 0:
		wrong = append(wrong, errors.New("the token has no scope: say where (--project, --group, ...) and what (--allow)"))
	case flags.open:
		wrong = append(wrong, errors.New("the last scope says where but not what: close it with --allow"))
	default:
		d.wanted = flags.scopes
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, usageError{err}
	}
	if d.table, err = currentTable(c); err != nil {
		return nil, err
	}
	return d, d.checkPermissions()
}

// checkPermissions finds wrong names before the forge is asked for anything.
func (d *draft) checkPermissions() error {
	specs := make([]policy.ScopeSpec, len(d.wanted))
	var wrong []error
	for i := range d.wanted {
		w := &d.wanted[i]
		names, err := expand(w, d.table)
		wrong = append(wrong, err)
		specs[i] = policy.ScopeSpec{Access: w.access.String(), Permissions: names, Constraints: w.constraints}
		if w.access == policy.AccessSelectedMemberships && len(w.projects)+len(w.groups) > 0 {
			specs[i].ProjectIDs = []int64{int64(i) + 1} // any: the real ones come from the forge
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return usageError{err}
	}
	if _, err := policy.Compile(1, d.table.Version(), specs, d.table.Catalogue()); err != nil {
		return scopeProblems(err)
	}
	return nil
}

// scopeProblems gives each problem of a grant a line of its own.
func scopeProblems(err error) error {
	var spec *policy.SpecError
	if !errors.As(err, &spec) {
		return err
	}
	var lines linesError
	for _, p := range spec.Problems {
		lines = append(lines, p.String())
	}
	return usageError{lines}
}

// checkText refuses names that are too long or would garble a list.
func checkText(flag, text string, limit int) error {
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("%s is not valid UTF-8", flag)
	case utf8.RuneCountInString(text) > limit:
		return fmt.Errorf("%s has %d characters, at most %d are possible", flag, utf8.RuneCountInString(text), limit)
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%s has control characters in it", flag)
	}
	return nil
}

// parseExpiry reads a duration from now or a date, which ends at its first moment UTC as GitLab's do, and holds it to
// the limits.
func parseExpiry(text string, now time.Time, standard, longest time.Duration) (time.Time, error) {
	at := now.Add(standard)
	if text != "" {
		var lifetime config.Duration
		date, err := time.Parse(time.DateOnly, text)
		if err != nil {
			date, err = time.Parse(time.RFC3339, text)
		}
		switch {
		case err == nil:
			at = date.UTC()
		case lifetime.UnmarshalText([]byte(text)) == nil:
			at = now.Add(lifetime.Std())
		default:
			return at, fmt.Errorf("--expires %q is neither a duration like 12h or 30d nor a date like %s", text, now.AddDate(0, 3, 0).Format(time.DateOnly))
		}
	}
	switch life := at.Sub(now); {
	case life <= 0:
		return at, fmt.Errorf("--expires %s lies in the past", text)
	case life < minLifetime:
		return at, fmt.Errorf("--expires %s is too short: a token lives at least %s", text, config.Duration(minLifetime))
	case life > longest:
		return at, fmt.Errorf("--expires %s is too long: tokens.max_lifetime is %s", text, config.Duration(longest))
	}
	return at, nil
}

// createToken has the forge verify the owner's credential and find the containers, stores the token, and prints it.
func createToken(cmd *cobra.Command, c *config.Config, d *draft) error {
	ctx := cmd.Context()
	f, err := askForge(c)
	if err != nil {
		return err
	}
	defer f.Close()
	o, a, err := authorise(cmd, c, f)
	if err != nil {
		return err
	}
	defer o.Close()
	specs, warnings, err := resolveScopes(ctx, f, a.session(), d.wanted, d.table)
	if err != nil {
		return err
	}
	if _, err := policy.Compile(a.identity.UserID, d.table.Version(), specs, d.table.Catalogue()); err != nil {
		return scopeProblems(err)
	}
	if a.credential.ID == 0 {
		var fresh bool
		if a.owner, a.credential, fresh, err = sealCredential(ctx, c, o, a.secret, &a.identity); err != nil {
			return err
		}
		if fresh {
			warnings = append(warnings, fmt.Sprintf("the forge token of %s is now kept sealed, as credential %d with the scopes %s",
				a.owner.Username, a.credential.ID, strings.Join(a.credential.Scopes, ", ")))
		}
	}
	if end := a.credential.ExpiresAt; !end.IsZero() && end.Before(d.expires) {
		warnings = append(warnings, fmt.Sprintf("the owner's forge token expires before this one, on %s: replace it in time (patgate owner replace)", stamp(end)))
	}
	secret, err := token.Mint(rand.Reader)
	if err != nil {
		return fmt.Errorf("making a token: %w", err)
	}
	hash, err := token.Parse([]byte(secret.Reveal()))
	if err != nil {
		return fmt.Errorf("making a token: %w", err)
	}
	r, err := o.store.CreateToken(ctx, token.Record{
		Hash: hash, LastFour: token.LastFour(secret), Name: d.name, Description: d.description,
		OwnerID: a.owner.ID, CredentialID: a.credential.ID, CreatedAt: d.created, ExpiresAt: d.expires, Scopes: specs, TableVersion: d.table.Version(),
	})
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "patgate: note: "+w)
	}
	if err := printCreated(cmd, &store.Listed{Record: r, Owner: a.owner}, secret); err != nil {
		// Nobody has seen the secret, so nobody can use the token.
		_, revoked := o.store.RevokeToken(context.WithoutCancel(ctx), r.ID, "its secret could not be printed", actor(), time.Now())
		return errors.Join(fmt.Errorf("printing the secret of token %d, which is revoked: %w", r.ID, err), revoked)
	}
	return nil
}

// printCreated prints a new token with its secret; there is no second time.
func printCreated(cmd *cobra.Command, l *store.Listed, secret token.Secret) error {
	out := cmd.OutOrStdout()
	now := time.Now()
	if wantsJSON(cmd) {
		v := viewToken(l, now)
		v.Token = secret.Reveal()
		return printJSON(out, v)
	}
	if quiet, _ := cmd.Flags().GetBool("quiet"); quiet {
		_, err := fmt.Fprintln(out, secret.Reveal())
		return err
	}
	if err := printToken(out, l, now); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\nThis is the secret. It is shown only now:\n"+secret.Reveal()+"\n")
	return err
}

// authorisation is an owner's credential that the forge has just accepted.
type authorisation struct {
	secret     token.Secret
	identity   forge.Identity
	owner      store.Owner
	credential store.Credential // with id 0 when it is not stored yet
}

// session is what the resolver asks the forge with.
func (a *authorisation) session() *token.Session {
	return &token.Session{OwnerUserID: a.identity.UserID, Username: a.identity.Username, Credential: a.secret, CredentialID: a.credential.ID}
}

// authorise finds the credential that the new token will be bound to, and has the forge verify it: the one that was
// given, else a sealed one, else one that is asked for. A given one is verified before the store is opened, so that a
// wrong one leaves no trace.
func authorise(cmd *cobra.Command, c *config.Config, f forgeClient) (o *opened, a *authorisation, err error) {
	a = &authorisation{}
	secret, given, err := givenCredential(cmd)
	if err != nil {
		return nil, nil, err
	}
	if given {
		a.secret = secret
		if a.identity, err = identify(cmd.Context(), c, f, secret); err != nil {
			return nil, nil, err
		}
	}
	if o, err = openStore(cmd.Context(), c); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = o.Close()
			o = nil
		}
	}()
	name, _ := cmd.Flags().GetString("owner")
	if given {
		if name != "" && !strings.EqualFold(name, a.identity.Username) {
			return o, nil, usageError{fmt.Errorf("the given credential belongs to %s, not to --owner %s", a.identity.Username, name)}
		}
		return o, a, nil
	}
	owner, known, err := onlyOwner(cmd.Context(), o.store, c, name)
	if err != nil {
		return o, nil, err
	}
	if !known {
		if a.secret, err = askCredential(cmd, c); err != nil {
			return o, nil, err
		}
		a.identity, err = identify(cmd.Context(), c, f, a.secret)
		return o, a, err
	}
	number, _ := cmd.Flags().GetInt64("credential")
	return o, a, a.fromStore(cmd.Context(), c, o, f, owner, number)
}

// fromStore takes a sealed credential and asks the forge whether it still accepts it. What the forge says is stored.
func (a *authorisation) fromStore(ctx context.Context, c *config.Config, o *opened, f forgeClient, owner store.Owner, number int64) (err error) {
	a.owner = owner
	if a.credential, err = chooseCredential(ctx, o.store, &owner, number); err != nil {
		return err
	}
	if a.secret, err = unseal(o, &owner, &a.credential); err != nil {
		return err
	}
	a.identity, err = identify(ctx, c, f, a.secret)
	if errors.Is(err, forge.ErrCredential) {
		stored := o.store.SetCredentialStatus(ctx, a.credential.ID, store.CredentialInvalid, "refused by the forge", time.Now())
		return errors.Join(fmt.Errorf("credential %d of %s: %w (fix: patgate owner replace)", a.credential.ID, owner.Username, err), stored)
	}
	if err != nil {
		return err
	}
	if a.identity.UserID != owner.UserID {
		return fmt.Errorf("credential %d belongs to user %d at the forge now, not to %s (user %d)", a.credential.ID, a.identity.UserID, owner.Username, owner.UserID)
	}
	if a.credential.Status != store.CredentialValid {
		return o.store.SetCredentialStatus(ctx, a.credential.ID, store.CredentialValid, "", time.Now())
	}
	return nil
}

// onlyOwner gives the owner of that name, or the only one when none is named; known is false when there is none at all.
func onlyOwner(ctx context.Context, st store.Store, c *config.Config, name string) (owner store.Owner, known bool, err error) {
	if name != "" {
		owner, err = findOwner(ctx, st, c, name)
		return owner, err == nil, err
	}
	owners, err := st.Owners(ctx)
	if err != nil || len(owners) == 0 {
		return owner, false, err
	}
	if len(owners) == 1 {
		return owners[0], true, nil
	}
	var names []string
	for _, o := range owners {
		names = append(names, o.Username)
	}
	slices.Sort(names)
	return owner, false, usageError{fmt.Errorf("there are several owners: choose one with --owner: %s", strings.Join(names, ", "))}
}
