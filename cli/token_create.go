package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/config"
	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

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
			if r, err := remoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return r.create(cmd, &flags)
			}
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
	f.String("renew-until", "", "how far the token may rotate itself (90d, 2026-12-31); until it expires, when not given")
	f.String("grant", "", "YAML file with the scopes (- is standard input), instead of the flags below")
	f.BoolP("quiet", "q", false, "print the secret alone")
	flags.register(f)
	f.Bool("seal", false, "with --server: have patgate keep the forge token of this request sealed")
	addCredentialFlags(cmd)
	addServerFlag(cmd)
	completePermissions(cmd)
	return cmd
}

// create makes a token at a running patgate, which checks all of it.
func (r *remote) create(cmd *cobra.Command, flags *scopeFlags) error {
	wanted, err := readScopes(cmd, flags)
	if err != nil {
		return usageError{err}
	}
	text := func(name string) string { v, _ := cmd.Flags().GetString(name); return v }
	body := map[string]any{"name": text("name"), "description": text("description"), "expires_at": text("expires"), "renew_until": text("renew-until"),
		"granular_scopes": scopes(wanted)}
	if seal, _ := cmd.Flags().GetBool("seal"); seal {
		body["seal"] = true
	}
	if id, _ := cmd.Flags().GetInt64("credential"); id != 0 {
		body["credential_id"] = id
	}
	return r.mint(cmd, "tokens", body)
}

// draft is a token as it is asked for, checked as far as it can be without the forge.
type draft struct {
	creation tokens.Creation
	wanted   []wantedScope
	table    *routes.Table
}

// readDraft reads the flags. All that is wrong is reported together.
func readDraft(cmd *cobra.Command, c *config.Config, flags *scopeFlags) (*draft, error) {
	d := &draft{}
	var wrong []error
	q := &d.creation
	q.Name, _ = cmd.Flags().GetString("name")
	q.Description, _ = cmd.Flags().GetString("description")
	q.ExpiresAt, _ = cmd.Flags().GetString("expires")
	q.RenewUntil, _ = cmd.Flags().GetString("renew-until")
	q.Name = strings.TrimSpace(q.Name)
	if q.Name == "" {
		wrong = append(wrong, errors.New("--name is missing: say what the token is for"))
	}
	wrong = append(wrong, checkText("--name", q.Name, tokens.MaxName), checkText("--description", q.Description, tokens.MaxDescription),
		checkExpiry(q.ExpiresAt, time.Now(), c.Tokens.MaxLifetime.Std()))
	wanted, err := readScopes(cmd, flags)
	d.wanted = wanted
	wrong = append(wrong, err)
	if err == nil && len(wanted) == 0 {
		wrong = append(wrong, errors.New("the token has no scope: say where (--project, --group, ...) and what (--allow)"))
	}
	q.Scopes = scopes(wanted)
	if err := errors.Join(wrong...); err != nil {
		return nil, usageError{err}
	}
	if d.table, err = currentTable(c); err != nil {
		return nil, err
	}
	return d, d.checkPermissions()
}

// readScopes reads the scopes that flags or a file give; none when neither does.
func readScopes(cmd *cobra.Command, flags *scopeFlags) (wanted []wantedScope, err error) {
	file, _ := cmd.Flags().GetString("grant")
	switch {
	case file != "" && len(flags.scopes) > 0:
		return nil, errors.New("give the scopes by --grant or by flags, not by both")
	case file != "":
		data, err := readSmall(cmd, file)
		if err == nil {
			wanted, err = parseGrant([]byte(data))
		}
		if err != nil {
			return nil, fmt.Errorf("reading --grant %s: %w", file, err)
		}
		return wanted, nil
	case flags.open:
		return nil, errors.New("the last scope says where but not what: close it with --allow")
	}
	return flags.scopes, nil
}

// checkPermissions finds wrong names before the forge is asked for anything.
func (d *draft) checkPermissions() error {
	specs := make([]policy.ScopeSpec, len(d.wanted))
	var wrong []error
	for i := range d.wanted {
		w := &d.wanted[i]
		names, err := tokens.Expand(&d.creation.Scopes[i], d.table)
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

// checkExpiry refuses an end that no token can have, before the store is opened. The service decides in the end.
func checkExpiry(text string, now time.Time, longest time.Duration) error {
	if text == "" {
		return nil
	}
	at, ok := tokens.ParseEnd(text, now)
	life := at.Sub(now)
	switch {
	case !ok:
		return fmt.Errorf("--expires %q is neither a duration like 12h or 30d nor a date like %s", text, now.AddDate(0, 3, 0).Format(time.DateOnly))
	case life <= 0:
		return fmt.Errorf("--expires %s lies in the past", text)
	case life < tokens.Shortest:
		return fmt.Errorf("--expires %s is too short: a token lives at least %s", text, config.Duration(tokens.Shortest))
	case life > longest:
		return fmt.Errorf("--expires %s is too long: tokens.max_lifetime is %s", text, config.Duration(longest))
	}
	return nil
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
	service, err := newTokens(c, o, f, func() *routes.Table { return d.table }, nil)
	if err != nil {
		return err
	}
	caller := tokens.Operator(actor())
	q := d.creation
	if a.credential.ID == 0 {
		q.Seal = true
		if caller, err = service.Identified(a.identity, a.secret); err != nil {
			return err
		}
	} else {
		q.OwnerID, q.CredentialID = a.owner.ID, a.credential.ID
	}
	made, err := service.Create(ctx, caller, q)
	if err != nil {
		return serviceError(err)
	}
	return announce(cmd, made, func() error {
		_, err := o.store.RevokeToken(context.WithoutCancel(ctx), made.ID, store.Cause{Reason: "its secret could not be printed", By: actor(), At: time.Now()})
		return err
	})
}

// serviceError gives what the token service found wrong with a request one line each.
func serviceError(err error) error {
	var invalid *tokens.Invalid
	if !errors.As(err, &invalid) {
		return err
	}
	var lines linesError
	for _, p := range invalid.Problems {
		lines = append(lines, p.Field+": "+p.Message)
	}
	return usageError{lines}
}

// announce prints a new token. When that fails nobody has seen the secret, so nobody can use the token, and it is revoked.
func announce(cmd *cobra.Command, made *tokens.Created, revoke func() error) error {
	for _, w := range made.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "patgate: note: "+w)
	}
	if err := printCreated(cmd, made); err != nil {
		return errors.Join(fmt.Errorf("printing the secret of token %d, which is revoked: %w", made.ID, err), revoke())
	}
	return nil
}

// printCreated prints a new token with its secret; there is no second time.
func printCreated(cmd *cobra.Command, made *tokens.Created) error {
	out, l, secret := cmd.OutOrStdout(), &made.Listed, made.Secret
	now := time.Now()
	if wantsJSON(cmd) {
		v := api.View(l, now)
		v.Token, v.Warnings = secret.Reveal(), made.Warnings
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

// authorisation is an owner's credential: one that the forge has just accepted, or one that is sealed.
type authorisation struct {
	secret     token.Secret
	identity   forge.Identity
	owner      store.Owner
	credential store.Credential // with id 0 when it is not stored yet
}

// authorise finds the credential that the new token will be bound to: the one that was given, else a sealed one, else one
// that is asked for. One that was given or asked for is verified before anything is stored, a given one even before the
// store is opened, so that a wrong one leaves no trace. A sealed one is verified when it is used.
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
	a.owner = owner
	number, _ := cmd.Flags().GetInt64("credential")
	a.credential, err = chooseCredential(cmd.Context(), o.store, &owner, number)
	return o, a, err
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
