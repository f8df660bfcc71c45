package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// ErrAuthorities means that a file of certificate authorities holds none.
var ErrAuthorities = errors.New("no certificate in the file")

// TLSWithAuthorities gives a client configuration that trusts the certificate authorities in a PEM file and no others.
// An empty name gives nil: the system's authorities.
func TLSWithAuthorities(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authorities %q: %w", file, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the certificate authorities %q: %w", file, ErrAuthorities)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
