package observe

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"patgate/forge"
	"patgate/proxy/header"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/token"
)

// Copy is what is needed of one request.
type Copy struct {
	start      time.Time
	client     netip.Addr
	surface    surface.Surface
	upstream   *surface.Upstream
	method     string
	head       bool
	target     []byte // without a credential
	credential token.Secret
	auth       routes.Auth // of the credential; for one in the query, that of the header that is read on the same rows
	fields     []field
	body       *body // nil: it has none
	outcome    Outcome

	from *Observer
}

// Outcome is what the forge's answer to a request tells.
type Outcome struct {
	Status int
	// Away: it redirects to another host.
	Away bool
	// Accepted: the forge has looked at the credential lately, and accepted it.
	Accepted bool
	// Of is the credential's fingerprint.
	Of forge.Fingerprint
}

// field is a header field that says how a body is read.
type field struct {
	name  header.Name
	value []byte
}

// bodyFields are those.
var bodyFields = [...]header.Name{header.ContentType, header.ContentEncoding, header.ContentLength, header.TransferEncoding}

// Begin copies what is needed of the head of a request. It gives nil when the forge would not say whose the credential is.
func (o *Observer) Begin(q *surface.Request) *Copy {
	if o == nil || q.Credential.Kind != surface.KindLegacy || q.Upstream.IsRegistry {
		return nil
	}
	secret, target := credentialOf(q)
	if secret == nil {
		return nil
	}
	auth := q.Credential.Auth
	if q.Credential.Found == 0 && slices.Contains(q.Dialect.Ordinary, routes.AuthPrivateToken) {
		auth = routes.AuthPrivateToken // GitLab 19.3 looks for both on the same rows (lib/gitlab/auth/auth_finders.rb)
	}
	r := &Copy{start: q.Start, client: q.Client, surface: q.Surface, upstream: q.Upstream, method: q.Method, head: q.IsHead,
		target: bytes.Clone(target), credential: token.NewSecret(string(secret)), auth: auth, from: o}
	for _, name := range bodyFields {
		if q.Fields.Has(name) {
			r.fields = append(r.fields, field{name, bytes.Clone(q.Fields.Get(name))})
		}
	}
	return r
}

// credentialOf gives the one credential of a request, and its target without it; nil for several, for one that stands where no
// personal access token does, and for one that is known not to be one: those of jobs, deploy tokens and signed ones.
func credentialOf(q *surface.Request) (secret, target []byte) {
	target = q.Target
	if pair, rest := surface.NextCredential(q.Target[len(q.Path):]); pair != nil {
		if again, _ := surface.NextCredential(rest); again != nil || q.Credential.Found > 0 {
			return nil, nil
		}
		name, value, _ := bytes.Cut(pair, []byte{'='})
		if string(name) != "private_token" && string(name) != "access_token" || bytes.IndexByte(value, '%') >= 0 {
			return nil, nil
		}
		before := q.Target[:len(q.Target)-len(rest)-len(pair)]
		return value, append(bytes.Clone(before), bytes.TrimLeft(rest, "&;")...)
	}
	if q.Credential.Found != 1 {
		return nil, nil
	}
	for i := range q.Fields.List {
		f := &q.Fields.List[i]
		if f.Class != header.ClassCredential || f.Alias || f.Name == header.Cookie && !q.Dialect.IsSession(f.Value) {
			continue
		}
		auth, value := q.Credential.Read(f)
		if auth == routes.AuthNone || auth == routes.AuthBasic && isOther(string(q.Credential.Username())) {
			return nil, nil
		}
		secret = value
	}
	isJWT := bytes.Count(secret, []byte{'.'}) == 2
	if !header.IsToken(secret) || isOther(string(secret)) || isJWT {
		return nil, nil
	}
	return secret, target
}

// isOther tells whether a secret, or the username beside it, is that of a CI job or of a deploy token (GitLab 19.3): the forge
// tells nobody whose they are, and a job's is another one each time.
func isOther(text string) bool {
	for _, prefix := range []string{"gldt-", "glcbt-", "gitlab+deploy-token-", "gitlab-ci-token"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

const (
	// mostBody is how much of a body is kept, in bytes.
	mostBody = 64 << 10
	// mostBodies is how much of all bodies is kept at a time.
	mostBodies = 8 << 20
)

// body is the beginning of a body.
type body struct {
	from io.Reader // nil: it was read already
	left int64     // of from; negative: its end tells
	kept []byte
	cut  bool // more of it follows
}

// Whole keeps the beginning of a body that was read.
func (r *Copy) Whole(text []byte) {
	if r != nil && len(text) > 0 {
		r.body = &body{}
		r.keep(text)
	}
}

// Passing gives a body that keeps its beginning as it is read. length is its own; -1: its end tells.
func (r *Copy) Passing(from io.Reader, length int64) io.Reader {
	if r == nil {
		return from
	}
	r.body = &body{from: from, left: length}
	return passing{r}
}

type passing struct{ *Copy }

// Read reads on.
func (p passing) Read(to []byte) (int, error) {
	b := p.body
	n, err := b.from.Read(to)
	p.keep(to[:n])
	switch {
	case b.left > 0:
		b.left -= int64(n)
	case errors.Is(err, io.EOF):
		b.left = 0
	}
	return n, err
}

// keep keeps more of a body while there is room.
func (r *Copy) keep(text []byte) {
	b := r.body
	if b.cut || len(text) == 0 {
		return
	}
	n := min(len(text), mostBody-len(b.kept))
	if n < len(text) {
		b.cut = true
	}
	if r.from.bodies.Add(int64(n)) > mostBodies {
		r.from.bodies.Add(-int64(n))
		b.cut = true
		return
	}
	b.kept = append(b.kept, text[:n]...)
}

// reader reads what was kept. Behind what was cut off is an error.
func (b *body) reader() io.Reader {
	if b.cut {
		return io.MultiReader(bytes.NewReader(b.kept), cutOff{})
	}
	return bytes.NewReader(b.kept)
}

type cutOff struct{}

var errCutOff = errors.New("the rest of the body was not kept")

func (cutOff) Read([]byte) (int, error) { return 0, errCutOff }

// Drop forgets the request.
func (r *Copy) Drop() {
	if r == nil {
		return
	}
	if b := r.body; b != nil {
		r.from.bodies.Add(-int64(len(b.kept)))
		clear(b.kept)
		b.kept = nil
	}
	clear(r.target)
	*r = Copy{}
}
