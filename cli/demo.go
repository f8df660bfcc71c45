package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/config"
	"patgate/forge/forgetest"
)

// demoListen is where the demo serves clients, when that port is free.
const demoListen = "127.0.0.1:8080"

// demoConsole is where the demo serves the console, when that port is free.
const demoConsole = "127.0.0.1:9091"

func newDemo() *cobra.Command {
	var listen string
	var check bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole gateway in front of a stand-in GitLab, with curl lines to paste",
		Long: `Starts a stand-in GitLab in memory and patgate in front of it, makes three tokens and
prints curl lines that show an allowed, a denied and an out-of-bounds request, and where
the web console is. Everything is on this machine's loopback addresses and in a temporary directory; Ctrl-C ends it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), listen, check, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "address to serve clients on (default "+demoListen+", or any free port when that is in use)")
	cmd.Flags().BoolVar(&check, "check", false, "make the requests instead of printing them, and end; exit 1 when an answer is not as it should be")
	return cmd
}

// demoToken is a token that the demo makes.
type demoToken struct {
	name, purpose string
	args          []string // of patgate token create
	secret        string
}

// demoRequest is a request that the demo shows.
type demoRequest struct {
	title        string
	token        string // name of the token
	method, path string
	body         string
	status       int    // that it must get
	contains     string // that the answer must contain
}

// demoTokens are the tokens that the demo makes, one for each kind of job.
func demoTokens(w forgetest.Demo) []*demoToken {
	return []*demoToken{
		{name: "ci", purpose: "reads the jobs of " + w.Project + ", and nothing else",
			args: []string{"--project", w.Project, "--allow", "read_job"}},
		{name: "release-bot", purpose: "reads and creates releases of " + w.Project,
			args: []string{"--project", w.Project, "--allow", "read_release,create_release"}},
		{name: "reader", purpose: "reads projects and issues of the whole group " + w.Group,
			args: []string{"--group", w.Group, "--allow", "read_project,read_work_item"}},
	}
}

// demoRequests are the requests that the demo shows.
func demoRequests(w forgetest.Demo) []demoRequest {
	project := "/api/v4/projects/" + strings.ReplaceAll(w.Project, "/", "%2F")
	return []demoRequest{
		{title: "Allowed: ci reads the jobs of its project.", token: "ci", method: "GET", path: project + "/jobs", status: 200, contains: `"status"`},
		{title: "Denied: ci may not read issues there. The answer names the permission that is missing.", token: "ci", method: "GET",
			path: project + "/issues", status: 403, contains: "read_work_item"},
		{title: "Out of bounds: " + w.Username + " is a maintainer of " + w.Outside + ", this token does not reach it.", token: "ci", method: "GET",
			path: "/api/v4/projects/" + strings.ReplaceAll(w.Outside, "/", "%2F") + "/jobs", status: 403, contains: "read_job"},
		{title: "Allowed: release-bot makes a release.", token: "release-bot", method: "POST", path: project + "/releases",
			body: `{"tag_name":"v1.0.0","name":"First"}`, status: 201, contains: `"v1.0.0"`},
		{title: "Allowed: reader covers everything below the group, also projects that are made later.", token: "reader", method: "GET",
			path: "/api/v4/projects/acme%2Ftools%2Fdeployer", status: 200, contains: `"acme/tools/deployer"`},
	}
}

// demo runs forge and gateway until the context is done, or makes the requests and ends.
func demo(ctx context.Context, address string, check bool, out, log io.Writer) error {
	dir, err := os.MkdirTemp("", "patgate-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	forge, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening for the stand-in GitLab: %w", err)
	}
	upstream := "http://" + forge.Addr().String()
	standIn, world := forgetest.NewDemo(forgetest.Options{ExternalURL: upstream})
	server := &http.Server{Handler: standIn, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(forge) }()
	defer server.Close()

	clients, err := demoListener(address, demoListen, check)
	if err != nil {
		return err
	}
	defer clients.Close()
	people, err := demoListener("", demoConsole, check)
	if err != nil {
		return err
	}
	defer people.Close()
	c, err := demoConfig(dir, upstream, clients.Addr().String(), people.Addr().String())
	if err != nil {
		return err
	}
	if check {
		log = io.Discard
	}
	g, err := newGateway(ctx, c, log)
	if err != nil {
		return err
	}
	tokens := demoTokens(world)
	for _, t := range tokens {
		if err := t.create(ctx, dir, upstream, world); err != nil {
			return errors.Join(err, g.close())
		}
	}
	g.start(ctx, clients, nil, people)
	if check {
		return errors.Join(checkDemo(ctx, out, c.Public(), world, tokens), g.shutdown())
	}
	printDemo(out, c, upstream, world, tokens)
	select {
	case <-ctx.Done():
	case err = <-g.failed:
	}
	return errors.Join(err, g.shutdown())
}

// demoListener takes the usual port, or another when that is in use and no address was asked for.
func demoListener(address, usual string, check bool) (net.Listener, error) {
	if address != "" {
		return listen("--listen", address)
	}
	if !check {
		if l, err := net.Listen("tcp", usual); err == nil {
			return l, nil
		}
	}
	return listen("--listen", "127.0.0.1:0")
}

// demoConfig gives the defaults, with everything in the demo's directory.
func demoConfig(dir, upstream, listen, console string) (*config.Config, error) {
	c, problems := config.Parse(config.Input{Flags: []config.Flag{
		{Name: "upstream", Key: "upstream.url", Value: upstream},
		{Name: "forge", Key: "forge", Value: "gitlab"},
		{Name: "listen", Key: "listen", Value: listen},
		{Name: "console-listen", Key: "console.listen", Value: console},
		{Name: "data-dir", Key: "data_dir", Value: filepath.Join(dir, "data")},
		{Name: "log-format", Key: "log.format", Value: "console"},
		{Name: "log-level", Key: "log.level", Value: "warn"},
	}})
	if len(problems) > 0 {
		return nil, problemLines(problems)
	}
	return &c, nil
}

// create makes the token by the same command that users have.
func (t *demoToken) create(ctx context.Context, dir, upstream string, w forgetest.Demo) error {
	file := filepath.Join(dir, "credential")
	if err := os.WriteFile(file, []byte(w.Secret), 0o600); err != nil {
		return fmt.Errorf("writing the stand-in's credential: %w", err)
	}
	root := New()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs(append([]string{"token", "create", "--json", "--upstream", upstream, "--data-dir", filepath.Join(dir, "data"),
		"--credential-file", file, "--name", t.name}, t.args...))
	if err := root.ExecuteContext(ctx); err != nil {
		return fmt.Errorf("making the token %s: %w", t.name, err)
	}
	var made struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(out.Bytes(), &made); err != nil {
		return fmt.Errorf("reading the token %s: %w", t.name, err)
	}
	t.secret = made.Token
	return nil
}

// secretOf gives the secret of the token with this name.
func secretOf(tokens []*demoToken, name string) string {
	for _, t := range tokens {
		if t.name == name {
			return t.secret
		}
	}
	return ""
}

// printDemo prints what to try.
func printDemo(out io.Writer, c *config.Config, upstream string, w forgetest.Demo, tokens []*demoToken) {
	public := c.Public()
	fmt.Fprintf(out, "patgate at %s, in front of a stand-in GitLab at %s.\n", public, upstream)
	fmt.Fprintf(out, "Three tokens of the user %s, whose own credential stays in patgate:\n\n", w.Username)
	for _, t := range tokens {
		fmt.Fprintf(out, "  %-12s %s\n               %s\n", t.name, t.purpose, t.secret)
	}
	fmt.Fprintf(out, "\nThe web console, to make and look after tokens: %s\nSign in as %s with the stand-in's access token %s\n", c.ConsoleURL(), w.Username, w.Secret)
	fmt.Fprint(out, "\nPaste these into another terminal. What patgate decides appears below.\n")
	for _, r := range demoRequests(w) {
		fmt.Fprintf(out, "\n# %s\n%s\n", r.title, r.curl(public, secretOf(tokens, r.token)))
	}
	fmt.Fprint(out, "\nCtrl-C ends the demo; nothing of it is kept. With your own GitLab:\n"+
		"patgate serve --upstream https://gitlab.example.com\n")
}

// curl gives the request as a command line.
func (r demoRequest) curl(public, secret string) string {
	line := "curl -i -H 'PRIVATE-TOKEN: " + secret + "'"
	if r.body != "" {
		line += " -H 'Content-Type: application/json' -d '" + r.body + "'"
	}
	return line + " '" + public + r.path + "'"
}

// checkDemo makes the requests and says how each was answered.
func checkDemo(ctx context.Context, out io.Writer, public string, w forgetest.Demo, tokens []*demoToken) error {
	var errs []error
	for _, r := range demoRequests(w) {
		status, body, err := r.send(ctx, public, secretOf(tokens, r.token))
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", r.title, err))
		case status != r.status, !strings.Contains(body, r.contains):
			errs = append(errs, fmt.Errorf("%s: wanted %d with %q, got %d: %s", r.title, r.status, r.contains, status, strings.TrimSpace(body)))
		default:
			fmt.Fprintf(out, "%d  %s\n", status, r.title)
		}
	}
	return errors.Join(errs...)
}

// send makes the request.
func (r demoRequest) send(ctx context.Context, public, secret string) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, r.method, public+r.path, strings.NewReader(r.body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("PRIVATE-TOKEN", secret)
	if r.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}, Timeout: 30 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, string(data), err
}
