package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/config"
	"patgate/policy"
	"patgate/store"
	"patgate/token"
)

// remote is a running patgate, asked over its API with a credential of the user's own.
type remote struct {
	base       config.Base
	credential token.Secret
	client     *http.Client
}

func addServerFlag(cmd *cobra.Command) {
	cmd.Flags().String("server", "", "address of a running patgate to ask instead of the local store (default: PATGATE_SERVER)")
	if cmd.Flags().Lookup("credential-file") == nil {
		cmd.Flags().String("credential-file", "", "file with the forge token, or patgate token, to ask --server with (- is "+
			"standard input)")
	}
}

// remoteOf gives the patgate that --server names, with a credential to ask it with; nil when none is named.
func remoteOf(cmd *cobra.Command) (*remote, error) {
	r, err := openRemote(cmd)
	if r == nil || err != nil {
		return nil, err
	}
	if r.credential, err = remoteCredential(cmd, r.base); err != nil {
		return nil, err
	}
	return r, nil
}

// openRemote gives the patgate that --server names, for what needs no credential; nil when none is named.
func openRemote(cmd *cobra.Command) (*remote, error) {
	address, _ := cmd.Flags().GetString("server")
	if address == "" {
		address = os.Getenv("PATGATE_SERVER")
	}
	if address == "" {
		return nil, nil
	}
	base, err := config.ParseBase(address)
	if err != nil {
		return nil, usageError{fmt.Errorf("--server %s: %w", address, err)}
	}
	if !base.HTTPS() && !base.Loopback() {
		return nil, usageError{fmt.Errorf("--server %s is plain http to another machine, which would carry credentials readable: "+
			"write https://%s", address, base.Host())}
	}
	return &remote{base: base, client: &http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// remoteCredential reads what to ask with: the environment, a file or a prompt. It may be a patgate token.
func remoteCredential(cmd *cobra.Command, base config.Base) (token.Secret, error) {
	file, _ := cmd.Flags().GetString("credential-file")
	if file == "" {
		file = os.Getenv("PATGATE_OWNER_CREDENTIAL_FILE")
	}
	text := os.Getenv("PATGATE_OWNER_CREDENTIAL")
	if file != "" {
		data, err := readSmall(cmd, file)
		if err != nil {
			return token.Secret{}, fmt.Errorf("reading the credential: %w", err)
		}
		text = data
	}
	if text == "" {
		in, ok := cmd.InOrStdin().(*os.File)
		if !ok || !term.IsTerminal(int(in.Fd())) {
			return token.Secret{}, errNoCredential
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "Forge token or patgate token for %s (it is not shown): ", base)
		typed, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		if err != nil {
			return token.Secret{}, fmt.Errorf("reading the credential: %w", err)
		}
		text = string(typed)
	}
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, token.Prefix) {
		if _, err := token.Parse([]byte(text)); err != nil {
			return token.Secret{}, fmt.Errorf("the credential: %w", err)
		}
		return token.NewSecret(text), nil
	}
	return asCredential(text)
}

// maxRemoteAnswer bounds an answer, in bytes.
const maxRemoteAnswer = 16 << 20

// ask makes a request below the API and reads its answer into v, which may be nil.
func (r *remote) ask(ctx context.Context, method, path string, body, v any) (http.Header, error) {
	var data io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("writing the request: %w", err)
		}
		data = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.base.String()+"/-/patgate/api/"+path, data)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	if !r.credential.Empty() {
		request.Header.Set("Authorization", "Bearer "+r.credential.Reveal()) // read in front of every forge
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", r.base, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRemoteAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", r.base, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, remoteFailure(r.base, response.StatusCode, text)
	}
	if v == nil || len(text) == 0 {
		return response.Header, nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", r.base, err)
	}
	return response.Header, nil
}

// remoteFailure gives what a refused request is told, one line to a problem.
func remoteFailure(base config.Base, status int, text []byte) error {
	var told struct {
		Message     any      `json:"message"`
		Error       string   `json:"error"`
		Description string   `json:"error_description"`
		Errors      []string `json:"errors"`
	}
	_ = json.Unmarshal(text, &told)
	var lines linesError
	if fields, ok := told.Message.(map[string]any); ok {
		for field, problems := range fields {
			list, _ := problems.([]any)
			for _, p := range list {
				lines = append(lines, fmt.Sprintf("%s: %v", field, p))
			}
		}
		slices.Sort(lines)
		return usageError{lines}
	}
	switch message, _ := told.Message.(string); {
	case len(told.Errors) > 0:
		return linesError(told.Errors)
	case message != "":
		return fmt.Errorf("%s: %s", base, message)
	case told.Description != "":
		return fmt.Errorf("%s: %s", base, told.Description)
	case told.Error != "":
		return fmt.Errorf("%s: %s", base, told.Error)
	}
	return fmt.Errorf("%s answered with status %d: is it a patgate?", base, status)
}

