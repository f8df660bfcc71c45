package api

import (
	_ "embed"
	"errors"
	"net/http"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/marks"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/store"
	"patgate/token"
)

//go:embed openapi.json
var openAPI []byte

// ownPaths gives the API's own paths.
func (h *Handler) ownPaths() {
	const one = extras + "/tokens/{id}"
	h.handle("GET "+extras+"/openapi.json", func(*call) (*reply, error) {
		return &reply{http.StatusOK, jsonHeader(), openAPI},
			nil
	})
	h.handle("POST "+extras+"/revoke", (*call).revokeSecret)
	h.handle("GET "+extras+"/tokens", (*call).identify, (*call).list)
	h.handle("POST "+extras+"/tokens", (*call).identify, (*call).create)
	h.handle("GET "+extras+"/templates", (*call).identify, func(*call) (*reply, error) {
		return answer(http.StatusOK, h.o.Templates()), nil
	})
	h.handle("GET "+extras+"/permissions", (*call).identify, func(q *call) (*reply, error) {
		return answer(http.StatusOK, catalogue.All(q.o.Tokens.Table())), nil
	})
	h.handle("GET "+extras+"/owners", (*call).identify, (*call).owners)
	h.handle("GET "+extras+"/report", (*call).identify, (*call).report)
	for pattern, f := range map[string]step{
		"GET " + one:               (*call).show,
		"DELETE " + one:            (*call).revoke,
		"PATCH " + one:             (*call).edit,
		"PUT " + one:               (*call).edit,
		"GET " + one + "/usage":    (*call).usage,
		"POST " + one + "/rotate":  (*call).rotate,
		"POST " + one + "/pause":   (*call).pause,
		"POST " + one + "/resume":  (*call).resume,
		"POST " + one + "/confirm": (*call).confirm,
	} {
		h.handle(pattern, (*call).name, (*call).identify, f)
	}
}

// resume answers POST /tokens/{id}/resume.
func (q *call) resume() (*reply, error) {
	return q.changed(q.o.Tokens.Resume(q.Context(), q.caller, q.id))
}

// confirm answers POST /tokens/{id}/confirm.
func (q *call) confirm() (*reply, error) {
	return q.changed(q.o.Tokens.Confirm(q.Context(), q.caller, q.id))
}

// pause answers POST /tokens/{id}/pause.
func (q *call) pause() (*reply, error) {
	p := q.params()
	reason := p.text("reason")
	if len(reason) > terms.MaxDescription {
		p.problems.Add("reason", "is too long")
	}
	p.only("reason")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return q.changed(q.o.Tokens.Pause(q.Context(), q.caller, q.id, reason))
}

// changed answers with a token as it is now.
func (q *call) changed(l store.Listed, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, q.view(&l)), nil
}

// view shows a token as it is now. A token that asks is not told what places are called: that is for its owner to see.
func (q *call) view(l *store.Listed) *Token {
	v := View(l, q.o.Tokens.Now())
	v.BlastRadiusParts = q.o.Tokens.Marks().Radius(l)
	if q.Session != nil {
		v.Places = nil
	}
	return v
}

// edit answers PATCH.
func (q *call) edit() (*reply, error) {
	p := q.params()
	wanted := tokens.Changes{Name: p.optional("name"), Description: p.optional("description"),
		ExpiresAt: p.optional("expires_at"), RenewUntil: p.optional("renew_until"),
		ReportUntil: p.optional("report_until")}
	if p.has("expires_in") {
		end := p.end("expires_at", "expires_in")
		wanted.ExpiresAt = &end
	}
	if p.has("granular_scopes") {
		scopes := p.scopes()
		wanted.Scopes = &scopes
	}
	if v, given := p.values["limits"]; given {
		s := p.problems.ReadLimits("limits", v)
		wanted.Limits = &s
	}
	wanted.ForGood, _ = p.truth("for_good")
	if p.has("revision") {
		if wanted.Revision = p.number("revision", 0); wanted.Revision == 0 {
			p.problems.Add("revision", "must be the revision that the token had when it was read")
		}
	}
	p.only("name", "description", "expires_at", "expires_in", "renew_until", "report_until",
		"granular_scopes", "limits", "for_good", "revision")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return q.edited(q.o.Tokens.Edit(q.Context(), q.caller, q.id, wanted))
}

// edited answers with a token as it is after an edit.
func (q *call) edited(e *tokens.Edited, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	v := q.view(&e.Listed)
	v.Warnings, v.Widened, v.RevokedTokens = e.Warnings, &e.Widened, e.Revoked
	return answer(http.StatusOK, v), nil
}

// usage answers what a token was used for.
func (q *call) usage() (*reply, error) {
	l, uses, err := q.o.Tokens.Uses(q.Context(), q.caller, q.id)
	if err != nil {
		return nil, err
	}
	counts := map[string]object{}
	for _, u := range uses {
		counts[u.Permission] = object{"uses": u.Uses, "last_used_at": u.LastUsedAt}
	}
	return answer(http.StatusOK, object{"id": l.ID, "uses": l.Uses,
		"last_used_at": orNull(l.LastUsedAt), "last_used_ips": View(&l, q.o.Tokens.Now()).LastUsedIPs,
		"permissions": counts, "unused_permissions": marks.Unused(&l, uses, time.Time{})}), nil
}

// report answers the token report.
func (q *call) report() (*reply, error) {
	p := q.query()
	all, _ := p.truth("all")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	report, err := q.o.Tokens.Report(q.Context(), q.caller, all)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, report), nil
}

// revokeSecret ends the tokens whose secrets are presented: {"tokens": ["patgate_..."]}. Whoever has a secret may end its token.
// The answer does not tell which of them were known.
func (q *call) revokeSecret() (*reply, error) {
	p := q.params()
	secrets := p.problems.List("tokens", p.values["tokens"])
	if one := p.text("token"); one != "" {
		secrets = append(secrets, one)
	}
	p.only("tokens", "token")
	const most = 100
	if len(secrets) == 0 || len(secrets) > most {
		p.problems.Add("tokens", "give from 1 to %d secrets", most)
	}
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	for _, secret := range secrets {
		_, err := q.o.Tokens.RevokeSecret(q.Context(), "holder of the secret", []byte(secret),
			"revoked by somebody who holds the secret")
		if err != nil && !unknownSecret(err) {
			return nil, err
		}
	}
	return answer(http.StatusAccepted, object{"message": "202 Accepted"}), nil
}

// unknownSecret tells whether an error says that a text is no secret of a token here.
func unknownSecret(err error) bool {
	return errors.Is(err, tokens.ErrNotFound) || errors.Is(err, token.ErrNotOurs) || errors.Is(err, token.ErrMalformed) ||
		errors.Is(err, token.ErrChecksum)
}
