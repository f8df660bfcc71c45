package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/token"
)

// Remote is a running patgate, asked over its API with a credential of the user's own.
type Remote struct {
	base       config.Base
	credential token.Secret
	client     *http.Client
}

func AddServerFlag(cmd *cobra.Command) {
	cmd.Flags().String("server", "", "address of a running patgate to ask instead of the local store (default: PATGATE_SERVER)")
	if cmd.Flags().Lookup("credential-file") == nil {
		cmd.Flags().String("credential-file", "", "file with the forge token, or patgate token, to ask --server with (- is "+
			"standard input)")
	}
}

// RemoteOf gives the patgate that --server names, with a credential to ask it with; nil when none is named.
func RemoteOf(cmd *cobra.Command) (*Remote, error) {
	r, err := OpenRemote(cmd)
	if r == nil || err != nil {
		return nil, err
	}
	if r.credential, err = remoteCredential(cmd, r.base); err != nil {
		return nil, err
	}
	return r, nil
}

// OpenRemote gives the patgate that --server names, for questions without a credential; nil when none is named.
func OpenRemote(cmd *cobra.Command) (*Remote, error) {
	address, _ := cmd.Flags().GetString("server")
	if address == "" {
		address = os.Getenv("PATGATE_SERVER")
	}
	if address == "" {
		return nil, nil
	}
	base, err := config.ParseBase(address)
	if err != nil {
		return nil, terminal.Usage(fmt.Errorf("--server %s: %w", address, err))
	}
	if !base.HTTPS() && !base.Loopback() {
		return nil, terminal.Usage(fmt.Errorf("--server %s is plain http to another machine, which would carry credentials "+
			"unencrypted: write https://%s", address, base.Host()))
	}
	return &Remote{base: base, client: &http.Client{
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
		data, err := terminal.ReadSmall(cmd, file)
		if err != nil {
			return token.Secret{}, fmt.Errorf("reading the credential: %w", err)
		}
		text = data
	}
	if text == "" {
		typed, err := terminal.AskSecret(cmd, fmt.Sprintf("Forge token or patgate token for %s (it is not shown): ", base))
		if errors.Is(err, terminal.ErrNoTerminal) {
			return token.Secret{}, errNoCredential
		}
		if err != nil {
			return token.Secret{}, fmt.Errorf("reading the credential: %w", err)
		}
		text = typed
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

// Ask makes a request below the API and reads its answer into v, which may be nil.
func (r *Remote) Ask(ctx context.Context, method, path string, body, v any) (http.Header, error) {
	return r.ask(ctx, method, "api/"+path, body, v)
}

// Trade trades an ID token, by a trust or, when name is empty, that of its audience, and reads the answer into v.
func (r *Remote) Trade(ctx context.Context, id token.Secret, name string, v any) error {
	with := *r
	with.credential = id
	path := "exchange"
	if name != "" {
		path += "?trust=" + url.QueryEscape(name)
	}
	_, err := with.ask(ctx, http.MethodPost, path, nil, v)
	return err
}

// Address is that of patgate.
func (r *Remote) Address() string { return r.base.String() }

// Is tells whether patgate is what a URL with that protocol and host leads to.
func (r *Remote) Is(protocol, host string) bool {
	u, err := url.Parse(r.base.String())
	return err == nil && u.Scheme == protocol && strings.EqualFold(u.Host, host)
}

// ask makes a request below patgate's own paths.
func (r *Remote) ask(ctx context.Context, method, path string, body, v any) (http.Header, error) {
	var data io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("writing the request: %w", err)
		}
		data = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.base.String()+"/-/patgate/"+path, data)
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

// notThere is tokens.ErrNotFound in the words of a running patgate.
type notThere struct{ text string }

func (e *notThere) Error() string { return e.text }

// Is tells that it is tokens.ErrNotFound.
func (e *notThere) Is(target error) bool { return target == tokens.ErrNotFound }

// remoteFailure makes an error of the answer to a refused request, one line to a problem.
func remoteFailure(base config.Base, status int, text []byte) error {
	var told struct {
		Message     any      `json:"message"`
		Error       string   `json:"error"`
		Description string   `json:"error_description"`
		Errors      []string `json:"errors"`
	}
	_ = json.Unmarshal(text, &told)
	if fields, ok := told.Message.(map[string]any); ok {
		invalid := &terms.Invalid{}
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			list, _ := fields[field].([]any)
			for _, p := range list {
				invalid.Add(field, "%v", p)
			}
		}
		return terminal.Usage(invalid)
	}
	switch message, _ := told.Message.(string); {
	case status == http.StatusNotFound && len(told.Errors) == 0 && message != "":
		return &notThere{fmt.Sprintf("%s: %s", base, message)}
	case len(told.Errors) > 0:
		return terminal.LinesError(told.Errors)
	case message != "":
		return fmt.Errorf("%s: %s", base, message)
	case told.Description != "":
		return fmt.Errorf("%s: %s", base, told.Description)
	case told.Error != "":
		return fmt.Errorf("%s: %s", base, told.Error)
	}
	return fmt.Errorf("%s answered with status %d: is it a patgate?", base, status)
}
