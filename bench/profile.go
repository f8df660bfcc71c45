//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// profile writes a CPU profile of patgate under the load of the comparison, for the compiler (go build -pgo). What a
// profile was built with must not shape the next one, so the binary is built without.
func (s *stage) profile(ctx context.Context, o *options, to string) error {
	s.patgate = s.path("patgate-profile")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-pgo=off", "-tags", "profile", "-o", s.patgate, "patgate")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New(string(out))
	}
	file := s.path("cpu.pprof")
	v, err := startPatgate(ctx, s, target{
		upstream: s.upstream,
		seeded:   s.seeded,
		suffix:   "-profile",
		env:      []string{"CPUPROFILE=" + file},
	})
	if err != nil {
		return err
	}
	defer v.stop()
	if err := listening(v.address); err != nil {
		return &notListening{v.name, s.tail(v.name)}
	}
	few := traffic{connections: connections, seconds: 1, tokens: s.seeded.tokens[:min(hotTokens, len(s.seeded.tokens))]}
	if _, err := s.saturate(ctx, v, few); err != nil {
		return err
	}
	if err := syscall.Kill(v.pids[0], syscall.SIGUSR1); err != nil {
		return err
	}
	few.seconds = o.seconds * float64(o.rounds)
	if _, err := s.saturate(ctx, v, few); err != nil {
		return err
	}
	if err := syscall.Kill(v.pids[0], syscall.SIGUSR1); err != nil {
		return err
	}
	for range 100 {
		time.Sleep(50 * time.Millisecond)
		if b, err := os.ReadFile(file); err == nil && len(b) > 0 {
			return os.WriteFile(to, b, 0o644)
		}
	}
	return errors.New("no profile was written")
}
