package cache

import (
	"context"
	"errors"
)

// ErrNotKept says that nothing fresh enough is kept, and that the context came from WithoutLoading.
var ErrNotKept = errors.New("not in the cache")

type withoutLoading struct{}

// WithoutLoading gives a context for callers who must not wait: with it, Get gives ErrNotKept in place of a load.
func WithoutLoading(ctx context.Context) context.Context {
	return context.WithValue(ctx, withoutLoading{}, true)
}

// MayNotLoad tells whether a context came from WithoutLoading, for those who would do more than ask a cache.
func MayNotLoad(ctx context.Context) bool { return ctx.Value(withoutLoading{}) != nil }
