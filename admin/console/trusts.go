package console

import (
	"net/http"
	"strconv"

	"patgate/admin/console/trustpage"
	"patgate/admin/console/words"
	"patgate/admin/terms"
	"patgate/admin/tokens"
)

// showTrusts shows the signed-in user's trusts, or everyone's to an administrator.
func (q *request) showTrusts() error {
	everyone := q.r.URL.Query().Get("everyone") != ""
	p, err := trustpage.Of(q.ctx(), q.o.Trusts, q.caller, everyone, q.o.Tokens.Administrates(q.caller))
	if err == nil {
		title := map[bool]string{false: "Trusts", true: "Everyone’s trusts"}[everyone]
		q.render("trusts", http.StatusOK, page{Title: title, Nav: "trusts"}, p)
	}
	return err
}

// showTrust shows the trust of the path, or asks whether to revoke it.
func (q *request) showTrust(asking bool, status int, why string, problems ...string) error {
	p, err := trustpage.Find(q.ctx(), q.o.Trusts, q.caller, q.r.PathValue("name"),
		trustpage.Show{Catalogue: q.catalog.Load(q.o.Tokens.Table()), Names: q.called, Now: q.o.Now()})
	switch {
	case err != nil:
		return err
	case asking:
		p.Why, p.Problems = why, problems
		q.render("trust-revoke", status, page{Title: "Revoke all of this trust?", Nav: "trusts", Slim: true}, p)
	default:
		q.render("trust", status, page{Title: p.Name, Nav: "trusts"}, p)
	}
	return nil
}

func (q *request) revokeTrust() error {
	name, reason := q.r.PathValue("name"), q.r.PostForm.Get("reason")
	if len([]rune(reason)) > terms.MaxDescription {
		return q.showTrust(true, http.StatusUnprocessableEntity, reason, "is too long: at "+
			"most "+strconv.Itoa(terms.MaxDescription)+
			" characters")
	}
	n, err := q.o.Trusts.Revoke(q.ctx(), q.caller, name, reason)
	if err != nil {
		return err
	}
	q.session.Say("The trust “" + name + "” is no longer allowed, and " + words.Plural(n, "token", "tokens") + " revoked.")
	if q.o.Tokens.Administrates(q.caller) {
		return q.redirect("/trusts?everyone=1")
	}
	return q.redirect("/trusts")
}

// showPolicies shows administrators what files have in force.
func (q *request) showPolicies() error {
	if !q.o.Tokens.Administrates(q.caller) {
		return tokens.ErrNotFound
	}
	info := page{Title: "Limits, templates and issuers from files", Nav: "trusts"}
	q.render("policies", http.StatusOK, info, trustpage.PoliciesOf(q.o.Policies, q.o.Trusts))
	return nil
}
