package gateway

import (
	"errors"
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestBoundMemory: a container's limit bounds the heap, unless the environment says otherwise.
func TestBoundMemory(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	none := func() (uint64, error) { return 0, memlimit.ErrNoLimit }
	broken := func() (uint64, error) { return 0, errors.New("no such file") }
	for _, c := range []struct {
		name              string
		gogc, gomemlimit  string
		limit             memlimit.Provider
		percent, warnings int
		memory            int64
	}{
		{"no container", "", "", none, 50, 0, math.MaxInt64},
		{"a container with 512 MiB", "", "", memlimit.Limit(512 << 20), 50, 0, 512 << 20 / 10 * 8},
		{"GOMEMLIMIT is set", "", "1GiB", memlimit.Limit(512 << 20), 50, 0, 1 << 30},
		{"GOGC is set", "200", "", memlimit.Limit(512 << 20), 100, 0, 512 << 20 / 10 * 8},
		{"what cannot be read", "", "", broken, 50, 1, 1 << 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GOGC", c.gogc)
			t.Setenv("GOMEMLIMIT", c.gomemlimit)
			if c.gomemlimit == "" {
				_ = os.Unsetenv("GOMEMLIMIT")
			}
			debug.SetGCPercent(100)
			debug.SetMemoryLimit(1 << 30)
			core, logged := observer.New(zap.WarnLevel)
			boundMemory(c.limit, zap.New(core))
			if got := debug.SetGCPercent(100); got != c.percent {
				t.Errorf("the heap grows by %d percent, want %d", got, c.percent)
			}
			if got := debug.SetMemoryLimit(-1); got < c.memory-16 || got > c.memory && got-c.memory > 16 {
				t.Errorf("it may have %d bytes, want %d", got, c.memory)
			}
			if logged.Len() != c.warnings {
				t.Errorf("logged: %v", logged.All())
			}
		})
	}
}
