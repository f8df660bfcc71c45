// Package tally writes the statements that keep how many tokens of each kind owners have. The table tallied says what a token
// counts as, and tallies has the sums. Tokens that may count as something else by now are in untallied, or have an until that is
// over: a reader takes these out of the sums and counts them as they are.
package tally

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"patgate/store"
	"patgate/store/tables/filter"
	"patgate/token"
)

// now is the time that everything is judged by, the first argument of most statements. never is an until that does not come.
const (
	now   = "CAST(?1 AS BIGINT)"
	never = "9223372036854775807"
)

// active is the condition that a token is valid now.
const active = "t.revoked_at = 0 AND t.paused_at = 0 AND t.expires_at > " + now

// lastUse is when a token was last used.
const lastUse = "coalesce(u.last_used_at, 0)"

// kind is something that tokens count as, with the condition of it.
type kind struct{ column, condition string }

// kinds are all of them, in the order of store.Tally.
func kinds() []kind {
	unused := fmt.Sprintf("%s AND m.unused_from > 0 AND m.unused_from <= %s AND ", active, now)
	return []kind{
		{"active", active},
		{"paused", "t.revoked_at = 0 AND t.paused_at > 0 AND t.expires_at > " + now},
		{"revoked", "t.revoked_at > 0"},
		{"broad", active + " AND m.broad = 1"},
		{"mints", active + " AND m.mints = 1"},
		{"dangerous", active + " AND m.dangerous = 1"},
		{"soon", active + " AND " + soon()},
		{"unused", unused + "(m.never_used = 0 OR " + lastUse + " = 0)"},
		{"never_used", unused + "m.never_used = 1 AND " + lastUse + " = 0"},
		{"idle", active + " AND " + idle()},
	}
}

// soon is the condition that a token expires soon, of an active one.
func soon() string {
	return fmt.Sprintf("t.expires_at < %s + %d AND (t.expires_at - %s) * %d < t.expires_at - t.created_at", now,
		store.SoonWithin.Milliseconds(), now, store.SoonShare)
}

// idle is the condition that a token is unused for long.
func idle() string {
	since := fmt.Sprintf("%s - %d", now, store.UnusedLong.Milliseconds())
	return fmt.Sprintf("t.created_at < %s AND %s < %s", since, lastUse, since)
}

// until is from when on a token may count as something else, if nobody touches it. It may be too early, and is in the future.
func until() string {
	later := func(condition, at string) string {
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE max(%s, %s + 1) END", condition, never, at, now)
	}
	becomesSoon := later(soon(), fmt.Sprintf("max(t.expires_at - %d + 1, t.expires_at - (t.expires_at - t.created_at) / %d)",
		store.SoonWithin.Milliseconds(), store.SoonShare))
	becomesIdle := later(idle(), fmt.Sprintf("max(t.created_at, %s) + %d + 1", lastUse, store.UnusedLong.Milliseconds()))
	becomesUnused := fmt.Sprintf("CASE WHEN m.unused_from > %s THEN m.unused_from ELSE %s END", now, never)
	return fmt.Sprintf("CASE WHEN t.revoked_at > 0 OR t.expires_at <= %s THEN %s WHEN t.paused_at > 0 THEN t.expires_at "+
		"ELSE min(min(t.expires_at, %s), min(%s, %s)) END", now, never, becomesSoon, becomesIdle, becomesUnused)
}

// reach is the blast radius of an active token.
const reach = "CASE WHEN " + active + " THEN coalesce(m.reach, 0) ELSE 0 END"

// tokens are all tokens with what their kinds depend on.
const tokens = " FROM tokens t LEFT JOIN marks m ON m.token_id = t.id LEFT JOIN token_uses u ON u.token_id = t.id WHERE "

// columns gives what f makes of each kind, one after the other.
func columns(f func(kind) string) string {
	all := kinds()
	texts := make([]string, len(all))
	for i, k := range all {
		texts[i] = f(k)
	}
	return strings.Join(texts, ", ")
}

func names() string { return columns(func(k kind) string { return k.column }) }

