package policycmd

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"patgate/admin/manifest"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/store"
	"patgate/token"
	"patgate/token/limits"
)

// NewExport gives the command that writes files for the existing tokens.
func NewExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the active tokens as documents of policy as code",
		Long: `Prints a document for each active token, with the ids of its places, to begin a set of files from. Secrets are not
in it. An apply of these files makes further tokens: those that are there were made by hand and stay as they are.
With --issuers the issuers of ID tokens of the configuration (oidc.issuers) are written instead, to be kept as
files from then on: take them out of the configuration, as each stands in one place alone.`,
		Example: `  patgate export > policies/tokens.yaml
  patgate export --issuers > policies/issuers.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if issuers, _ := cmd.Flags().GetBool("issuers"); issuers {
				return exportIssuers(cmd)
			}
			return desk.OnStore(cmd, opening.Table, func(ctx context.Context, d *desk.Desk) error { return export(ctx, cmd, d) })
		},
	}
	cmd.Flags().Bool("issuers", false, "write the issuers of the configuration")
	settings.AddStore(cmd)
	return cmd
}

// exportIssuers writes the issuers of the configuration as documents.
func exportIssuers(cmd *cobra.Command) error {
	c, err := opening.Settings(cmd, settings.Store(), settings.WithoutUpstream)
	if err != nil || len(c.OIDC.Issuers) == 0 {
		return err
	}
	encoder := yaml.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent(2)
	for _, i := range c.OIDC.Issuers {
		o := manifest.Object{Kind: "Issuer", Name: i.Name, Spec: &manifest.Issuer{Type: i.Kind, URL: i.URL, JWKSURL: i.JWKSURL,
			Algorithms: i.Algorithms, CAFile: i.CAFile}}
		if err := encoder.Encode(o.Document()); err != nil {
			return err
		}
	}
	return encoder.Close()
}

// unnamed is what a name of a document must not have.
var unnamed = regexp.MustCompile(`[^a-z0-9._-]+`)

func export(ctx context.Context, cmd *cobra.Command, d *desk.Desk) error {
	now := time.Now()
	encoder := yaml.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent(2)
	taken := map[string]bool{}
	all := func(f store.Filter) ([]store.Listed, int, error) {
		return d.List(ctx, tokens.Operator(desk.Actor()), 0, true, f)
	}
	err := store.Filter{Limit: 1000, Now: now}.Walk(all, func(list []store.Listed) error {
		for i := range list {
			l := &list[i]
			if l.Validity(now) != token.Valid || l.RotatedTo != 0 {
				continue
			}
			name := strings.Trim(unnamed.ReplaceAllString(strings.ToLower(l.Name), "-"), "-._")
			if name == "" || len(name) > 50 || taken[name] {
				name = fmt.Sprintf("token-%d", l.ID)
			}
			taken[name] = true
			if err := encoder.Encode(described(name, l).Document()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(taken) == 0 {
		return nil
	}
	return encoder.Close()
}

// described gives a token as an object of policy as code.
func described(name string, l *store.Listed) *manifest.Object {
	t := &manifest.Token{Owner: l.Owner.Username, Expires: l.ExpiresAt.UTC().Format(time.RFC3339), Limits: limitedTo(&l.Limits)}
	for i := range l.Scopes {
		s := &l.Scopes[i]
		t.Scopes = append(t.Scopes, manifest.Scope{Access: s.Access, Permissions: s.Permissions, Projects: texts(s.ProjectIDs),
			Groups: texts(s.GroupIDs), Constraints: manifest.Constraints(s.Constraints)})
	}
	return &manifest.Object{Kind: "Token", Name: name, Description: strings.Join(strings.Fields(l.Description), " "), Spec: t}
}

func texts(ids []int64) (all []string) {
	for _, id := range ids {
		all = append(all, strconv.FormatInt(id, 10))
	}
	return all
}

func limitedTo(s *limits.Spec) manifest.Limits {
	number := func(n int64) manifest.Number {
		if n == 0 {
			return ""
		}
		return manifest.Number(strconv.FormatInt(n, 10))
	}
	out := manifest.Limits{Networks: s.Networks, RequestsPerMinute: number(s.RequestsPerMinute),
		RequestsAtOnce: number(s.RequestsAtOnce), UpstreamConnections: number(s.UpstreamConnections),
		BytesPerDay: number(s.BytesPerDay), MaxUses: number(s.MaxUses)}
	for _, w := range s.Windows {
		out.Windows = append(out.Windows, w.String())
	}
	return out
}
