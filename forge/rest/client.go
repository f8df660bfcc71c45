package rest

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
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"patgate/forge"
	"patgate/token"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 1 << 20

// Options says where a forge is and how it is asked.
type Options struct {
	// URL is the forge's address: https, or http to a loopback address. It may have a path (a relative URL root).
	URL string
	// AllowHTTP permits http to other addresses. Credentials then travel in the clear.
	AllowHTTP bool
	// CAFile is a PEM file of the certificate authorities to trust; empty is the system's.
	CAFile string
	// Timeout bounds dialling and the TLS handshake.
	Timeout time.Duration
	API
}

// API is what one kind of forge's API has of its own.
type API struct {
	// Base is where it starts: "/api/v4".
	Base string
	// Authorize puts a credential where the forge takes it.
	Authorize func(header http.Header, credential token.Secret)
	// Telling are the statuses of answers that say something of what was asked for. Others are errors.
	Telling []int
}

// Client makes single requests to one forge. It follows no redirect, obeys no proxy variable of the environment, and
// never retries. It is safe for concurrent use.
type Client struct {
	base      string // "https://gitlab.example/root/api/v4"
	http      *http.Client
	authorize func(http.Header, token.Secret)
	telling   []int
}

// NewClient checks the address and builds the transport.
func NewClient(o Options) (*Client, error) {
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
	return &Client{
		base: strings.TrimSuffix(u.String(), "/") + o.Base, authorize: o.Authorize, telling: o.Telling,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// CloseIdleConnections closes the connections that no question uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

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

// Reply is an answer that says something of what was asked for.
type Reply struct {
	Status   int
	Location string
	Body     []byte
}

// Get reads a path below the API's base, which is already escaped. Whatever says nothing of what was asked for is an
// error: ErrCredential for 401, ErrBudget with its time for 429, ErrTimeout, and ErrUnavailable for the rest.
func (c *Client) Get(ctx context.Context, credential token.Secret, path string) (Reply, error) {
	return c.Do(ctx, credential, http.MethodGet, path)
}

// Do is Get with another method, and no body.
func (c *Client) Do(ctx context.Context, credential token.Secret, method, path string) (Reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return Reply{}, fmt.Errorf("asking the forge for %s: %w", path, forge.ErrUnavailable)
	}
	c.authorize(req.Header, credential)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "patgate")
	res, err := c.http.Do(req)
	if err != nil {
		return Reply{}, fmt.Errorf("asking the forge for %s: %w", path, failure(ctx, err))
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return Reply{}, fmt.Errorf("reading the forge's answer for %s: %w", path, failure(ctx, err))
	case len(body) > maxAnswer:
		return Reply{}, fmt.Errorf("reading the forge's answer for %s: longer than %d bytes: %w", path, maxAnswer, forge.ErrUnavailable)
	}
	if slices.Contains(c.telling, res.StatusCode) {
		return Reply{Status: res.StatusCode, Location: res.Header.Get("Location"), Body: body}, nil
	}
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return Reply{}, fmt.Errorf("asking the forge for %s: %w", path, forge.ErrCredential)
	case http.StatusTooManyRequests:
		return Reply{}, fmt.Errorf("asking the forge for %s: %w", path, forge.RateLimited(retryAfter(res.Header)))
	case http.StatusGatewayTimeout:
		return Reply{}, fmt.Errorf("asking the forge for %s: status 504: %w", path, forge.ErrTimeout)
	}
	return Reply{}, fmt.Errorf("asking the forge for %s: status %d: %w", path, res.StatusCode, forge.ErrUnavailable)
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

// Escape writes text as one path segment: all but RFC 3986's unreserved characters are percent-encoded.
func Escape(text []byte) string {
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

// Decode reads an answer. Names and case must match exactly and no name may stand twice: an answer that could be read in
// two ways is refused. What cannot be read is ErrUnavailable, for the forge said nothing that can be used.
func Decode[T any](r Reply) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(r.Body, v); err != nil {
		// The error's text quotes the answer, which may hold secrets: it stays here.
		return nil, fmt.Errorf("reading the forge's answer: not the JSON that was expected: %w", forge.ErrUnavailable)
	}
	return v, nil
}