// counted gives 1 for each kind that a token is of, and 0 for the others.
func counted() string {
	return columns(func(k kind) string { return "CASE WHEN " + k.condition + " THEN 1 ELSE 0 END" })
}

// AtOnce is how many tokens are counted anew by one statement.
const AtOnce = 100

// These list the tokens to count anew, AtOnce at most: tokens that were changed, tokens that have become something else by an
// instant, and tokens that were counted by a clock that was ahead.
const (
	Changed = "SELECT token_id FROM untallied ORDER BY token_id LIMIT 100"
	Over    = "SELECT token_id FROM tallied WHERE until <= ?1 ORDER BY until LIMIT 100"
	Ahead   = "SELECT token_id FROM tallied WHERE counted_at > ?1 ORDER BY counted_at DESC LIMIT 100"
)

// apart is how far the clocks of two nodes may be apart: what was counted later than that was counted by a wrong one.
const apart = 2 * store.ClocksWithin

// some are AtOnce ids, the arguments from one on.
func some(first int) string {
	texts := make([]string, AtOnce)
	for i := range texts {
		texts[i] = "?" + strconv.Itoa(first+i)
	}
	return "(" + strings.Join(texts, ", ") + ")"
}

// Taken removes tokens from those noted as changed. It comes before Recount, so a change that is committed between the two is
// either counted or still noted.
func Taken() string { return "DELETE FROM untallied WHERE token_id IN " + some(1) }

// Kept asks what tokens are kept as: the owner, and the sum of each column.
func Kept() string {
	return "SELECT owner_id, count(*), " + columns(func(k kind) string { return "CAST(sum(" + k.column + ") AS BIGINT)" }) +
		" FROM tallied WHERE token_id IN " + some(1) + " GROUP BY owner_id"
}

// Recount keeps what tokens are at an instant, which comes before them.
func Recount() string {
	return "INSERT INTO tallied (token_id, owner_id, until, counted_at, reach, " + names() + ") SELECT t.id, t.owner_id, " +
		until() + ", " + now + ", " + reach + ", " + counted() + tokens + "t.id IN " + some(2) +
		" ON CONFLICT (token_id) DO UPDATE SET until = excluded.until, counted_at = excluded.counted_at, " +
		"reach = excluded.reach, " +
		columns(func(k kind) string { return k.column + " = excluded." + k.column })
}

// Add adds to the sums of an owner: the owner, how many tokens, and the number of each kind.
func Add() string {
	return "INSERT INTO tallies (owner_id, tokens, " + names() + ") VALUES (?" + strings.Repeat(", ?", len(kinds())+1) +
		") ON CONFLICT (owner_id) DO UPDATE SET tokens = tallies.tokens + excluded.tokens, " +
		columns(func(k kind) string { return k.column + " = tallies." + k.column + " + excluded." + k.column })
}

// Top keeps the highest blast radius that an owner's tokens are kept with.
const Top = `UPDATE tallies SET reach = coalesce((SELECT c.reach FROM tallied c WHERE c.owner_id = ?1 AND c.active = 1
	ORDER BY c.reach DESC LIMIT 1), 0) WHERE owner_id = ?1`

// due are the tokens that may be something else than they are kept as: of one owner, the second argument, or of all.
func due(one bool) string {
	only := ""
	if one {
		only = " AND owner_id = ?2"
	}
	return fmt.Sprintf("due (token_id) AS (SELECT token_id FROM untallied WHERE 1 = 1%[1]s UNION ALL "+
		"SELECT token_id FROM tallied WHERE until <= %[2]s%[1]s UNION ALL "+
		"SELECT token_id FROM tallied WHERE counted_at > %[2]s + %[3]d%[1]s)", only, now, apart.Milliseconds())
}

