package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// encrypted puts TLS in front of a wire, as a load balancer does in front of patgate: Go sends no credential without it.
// It gives the address, and the certificate to trust.
func (w *wire) encrypted(t *testing.T, to string) (address string, authority []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go w.serve(l, to)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestGoModules downloads a module through the Go proxy of a project, with the token in netrc.
func TestGoModules(t *testing.T) {
	needs(t, "go", "install Go")
	s := startPackages(t)
	const module = "gitlab.example/shop/backend/api"
	f := s.world.forge
	f.AddFile(s.world.api, "go.mod", []byte("module "+module+"\n\ngo 1.21\n"))
	f.AddFile(s.world.api, "lib/lib.go", []byte("package lib\n\nconst From = \"the registry\"\n"))
	f.AddTag(s.world.api, "v1.2.0")
	address, authority := s.wire.encrypted(t, strings.TrimPrefix(s.gate, "http://"))
	certificate := s.file(t, "go/ca.pem", authority)
	env := []string{"GOPATH=" + s.home + "/go/path", "GOMODCACHE=" + s.home + "/go/path/mod", "GOCACHE=" + s.home + "/go/cache", "GOFLAGS=-mod=mod -modcacherw", "GOTOOLCHAIN=local", "GONOSUMDB=*",
		"GOSUMDB=off", "GOVCS=*:off", "SSL_CERT_FILE=" + certificate, fmt.Sprintf("GOPROXY=https://%s/api/v4/projects/%d/packages/go", address, s.world.api)}
	login := func(token string) {
		s.file(t, ".netrc", []byte("machine "+address+" login ci password "+token+"\nmachine localhost login ci password "+token+"\n"))
	}
	use := filepath.Dir(s.file(t, "go/use/go.mod", []byte("module use\n\ngo 1.21\n")))
	s.file(t, "go/use/main.go", []byte("package main\n\nimport \""+module+"/lib\"\n\nfunc main() { println(lib.From) }\n"))
	login(s.stranger)
	s.refused(t, []string{"403 Forbidden: missing read_package"}, use, env, "go", "get", module+"/lib@v1.2.0")
	login(s.reader)
	s.works(t, "Basic", use, env, "go", "get", module+"/lib@v1.2.0")
	holds(t, s.home+"/go/path/mod/"+module+"@v1.2.0/lib/lib.go", "the registry")
	s.works(t, "Basic", use, append(env, "GOMODCACHE="+s.home+"/go/path/again"), "go", "mod", "download", module)
	if out, err := s.client(use, env, "go", "list", "-m", "-versions", module); err != nil || !strings.Contains(out, "v1.2.0") {
		t.Error(out, err)
	}
}
