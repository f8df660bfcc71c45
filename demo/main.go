// Command demo runs patgate as it is, in front of a stand-in GitLab in memory, with tokens and curl lines to paste:
//
//	go run ./demo
//
// Everything is on this machine's loopback addresses and in a temporary directory; Ctrl-C ends it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"patgate/cli"
	"patgate/forge/forgetest"
	"patgate/forge/forgetest/registry"
)

// Where the demo serves clients and the console, when these ports are free.
const (
	usualListen  = "127.0.0.1:8080"
	usualConsole = "127.0.0.1:9091"
)

func main() {
	listen := flag.String("listen", "", "address to serve clients on (default "+usualListen+
		", or any free port when that is in use)")
	check := flag.Bool("check", false, "make the requests instead of printing them, and end; exit 1 when an answer is not as "+
		"it should be")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, *listen, *check, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "demo: "+err.Error())
		os.Exit(1)
	}
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
		{name: "bot", purpose: "clones " + w.Project + ", pushes code and images, and opens merge requests there",
			args: []string{"--project", w.Project, "--allow", "read_project,download_code,push_code,read_branch,read_commit," +
				"read_merge_request,create_merge_request,update_merge_request,read_work_item,create_work_item," +
				"read_container_repository,create_container_repository"}},
		{name: "reader", purpose: "reads projects and issues of the whole group " + w.Group,
			args: []string{"--group", w.Group, "--allow", "read_project,read_work_item"}},
	}
}

