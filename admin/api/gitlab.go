package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"patgate/admin/tokens"
	"patgate/store"
)

// create answers POST /user/personal_access_tokens. own is for the API's own path, where everything is strict and nothing
// passes.
func (h *Handler) create(ctx context.Context, r *Request, own bool) Answer {
	p := readParams(r)
	if !own && r.Session == nil && !p.has("granular_scopes") {
		return pass() // a legacy token of the forge's own, or a request that the forge shall judge
	}
	if p.has("scopes") {
		p.problems.Add("scopes", "scopes and granular_scopes exclude each other: a patgate token has granular_scopes")
	}
	q := tokens.Creation{Name: p.text("name"), Description: p.text("description"), ExpiresAt: p.end("expires_at", "expires_in"),
		RenewUntil: p.text("renew_until"), Scopes: p.scopes(), CredentialID: p.number("credential_id", 0)}
	q.Seal, _ = p.truth("seal")
	if own {
		p.only("name", "description", "expires_at", "expires_in", "renew_until", "granular_scopes", "scopes", "credential_id", "seal")
	}
	if err := p.problems.Err(); err != nil {
		return h.failed(err)
	}
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		made, err := h.o.Tokens.Create(ctx, c, q)
		if err != nil {
			return Answer{}, err
		}
		return h.minted(http.StatusCreated, made), nil
	})
}

// minted answers with a new token and its secret.
func (h *Handler) minted(status int, made *tokens.Created) Answer {
	v := View(&made.Listed, h.o.Tokens.Now())
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
	if _, ok := tokens.ParseSpan(span); !ok {
		p.problems.Add(in, "%q is no duration: write 15m, 12h or 30d", span)
	}
	if text != "" {
		p.problems.Add(in, "excludes %s", at)
	}
	return span
}

// list answers GET /personal_access_tokens.
func (h *Handler) list(ctx context.Context, r *Request, own bool) Answer {
	p := readParams(&Request{Query: r.Query})
	if granular, _ := p.truth("granular"); !own && r.Session == nil && !granular {
		return pass()
	}
	part := p.page()
	f := store.Filter{Search: p.text("search"), Limit: part.size, Offset: part.offset(), Now: h.o.Tokens.Now(),
		Created: p.span("created"), Expires: p.span("expires"), LastUsed: p.span("last_used")}
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
	if err := p.problems.Err(); err != nil {
		return h.failed(err)
	}
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		list, total, err := h.o.Tokens.List(ctx, c, userID, all, f)
		if err != nil {
			return Answer{}, err
		}
		views := make([]*Token, len(list))
		for i := range list {
			views[i] = View(&list[i], f.Now)
		}
		a := answer(http.StatusOK, views)
		part.write(a.Header, r, total)
		return a, nil
	})
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
func (h *Handler) show(ctx context.Context, r *Request, id int64) Answer {
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		l, err := h.o.Tokens.Show(ctx, c, id)
		if err != nil {
			return Answer{}, err
		}
		return answer(http.StatusOK, View(&l, h.o.Tokens.Now())), nil
	})
}

// revoke answers DELETE.
func (h *Handler) revoke(ctx context.Context, r *Request, id int64) Answer {
	reason := readParams(&Request{Query: r.Query}).text("reason")
	if len(reason) > tokens.MaxDescription {
		return message(http.StatusBadRequest, "400 Bad request - reason is too long")
	}
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		if _, err := h.o.Tokens.Revoke(ctx, c, id, reason); err != nil {
			return Answer{}, err
		}
		return noContent(), nil
	})
}

// rotate answers POST /personal_access_tokens/:id/rotate and /self/rotate.
func (h *Handler) rotate(ctx context.Context, r *Request, id int64) Answer {
	p := readParams(r)
	q := tokens.Rotation{ExpiresAt: p.end("expires_at", "expires_in"), RenewUntil: p.text("renew_until"), Grace: p.text("grace")}
	if err := p.problems.Err(); err != nil {
		return h.failed(err)
	}
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		made, err := h.o.Tokens.Rotate(ctx, c, id, q)
		if err != nil {
			return Answer{}, err
		}
		return h.minted(http.StatusOK, made), nil
	})
}

// associations answers GET /personal_access_tokens/self/associations: what the token names, as its owner sees it.
func (h *Handler) associations(ctx context.Context, r *Request) Answer {
	p := readParams(&Request{Query: r.Query})
	part := p.page()
	least := p.number("min_access_level", 0)
	if err := p.problems.Err(); err != nil {
		return h.failed(err)
	}
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		found, err := h.o.Tokens.Associations(ctx, c, int(least), part.number, part.size)
		if err != nil {
			return Answer{}, err
		}
		return answer(http.StatusOK, found), nil
	})
}

// probe answers what tools ask to see whether a token works, with no more than it says itself.
func (h *Handler) probe(ctx context.Context, r *Request, path string) Answer {
	if r.Session == nil {
		return pass()
	}
	if path == "/user" && h.o.OwnPaths {
		return answer(http.StatusOK, object{"id": r.Session.OwnerUserID, "login": r.Session.Username, "username": r.Session.Username, "full_name": "",
			"email": "", "is_admin": false})
	}
	if path == "/user" {
		return answer(http.StatusOK, object{"id": r.Session.OwnerUserID, "username": r.Session.Username, "name": r.Session.Username, "state": "active"})
	}
	if h.o.Version == nil {
		return message(http.StatusNotFound, "404 Not Found")
	}
	version, revision, err := h.o.Version(ctx, r.Session.Credential)
	if err != nil {
		return h.failed(err)
	}
	return answer(http.StatusOK, object{"version": version, "revision": revision})
}
