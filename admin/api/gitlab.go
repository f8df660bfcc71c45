package api

import (
	"net/http"
	"strings"
	"time"

	"patgate/admin/filters"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/store"
)

// withScopes lets pass what would make a legacy token of the forge's own, or that the forge shall judge.
func (q *call) withScopes() (*reply, error) {
	if q.Session == nil && !q.params().has("granular_scopes") {
		return passed, nil
	}
	return nil, nil
}

// create answers POST /user/personal_access_tokens, and the API's own path, where everything is strict.
func (q *call) create() (*reply, error) {
	p := q.params()
	if p.has("scopes") {
		p.problems.Add("scopes", "scopes and granular_scopes exclude each other: a patgate token takes granular_scopes")
	}
	wanted := tokens.Creation{
		Name:         p.text("name"),
		Description:  p.text("description"),
		ExpiresAt:    p.end("expires_at", "expires_in"),
		RenewUntil:   p.text("renew_until"),
		ReportUntil:  p.text("report_until"),
		Scopes:       p.scopes(),
		Limits:       p.problems.ReadLimits("limits", p.values["limits"]),
		CredentialID: p.number("credential_id", 0),
	}
	wanted.Seal, _ = p.truth("seal")
	if own(q.URL.Path) {
		p.only("name", "description", "expires_at", "expires_in", "renew_until", "report_until", "granular_scopes", "scopes",
			"limits", "credential_id", "seal")
	}
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	made, err := q.o.Tokens.Create(q.Context(), q.caller, wanted)
	if err != nil {
		return nil, err
	}
	return q.minted(http.StatusCreated, made), nil
}

// minted answers with a new token and its secret.
func (q *call) minted(status int, made *tokens.Created) *reply {
	v := q.view(&made.Listed)
	v.Token, v.Warnings = made.Secret.Reveal(), made.Warnings
	return answer(status, v)
}

// end reads an end from one parameter, or as a duration from another.
func (p *params) end(at, in string) string {
	text := p.text(at)
	if !p.has(in) {
		return text
	}
	span := p.text(in)
	if _, ok := terms.ParseSpan(span); !ok {
		p.problems.Add(in, "%q is not a duration: write 15m, 12h or 30d", span)
	}
	if text != "" {
		p.problems.Add(in, "excludes %s", at)
	}
	return span
}

// granular lets a list of the forge's own tokens pass.
func (q *call) granular() (*reply, error) {
	if granular, _ := q.query().truth("granular"); q.Session == nil && !granular {
		return passed, nil
	}
	return nil, nil
}

// list answers GET /personal_access_tokens.
func (q *call) list() (*reply, error) {
	p := q.query()
	part := p.page()
	f := store.Filter{
		Search:    p.text("search"),
		Limit:     part.size,
		Offset:    part.offset(),
		Now:       q.o.Tokens.Now(),
		Naming:    p.naming(),
		WithNames: true,
		Created:   p.span("created"),
		Expires:   p.span("expires"),
		LastUsed:  p.span("last_used"),
	}
	if revoked, given := p.truth("revoked"); given {
		f.Revoked = &revoked
	}
	var err error
	if state := p.text("state"); state != "" {
		if f.State, err = store.ParseState(state); err != nil {
			p.problems.Add("state", "%v", err)
		}
	}
	// GitLab writes created_at_desc in one place and created_desc in another.
	if sort := strings.Replace(p.text("sort"), "_at_", "_", 1); sort != "" {
		if f.Sort, err = store.ParseSort(sort); err != nil {
			p.problems.Add("sort", "%v", err)
		}
	}
	userID := p.number("user_id", 0)
	all, _ := p.truth("all")
	known := func(name string) bool { _, is := q.o.Tokens.Table().Catalogue().Find(name); return is }
	asked := filters.Read(p.text, f.Now, known, &f)
	for name, problem := range asked.Problems {
		p.problems.Add(name, "%s", problem)
	}
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	if f.Reach, err = q.o.Tokens.Reach(q.Context(), q.caller, all || userID != 0, asked.On, asked.Named, f.Holds); err != nil {
		return nil, err
	}
	list, total, err := q.o.Tokens.List(q.Context(), q.caller, userID, all, f)
	if err != nil {
		return nil, err
	}
	views := make([]*Token, len(list))
	for i := range list {
		views[i] = q.view(&list[i])
		if f.Reach != nil {
			views[i].Reaches = string(filters.HowOf(&list[i], f.Reach, asked.On, f.Holds))
		}
	}
	a := answer(http.StatusOK, views)
	incomplete, err := q.o.Tokens.Incomplete(q.Context(), &f)
	if err != nil {
		return nil, err
	}
	if incomplete {
		a.header.Set("X-Incomplete", "true")
	}
	part.write(a.header, q, total)
	return a, nil
}

