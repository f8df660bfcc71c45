package gitlab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"patgate/forge"
	"patgate/token"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 1 << 20

// apiBase is where GitLab's REST API starts.
const apiBase = "/api/v4"

// client makes single GET requests to one GitLab. It follows no redirect, obeys no proxy variable of the environment,
// and never retries.
type client struct {
	base string // "https://gitlab.example/root/api/v4"
	http *http.Client
}

// newClient checks the address and builds the transport.
func newClient(o *Options) (*client, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the forge's address: %w", err)
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the forge's address %q must be a scheme, a host and perhaps a path", u.Redacted())
	case u.Scheme == "http" && !o.AllowHTTP && !loopback(u.Hostname()):
		return nil, fmt.Errorf("the forge's address %q is not https: credentials would be sent in the clear", o.URL)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the forge's address %q must start with https://", o.URL)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		if config.RootCAs, err = readAuthorities(o.CAFile); err != nil {
			return nil, err
		}
	}
	transport := &http.Transport{
		Proxy:                  nil,
		DialContext:            (&net.Dialer{Timeout: o.Timeout}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    o.Timeout,
		MaxIdleConnsPerHost:    32,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &client{
		base: strings.TrimSuffix(u.String(), "/") + apiBase,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// loopback tells whether a host can only be this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// readAuthorities gives the certificate authorities of a PEM file, and no others: whoever names one means that one.
func readAuthorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading certificate authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading certificate authorities: %s holds no PEM certificate", file)
	}
	return pool, nil
}

// reply is an answer that says something of what was asked for: 200, 301, 400, 403 or 404.
type reply struct {
	status   int
	location string
	body     []byte
}

// get reads a path below /api/v4, which is already escaped. Whatever says nothing of what was asked for is an error:
// ErrCredential for 401, ErrBudget with its time for 429, ErrTimeout, and ErrUnavailable for the rest.
func (c *client) get(ctx context.Context, credential token.Secret, path string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return reply{}, fmt.Errorf("asking the forge for %s: %w", path, forge.ErrUnavailable)
	}
	req.Header.Set("PRIVATE-TOKEN", credential.Reveal())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "patgate")
	res, err := c.http.Do(req)
	if err != nil {
		return reply{}, fmt.Errorf("asking the forge for %s: %w", path, failure(ctx, err))
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return reply{}, fmt.Errorf("reading the forge's answer for %s: %w", path, failure(ctx, err))
	case len(body) > maxAnswer:
		return reply{}, fmt.Errorf("reading the forge's answer for %s: longer than %d bytes: %w", path, maxAnswer, forge.ErrUnavailable)
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusMovedPermanently, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound:
		return reply{status: res.StatusCode, location: res.Header.Get("Location"), body: body}, nil
	case http.StatusUnauthorized:
		return reply{}, fmt.Errorf("asking the forge for %s: %w", path, forge.ErrCredential)
	case http.StatusTooManyRequests:
		return reply{}, fmt.Errorf("asking the forge for %s: %w", path, forge.RateLimited(retryAfter(res.Header)))
	case http.StatusGatewayTimeout:
		return reply{}, fmt.Errorf("asking the forge for %s: status 504: %w", path, forge.ErrTimeout)
	}
	return reply{}, fmt.Errorf("asking the forge for %s: status %d: %w", path, res.StatusCode, forge.ErrUnavailable)
}

// failure classes an error of the transport. A caller that gave up gets its own context's error back.
func failure(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return forge.ErrTimeout
	}
	return fmt.Errorf("%w (%v)", forge.ErrUnavailable, err)
}

// retryAfter reads the time to wait from a 429; ten seconds when it says none.
func retryAfter(h http.Header) time.Duration {
	if n, err := strconv.Atoi(h.Get("Retry-After")); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	return 10 * time.Second
}

// escape writes text as one path segment: all but RFC 3986's unreserved characters are percent-encoded.
func escape(text []byte) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for _, b := range text {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-', b == '_', b == '.', b == '~':
			out.WriteByte(b)
		default:
			out.WriteByte('%')
			out.WriteByte(hex[b>>4])
			out.WriteByte(hex[b&15])
		}
	}
	return out.String()
}