// parts are numbers that have to be added up, by owner: those of one owner, the second argument, or of all.
func parts(reports string, one bool) string {
	const isDue = " IN (SELECT token_id FROM due)"
	only, onlyTokens := "", ""
	if one {
		only, onlyTokens = " AND owner_id = ?2", " AND t.owner_id = ?2"
	}
	text := "parts (owner_id, dues, reach, tokens, " + names() + ") AS (SELECT owner_id, 0, CAST(0 AS BIGINT), " +
		"tokens, " + names() +
		" FROM tallies WHERE 1 = 1" + only +
		" UNION ALL SELECT owner_id, 1, 0, -1, " + columns(func(k kind) string { return "-" + k.column }) +
		" FROM tallied WHERE token_id" + isDue + only +
		" UNION ALL SELECT t.owner_id, 1, " + reach + ", 1, " + counted() + tokens + "t.id" + isDue + onlyTokens
	if reports != "" {
		text += " UNION ALL SELECT t.owner_id, 0, 0, 0, " + columns(func(k kind) string {
			if k.column == "broad" {
				return "1"
			}
			return "0"
		}) + reports + onlyTokens
	}
	return text + ")"
}

// reporting are the active tokens in report mode that are not kept as broad.
func reporting(f *store.OwnerFilter, d filter.Dialect) string {
	if !f.ReportsAreBroad {
		return ""
	}
	index := ""
	if d.IndexedBy != nil {
		index = d.IndexedBy("tokens_reporting")
	}
	return fmt.Sprintf(" FROM tokens t%s LEFT JOIN marks m ON m.token_id = t.id WHERE t.report_until > %s AND "+
		"t.report_until > 0 "+
		"AND t.owners_word AND t.parent_id = 0 AND t.report_from <= %s AND t.report_from > %s - %d AND %s AND "+
		"coalesce(m.broad, 0) = 0",
		index, now, now, now, token.LongestReport.Milliseconds(), active)
}

// added gives the sum of each column of parts.
func added() string {
	sum := func(column string) string { return "CAST(coalesce(sum(" + column + "), 0) AS BIGINT) AS " + column }
	return sum("tokens") + ", " + columns(func(k kind) string { return sum(k.column) })
}

// One asks for the sums of one owner, or of all together: the number of all tokens, and of each kind.
func One(f *store.OwnerFilter, d filter.Dialect) (query string, args []any) {
	if args = []any{f.Now.UnixMilli()}; f.OwnerID != 0 {
		args = append(args, f.OwnerID)
	}
	with := due(f.OwnerID != 0) + ", " + parts(reporting(f, d), f.OwnerID != 0)
	return "WITH " + with + " SELECT " + added() + " FROM parts", args
}

// matching is the condition that an owner is one that a filter leaves, with its arguments behind those that are there.
func matching(f *store.OwnerFilter, before []any) (condition string, args []any) {
	condition, args = "o.removed_at = 0", before
	if f.OwnerID != 0 {
		args = append(args, f.OwnerID)
		condition += " AND o.id = ?" + strconv.Itoa(len(args))
	}
	if f.Origin != "" {
		args = append(args, f.Origin)
		condition += " AND o.origin = ?" + strconv.Itoa(len(args))
	}
	text := strings.TrimSpace(f.Search)
	switch {
	case !filter.Searchable(text):
		condition += " AND 1 = 0"
	case text != "":
		args = append(args, filter.Containing(text), text)
		condition += fmt.Sprintf(` AND (lower(o.username) LIKE ?%d ESCAPE '\' OR CAST(o.user_id AS TEXT) = ?%d)`, len(args)-1,
			len(args))
	}
	return condition, args
}

// HowMany asks how many owners a filter leaves.
func HowMany(f *store.OwnerFilter) (query string, args []any) {
	condition, args := matching(f, nil)
	return "SELECT count(*) FROM owners o WHERE " + condition, args
}

