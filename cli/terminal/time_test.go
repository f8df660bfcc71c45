package terminal

import (
	"testing"
	"time"
)

// A life reads as it was typed for as long as a person needs to read it, and never as more than is left by half a minute.
func TestALifeReadsAsItWasTyped(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		left time.Duration
		want string
	}{
		{30 * 24 * time.Hour, "in 30d"},
		{30*24*time.Hour - 3*time.Second, "in 30d"},
		{30*24*time.Hour - time.Minute, "in 29d"},
		{48*time.Hour - time.Second, "in 2d"},
		{24*time.Hour - time.Second, "in 24h"},
		{12*time.Hour - 20*time.Second, "in 12h"},
		{time.Hour - time.Second, "in 1h"},
		{15*time.Minute - time.Second, "in 15m"},
		{90 * time.Second, "in 1m"},
		{20 * time.Second, "in 20s"},
		{-3 * time.Hour, "3h ago"},
	} {
		if got := Until(now.Add(c.left), now); got != c.want {
			t.Errorf("%v is %q, want %q", c.left, got, c.want)
		}
	}
}
