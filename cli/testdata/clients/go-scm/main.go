// The program drives go-scm as it is published, as docs/clients.md sets it up: GATE is where patgate is, CI is the token.
// TestGoSCM builds it beside a copy of go-scm.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/drone/go-scm/scm"
	"github.com/drone/go-scm/scm/driver/gitlab"
	"github.com/drone/go-scm/scm/transport"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	client, err := gitlab.New(os.Getenv("GATE"))
	if err != nil {
		return err
	}
	client.Client = &http.Client{Transport: &transport.PrivateToken{Token: os.Getenv("CI")}}

	list, _, err := client.Repositories.List(ctx, scm.ListOptions{Size: 100})
	if err != nil {
		return fmt.Errorf("listing repositories: %w", err)
	}
	var names []string
	for _, r := range list {
		names = append(names, r.Namespace+"/"+r.Name)
	}
	slices.Sort(names)
	if want := []string{"shop/backend/api", "shop/my.web-site"}; !slices.Equal(names, want) {
		return fmt.Errorf("the list holds %q, not %q", names, want)
	}
	found, _, err := client.Repositories.Find(ctx, "shop/my.web-site")
	if err != nil || found.Branch != "main" {
		return fmt.Errorf("finding a repository: %+v, %w", found, err)
	}
	file, _, err := client.Contents.Find(ctx, "shop/my.web-site", "docs/read.me.md", "main")
	if err != nil || string(file.Data) != "read me\n" {
		return fmt.Errorf("reading a file: %+v, %w", file, err)
	}
	// What its user sees of a denial, and of what the token does not reach.
	_, answer, err := client.Issues.Create(ctx, "shop/my.web-site", &scm.IssueInput{Title: "denied"})
	if err == nil || answer.Status != http.StatusForbidden {
		return fmt.Errorf("making an issue: %+v, %v", answer, err)
	}
	fmt.Println("denied:", err)
	_, answer, err = client.Repositories.Find(ctx, "secret/plans")
	if err == nil || answer.Status != http.StatusForbidden {
		return fmt.Errorf("finding another repository: %+v, %v", answer, err)
	}
	fmt.Println("out of reach:", err)
	return nil
}
