package forgetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"sync"
)

// Request is what the forge received: one entry for each request, also for those that a fault answered.
type Request struct {
	Method string
	// Target is the request target as it was sent, query included.
	Target string
	Host   string
	Header http.Header
	// Body holds the first 64 KiB that were received, BodySize and BodyHash (SHA-256, hex) all of it.
	Body     []byte
	BodySize int64
	BodyHash string
	// Credential is the name of the place that the credential was found in ("PRIVATE-TOKEN", "private_token",
	// "Bearer", "cookie", ...), Secret is its text and User the username that the request was answered as. All are
	// empty for an anonymous request; User alone is empty when the credential was refused.
	Credential string
	Secret     string
	User       string
	// Sudo is the user that was impersonated.
	Sudo string
	// Route is the pattern of the endpoint that answered: "GET /projects/:id/issues".
	Route string
	// Status is what was answered; 0 while the request is under way or when the connection was broken off.
	Status int
}

const keptBody = 64 << 10

// record is a Request that may still change.
type record struct {
	mu sync.Mutex
	Request
}

// records holds the last requests.
type records struct {
	mu    sync.Mutex
	limit int
	list  []*record
	total int64
}

func (rs *records) begin(r *http.Request) *record {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	rec := &record{Request: Request{Method: r.Method, Target: target, Host: r.Host, Header: r.Header.Clone()}}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.total++
	rs.list = append(rs.list, rec)
	if len(rs.list) > rs.limit {
		rs.list = append([]*record(nil), rs.list[len(rs.list)-rs.limit:]...)
	}
	return rec
}

// Requests gives a copy of what was received, oldest first.
func (f *Forge) Requests() []Request {
	f.records.mu.Lock()
	list := append([]*record(nil), f.records.list...)
	f.records.mu.Unlock()
	out := make([]Request, 0, len(list))
	for _, rec := range list {
		rec.mu.Lock()
		out = append(out, rec.Request)
		rec.mu.Unlock()
	}
	return out
}

// LastRequest gives the request that was received last; the zero Request when there was none.
func (f *Forge) LastRequest() Request {
	all := f.Requests()
	if len(all) == 0 {
		return Request{}
	}
	return all[len(all)-1]
}

// RequestCount is how many requests were received since New or ForgetRequests.
func (f *Forge) RequestCount() int {
	f.records.mu.Lock()
	defer f.records.mu.Unlock()
	return int(f.records.total)
}

// ForgetRequests empties the list and the count.
func (f *Forge) ForgetRequests() {
	f.records.mu.Lock()
	defer f.records.mu.Unlock()
	f.records.list, f.records.total = nil, 0
}

// hashingBody notes what is read from a request body.
type hashingBody struct {
	body io.ReadCloser
	rec  *record
	sum  hash.Hash
	size int64
	kept bytes.Buffer
}

func newHashingBody(body io.ReadCloser, rec *record) *hashingBody {
	return &hashingBody{body: body, rec: rec, sum: sha256.New()}
}

func (b *hashingBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.sum.Write(p[:n])
	b.size += int64(n)
	if room := keptBody - b.kept.Len(); room > 0 {
		b.kept.Write(p[:min(n, room)])
	}
	if err != nil {
		b.note()
	}
	return n, err
}

func (b *hashingBody) Close() error { return b.body.Close() }

// finish reads what the endpoint left, up to 1 MiB, and notes all.
func (b *hashingBody) finish() {
	_, _ = io.CopyN(io.Discard, b, 1<<20)
	b.note()
}

func (b *hashingBody) note() {
	b.rec.mu.Lock()
	defer b.rec.mu.Unlock()
	b.rec.Body = bytes.Clone(b.kept.Bytes())
	b.rec.BodySize = b.size
	b.rec.BodyHash = hex.EncodeToString(b.sum.Sum(nil))
}

// recordingWriter notes the status.
type recordingWriter struct {
	http.ResponseWriter
	record *record
}

func (w *recordingWriter) WriteHeader(status int) {
	w.record.mu.Lock()
	if w.record.Status == 0 && status >= 200 || status == http.StatusSwitchingProtocols {
		w.record.Status = status
	}
	w.record.mu.Unlock()
	w.ResponseWriter.WriteHeader(status)
}

func (w *recordingWriter) Write(p []byte) (int, error) {
	w.record.mu.Lock()
	if w.record.Status == 0 {
		w.record.Status = http.StatusOK
	}
	w.record.mu.Unlock()
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recordingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
