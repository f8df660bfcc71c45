package api

import (
	"context"
	_ "embed"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"patgate/admin/tokens"
	"patgate/store"
	"patgate/token"
)

//go:embed openapi.json
var openAPI []byte

// extra answers what lies below /-/patgate/.
func (h *Handler) extra(ctx context.Context, r *Request) Answer {
	if path, ok := strings.CutPrefix(r.Path, leaks); ok && h.o.Leaks != nil {
		return h.o.Leaks.answer(ctx, h, r, path)
	}
	path, ok := strings.CutPrefix(r.Path, extras+"/")
	if !ok {
		return message(http.StatusNotFound, "404 Not Found")
	}
	switch r.Method + " " + path {
	case "GET openapi.json":
		return Answer{Status: http.StatusOK, Header: jsonHeader(), Body: openAPI}
	case "POST revoke":
		return h.revokeSecret(ctx, r)
	case "GET tokens":
		return h.list(ctx, r, true)
	case "POST tokens":
		return h.create(ctx, r, true)
	case "GET templates":
		return h.as(ctx, r, func(*tokens.Caller) (Answer, error) { return answer(http.StatusOK, tokens.Templates()), nil })
	case "GET permissions":
		return h.as(ctx, r, func(*tokens.Caller) (Answer, error) {
			return answer(http.StatusOK, tokens.Catalogue(h.o.Tokens.Table())), nil
		})
	case "GET report":
		return h.report(ctx, r)
	}
	if rest, ok := strings.CutPrefix(path, "tokens/"); ok {
		return h.extraSingle(ctx, r, rest)
	}
	return message(http.StatusNotFound, "404 Not Found")
}

// extraSingle answers for one token.
func (h *Handler) extraSingle(ctx context.Context, r *Request, rest string) Answer {
	name, action, _ := strings.Cut(rest, "/")
	id, err := strconv.ParseInt(name, 10, 64)
	switch {
	case name == "self" && r.Session != nil:
		id = r.Session.TokenID
	case name == "self":
		return message(http.StatusNotFound, "404 Not Found - self is for a patgate token")
	case err != nil || id < store.FirstTokenID:
		return message(http.StatusNotFound, "404 Not Found")
	}
	switch r.Method + " " + action {
	case "GET ":
		return h.show(ctx, r, id)
	case "DELETE ":
		return h.revoke(ctx, r, id)
	case "PATCH ", "PUT ":
		return h.edit(ctx, r, id)
	case "POST rotate":
		return h.rotate(ctx, r, id)
	case "POST pause":
		p := readParams(r)
		reason := p.text("reason")
		if len(reason) > tokens.MaxDescription {
			p.problems.Add("reason", "is too long")
		}
		p.only("reason")
		return h.changed(ctx, r, p, func(c *tokens.Caller) (store.Listed, error) { return h.o.Tokens.Pause(ctx, c, id, reason) })
	case "POST resume":
		return h.changed(ctx, r, nil, func(c *tokens.Caller) (store.Listed, error) { return h.o.Tokens.Resume(ctx, c, id) })
	case "POST confirm":
		return h.changed(ctx, r, nil, func(c *tokens.Caller) (store.Listed, error) { return h.o.Tokens.Confirm(ctx, c, id) })
	case "GET usage":
		return h.usage(ctx, r, id)
	}
	return message(http.StatusNotFound, "404 Not Found")
}

// changed runs a change of one token and answers with the token.
func (h *Handler) changed(ctx context.Context, r *Request, p *params, f func(*tokens.Caller) (store.Listed, error)) Answer {
	if p != nil {
		if err := p.problems.Err(); err != nil {
			return h.failed(err)
		}
	}
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		l, err := f(c)
		if err != nil {
			return Answer{}, err
		}
		return answer(http.StatusOK, View(&l, h.o.Tokens.Now())), nil
	})
}

// edit answers PATCH.
func (h *Handler) edit(ctx context.Context, r *Request, id int64) Answer {
	p := readParams(r)
	q := tokens.Changes{Name: p.optional("name"), Description: p.optional("description"), ExpiresAt: p.optional("expires_at"), RenewUntil: p.optional("renew_until")}
	if p.has("expires_in") {
		end := p.end("expires_at", "expires_in")
		q.ExpiresAt = &end
	}
	if p.has("granular_scopes") {
		scopes := p.scopes()
		q.Scopes = &scopes
	}
	p.only("name", "description", "expires_at", "expires_in", "renew_until", "granular_scopes")
	if err := p.problems.Err(); err != nil {
		return h.failed(err)
	}
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		e, err := h.o.Tokens.Edit(ctx, c, id, q)
		if err != nil {
			return Answer{}, err
		}
		v := View(&e.Listed, h.o.Tokens.Now())
		v.Warnings, v.Widened, v.RevokedTokens = e.Warnings, &e.Widened, e.Revoked
		return answer(http.StatusOK, v), nil
	})
}

// usage answers what a token was used for.
func (h *Handler) usage(ctx context.Context, r *Request, id int64) Answer {
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		l, uses, err := h.o.Tokens.Uses(ctx, c, id)
		if err != nil {
			return Answer{}, err
		}
		counts := map[string]object{}
		for _, u := range uses {
			counts[u.Permission] = object{"uses": u.Uses, "last_used_at": u.LastUsedAt}
		}
		return answer(http.StatusOK, object{"id": l.ID, "uses": l.Uses, "last_used_at": orNull(l.LastUsedAt), "last_used_ips": View(&l, h.o.Tokens.Now()).LastUsedIPs,
			"permissions": counts, "unused_permissions": tokens.Unused(&l, uses)}), nil
	})
}

// report answers the token report.
func (h *Handler) report(ctx context.Context, r *Request) Answer {
	p := readParams(&Request{Query: r.Query})
	all, _ := p.truth("all")
	if err := p.problems.Err(); err != nil {
		return h.failed(err)
	}
	return h.as(ctx, r, func(c *tokens.Caller) (Answer, error) {
		report, err := h.o.Tokens.Report(ctx, c, all)
		if err != nil {
			return Answer{}, err
		}
		return answer(http.StatusOK, report), nil
	})
}

// revokeSecret ends the tokens whose secrets are presented: {"tokens": ["patgate_..."]}. Having them is all the right
// that it takes. The answer does not tell which of them were known.
func (h *Handler) revokeSecret(ctx context.Context, r *Request) Answer {
	p := readParams(r)
	secrets := p.list("tokens", p.values["tokens"])
	if one := p.text("token"); one != "" {
		secrets = append(secrets, one)
	}
	p.only("tokens", "token")
	const most = 100
	if len(secrets) == 0 || len(secrets) > most {
		p.problems.Add("tokens", "give from 1 to %d secrets", most)
	}
	if err := p.problems.Err(); err != nil {
		return h.failed(err)
	}
	for _, secret := range secrets {
		_, err := h.o.Tokens.RevokeSecret(ctx, "holder of the secret", []byte(secret), "revoked by somebody who holds the secret")
		if err != nil && !unknownSecret(err) {
			return h.failed(err)
		}
	}
	return answer(http.StatusAccepted, object{"message": "202 Accepted"})
}

// unknownSecret tells whether an error says that a text is no secret of a token here.
func unknownSecret(err error) bool {
	return errors.Is(err, tokens.ErrNotFound) || errors.Is(err, token.ErrNotOurs) || errors.Is(err, token.ErrMalformed) || errors.Is(err, token.ErrChecksum)
}
