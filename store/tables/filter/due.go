package filter

import (
	"cmp"
	"encoding/json"
	"math"
	"time"

	"patgate/store"
)

// judgedFor is for how long a judgement by a newer table stands against that of an older one: a fleet may have both while it is
// upgraded, and go back to the older one.
const judgedFor = 24 * time.Hour

// Due asks for the ids of tokens that are to be judged, the newest first.
func Due(d store.Due, limit int) (query string, args []any) {
	const used = "EXISTS (SELECT 1 FROM token_uses u WHERE u.token_id = m.token_id AND u.last_used_at > 0)"
	from, where := "marks m", "m.judged = 0"
	args = append(args, cmp.Or(d.Before, math.MaxInt64))
	switch {
	case d.Under != 0:
		where = "m.judged <> ? AND (m.version <= ? OR m.judged_at < ?)"
		args = append(args, d.Under, d.Version, millis(d.JudgedBefore))
	case d.FirstUsed:
		where = "m.never_used = 1 AND " + used
	case !d.UnusedBy.IsZero():
		from = "marks m JOIN tokens t ON t.id = m.token_id"
		where = `t.revoked_at = 0 AND t.paused_at = 0 AND t.expires_at > ? AND m.unused_from > 0 AND m.unused_from <= ?
			AND m.judged_at < ? AND ` + used
		args = append(args, millis(d.Now), millis(d.UnusedBy), millis(d.JudgedBefore))
	}
	return "SELECT m.token_id FROM " + from + " WHERE m.token_id < ? AND " + where + " ORDER BY m.token_id DESC LIMIT ?",
		append(args, limit)
}

// Unreadable notes that nothing is to be said of a token.
const Unreadable = `UPDATE marks SET judged = -1, broad = 0, mints = 0, dangerous = 0, reach = 0, unused_from = 0, never_used = 0
	WHERE token_id = ?`

// Judge notes a judgement.
func Judge(j *store.Judgement) (statement string, args []any) {
	return `UPDATE marks SET judged = ?, judged_at = ?, version = ?, broad = ?, mints = ?, dangerous = ?, reach = ?,
			never_used = ?, unused_from = ? WHERE token_id = ? AND turn = ? AND (version <= ? OR judged = 0 OR judged_at < ?)`,
		[]any{j.Under, millis(j.At), j.Version, number(j.Broad), number(j.Mints), number(j.Dangerous), j.Reach,
			number(j.NeverUsed), millis(j.UnusedFrom), j.TokenID, j.Turn, j.Version, millis(j.At.Add(-judgedFor))}
}

// number stores a truth.
func number(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// Places gives the rows that note what scopes name: id, kind, owner and token of each. Scopes that cannot be read name nothing.
func Places(text string, owner, token int64) (rows []any) {
	var scopes []struct {
		Projects []int64 `json:"project_ids"`
		Groups   []int64 `json:"group_ids"`
	}
	if json.Unmarshal([]byte(text), &scopes) != nil {
		return nil
	}
	for _, s := range scopes {
		for kind, ids := range map[string][]int64{"project": s.Projects, "group": s.Groups} {
			for _, id := range ids {
				if id > 0 { // not one that is null
					rows = append(rows, id, kind, owner, token)
				}
			}
		}
	}
	return rows
}
