package usage

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"patgate/audit"
	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// ownUnitOf gives what an allowed request did when that was what its row does, on its own container, and nothing besides.
func ownUnitOf(e *audit.Event) (key ownUnit, ok bool) {
	if e.Verdict != policy.Allow || e.Route == nil || e.Used != &e.Route.NeedSet || len(e.Acts) != 1 || e.Filtered {
		return ownUnit{}, false
	}
	a := &e.Acts[0]
	if a.Kind != policy.ActOwn || a.Needs != nil || a.Self || a.Container != nil && a.Container.Partial {
		return ownUnit{}, false
	}
	key = ownUnit{token: e.TokenID, row: e.Route, boundary: a.Boundary}
	if a.Container != nil {
		key.container = a.Container.ID
	}
	return key, true
}

const (
	// mostActs is how many acts of a request a unit tells apart, and mostRefs how long the names of all its refs may be, in
	// bytes.
	mostActs = 64
	mostRefs = 4 << 10
)

// actsOf gives the acts of a request that its unit holds. whole is false when there are more, or when names of refs are too
// long or not UTF-8, so that they cannot be patterns: then the unit is collapsed. Changes of refs come last, as in a
// policy.Question.
func actsOf(e *audit.Event) (acts []policy.Act, whole bool) {
	first, length := len(e.Acts), 0
	whole = first <= mostActs
	for i := range e.Acts {
		u := e.Acts[i].Update
		if u == nil {
			continue
		}
		first = min(first, i)
		length += len(u.Name)
		if !whole || length > mostRefs || !utf8.Valid(u.Name) || bytes.ContainsRune(u.Name, utf8.RuneError) {
			whole = false
			break
		}
	}
	if whole {
		return e.Acts, true
	}
	return e.Acts[:min(first, mostActs)], false
}

// unitOf gives the unit of a request.
func unitOf(e *audit.Event, names *routes.Catalogue) learn.Unit {
	u := learn.Unit{Method: e.Method, Filtered: e.Filtered}
	if r := e.Route; r != nil {
		u.Method, u.Route = r.Method, r.Path
	}
	if e.Used != nil {
		u.Needs = names.NamesOf(e.Used)
	}
	switch e.Verdict {
	case policy.Allow:
	case policy.WouldDeny:
		u.WouldDeny = e.Reason
	default:
		u.Denied = e.Reason
	}
	if e.Verdict != policy.Allow {
		if e.Permission != "" {
			u.Missing = []string{e.Permission}
		}
	}
	acts, whole := actsOf(e)
	for i := range acts {
		u.Acts = append(u.Acts, actOf(&acts[i], names))
	}
	if !whole {
		return u.Collapse()
	}
	return u
}

func actOf(a *policy.Act, names *routes.Catalogue) learn.Act {
	act := learn.Act{Kind: a.Kind, Boundary: a.Boundary, Elsewhere: a.Elsewhere, Self: a.Self}
	if a.Needs != nil {
		act.Needs = names.NamesOf(a.Needs)
	}
	if c := a.Container; c != nil {
		act.Found, act.Access, act.Visibility, act.PersonalOf = c.Boundary, c.Access, c.Visibility, c.PersonalOf
		act.Container, act.Ancestors, act.Partial = c.ID, append([]int64(nil), c.Ancestors...), c.Partial
	}
	if u := a.Update; u != nil {
		act.Ref, act.Create, act.Delete = string(u.Name), u.Create, u.Delete
	}
	return act
}

// appendUnit writes what tells the units of requests apart.
func appendUnit(dst []byte, e *audit.Event) []byte {
	dst = binary.AppendVarint(dst, e.TokenID)
	dst = appendText(dst, e.Method)
	if e.Route != nil {
		dst = appendText(dst, e.Route.Method)
		dst = appendText(dst, e.Route.Path)
	}
	dst = append(dst, byte(e.Verdict), flag(e.Filtered))
	if e.Verdict != policy.Allow {
		dst = appendText(appendText(dst, e.Reason), e.Permission)
	}
	dst = appendSet(dst, e.Used)
	acts, whole := actsOf(e)
	dst = append(dst, flag(whole))
	for i := range acts {
		a := &acts[i]
		dst = append(dst, byte(a.Kind), byte(a.Boundary), flag(a.Elsewhere), flag(a.Self))
		dst = appendSet(dst, a.Needs)
		if c := a.Container; c != nil {
			dst = append(dst, 1, byte(c.Boundary), byte(c.Access), byte(c.Visibility), flag(c.Partial))
			dst = binary.AppendVarint(dst, c.ID)
		} else {
			dst = append(dst, 0)
		}
		if u := a.Update; u != nil {
			dst = append(dst, 1, flag(u.Create), flag(u.Delete))
			dst = appendText(dst, string(u.Name))
		} else {
			dst = append(dst, 0)
		}
	}
	return dst
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func appendSet(dst []byte, set *routes.PermissionSet) []byte {
	if set == nil {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	for _, word := range set {
		dst = binary.AppendUvarint(dst, word)
	}
	return dst
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
