package forgetest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Fault is a way to fail. The fields combine: a Delay comes first, then Hang, Break, or an answer of Status.
type Fault struct {
	// Match is the method and raw target of requests ("GET /api/v4/projects/501"), a prefix and "*", or empty for all.
	Match string
	// Times is how often it applies; 0 is until it is removed.
	Times int
	// Delay is waited before the request goes on. Without any other field it is then answered as usual.
	Delay time.Duration
	// Hang waits until the client gives up.
	Hang bool
	// Break closes the connection without an answer.
	Break bool
	// Status answers with this status and GitLab's shape for it; 429 and 503 carry Retry-After when RetryAfter is set.
	Status     int
	RetryAfter time.Duration
	// Body replaces the body of that answer, ContentType its type. With Status 0 and a Body the status is 200: garbage.
	Body        string
	ContentType string
}

type faults struct {
	mu   sync.Mutex
	list []*Fault
}

// Plant makes requests fail and gives a function that removes the fault.
func (f *Forge) Plant(fault Fault) (remove func()) {
	p := &fault
	f.faults.mu.Lock()
	defer f.faults.mu.Unlock()
	f.faults.list = append(f.faults.list, p)
	return func() {
		f.faults.mu.Lock()
		defer f.faults.mu.Unlock()
		f.faults.remove(p)
	}
}

func (fs *faults) remove(p *Fault) {
	for i, q := range fs.list {
		if q == p {
			fs.list = append(fs.list[:i:i], fs.list[i+1:]...)
			return
		}
	}
}

// take finds the first fault for a request and counts it.
func (fs *faults) take(r *http.Request) (Fault, bool) {
	line := r.Method + " " + r.RequestURI
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, p := range fs.list {
		prefix, open := strings.CutSuffix(p.Match, "*")
		if p.Match != "" && line != p.Match && !(open && strings.HasPrefix(line, prefix)) {
			continue
		}
		if p.Times > 0 {
			if p.Times--; p.Times == 0 {
				fs.remove(p)
			}
		}
		return *p, true
	}
	return Fault{}, false
}

// apply fails the request if a fault was planted for it; false lets it go on.
func (fs *faults) apply(w http.ResponseWriter, r *http.Request) bool {
	fault, ok := fs.take(r)
	if !ok {
		return false
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			return true
		}
	}
	switch {
	case fault.Hang:
		<-r.Context().Done()
		return true
	case fault.Break:
		panic(http.ErrAbortHandler)
	case fault.Status == 0 && fault.Body == "":
		return false
	case fault.Status == 0:
		fault.Status = http.StatusOK
	}
	if fault.ContentType == "" {
		fault.ContentType = "application/json"
	}
	if fault.Body == "" {
		fault.Body = fmt.Sprintf(`{"message":"%d %s"}`, fault.Status, http.StatusText(fault.Status))
		if fault.Status == http.StatusTooManyRequests { // Rack::Attack answers in plain text
			fault.Body, fault.ContentType = "Retry later\n", "text/plain"
		}
	}
	if fault.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(fault.RetryAfter.Seconds())))
	}
	w.Header().Set("Content-Type", fault.ContentType)
	w.WriteHeader(fault.Status)
	_, _ = w.Write([]byte(fault.Body))
	return true
}
