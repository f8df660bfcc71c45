package dial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// What is wrong with the certificate of a server, or with its TLS: all are ErrTLS.
var (
	ErrTLS         = errors.New("TLS with the server failed")
	ErrExpired     = fmt.Errorf("%w: its certificate has expired or is not valid yet", ErrTLS)
	ErrUntrusted   = fmt.Errorf("%w: its certificate is not from a trusted authority", ErrTLS)
	ErrName        = fmt.Errorf("%w: its certificate is for another name", ErrTLS)
	ErrCertificate = fmt.Errorf("%w: its certificate is not accepted", ErrTLS)
)

// Failed tells of an error of connecting, or of a handshake, what kind it is, and Options.Report of those that are ErrTLS. The
// others stay as they are.
func (d *Dialer) Failed(err error) error {
	kind := faultOf(err)
	if kind == nil {
		return err
	}
	err = fmt.Errorf("%w: %w", kind, err)
	if report := d.report.Load(); report != nil {
		(*report)(err)
	}
	return err
}

// Report has report told of handshakes that fail. It must not block.
func (d *Dialer) Report(report func(error)) { d.report.Store(&report) }

// faultOf gives the kind of an error of TLS; nil when it is none.
func faultOf(err error) error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return ErrExpired
	case errors.As(err, &unknown):
		return ErrUntrusted
	case errors.As(err, &name):
		return ErrName
	case errors.As(err, &invalid), errors.As(err, &certificate):
		return ErrCertificate
	case errors.As(err, &record), errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error"):
		return ErrTLS
	}
	return nil
}

// Fault names the kind of an error that Failed gave, for the log and metrics, of a closed set: "expired", "untrusted", "name",
// "certificate", "tls". Empty: it is not a failure of TLS.
func Fault(err error) string {
	for _, kind := range []struct {
		is   error
		name string
	}{{ErrExpired, "expired"}, {ErrUntrusted, "untrusted"}, {ErrName, "name"}, {ErrCertificate, "certificate"}, {ErrTLS, "tls"}} {
		if errors.Is(err, kind.is) {
			return kind.name
		}
	}
	return ""
}
