//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"patgate/bench/report"
)

// footprint measures start-up, memory, and reloads under load.
func (s *stage) footprint(ctx context.Context, o *options) (*report.Footprint, error) {
	f := &report.Footprint{Tokens: len(s.seeded.tokens), Hot: min(10_000, len(s.seeded.tokens))}
	to := target{upstream: s.upstream, seeded: s.seeded, suffix: "-footprint"}
	for i := range o.rounds {
		begun := time.Now()
		v, err := startPatgate(ctx, s, to)
		if err != nil {
			return nil, err
		}
		err = s.ask(ctx, v, s.seeded.tokens[i])
		f.StartMillis = append(f.StartMillis, float64(time.Since(begun).Microseconds())/1000)
		if err == nil && i == o.rounds-1 {
			err = s.occupy(ctx, v, f, o)
		}
		v.stop()
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// ask sends one request with a token, trying until patgate listens. The listener opens before the store does, and the
// answer comes when everything is ready.
func (s *stage) ask(ctx context.Context, v *service, secret string) error {
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := net.Dial("tcp", v.address)
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(deadline) {
			return &notListening{v.name, s.tail(v.name)}
		}
		time.Sleep(500 * time.Microsecond)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.address+"/api/v4/projects/group%2Fproject-1/jobs", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Private-Token", secret)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusForbidden {
		err = fmt.Errorf("the first answer is %s", answer.Status)
	}
	return err
}

// occupy makes tokens hot, and reloads under load.
func (s *stage) occupy(ctx context.Context, v *service, f *report.Footprint, o *options) error {
	f.RSSIdle = v.rss()
	few := traffic{connections: 32, seconds: o.seconds, tokens: s.seeded.tokens[:min(100, f.Hot)]}
	if _, err := s.saturate(ctx, v, few); err != nil {
		return err
	}
	warm := v.rss()
	all := traffic{connections: 32, seconds: o.seconds, tokens: s.seeded.tokens[:f.Hot]}
	for range 2 {
		if _, err := s.saturate(ctx, v, all); err != nil {
			return err
		}
	}
	f.RSSHot = v.rss()
	if more := f.Hot - len(few.tokens); more > 0 {
		f.PerGrant = float64(f.RSSHot-warm) / float64(more)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5 {
			time.Sleep(time.Duration(o.seconds / 6 * float64(time.Second)))
			if syscall.Kill(v.pids[0], syscall.SIGHUP) == nil {
				f.Reloads++
			}
		}
	}()
	r, err := s.saturate(ctx, v, all)
	<-done
	f.ReloadLoad = r.Requests
	return err
}
