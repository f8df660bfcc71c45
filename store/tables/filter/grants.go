package filter

import (
	"encoding/json"
	"strings"

	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// AllRights stands for the permissions of a token that has more of them than are noted, with -1 for all of its scopes: it may
// hold any of them.
const AllRights = "*"

// Granted are the rows that note what scopes reach and hold.
type Granted struct {
	Grants []any // kind, place, token and scope of each
	Rights []any // permission, token and scope of each
}

// Add reads the scopes of a token, as the triggers do. What cannot be read reaches and holds nothing.
func (g *Granted) Add(text string, id int64) {
	var scopes []struct {
		Access      string   `json:"access"`
		Permissions []string `json:"permissions"`
		Projects    []int64  `json:"project_ids"`
		Groups      []int64  `json:"group_ids"`
	}
	if json.Unmarshal([]byte(text), &scopes) != nil {
		return
	}
	rights := 0
	for _, s := range scopes {
		rights += len(s.Permissions)
	}
	if rights > token.MostRights {
		g.Rights = append(g.Rights, AllRights, id, -1)
	}
	for n, s := range scopes {
		for kind, ids := range map[string][]int64{"project": s.Projects, "group": s.Groups} {
			for _, place := range ids {
				if place > 0 { // not one that is null
					g.Grants = append(g.Grants, kind, place, id, n)
				}
			}
		}
		if s.Access != "" && s.Access != "selected_memberships" {
			g.Grants = append(g.Grants, s.Access, 0, id, n)
		}
		if rights > token.MostRights {
			continue
		}
		for _, name := range s.Permissions {
			g.Rights = append(g.Rights, name, id, n)
		}
	}
}

// reaching adds what a scope of a token must hold, and where.
func (q *Question) reaching() {
	f, r := q.f, q.f.Reach
	anywhere := r == nil || r.Anywhere
	if anywhere && f.Holds == "" {
		return
	}
	if r == nil {
		r = &store.Reach{}
	}
	if r.Empty() && !anywhere {
		q.about("1 = 0")
		return
	}
	held, holds := "1 = 1", []any(nil)
	if f.Holds != "" {
		held = "(EXISTS (SELECT 1 FROM token_rights r WHERE r.permission = ? AND r.token_id = g.token_id AND r.scope = " +
			"g.scope) OR g.token_id IN (" + holdsAll + "))"
		holds = []any{f.Holds, AllRights}
	}
	text, query := "1 = 0", ""
	var values []any
	switch places, args := placesOf(r); {
	case anywhere:
		text = "(EXISTS (SELECT 1 FROM token_rights r WHERE r.permission = ? AND r.token_id = t.id) " +
			"OR t.id IN (" + holdsAll + "))"
		if query = "SELECT token_id AS id FROM token_rights WHERE permission"; q.d.Loose {
			query += " IN (?, ?)"
		} else {
			query += " = ? UNION " + query + " = ?" // in the order of ids
		}
		values = holds
	case len(places) > 0:
		const of = "SELECT g.token_id, g.scope FROM token_grants g WHERE "
		query = "SELECT DISTINCT g.token_id AS id FROM (" + of + strings.Join(places, " UNION ALL "+of) + ") g WHERE " + held
		text = "EXISTS (SELECT 1 FROM token_grants g" + q.indexed("token_grants_by_token") +
			" WHERE g.token_id = t.id AND (" + strings.Join(places, " OR ") + ") AND " + held
		if q.d.Loose {
			text += " OFFSET 0" // or PostgreSQL makes a join of it
		}
		text += ")"
		values, q.gathers = append(args, holds...), true
	}
	within := values
	if r.Reports {
		reports, more := q.reporting()
		text = "(" + text + " OR t.report_until > 0 AND " + reports + ")"
		values = append(append([]any{}, values...), more...)
		if query != "" {
			query += " UNION "
		}
		query += "SELECT t.id FROM tokens t" + q.indexed("tokens_reporting") + " WHERE t.report_until > 0 AND " + reports
		within = append(append([]any{}, within...), more...)
	}
	q.add(text, values...)
	q.where[len(q.where)-1].tokens = r.Reports
	if query != "" {
		q.list(list{query: query, args: within}, len(q.where)-1)
	}
	if r.Origin != "" { // last, and of each token: so owners are read of those alone that fulfil all else
		q.ofOwner("EXISTS (SELECT 1 FROM owners o WHERE o.id = ", " AND o.origin = ?)", r.Origin)
	}
}

// holdsAll asks for the tokens that may hold anything. There are hardly ever any: they are listed once, not looked for with each.
const holdsAll = "SELECT a.token_id FROM token_rights a WHERE a.permission = ?"

// placesOf gives conditions that rows of token_grants, g, fulfil: those that reach a place.
func placesOf(r *store.Reach) (all []string, args []any) {
	for _, kind := range []routes.RefKind{routes.RefProject, routes.RefGroup} {
		var ids []any
		for _, p := range r.Places {
			if p.Kind == kind {
				ids = append(ids, p.ID)
			}
		}
		if len(ids) > 0 {
			all = append(all, "g.kind = ? AND g.place_id IN ("+marksFor(len(ids))+")")
			args = append(append(args, KindName(kind)), ids...)
		}
	}
	for _, access := range r.May {
		all, args = append(all, "g.kind = ? AND g.place_id = 0"), append(args, access)
	}
	return all, args
}

// marksFor gives as many question marks.
func marksFor(n int) string { return "?" + strings.Repeat(", ?", n-1) }

// Networks asks for the distinct networks of limits, which are looked up one after the other: they are few, and tokens many.
const Networks = `WITH RECURSIVE n (network) AS (SELECT min(network) FROM family_networks
	UNION ALL SELECT (SELECT min(f.network) FROM family_networks f WHERE f.network > n.network) FROM n
	WHERE n.network IS NOT NULL) SELECT network FROM n WHERE network IS NOT NULL`

// networked adds from which networks tokens may be used.
func (q *Question) networked() {
	f := q.f
	switch {
	case f.From.IsValid() && (len(q.d.Within) == 0 || f.Networked != nil && !*f.Networked): // none has it without any
		q.about("1 = 0")
	case f.From.IsValid():
		args := make([]any, len(q.d.Within))
		for i, network := range q.d.Within {
			args[i] = network
		}
		of := "IN (" + marksFor(len(args)) + ")"
		q.about("EXISTS (SELECT 1 FROM family_networks n WHERE n.family_id = t.family_id AND n.network "+of+")", args...)
		q.candidates("SELECT DISTINCT f.id AS id FROM family_networks n CROSS JOIN tokens f "+
			"WHERE f.family_id = n.family_id AND n.network "+of, args...)
	case f.Networked == nil:
	case *f.Networked:
		q.about("EXISTS (SELECT 1 FROM family_networks n WHERE n.family_id = t.family_id)")
		q.candidates("SELECT DISTINCT f.id AS id FROM family_networks n CROSS JOIN tokens f WHERE f.family_id = n.family_id")
	default:
		q.about("NOT EXISTS (SELECT 1 FROM family_networks n WHERE n.family_id = t.family_id)")
	}
}

// unused adds since when tokens must not have been used.
func (q *Question) unused() {
	last := "u.last_used_at"
	if q.d.Loose {
		last = "coalesce(u.last_used_at, 0)"
	}
	if q.f.NeverUsed {
		q.u = true
		q.add(last + " = 0")
		q.candidates("SELECT token_id AS id FROM token_uses WHERE last_used_at = 0")
	}
	if !q.f.UnusedSince.IsZero() {
		q.u = true
		q.add(last+" < ?", millis(q.f.UnusedSince))
		q.candidates("SELECT token_id AS id FROM token_uses WHERE last_used_at < ?", millis(q.f.UnusedSince))
		q.about("t.created_at < ?", millis(q.f.UnusedSince))
	}
}

// Above asks for a place and the groups above it, as kinds and ids: by the paths under which an owner, or any
// owner of a forge, saw it.
func Above(origin string, paths []string, exact string, kind routes.RefKind, ownerID int64) (query string, args []any) {
	for _, path := range paths {
		args = append(args, path)
	}
	query = "SELECT DISTINCT kind, place_id FROM paths WHERE lower(path) IN (" + marksFor(len(paths)) +
		") AND gone_at = 0 AND kind = CASE WHEN lower(path) <> ? THEN 'group' ELSE " // in a form that no other index answers
	args = append(args, exact)
	if kind == routes.RefNone {
		query += "kind END"
	} else {
		query, args = query+"? END", append(args, KindName(kind))
	}
	return seen(query, args, origin, ownerID)
}

// seen narrows a question about paths to those that an owner saw, or any owner of a forge.
func seen(query string, args []any, origin string, ownerID int64) (string, []any) {
	if ownerID != 0 {
		return query + " AND owner_id = ?", append(args, ownerID)
	}
	return query + " AND +owner_id IN (" + ofOrigin + ")", append(args, origin) // not by an index of owners
}

// ofOrigin asks for the owners of a forge.
const ofOrigin = "SELECT o.id FROM owners o WHERE o.origin = ?"

// PathsOf asks what a place is called, as an owner, or anyone, saw it last.
func PathsOf(origin string, kind routes.RefKind, id, ownerID int64) (query string, args []any) {
	query, args = "SELECT DISTINCT lower(path) FROM paths WHERE kind = ? AND place_id = ? AND path <> '' AND gone_at = 0",
		[]any{KindName(kind), id}
	return seen(query, args, origin, ownerID)
}

// Upwards gives a path and those of the groups above it, in small letters as the database makes them.
func Upwards(path string) (all []string) {
	path = lower(strings.Trim(path, "/"))
	for i, c := range path {
		if c == '/' {
			all = append(all, path[:i])
		}
	}
	return append(all, path)
}
