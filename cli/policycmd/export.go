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

// NewExport gives the command that writes files of the tokens that are there.
func NewExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the active tokens as documents of policy as code",
		Long: `Prints a document for each active token, with the ids of its places, to begin a set of files from. Secrets are not in
it. An apply of these files makes further tokens: those that are there were made by hand and stay as they are. With
--issuers the issuers of ID tokens of the configuration (oidc.issuers) are written instead, to be kept as files from then on:
take them out of the configuration, as each stands in one place alone.`,
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
		if err := encoder.Encode(issuerDocument{"Issuer", i.Name, i.Kind, i.URL, i.JWKSURL, i.Algorithms, i.CAFile}); err != nil {
			return err
		}
	}
	return encoder.Close()
}

// issuerDocument is an issuer as a file says it.
type issuerDocument struct {
	Kind       string   `yaml:"kind"`
	Name       string   `yaml:"name"`
	Type       string   `yaml:"type"`
	URL        string   `yaml:"url"`
	JWKSURL    string   `yaml:"jwks_url,omitempty"`
	Algorithms []string `yaml:"algorithms,omitempty,flow"`
	CAFile     string   `yaml:"ca_file,omitempty"`
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
			if err := encoder.Encode(described(name, l)); err != nil {
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

// document is a token as a file says it. Its keys are those that manifest reads, which a test holds.
type document struct {
	Kind        string  `yaml:"kind"`
	Name        string  `yaml:"name"`
	Description string  `yaml:"description,omitempty"`
	Owner       string  `yaml:"owner"`
	Expires     string  `yaml:"expires"`
	Scopes      []scope `yaml:"scopes"`
	Limits      limited `yaml:"limits,omitempty"`
}

type limited struct {
	Networks            []string `yaml:"networks,omitempty"`
	Windows             []string `yaml:"windows,omitempty"`
	RequestsPerMinute   int64    `yaml:"requests_per_minute,omitempty"`
	RequestsAtOnce      int64    `yaml:"requests_at_once,omitempty"`
	UpstreamConnections int64    `yaml:"upstream_connections,omitempty"`
	BytesPerDay         int64    `yaml:"bytes_per_day,omitempty"`
	MaxUses             int64    `yaml:"max_uses,omitempty"`
}

type scope struct {
	Access      string      `yaml:"access"`
	Projects    []string    `yaml:"projects,omitempty"`
	Groups      []string    `yaml:"groups,omitempty"`
	Permissions []string    `yaml:"permissions"`
	Constraints constraints `yaml:"constraints,omitempty"`
}

type constraints struct {
	RefPatterns      []string `yaml:"ref_patterns,omitempty"`
	ForbidRefDeletes bool     `yaml:"forbid_ref_deletes,omitempty"`
	ForbidTagChanges bool     `yaml:"forbid_tag_changes,omitempty"`
}

func described(name string, l *store.Listed) document {
	d := document{Kind: "Token", Name: name, Description: strings.Join(strings.Fields(l.Description), " "), Owner: l.Owner.Username,
		Expires: l.ExpiresAt.UTC().Format(time.RFC3339), Limits: limitedTo(&l.Limits)}
	for i := range l.Scopes {
		s := &l.Scopes[i]
		one := scope{Access: s.Access, Permissions: s.Permissions, Constraints: constraints(manifest.Constraints(s.Constraints))}
		for _, id := range s.ProjectIDs {
			one.Projects = append(one.Projects, strconv.FormatInt(id, 10))
		}
		for _, id := range s.GroupIDs {
			one.Groups = append(one.Groups, strconv.FormatInt(id, 10))
		}
		d.Scopes = append(d.Scopes, one)
	}
	return d
}

func limitedTo(s *limits.Spec) limited {
	out := limited{s.Networks, nil, s.RequestsPerMinute, s.RequestsAtOnce, s.UpstreamConnections, s.BytesPerDay, s.MaxUses}
	for _, w := range s.Windows {
		out.Windows = append(out.Windows, w.String())
	}
	return out
}