// listed gives a token of the API in the form that commands print; entries with the same permissions are one scope again.
func listed(t *api.Token, base config.Base) *store.Listed {
	l := &store.Listed{
		Uses:        t.Uses,
		RevokedBy:   t.RevokedBy,
		PausedBy:    t.PausedBy,
		PauseReason: t.PauseReason,
		Addresses:   t.LastUsedIPs,
		Owner:       store.Owner{Origin: base.String(), UserID: t.UserID, Username: t.Username},
	}
	l.ID = t.ID
	l.Name = t.Name
	l.Description = t.Description
	l.LastFour = t.LastFour
	l.TableVersion = t.TableVersion
	l.CreatedAt, l.ExpiresAt, l.RenewUntil, l.RevokeReason = t.CreatedAt, t.ExpiresAtTime, t.RenewUntil, t.RevokeReason
	l.CredentialID, l.FamilyID = t.CredentialID, t.FamilyID
	for from, to := range map[*time.Time]*time.Time{
		t.LastUsedAt: &l.LastUsedAt,
		t.RevokedAt:  &l.RevokedAt,
		t.PausedAt:   &l.PausedAt,
	} {
		if from != nil {
			*to = *from
		}
	}
	for from, to := range map[*int64]*int64{t.ParentID: &l.ParentID, t.RotatedTo: &l.RotatedTo} {
		if from != nil {
			*to = *from
		}
	}
	if t.State == "credential_invalid" {
		l.Credential, l.CredentialReason = store.CredentialInvalid, t.CredentialReason
	}
	for i := range t.GranularScopes {
		g := &t.GranularScopes[i]
		var constraints policy.ConstraintSpec
		if g.Constraints != nil {
			constraints = *g.Constraints
		}
		at := slices.IndexFunc(l.Scopes, func(s policy.ScopeSpec) bool {
			return s.Access == g.Access && slices.Equal(s.Permissions, g.Permissions) && reflect.DeepEqual(s.Constraints, constraints)
		})
		if at < 0 {
			at = len(l.Scopes)
			l.Scopes = append(l.Scopes, policy.ScopeSpec{Access: g.Access, Permissions: g.Permissions, Constraints: constraints})
		}
		if g.ProjectID != nil {
			l.Scopes[at].ProjectIDs = append(l.Scopes[at].ProjectIDs, *g.ProjectID)
		}
		if g.GroupID != nil {
			l.Scopes[at].GroupIDs = append(l.Scopes[at].GroupIDs, *g.GroupID)
		}
	}
	return l
}

// print prints one token.
func (r *remote) print(cmd *cobra.Command, raw json.RawMessage, t *api.Token) error {
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), raw)
	}
	return printToken(cmd.OutOrStdout(), listed(t, r.base), time.Now())
}

// show makes a request that is answered with a token, and prints that.
func (r *remote) show(cmd *cobra.Command, method, path string, body any) error {
	var raw json.RawMessage
	if _, err := r.ask(cmd.Context(), method, path, body, &raw); err != nil {
		return err
	}
	var t api.Token
	if err := json.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", r.base, err)
	}
	for _, w := range t.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "patgate: note: "+w)
	}
	for _, id := range t.RevokedTokens {
		fmt.Fprintf(cmd.ErrOrStderr(), "patgate: note: token %d, which this one made, held more than it does now and is revoked\n", id)
	}
	return r.print(cmd, raw, &t)
}

// mint makes a request that is answered with a new token, and prints that with its secret.
func (r *remote) mint(cmd *cobra.Command, path string, body map[string]any) error {
	for name, v := range body {
		if v == "" {
			delete(body, name)
		}
	}
	var raw json.RawMessage
	if _, err := r.ask(cmd.Context(), http.MethodPost, path, body, &raw); err != nil {
		return err
	}
	var t api.Token
	if err := json.Unmarshal(raw, &t); err != nil || t.Token == "" {
		return errors.Join(fmt.Errorf("reading the answer of %s: there is no secret in it", r.base), err)
	}
	made := &tokens.Created{Listed: *listed(&t, r.base), Secret: token.NewSecret(t.Token), Warnings: t.Warnings}
	return announce(cmd, made, func() error {
		_, err := r.ask(context.WithoutCancel(cmd.Context()), http.MethodDelete, pathOfToken(t.ID, ""), nil, nil)
		return err
	})
}

// list lists the tokens of a running patgate, page by page.
func (r *remote) list(cmd *cobra.Command, f store.Filter) error {
	q := url.Values{"state": {f.State.String()}, "sort": {f.Sort.String()}, "per_page": {"100"}}
	if f.Search != "" {
		q.Set("search", f.Search)
	}
	var list []store.Listed
	var raws []json.RawMessage
	total := ""
	for page := "1"; page != ""; {
		q.Set("page", page)
		var part []json.RawMessage
		header, err := r.ask(cmd.Context(), http.MethodGet, "tokens?"+q.Encode(), nil, &part)
		if err != nil {
			return err
		}
		for _, raw := range part {
			var t api.Token
			if err := json.Unmarshal(raw, &t); err != nil {
				return fmt.Errorf("reading the answer of %s: %w", r.base, err)
			}
			list, raws = append(list, *listed(&t, r.base)), append(raws, raw)
		}
		page, total = header.Get("X-Next-Page"), header.Get("X-Total")
		if f.Limit > 0 && len(list) >= f.Limit {
			list, raws = list[:f.Limit], raws[:f.Limit]
			break
		}
	}
	if wantsJSON(cmd) {
		if raws == nil {
			raws = []json.RawMessage{}
		}
		return printJSON(cmd.OutOrStdout(), raws)
	}
	n := len(list)
	_, _ = fmt.Sscan(total, &n)
	return printTokens(cmd, list, n, f)
}
