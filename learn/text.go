package learn

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrDamaged says that what was kept of a unit cannot be read.
var ErrDamaged = errors.New("a kept unit is damaged")

// place is what differs most between units of a kind.
type place struct {
	Container int64  `json:"c,omitempty"`
	Ref       string `json:"r,omitempty"`
}

// Text gives the unit as it is kept, in three parts: its kind, which many units share; its places, which together with the kind
// tell it from others; and the groups above its containers, which do not.
func (u *Unit) Text() (kind, places, above string, err error) {
	where, groups := make([]place, len(u.Acts)), make([][]int64, len(u.Acts))
	for i := range u.Acts {
		a := &u.Acts[i]
		where[i], groups[i] = place{a.Container, a.Ref}, a.Ancestors
	}
	var parts [3][]byte
	for i, part := range []any{u, where, groups} {
		if parts[i], err = json.Marshal(part); err != nil {
			return "", "", "", fmt.Errorf("writing a unit: %w", err)
		}
	}
	return string(parts[0]), string(parts[1]), string(parts[2]), nil
}

// ParseUnit reads what Text gave; ErrDamaged when that is not it.
func ParseUnit(kind, places, above string) (u Unit, err error) {
	var where []place
	var groups [][]int64
	err = errors.Join(json.Unmarshal([]byte(kind), &u), json.Unmarshal([]byte(places), &where),
		json.Unmarshal([]byte(above), &groups))
	if err != nil {
		return Unit{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if len(where) != len(u.Acts) || len(groups) != len(u.Acts) {
		return Unit{}, fmt.Errorf("%w: %d acts in %d places below %d", ErrDamaged, len(u.Acts), len(where), len(groups))
	}
	for i := range u.Acts {
		a := &u.Acts[i]
		a.Container, a.Ref, a.Ancestors = where[i].Container, where[i].Ref, groups[i]
	}
	return u, nil
}
