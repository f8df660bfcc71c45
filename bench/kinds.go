//go:build linux

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"time"
)

// kind is a kind of request that nginx and patgate are compared by, besides the ordinary one.
type kind struct {
	name   string
	method string
	secure bool    // https on both sides
	rate   float64 // in a second; 0 is as fast as it goes
	limit  float64 // of patgate's CPU time for a request, ratio to nginx
}

// kinds lists them. wrk waits for the body of an answer to HEAD, so that comes at a fixed rate from the driver of latencies.
var kinds = []kind{
	{name: "GET, https on both sides", method: "GET", secure: true, limit: 1.05},
	{name: "POST of 1 KiB JSON", method: "POST", limit: 1.3},
	{name: "HEAD, 4,000 a second", method: "HEAD", rate: 4000, limit: 1.3},
}

// of gives the name of the row of a peer.
func (k *kind) of(peer string) string { return k.name + ": " + peer }

// otherKinds drives nginx and patgate in turn with each kind.
func (s *stage) otherKinds(ctx context.Context, o *options, r *result) error {
	origin := "https://" + s.secureUpstream
	known, err := seed(ctx, s.path("data-secure"), s.path("keys-secure"), origin, min(o.tokens, hotTokens))
	if err != nil {
		return err
	}
	plain, err := s.present(ctx, r, target{upstream: s.upstream, seeded: s.seeded, suffix: "-kinds"}, nginxPlain, patgate)
	defer end(plain)
	if err != nil {
		return err
	}
	encrypted, err := s.present(ctx, r, target{upstream: s.secureUpstream, seeded: known, suffix: "-secure", secure: true},
		nginxPlain, patgate)
	defer end(encrypted)
	if err != nil {
		return err
	}
	for i := range kinds {
		for _, c := range plain {
			of := ""
			if c.peer.name != nginxPlain {
				of = kinds[i].of(nginxPlain)
			}
			r.Kinds = append(r.Kinds, &series{Name: kinds[i].of(c.peer.name), Of: of})
		}
	}
	for round := -1; round < o.rounds; round++ { // the first is to warm up
		s.say("kinds of requests, round %d of %d", round+1, o.rounds)
		for i := range kinds {
			k, running := &kinds[i], plain
			l := traffic{connections: connections, seconds: o.seconds, method: k.method,
				tokens: s.seeded.tokens[:min(hotTokens, len(s.seeded.tokens))]}
			if round < 0 {
				l.seconds = 1
			}
			if k.secure {
				running, l.tokens = encrypted, known.tokens
			}
			for j, c := range running {
				x, err := s.drive(ctx, c.service, l, k.rate)
				if err != nil {
					return fmt.Errorf("%s: %w", k.of(c.peer.name), err)
				}
				if all := r.Kinds[i*len(running)+j]; round >= 0 {
					all.Samples = append(all.Samples, x)
				}
			}
		}
	}
	return nil
}

// drive is saturate, or with a rate what a service takes at that.
func (s *stage) drive(ctx context.Context, v *service, l traffic, rate float64) (sample, error) {
	if rate == 0 {
		return s.saturate(ctx, v, l)
	}
	before := v.cpu()
	q, err := s.latency(ctx, v, l, rate)
	if err != nil {
		return sample{}, err
	}
	used := v.cpu() - before
	perRequest := float64(used.Microseconds()) / float64(q.Requests)
	return sample{Requests: int64(q.Requests), PerSecond: rate, CPU: perRequest, RSS: v.rss()}, nil
}

// mergeRequest is 1 KiB of JSON, as clients send it.
var mergeRequest = func() string {
	const head, end = `{"source_branch":"feature","target_branch":"main","title":"A change","description":"`, `"}`
	return head + strings.Repeat("word ", (1024-len(head)-len(end))/5) + end
}()

// writeCertificate writes a certificate for loopback, and its key.
func (s *stage) writeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(s.path("key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}

// kindTable shows the other kinds of requests.
func (r *result) kindTable(line func(string, ...any)) {
	if len(r.Kinds) == 0 {
		return
	}
	line("")
	line("## Other kinds of requests, 32 connections")
	line("")
	line("| | requests/s | CPU us per request | CPU, ratio to %s |", nginxPlain)
	line("| --- | ---: | ---: | ---: |")
	for _, s := range r.Kinds {
		line("| %s | %s | %s | %s |", s.Name, spreadOf(each(s.Samples, func(x sample) float64 { return x.PerSecond })).text("%.0f"),
			spreadOf(s.cpu()).text("%.1f"), r.relative(r.Kinds, s))
	}
}

// relative gives the ratio of a series' CPU time to that of the one that it names.
func (r *result) relative(all []*series, s *series) string {
	of := find1(all, s.Of)
	if of == nil {
		return "-"
	}
	return spreadOf(pairs(s.cpu(), of.cpu(), ratio)).text("%.2f")
}
