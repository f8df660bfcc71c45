package depproxy

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
	"patgate/proxy/surface"
	surfaceregistry "patgate/proxy/surface/registry"
	"patgate/token"
)

var (
	errNoProxy = &reply.Refusal{
		Status:  fasthttp.StatusNotFound,
		Reason:  "dependency_proxy",
		Message: "The forge has no dependency proxy.",
	}
	errProxyOwner = reply.Forbidden("dependency_proxy",
		"The credential of the token's owner may not use the dependency proxy: it needs the scope api, "+
			"or read_registry and write_registry.")
)

// Tokens keeps the forge's tokens for its dependency proxy, which carry the owners' credentials, for as long as they
// hold and a minute at most, so that an image of many layers takes one.
type Tokens struct {
	// Ask sends a request of patgate's own to the forge and reads a short answer whole.
	Ask func(q *surface.Request, s *token.Session, head []byte) (status int, body []byte, err error)
	// Host is the forge's, and Root the path that it lies under.
	Host, Root string
	// Forwarding is what it is told of the way that the request came.
	Forwarding *surface.Forwarding

	mu sync.Mutex
	by map[key]kept
}

type key [sha256.Size]byte // of the owner's name and credential

type kept struct {
	jwt   []byte
	until time.Time
}

const (
	maxTokens = 1024
	tokenLife = time.Minute
)

func keyOf(s *token.Session) (k key) {
	h := sha256.New()
	h.Write([]byte(s.Username + "\x00" + s.Credential.Reveal()))
	h.Sum(k[:0])
	return k
}

// get gives the forge's token for its dependency proxy, which the owner's credential buys.
func (t *Tokens) get(q *surface.Request, s *token.Session) ([]byte, error) {
	k, now := keyOf(s), time.Now()
	if jwt := t.find(k, now); jwt != nil {
		return jwt, nil
	}
	var scratch []byte
	head := []byte("GET " + t.Root + "/jwt/auth?service=dependency_proxy HTTP/1.1\r\nHost: " + t.Host + "\r\n")
	head = surface.AppendBasic(head, &scratch, s.Username, s.Credential.Reveal())
	head = append(t.Forwarding.Append(head, q), "\r\n"...)
	defer clear(head)
	status, body, err := t.Ask(q, s, head)
	switch {
	case err != nil:
		return nil, err
	case status == fasthttp.StatusUnauthorized:
		return nil, reply.ErrOwner
	case status == fasthttp.StatusForbidden:
		return nil, errProxyOwner
	case status == fasthttp.StatusNotFound:
		return nil, errNoProxy
	case status != fasthttp.StatusOK:
		return nil, reply.ErrUnavailable
	}
	var answer surfaceregistry.Token
	if err := json.Unmarshal(body, &answer); err != nil || !surface.IsJWT(answer.Token) {
		return nil, reply.ErrUnavailable
	}
	one := kept{[]byte(answer.Token), now.Add(tokenLife)}
	if until := surface.ExpiryOf(answer.Token).Add(-10 * time.Second); until.Before(one.until) {
		one.until = until
	}
	t.put(k, one, now)
	return one.jwt, nil
}

func (t *Tokens) find(k key, now time.Time) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one, found := t.by[k]; found && now.Before(one.until) {
		return one.jwt
	}
	return nil
}

func (t *Tokens) put(k key, one kept, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.by) >= maxTokens {
		for old, o := range t.by {
			if !now.Before(o.until) {
				delete(t.by, old)
			}
		}
	}
	if t.by == nil || len(t.by) >= maxTokens {
		t.by = map[key]kept{}
	}
	t.by[k] = one
}

func (t *Tokens) drop(k key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.by, k)
}
