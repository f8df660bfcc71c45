package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// certificateCommand makes a certificate for this machine: certificate NAME writes NAME.crt and NAME.key.
func certificateCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: args[0]}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

// servesCommand looks at the certificate that the gateway serves now or soon: serves NAME.
func servesCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		conn, err := tls.Dial("tcp", ts.Getenv("GATE_ADDRESS"), &tls.Config{InsecureSkipVerify: true})
		ts.Check(err)
		name := conn.ConnectionState().PeerCertificates[0].Subject.CommonName
		conn.Close()
		if name == args[0] {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("the gateway serves the certificate %s", name)
		}
	}
}
