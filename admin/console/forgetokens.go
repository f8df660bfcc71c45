package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/console/inventory"
	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/routes"
)

// showForgeTokens shows the tokens that the owner has at the forge itself.
func (q *request) showForgeTokens() error {
	list, err := q.o.Tokens.ForgeTokens(q.ctx(), q.caller)
	p := inventory.Page{Available: true}
	status, signIn := http.StatusOK, ""
	switch {
	case errors.Is(err, tokens.ErrNotFound):
		p.Available = false
	case err != nil:
		status, p.Problem = q.words(err)
		signIn = q.signInToo(err)
		if status == http.StatusInternalServerError {
			return err
		}
	}
	seen, err := q.seen()
	if err != nil {
		return err
	}
	p.Fill(list, seen, q.o.Path, q.o.Now())
	q.render("forge-tokens", status, page{Title: q.o.Forge + " tokens", Nav: "forge-tokens", SignIn: signIn}, p)
	return nil
}

// seen gives the signed-in user's credentials of the forge's own that came through patgate.
func (q *request) seen() ([]learning.Listed, error) {
	if q.o.Learning == nil {
		return nil, nil
	}
	list, err := q.o.Learning.List(q.ctx(), q.caller, false)
	return inventory.Own(list, q.caller.UserID(), q.o.Forge), err
}

// seenToken gives a credential of the caller's own that was seen.
func (q *request) seenToken(id int64) (*learning.Listed, error) {
	list, err := q.seen()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(l learning.Listed) bool { return l.ID == id })
	if i < 0 {
		return nil, tokens.ErrNotFound
	}
	return &list[i], nil
}

// replaceForgeToken shows the least that would have been enough for a credential of the forge's own.
func (q *request) replaceForgeToken() error {
	id, err := strconv.ParseInt(q.r.PathValue("id"), 10, 64)
	if err != nil {
		return tokens.ErrNotFound
	}
	l, err := q.seenToken(id)
	if err != nil {
		return err
	}
	return q.showSmaller(id, &smallerPage{Name: l.Name, Path: inventory.Smaller(l), Up: "/forge-tokens",
		UpName: q.o.Forge + " tokens",
		Scopes: inventory.Marks(l.Scopes)})
}

// search answers the script with projects and groups that fit the typed text: ten of each, and ten more each time that more are
// asked for. When the text is an address of the forge's, it searches for the path in it.
func (q *request) search() error {
	in := q.r.URL.Query()
	turns, _ := strconv.Atoi(in.Get("more"))
	most := 10 * (1 + max(0, min(turns, 9)))
	typed := strings.TrimSpace(in.Get("q"))
	text, group := q.unlinked(routes.RefProject, typed), false
	if !q.o.Tokens.Table().Named() {
		text, group = strings.CutPrefix(text, "groups/") // the page of a group
	}
	found, err := q.o.Tokens.Search(q.ctx(), q.caller, text, most)
	answer := inventory.ResultsOf(found, text, most)
	answer.Group = group
	if text != typed {
		answer.Text = text
	}
	status := http.StatusOK
	if err != nil {
		status, answer.Problem = q.words(err)
	} else if ref, is := routes.ParseReference(routes.RefProject, []byte(text)); is && ref.ID != 0 {
		if path := q.project(ref.ID); path != "" {
			answer.Items = append([]inventory.Item{{Kind: "project", ID: ref.ID, Path: path}}, answer.Items...)
		}
	}
	q.w.Header().Set("Content-Type", "application/json")
	q.w.WriteHeader(status)
	return json.NewEncoder(q.w).Encode(answer)
}
