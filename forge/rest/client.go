package rest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"patgate/cache"
	"patgate/dial"
	"patgate/fleet/share"
	"patgate/forge"
	"patgate/routes/percent"
	"patgate/token"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 1 << 20

// maxQuestions bounds the questions under way at a time, in which each user has a share, and the idle connections.
const maxQuestions = 64

// Options says where a forge is and how it is asked.
type Options struct {
	// URL is the forge's address: https, or http to a loopback address. It may have a path (a relative URL root).
	URL string
	// AllowHTTP permits http to other addresses. Credentials then travel in the clear.
	AllowHTTP bool
	// Dialer connects to it; nil connects to the host in URL and trusts the system's authorities.
	Dialer *dial.Dialer
	// Via, when not empty, goes with every question as the header of that name (RFC 9110, 7.6.3). By it patgate recognises its
	// own questions when the forge's address leads back to patgate.
	Via string
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
	// Telling are the statuses of answers to the question itself. Others are errors.
	Telling []int
}

// Client makes single requests to one forge. It follows no redirect, and obeys no proxy variable of the environment. A read that
// fails for a reason that may be over is made once more. It is safe for concurrent use.
//
// A connection carries the questions with one credential alone. So an answer that nobody asked for is never taken for the answer
// to a question with another credential.
type Client struct {
	scheme    string
	host      string
	root      string // "/root"; empty: there is none
	base      string // "/root/api/v4"
	via       string
	key       [sha256.Size]byte // of the names of connections
	shares    *share.Shares     // of the questions at a time
	http      *http.Client
	failed    func(error) error // of the dialer
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
	if o.Dialer == nil {
		if o.Dialer, err = dial.New(dial.Options{URL: o.URL}); err != nil {
			return nil, err
		}
	}
	transport := o.Dialer.Transport()
	if connect := transport.DialContext; o.Timeout > 0 {
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, o.Timeout)
			defer cancel()
			return connect(ctx, network, address)
		}
		transport.TLSHandshakeTimeout = o.Timeout
	}
	transport.MaxIdleConns = maxQuestions
	transport.MaxIdleConnsPerHost = maxQuestions / 2
	transport.IdleConnTimeout = 60 * time.Second
	transport.MaxResponseHeaderBytes = 64 << 10
	c := &Client{
		root:      strings.TrimSuffix(u.EscapedPath(), "/"),
		base:      strings.TrimSuffix(u.EscapedPath(), "/") + o.Base,
		scheme:    u.Scheme,
		host:      u.Host,
		via:       o.Via,
		authorize: o.Authorize,
		telling:   o.Telling,
		shares:    share.New(maxQuestions, nil),
		failed:    o.Dialer.Failed,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	_, _ = rand.Read(c.key[:]) // it does not fail
	return c, nil
}

// borrower is who a question is charged to (forge.On). A credential whose user is not known yet counts for itself, and all
// of these together count as one user's.
func (c *Client) borrower(ctx context.Context, credential token.Secret) share.Borrower {
	if user, tokenID, known := forge.AccountOf(ctx); known {
		return share.Borrower{Holder: [2]uint64{1, uint64(user)}, Token: uint64(tokenID)}
	}
	// There is no holder for each of these credentials, so each gets an id like a token's. Ids of tokens are below 1<<62, and ids
	// of people's sessions are negative and have both of the first bits.
	sum := c.sum(credential)
	return share.Borrower{Token: binary.NativeEndian.Uint64(sum[16:24])&(1<<62-1) | 1<<63}
}

// borrow borrows a share of the questions at a time. Where it has to wait for that, only the asker waits.
func (c *Client) borrow(ctx context.Context, credential token.Secret) (*share.Account, error) {
	by := c.borrower(ctx, credential)
	if account := c.shares.Quickly(by); account != nil {
		return account, nil
	}
	cache.Waits(ctx)
	account, err := c.shares.BorrowWithin(ctx, by)
	switch {
	case err == nil:
		return account, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, context.Canceled
	}
	return nil, fmt.Errorf("%w: %w", forge.ErrUnavailable, share.ErrShare)
}

// sum is a keyed hash of a credential.
func (c *Client) sum(credential token.Secret) [sha256.Size]byte {
	return sha256.Sum256(append(c.key[:], credential.Reveal()...))
}

// lane names the connections that carry the questions with a credential. The transport keeps connections by the host of the
// requested address, so this name stands in the place of the forge's.
func (c *Client) lane(credential token.Secret) string {
	sum := c.sum(credential)
	return hex.EncodeToString(sum[:16])
}