// demoRequests are the requests that the demo shows.
func demoRequests(w forgetest.Demo) []demoRequest {
	project := "/api/v4/projects/" + strings.ReplaceAll(w.Project, "/", "%2F")
	return []demoRequest{
		{
			title:    "Allowed: ci reads the jobs of its project.",
			token:    "ci",
			method:   "GET",
			path:     project + "/jobs",
			status:   200,
			contains: `"status"`,
		},
		{title: "Denied: ci may not read issues there. The answer names the permission that is " +
			"missing.", token: "ci", method: "GET",
			path: project + "/issues", status: 403, contains: "read_work_item"},
		{
			title:    "Out of bounds: " + w.Username + " is a maintainer of " + w.Outside + ", this token does not reach it.",
			token:    "ci",
			method:   "GET",
			path:     "/api/v4/projects/" + strings.ReplaceAll(w.Outside, "/", "%2F") + "/jobs",
			status:   403,
			contains: "read_job",
		},
		{title: "Allowed: release-bot makes a release.", token: "release-bot", method: "POST", path: project + "/releases",
			body: `{"tag_name":"v1.0.0","name":"First"}`, status: 201, contains: `"v1.0.0"`},
		{title: "Allowed: reader covers everything below the group, also projects that are made " +
			"later.", token: "reader", method: "GET",
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
	for _, setting := range os.Environ() { // what is set for the user's own patgate is not for this one
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "PATGATE_") {
			os.Unsetenv(name)
		}
	}
	forge, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening for the stand-in GitLab: %w", err)
	}
	upstream := "http://" + forge.Addr().String()
	standIn, world := forgetest.NewDemo(forgetest.Options{ExternalURL: upstream})
	gitServed := standIn.ServeGit(filepath.Join(dir, "git"))
	if gitServed == nil {
		gitServed = standIn.Cloneable(world.ProjectID)
	}
	server := &http.Server{Handler: standIn, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(forge) }()
	defer server.Close()
	images, err := serveImages(standIn, upstream)
	if err != nil {
		return err
	}
	defer images.Close()
	settings := filepath.Join(dir, "patgate.yaml")
	if err := os.WriteFile(settings, []byte("registry: {url: http://"+images.Addr+"}\n"), 0o600); err != nil {
		return fmt.Errorf("writing the settings: %w", err)
	}

	if check {
		log = io.Discard
	}
	if address == "" {
		address = freeAddress(usualListen, check)
	}
	console := address
	for other := check; console == address; other = true { // what was found free may be found again
		console = freeAddress(usualConsole, other)
	}
	common := []string{"--upstream", upstream, "--forge", "gitlab", "--data-dir", filepath.Join(dir, "data")}
	tokens := demoTokens(world)
	for _, t := range tokens {
		if err := t.create(ctx, dir, common, world); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	public := "http://" + address
	ended := make(chan error, 1)
	go func() {
		ended <- patgate(ctx, log, log, append([]string{"serve", "--listen", address, "--admin-listen", "off",
			"--public-url", public, "--console-listen", console, "--console-url", "http://" + console, "--config", settings,
			"--log-format", "console", "--log-level", "warn"}, common...)...)
	}()
	if err := awaitListener(address, ended); err != nil {
		return err
	}
	if check {
		err = checkDemo(ctx, out, public, world, tokens)
		stop()
		return errors.Join(err, <-ended)
	}
	printDemo(out, public, "http://"+console, upstream, world, tokens)
	if gitServed == nil {
		printGit(out, address, world, secretOf(tokens, "bot"))
	} else {
		fmt.Fprintf(out, "\nWithout git there is nothing to clone: %v\n", gitServed)
	}
	printImages(out, address, world, secretOf(tokens, "bot"))
	fmt.Fprint(out, "\nCtrl-C ends the demo; nothing of it is kept. With your own GitLab:\n"+
		"patgate serve --upstream https://gitlab.example.com\n")
	return <-ended
}

// serveImages serves a registry, which is reached through patgate, with tokens of the forge's.
func serveImages(standIn *forgetest.Forge, upstream string) (*http.Server, error) {
	certificate, err := standIn.ServeRegistryTokens()
	if err != nil {
		return nil, fmt.Errorf("making the stand-in's key for tokens of images: %w", err)
	}
	images, err := registry.New(upstream+"/jwt/auth", certificate)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the registry: %w", err)
	}
	server := &http.Server{Addr: l.Addr().String(), Handler: images, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	return server, nil
}

// freeAddress gives the usual address, or another when that is in use or not to be used.
func freeAddress(usual string, other bool) string {
	for _, address := range []string{usual, "127.0.0.1:0"} {
		if other && address == usual {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	return usual
}

// awaitListener returns when the gateway takes connections, or has ended.
func awaitListener(address string, ended <-chan error) error {
	for {
		select {
		case err := <-ended:
			return errors.Join(errors.New("the gateway ended"), err)
		case <-time.After(20 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
	}
}

// patgate runs a command of patgate's.
func patgate(ctx context.Context, out, log io.Writer, args ...string) error {
	root := cli.New()
	root.SetOut(out)
	root.SetErr(log)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// create makes the token by the same command that users have.
func (t *demoToken) create(ctx context.Context, dir string, common []string, w forgetest.Demo) error {
	file := filepath.Join(dir, "credential")
	if err := os.WriteFile(file, []byte(w.Secret), 0o600); err != nil {
		return fmt.Errorf("writing the stand-in's credential: %w", err)
	}
	var out bytes.Buffer
	args := append([]string{"token", "create", "--json", "--credential-file", file, "--name", t.name}, common...)
	if err := patgate(ctx, &out, io.Discard, append(args, t.args...)...); err != nil {
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
func printDemo(out io.Writer, public, console, upstream string, w forgetest.Demo, tokens []*demoToken) {
	fmt.Fprintf(out, "patgate at %s, in front of a stand-in GitLab at %s.\n", public, upstream)
	fmt.Fprintf(out, "Four tokens of the user %s, whose own credential stays in patgate:\n\n", w.Username)
	for _, t := range tokens {
		fmt.Fprintf(out, "  %-12s %s\n               %s\n", t.name, t.purpose, t.secret)
	}
	fmt.Fprintf(out, "\nThe web console, to make and look after tokens: %s\nSign in as %s with the stand-in's access token %s\n",
		console, w.Username, w.Secret)
	fmt.Fprint(out, "\nPaste these into another terminal. What patgate decides appears below.\n")
	for _, r := range demoRequests(w) {
		fmt.Fprintf(out, "\n# %s\n%s\n", r.title, r.curl(public, secretOf(tokens, r.token)))
	}
}

// printGit prints what a bot does: clone, push, open a merge request, and be stopped at another project.
func printGit(out io.Writer, address string, w forgetest.Demo, secret string) {
	project := "http://" + address + "/api/v4/projects/" + strings.ReplaceAll(w.Project, "/", "%2F")
	say := func(title string, lines ...string) {
		fmt.Fprintf(out, "\n# %s\n%s\n", title, strings.Join(lines, "\n"))
	}
	say("Allowed: bot clones, and pushes a branch of its own.",
		"git clone http://bot:"+secret+"@"+address+"/"+w.Project+".git demo-website && cd demo-website",
		"git switch -c bot/update && echo Updated. >> README.md",
		"git -c user.name=Bot -c user.email=bot@example.com commit -qam Update && git push origin bot/update")
	say("Denied: another project of "+w.Username+"'s. git shows why.",
		"git ls-remote http://bot:"+secret+"@"+address+"/"+w.Outside+".git")
	say("Allowed: it opens a merge request, and reads what that changes.",
		"curl -i -H 'PRIVATE-TOKEN: "+secret+"' -d source_branch=bot/update -d target_branch=main -d title=Update '"+project+
			"/merge_requests'",
		"curl -i -H 'PRIVATE-TOKEN: "+secret+"' '"+project+"/merge_requests/1/diffs'")
}

// printImages prints how an image of one file is pushed and looked at, and how one of another project is refused.
func printImages(out io.Writer, address string, w forgetest.Demo, secret string) {
	copied := "skopeo copy --dest-tls-verify=false --dest-creds bot:" + secret + " tarball:layer.tar docker://" + address + "/"
	fmt.Fprintf(out, "\n# Allowed: bot pushes an image, and looks at it. skopeo makes one of any archive; docker does it too.\n"+
		"echo hello > hello.txt && tar -cf layer.tar hello.txt\n%s%s/web:v1\n"+
		"skopeo inspect --tls-verify=false --creds bot:%s docker://%s/%s/web:v1\n"+
		"\n# Denied: an image of another project of %s's.\n%s%s/web:v1\n",
		copied, w.Project, secret, address, w.Project, w.Username, copied, w.Outside)
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
			errs = append(errs, fmt.Errorf("%s: wanted %d with %q, got %d: %s", r.title, r.status, r.contains, status,
				strings.TrimSpace(body)))
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
