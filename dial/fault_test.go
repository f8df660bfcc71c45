package dial_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/dial"
)

// certificate makes one that signs itself, and a file that trusts it.
func certificate(t *testing.T, host string, until time.Time) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: until.Add(-48 * time.Hour),
		NotAfter: until, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// What is wrong with a server's certificate is told apart, by a dialer's own handshakes and by those of its transport.
func TestFaultsOfACertificate(t *testing.T) {
	now := time.Now()
	good, trusting := certificate(t, "forge.invalid", now.Add(time.Hour))
	expired, trustingExpired := certificate(t, "forge.invalid", now.Add(-time.Hour))
	other, trustingOther := certificate(t, "other.invalid", now.Add(time.Hour))
	for name, tc := range map[string]struct {
		shown tls.Certificate
		ca    string
		want  error
		fault string
	}{
		"good":         {good, trusting, nil, ""},
		"expired":      {expired, trustingExpired, dial.ErrExpired, "expired"},
		"untrusted":    {good, trustingOther, dial.ErrUntrusted, "untrusted"},
		"another name": {other, trustingOther, dial.ErrName, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = nil
			server.TLS = &tls.Config{Certificates: []tls.Certificate{tc.shown}}
			server.StartTLS()
			defer server.Close()
			d, err := dial.New(dial.Options{URL: "https://forge.invalid", Connect: server.Listener.Addr().String(), CAFile: tc.ca})
			if err != nil {
				t.Fatal(err)
			}
			var told []error
			d.Report(func(err error) { told = append(told, err) })
			conn, err := d.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			shake := tls.Client(conn, d.TLS()).HandshakeContext(t.Context())
			_, ask := (&http.Client{Transport: d.Transport()}).Get("https://forge.invalid/")
			for way, err := range map[string]error{"handshake": shake, "transport": ask} {
				if tc.want == nil {
					if err != nil {
						t.Errorf("%s: %v", way, err)
					}
					continue
				}
				err = d.Failed(err)
				if !errors.Is(err, tc.want) || !errors.Is(err, dial.ErrTLS) || dial.Fault(err) != tc.fault ||
					!strings.Contains(err.Error(), "x509: ") {
					t.Errorf("%s: %v (%q), want %v", way, err, dial.Fault(err), tc.want)
				}
			}
			if tc.want != nil && len(told) != 2 {
				t.Errorf("told %v", told)
			}
		})
	}
	t.Run("no fault of TLS", func(t *testing.T) {
		d, err := dial.New(dial.Options{URL: "https://forge.invalid"})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{io.EOF, net.ErrClosed, context.DeadlineExceeded} {
			if got := d.Failed(err); got != err || dial.Fault(got) != "" {
				t.Errorf("%v became %v", err, got)
			}
		}
	})
}
