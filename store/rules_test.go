package store_test

import (
	"errors"
	"testing"
	"time"

	"patgate/store"
	"patgate/token"
)

func TestUsable(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later, before := now.Add(time.Hour), now.Add(-time.Hour)
	for name, tc := range map[string]struct {
		r    token.Record
		want error
	}{
		"one that says nothing":         {token.Record{}, store.ErrUnknownToken},
		"valid":                         {token.Record{ExpiresAt: later}, nil},
		"at its last instant":           {token.Record{ExpiresAt: now}, store.ErrExpired},
		"revoked":                       {token.Record{ExpiresAt: later, RevokedAt: before}, store.ErrRevoked},
		"paused":                        {token.Record{ExpiresAt: later, PausedAt: before}, store.ErrPaused},
		"paused and expired":            {token.Record{ExpiresAt: before, PausedAt: before}, store.ErrExpired},
		"rotated, in its grace":         {token.Record{ExpiresAt: later, RotatedTo: 7}, nil},
		"rotated, its grace over":       {token.Record{ExpiresAt: before, RotatedTo: 7}, store.ErrRotated},
		"rotated without a grace":       {token.Record{ExpiresAt: later, RevokedAt: before, RotatedTo: 7}, store.ErrRotated},
		"rotated and paused in between": {token.Record{ExpiresAt: later, PausedAt: before, RotatedTo: 7}, store.ErrPaused},
	} {
		t.Run(name, func(t *testing.T) {
			if err := store.Usable(&tc.r, now); !errors.Is(err, tc.want) || tc.want == nil && err != nil {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}
