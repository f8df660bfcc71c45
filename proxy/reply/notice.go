package reply

import (
	"strings"

	"patgate/policy"
	"patgate/routes"
)

// Notice is what a refusal tells the client. A surface puts it into the words of its protocol.
type Notice struct {
	*Refusal
	ID       string   // of the request
	Text     string   // the message; of a denial, with what the grant lacks in front
	Missing  []string // permission names
	Accepted []string // those that the row needs
	Boundary string
	Wanted   *Wanted
	GrantURL string // where the token is widened so that it may
}

// Instance is what a refusal says that depends on how patgate is set up.
type Instance struct {
	// Pages is the address of the console's page of all tokens, and Token the id of the one that came; empty: there is none.
	Pages string
	Token int64
	// Places say where a client sends its token, in the middle of a sentence.
	Places string
}

// NewNotice gives what a refusal tells. op may hold no row.
func NewNotice(r *Refusal, id string, table *routes.Table, op *routes.Operation, in Instance) *Notice {
	n := &Notice{Refusal: r, ID: id, Text: r.Message}
	if r.Advises {
		n.Text += " Send the token once, " + in.Places + "."
	}
	if r.Decision != nil {
		n.denial(table.Catalogue(), op, in)
	}
	return n
}

// denial fills in what the grant lacks, with GitLab's own sentence first, which clients look for.
func (n *Notice) denial(catalogue *routes.Catalogue, op *routes.Operation, in Instance) {
	d := n.Decision
	n.Missing = PermissionNames(catalogue, &d.Missing)
	if r := op.Route; r != nil {
		n.Accepted = PermissionNames(catalogue, &r.NeedSet)
		if len(n.Missing) == 0 {
			n.Missing = n.Accepted
		}
		if d.Reason == policy.ReasonQuickAction {
			n.Accepted = n.Missing
		}
	}
	if d.Boundary != routes.BoundaryNone {
		n.Boundary = d.Boundary.String()
	}
	n.Wanted = wantedBy(catalogue, op, d)
	n.GrantURL = n.Wanted.url(in.Pages, in.Token)
	var b strings.Builder
	b.WriteString("Access denied: This operation requires a fine-grained personal access token with the following ")
	if n.Boundary != "" {
		b.WriteString(n.Boundary + " ")
	}
	b.WriteString("permissions: [" + titles(catalogue, n.Missing) + "].")
	if len(n.Missing) > 0 {
		b.WriteString(" Missing: " + strings.Join(n.Missing, ", ") + ".")
	}
	if n.Text != "" {
		b.WriteString(" " + n.Text)
	}
	n.Text = b.String()
}

// PermissionNames gives the names of the permissions in a set.
func PermissionNames(c *routes.Catalogue, set *routes.PermissionSet) []string {
	var names []string
	for i, word := range set {
		for bit := 0; word != 0; bit, word = bit+1, word>>1 {
			if word&1 != 0 {
				names = append(names, c.Info(routes.Permission(i*64+bit)).Name)
			}
		}
	}
	return names
}

// titles writes permissions as GitLab does in its denials: "Merge Request: Read, Job: Run".
func titles(c *routes.Catalogue, names []string) string {
	all := make([]string, 0, len(names))
	for _, name := range names {
		p, ok := c.Find(name)
		if !ok {
			continue
		}
		info := c.Info(p)
		all = append(all, info.Title+": "+title(info.Action))
	}
	return strings.Join(all, ", ")
}

func title(snake string) string {
	words := strings.Split(snake, "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}