// span reads the bounds created_after and created_before, which are dates or times.
func (p *params) span(name string) (s store.Span) {
	read := func(name string) time.Time {
		text := p.text(name)
		if text == "" {
			return time.Time{}
		}
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02T15:04:05"} {
			if t, err := time.Parse(layout, text); err == nil {
				return t
			}
		}
		p.problems.Add(name, "%q is neither a date nor a time like 2026-12-31T12:00:00Z", text)
		return time.Time{}
	}
	s.After, s.Before = read(name+"_after"), read(name+"_before")
	return s
}

// show answers GET /personal_access_tokens/:id and /self.
func (q *call) show() (*reply, error) {
	return q.changed(q.o.Tokens.Show(q.Context(), q.caller, q.id))
}

// revoke answers DELETE.
func (q *call) revoke() (*reply, error) {
	reason := q.query().text("reason")
	if len(reason) > terms.MaxDescription {
		return message(http.StatusBadRequest, "400 Bad request - reason is too long"), nil
	}
	if _, err := q.o.Tokens.Revoke(q.Context(), q.caller, q.id, reason); err != nil {
		return nil, err
	}
	return noContent(), nil
}

// rotate answers POST /personal_access_tokens/:id/rotate and /self/rotate.
func (q *call) rotate() (*reply, error) {
	p := q.params()
	wanted := tokens.Rotation{ExpiresAt: p.end("expires_at", "expires_in"), RenewUntil: p.text("renew_until"),
		Grace: p.text("grace")}
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	made, err := q.o.Tokens.Rotate(q.Context(), q.caller, q.id, wanted)
	if err != nil {
		return nil, err
	}
	return q.minted(http.StatusOK, made), nil
}

// associations answers GET /personal_access_tokens/self/associations: what the token names, as its owner sees it.
func (q *call) associations() (*reply, error) {
	p := q.query()
	part := p.page()
	least := p.number("min_access_level", 0)
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	found, err := q.o.Tokens.Associations(q.Context(), q.caller, int(least), part.number, part.size)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, found), nil
}

// probe answers what tools ask to see whether a token works, with no more than it says itself.
func (q *call) probe(path string) (*reply, error) {
	if q.Session == nil {
		return passed, nil
	}
	if path == "/user" && q.o.OwnPaths {
		return answer(http.StatusOK, object{"id": q.Session.OwnerUserID, "login": q.Session.Username,
			"username": q.Session.Username, "full_name": "", "email": "", "is_admin": false}), nil
	}
	if path == "/user" {
		return answer(http.StatusOK, object{"id": q.Session.OwnerUserID, "username": q.Session.Username,
			"name": q.Session.Username, "state": "active"}), nil
	}
	if q.o.Version == nil {
		return nil, tokens.ErrNotFound
	}
	version, revision, err := q.o.Version(forge.On(q.Context(), q.Session.OwnerUserID, q.Session.TokenID), q.Session.Credential)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, object{"version": version, "revision": revision}), nil
}