// CloseIdleConnections closes the connections that no question uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// loopback tells whether a host can only be this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Reply is an answer to the question itself, see Options.Telling.
type Reply struct {
	Status   int
	Location string
	Body     []byte
}

// Get reads a path, already escaped, below the API's base. An answer that is not about the question is an error: ErrCredential
// for 401, ErrBudget with its time for 429, ErrTimeout, and ErrUnavailable for the rest. After a broken connection or a 502,
// which are often over at once, it asks once more.
func (c *Client) Get(ctx context.Context, credential token.Secret, path string) (Reply, error) {
	rep, err := c.Do(ctx, credential, http.MethodGet, path)
	if errors.Is(err, errPassing) {
		rep, err = c.Do(ctx, credential, http.MethodGet, path)
	}
	return rep, err
}

// Beside is Get for a path beside the API, below the forge's own address. It asks once.
func (c *Client) Beside(ctx context.Context, credential token.Secret, path string) (Reply, error) {
	rep, err := c.ask(ctx, credential, http.MethodGet, c.root+path)
	if err != nil {
		return Reply{}, fmt.Errorf("asking the forge for %s: %w", path, err)
	}
	return rep, nil
}

// errPassing is ErrUnavailable for a reason that may be over.
var errPassing = fmt.Errorf("%w just now", forge.ErrUnavailable)

// Do is Get with another method, and no body. It asks once.
func (c *Client) Do(ctx context.Context, credential token.Secret, method, path string) (Reply, error) {
	rep, err := c.ask(ctx, credential, method, c.base+path)
	if err != nil {
		return Reply{}, fmt.Errorf("asking the forge for %s: %w", path, err)
	}
	return rep, nil
}

func (c *Client) ask(ctx context.Context, credential token.Secret, method, path string) (none Reply, err error) {
	account, err := c.borrow(ctx, credential)
	if err != nil {
		return none, err
	}
	defer c.shares.Release(account)
	req, err := http.NewRequestWithContext(ctx, method, c.scheme+"://"+c.lane(credential)+path, nil)
	if err != nil {
		return none, forge.ErrUnavailable
	}
	req.Host = c.host
	if c.via != "" {
		req.Header.Set("Via", c.via)
	}
	c.authorize(req.Header, credential)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "patgate")
	res, err := c.http.Do(req)
	if err != nil {
		return none, failure(ctx, c.failed(withoutName(err)))
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return none, failure(ctx, err)
	case len(body) > maxAnswer:
		return none, fmt.Errorf("its answer is longer than %d bytes: %w", maxAnswer, forge.ErrUnavailable)
	}
	location := res.Header.Get("Location")
	told := slices.Contains(c.telling, res.StatusCode)
	if res.StatusCode/100 == 3 && location != "" {
		if base, moved := forge.MovedTo(location, path, c.root); moved || !told {
			return none, forge.Redirected(location, base)
		}
	}
	if told {
		return Reply{Status: res.StatusCode, Location: location, Body: body}, nil
	}
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return none, forge.ErrCredential
	case http.StatusTooManyRequests:
		return none, forge.RateLimited(retryAfter(res.Header))
	case http.StatusLoopDetected:
		return none, forge.ErrLoop
	case http.StatusGatewayTimeout:
		return none, fmt.Errorf("status 504: %w", forge.ErrTimeout)
	case http.StatusBadGateway:
		return none, fmt.Errorf("status 502: %w", errPassing)
	}
	return none, fmt.Errorf("status %d: %w", res.StatusCode, forge.ErrUnavailable)
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
	return fmt.Errorf("%w (%w)", errPassing, err)
}

// withoutName gives an error of the transport without the name that stood for the forge's.
func withoutName(err error) error {
	if asked, ok := errors.AsType[*url.Error](err); ok {
		return asked.Err
	}
	return err
}

// retryAfter reads the time to wait from a 429 (RFC 9110, 10.2.3); ten seconds when it says none.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 10 * time.Second
}

// Escape writes text as one path segment: all but RFC 3986's unreserved characters are percent-encoded.
func Escape(text []byte) string { return string(percent.AppendText(nil, text)) }

// Decode reads an answer. Names and case must match exactly and no name may appear twice: an answer that could be read in
// two ways is refused. An answer that cannot be read is ErrUnavailable: the forge said nothing that can be used.
func Decode[T any](r Reply) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(r.Body, v); err != nil {
		// The error's text quotes the answer, which may hold secrets: it stays here.
		return nil, fmt.Errorf("reading the forge's answer: not the JSON that was expected: %w", forge.ErrUnavailable)
	}
	return v, nil
}
