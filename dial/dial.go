// Package dial connects to the servers behind patgate: the forge, and its container registry. A Dialer knows where one is and
// how it is reached; whatever asks a server goes over one. Nothing is taken from the environment. A Certificate is one that
// patgate shows, to those servers or to its own clients.
package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// ErrAuthorities means that a file of certificate authorities holds none.
var ErrAuthorities = errors.New("no certificate in the file")

// Options say where a server is and how it is reached.
type Options struct {
	// URL is the server's address, http or https. Its host is the name that requests, and TLS, call the server by.
	URL string
	// Connect is where the server listens, when that is not the host of its URL: "host:port" or "unix:/path".
	Connect string
	// CAFile is a PEM file with the certificate authorities to trust, and no others; empty is the system's.
	CAFile string
	// Certificate gives the certificate that patgate shows to the server; nil is none.
	Certificate func() *tls.Certificate
	// Proxy is the HTTP proxy to go through.
	Proxy Proxy
}

// Dialer connects to one server. It is safe for concurrent use.
type Dialer struct {
	network string
	address string
	proxy   Proxy
	tls     *tls.Config // nil for plain http
	report  atomic.Pointer[func(error)]
}

// Unanswered is how long what was sent to the server may go without an acknowledgement by its system. A connection whose other
// end is gone without a word is given up then, also when an answer may take longer.
const Unanswered = 10 * time.Second

// New makes a dialer. It connects to nothing yet.
func New(o Options) (*Dialer, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an address such as https://gitlab.example.com", o.URL)
	}
	d := &Dialer{network: "tcp", address: o.Connect, proxy: o.Proxy}
	if path, is := strings.CutPrefix(o.Connect, "unix:"); is {
		d.network, d.address = "unix", path
	} else if o.Connect == "" {
		d.address = hostPort(u)
	}
	if u.Scheme == "http" {
		return d, nil
	}
	d.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}}
	if o.CAFile != "" {
		if d.tls.RootCAs, err = authorities(o.CAFile); err != nil {
			return nil, err
		}
	}
	if o.Certificate == nil {
		d.tls.ClientSessionCache = tls.NewLRUClientSessionCache(64)
		return d, nil
	}
	// A session that is taken up again would stay with the certificate that it began with: there are none.
	d.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return o.Certificate(), nil }
	return d, nil
}

// hostPort gives where an address leads, with the port that its scheme implies.
func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

// authorities gives the certificate authorities of a PEM file, and no others: whoever names one means that one.
func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authorities %q: %w", file, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the certificate authorities %q: %w", file, ErrAuthorities)
	}
	return pool, nil
}

// TLS gives the configuration of a handshake with the server; nil: it speaks plain http. It must not be changed.
func (d *Dialer) TLS() *tls.Config { return d.tls }

// Connect opens a connection to the server, through the proxy when there is one. A handshake is still to be made.
func (d *Dialer) Connect(ctx context.Context) (net.Conn, error) {
	// With Unanswered a connection is over as soon as that has passed and one probe has no answer: several fit into it, so that
	// the loss of one packet does not end a request that waits.
	probes := net.KeepAliveConfig{Enable: true, Idle: 4 * time.Second, Interval: 2 * time.Second, Count: 3}
	dialer := net.Dialer{KeepAliveConfig: probes}
	if d.proxy.Host == "" {
		conn, err := dialer.DialContext(ctx, d.network, d.address)
		if err == nil {
			bear(conn)
		}
		return conn, err
	}
	conn, err := dialer.DialContext(ctx, "tcp", d.proxy.Host)
	if err != nil {
		return nil, fmt.Errorf("connecting to the proxy: %w", err)
	}
	bear(conn)
	if err := d.proxy.open(ctx, conn, d.address); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// bear sets Unanswered on a TCP connection.
func bear(conn net.Conn) {
	tcp, is := conn.(*net.TCPConn)
	if !is {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { Bear(fd, Unanswered) })
	}
}

// Transport gives a transport that asks this server alone, whatever host stands in a request's address.
func (d *Dialer) Transport() *http.Transport {
	return &http.Transport{
		Proxy:           nil,
		DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return d.Connect(ctx) },
		TLSClientConfig: d.tls.Clone(),
	}
}
