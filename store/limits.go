package store

import (
	"context"
	"fmt"

	"patgate/token/limits"
)

// Limited is the part of Store that counts how much of tokens' limits is used, by family. It does not move the change sequence.
type Limited interface {
	// TakeUse counts one use for each of some families, or for none of them: ErrUsedUp when one has been used as often as it may.
	TakeUse(ctx context.Context, of []limits.MostUses) error
	// AddBytes adds the bytes that families moved on a day, and gives the sums of that day. Only the newest day is kept.
	AddBytes(ctx context.Context, moved []limits.Moved) (sums []int64, err error)
	// LimitsAbove gives the limits of a token and of all that it comes from, of those that have any, its own first.
	LimitsAbove(ctx context.Context, id int64) ([]Above, error)
	// LimitUse tells how often a family was used, as far as that is bounded, and what it moved on a day.
	LimitUse(ctx context.Context, family, day int64) (uses, bytes int64, err error)
}

// Above is a family with its limits.
type Above struct {
	Family int64
	Limits limits.Spec
}

// HeldTo gives all limits of a token: its own, and those of all tokens that it comes from. Nil is no limit.
func HeldTo(ctx context.Context, st Limited, id int64) (*limits.Held, error) {
	all, err := st.LimitsAbove(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("reading the limits of token %d: %w", id, err)
	}
	h := &limits.Held{}
	for _, a := range all {
		l, err := limits.Compile(a.Limits)
		if err != nil {
			return nil, fmt.Errorf("%w: limits of token %d: %w", ErrDamaged, id, err)
		}
		h.Levels = append(h.Levels, limits.Level{Family: a.Family, Limits: l})
	}
	if len(h.Levels) == 0 {
		return nil, nil
	}
	return h, nil
}
