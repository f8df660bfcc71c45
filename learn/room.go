package learn

import "slices"

// Room is what units share a bound.
type Room struct {
	ForgeToken bool // they are of a credential of the forge's own
	Suspect    bool
}

// Most is how many units there may be when one more is made, a collapsed one or another.
func (r Room) Most(collapsed bool) int {
	own, more := MostUnits, MostCollapsed
	switch {
	case r.Suspect:
		return MostSuspect
	case r.ForgeToken:
		own, more = MostUnitsOfForgeToken, MostCollapsedOfForgeToken
	}
	if collapsed {
		return own + more
	}
	return own
}

// Takes tells whether a unit that is so long as it is kept, without the groups, is short enough.
func (r Room) Takes(u *Unit, length int) bool {
	long := func(a Act) bool { return len(a.Ref) > MostRef }
	return !r.ForgeToken || length <= MostText && !slices.ContainsFunc(u.Acts, long)
}
