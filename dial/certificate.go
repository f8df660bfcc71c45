package dial

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// Certificate is a TLS certificate in two files, read again when they change. A bad pair leaves the last good one.
type Certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
	seen              [2]fileState // of the last attempt; used by one goroutine at a time
}

type fileState struct {
	size     int64
	modified time.Time
}

// LoadCertificate reads a pair of PEM files.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	c.seen = c.look()
	return c, c.Reload()
}

// Reload reads the files again. It is not for concurrent use with Watch.
func (c *Certificate) Reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("reading the TLS certificate %q: %w", c.certFile, err)
	}
	c.current.Store(&pair)
	return nil
}

// Watch looks at the files every interval until stop is closed, and reads them when they changed. A signal on again
// makes it read them at once. report is told of every attempt, with nil when it went well.
func (c *Certificate) Watch(interval time.Duration, again <-chan struct{}, stop <-chan struct{}, report func(error)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-again:
			c.seen = c.look()
			report(c.Reload())
		case <-ticker.C:
			if now := c.look(); now != c.seen {
				c.seen = now
				report(c.Reload())
			}
		}
	}
}

func (c *Certificate) look() (state [2]fileState) {
	for i, name := range [...]string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			state[i] = fileState{info.Size(), info.ModTime()}
		}
	}
	return state
}

// Present gives the certificate that was read last.
func (c *Certificate) Present() *tls.Certificate { return c.current.Load() }

// ServerConfig gives a TLS configuration that serves the present certificate, over HTTP/1.1.
func (c *Certificate) ServerConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}
