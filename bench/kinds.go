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

	"patgate/bench/report"
)

// otherKinds drives nginx and patgate in turn with each kind.
func (s *stage) otherKinds(ctx context.Context, o *options, r *report.Result) error {
	origin := "https://" + s.secureUpstream
	known, err := seed(ctx, s.path("data-secure"), s.path("keys-secure"), origin, min(o.tokens, hotTokens))
	if err != nil {
		return err
	}
	plain, err := s.present(ctx, r, target{upstream: s.upstream, seeded: s.seeded, suffix: "-kinds"}, report.NginxPlain,
		report.Patgate)
	defer end(plain)
	if err != nil {
		return err
	}
	encrypted, err := s.present(ctx, r, target{upstream: s.secureUpstream, seeded: known, suffix: "-secure", secure: true},
		report.NginxPlain, report.Patgate)
	defer end(encrypted)
	if err != nil {
		return err
	}
	for _, k := range report.Kinds() {
		for _, c := range plain {
			of := ""
			if c.peer.name != report.NginxPlain {
				of = k.Of(report.NginxPlain)
			}
			r.Kinds = append(r.Kinds, &report.Series{Name: k.Of(c.peer.name), Of: of})
		}
	}
	for round := -1; round < o.rounds; round++ { // the first is to warm up
		s.say("kinds of requests, round %d of %d", round+1, o.rounds)
		for i, k := range report.Kinds() {
			running := plain
			l := traffic{connections: connections, seconds: o.seconds, method: k.Method,
				tokens: s.seeded.tokens[:min(hotTokens, len(s.seeded.tokens))]}
			if round < 0 {
				l.seconds = 1
			}
			if k.Secure {
				running, l.tokens = encrypted, known.tokens
			}
			for j, c := range running {
				x, err := s.drive(ctx, c.service, l, k.Rate)
				if err != nil {
					return fmt.Errorf("%s: %w", k.Of(c.peer.name), err)
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
func (s *stage) drive(ctx context.Context, v *service, l traffic, rate float64) (report.Sample, error) {
	if rate == 0 {
		return s.saturate(ctx, v, l)
	}
	before := v.cpu()
	q, err := s.latency(ctx, v, l, rate)
	if err != nil {
		return report.Sample{}, err
	}
	used := v.cpu() - before
	perRequest := float64(used.Microseconds()) / float64(q.Requests)
	return report.Sample{Requests: int64(q.Requests), PerSecond: rate, CPU: perRequest, RSS: v.rss()}, nil
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
	err = os.WriteFile(s.path("cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}
