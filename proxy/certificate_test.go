package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/dial"
	"patgate/proxy/reply"
)

// The forge's certificate expires, or becomes another one, while patgate runs: the client is told what is wrong with it, the log has
// a name for it, and the operator hears the cause. With a good one again, requests are served.
func TestTheForgesCertificateGoesWrongAtRunTime(t *testing.T) {
	make := func(host string, until time.Time) tls.Certificate {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(until.Unix()), NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
			IsCA: true, BasicConstraintsValid: true, DNSNames: []string{host}}
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = []net.IP{ip}
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	now := time.Now()
	good, expired := make("127.0.0.1", now.Add(time.Hour)), make("127.0.0.1", now.Add(-time.Hour))
	renamed, strange := make("forge.invalid", now.Add(2*time.Hour)), make("127.0.0.1", now.Add(3*time.Hour))
	file := filepath.Join(t.TempDir(), "ca.pem")
	var trusted []byte
	for _, c := range []tls.Certificate{good, expired, renamed} {
		trusted = append(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})...)
	}
	if err := os.WriteFile(file, trusted, 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	shown, told := good, []string(nil)
	url := secureUpstream(t, &tls.Config{SessionTicketsDisabled: true, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		c := shown
		return &c, nil
	}}, func(_ int, c net.Conn) { // one request a connection
		var b [4096]byte
		if n, _ := c.Read(b[:]); n > 0 {
			_, _ = c.Write([]byte(ordinary("[]", "Connection: close")))
		}
		_ = c.Close()
	})
	d, err := dial.New(dial.Options{URL: url, CAFile: file})
	if err != nil {
		t.Fatal(err)
	}
	d.Report(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err.Error())
	})
	g := newGateway(t, url, func(o *Options) { o.Upstream.Dialer = d })
	for _, step := range []struct {
		name    string
		shown   tls.Certificate
		refusal *reply.Refusal // nil: it is served
		cause   string
	}{
		{"good", good, nil, ""},
		{"expired", expired, reply.ErrUpstreamExpired, "expired"},
		{"untrusted", strange, reply.ErrUpstreamUntrusted, "unknown authority"},
		{"another name", renamed, reply.ErrUpstreamName, "127.0.0.1"},
		{"good again", good, nil, ""},
	} {
		t.Run(step.name, func(t *testing.T) {
			mu.Lock()
			shown, told = step.shown, nil
			mu.Unlock()
			before := g.sink.count()
			got := g.raw(t, request("GET", "/api/v4/projects/7/jobs", "", "PRIVATE-TOKEN: "+g.token))
			e := g.sink.after(t, before)
			mu.Lock()
			defer mu.Unlock()
			if step.refusal == nil {
				got.wants(t, 200)
				if len(told) > 0 || e.Failure != "" {
					t.Errorf("told %q, failure %q", told, e.Failure)
				}
				return
			}
			got.wants(t, 502)
			if !strings.Contains(string(got.body), step.refusal.Message) || e.Failure != step.refusal.Reason {
				t.Errorf("answered %s, failure %q", got.body, e.Failure)
			}
			if len(told) != 1 || !strings.Contains(told[0], step.cause) {
				t.Errorf("told %q, want %q", told, step.cause)
			}
		})
	}
}