// Owners asks for the sums of owners' tokens: columns of the owner, the numbers as One gives them, the highest blast radius and
// the last use.
func Owners(f *store.OwnerFilter, columns string, d filter.Dialect) (query string, args []any) {
	condition, args := matching(f, []any{f.Now.UnixMilli()})
	text := "WITH " + due(false) + ", " + parts(reporting(f, d), false) + ", sums AS (SELECT owner_id, max(dues) AS dues, " +
		"max(reach) AS reach, " + added() +
		" FROM parts GROUP BY owner_id) SELECT " + columns + ", coalesce(s.tokens, 0) AS all_tokens, " + shown() +
		`, max(coalesce(s.reach, 0), coalesce(CASE s.dues WHEN 0 THEN l.reach ELSE (SELECT c.reach FROM tallied c
			WHERE c.owner_id = o.id AND c.active = 1 AND c.token_id NOT IN (SELECT token_id FROM due)
			ORDER BY c.reach DESC LIMIT 1) END, 0)) AS top_reach,
		coalesce(l.last_used_at, 0) AS used_at
		FROM owners o LEFT JOIN sums s ON s.owner_id = o.id LEFT JOIN tallies l ON l.owner_id = o.id WHERE ` + condition +
		" ORDER BY " + order(f.Sort) + "lower(o.username), o.id"
	if f.Limit > 0 {
		text += fmt.Sprintf(" LIMIT ?%d OFFSET ?%d", len(args)+1, len(args)+2)
		args = append(args, f.Limit, f.Offset)
	}
	return text, args
}

// shown gives the sum of each kind under a name that nothing else has.
func shown() string {
	return columns(func(k kind) string { return "coalesce(s." + k.column + ", 0) AS all_" + k.column })
}

// order is how owners are put in order.
func order(s store.OwnerSort) string {
	switch s {
	case store.OwnersByName:
		return ""
	case store.OwnersByBroad:
		return "all_broad DESC, "
	case store.OwnersByDangerous:
		return "all_dangerous DESC, "
	case store.OwnersByIdle:
		return "all_idle DESC, "
	case store.OwnersBySoon:
		return "all_soon DESC, "
	case store.OwnersByReach:
		return "top_reach DESC, "
	case store.OwnersByLastUse:
		return "used_at DESC, "
	}
	return "all_active DESC, "
}

// Plain gives the number of One that a filter of tokens asks for, if it asks for nothing else; otherwise nil.
func Plain(f *store.Filter) func(*store.Tally) int {
	rest := *f
	rest.OwnerID, rest.State, rest.Mark = 0, store.StateAny, store.MarkNone
	rest.Now, rest.TableVersion = time.Time{}, 0
	rest.ReportsAreBroad, rest.Unobserved = false, false
	rest.SearchPlaces, rest.WithNames = false, false
	rest.CountTo, rest.CountOnly, rest.Sort = 0, false, store.SortCreatedDesc
	rest.Limit, rest.Offset = 0, 0
	idle := f.State == store.StateActive && f.Mark == store.MarkNone &&
		f.Now.Sub(f.UnusedSince.Add(store.UnusedLong)).Abs() < time.Second
	if idle { // asked a moment ago
		rest.UnusedSince = time.Time{}
	}
	if rest != (store.Filter{}) {
		return nil
	}
	if idle {
		return func(t *store.Tally) int { return t.Idle }
	}
	switch f.Mark {
	case store.MarkNone:
		return ofState(f.State)
	case store.MarkBroad:
		return func(t *store.Tally) int { return t.Broad }
	case store.MarkMints:
		return func(t *store.Tally) int { return t.Mints }
	case store.MarkDangerous:
		return func(t *store.Tally) int { return t.Dangerous }
	case store.MarkSoon:
		return func(t *store.Tally) int { return t.Soon }
	case store.MarkUnused:
		if !f.Unobserved {
			return func(t *store.Tally) int { return t.Unused }
		}
		return func(t *store.Tally) int { return t.NeverUsed }
	case store.MarkNeverUsed:
		return func(t *store.Tally) int { return t.NeverUsed }
	}
	return nil
}

// ofState gives the number of tokens in a state.
func ofState(s store.State) func(*store.Tally) int {
	switch s {
	case store.StateActive:
		return func(t *store.Tally) int { return t.Active }
	case store.StateInactive:
		return func(t *store.Tally) int { return t.Tokens - t.Active }
	case store.StateExpired:
		return (*store.Tally).Expired
	case store.StateRevoked:
		return func(t *store.Tally) int { return t.Revoked }
	case store.StatePaused:
		return func(t *store.Tally) int { return t.Paused }
	}
	return func(t *store.Tally) int { return t.Tokens }
}
