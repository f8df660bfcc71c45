package reload

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"patgate/routes"
)

// Files are files on disk that are read again when they change. Its methods may be called from any goroutine, once both
// functions are set.
type Files struct {
	// Read reads the files, and gives the problems of those that cannot be read.
	Read func() ([]routes.File, []routes.Problem)
	// Load puts what was read into use, or leaves what was in use before and gives the problems. One call at a time.
	Load func([]routes.File, []routes.Problem) []routes.Problem

	mu   sync.Mutex        // held during a reload
	seen [sha256.Size]byte // of the files at the last reload, good or not
}

// First reads the files for a first loading.
func (f *Files) First() ([]routes.File, []routes.Problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	files, problems := f.Read()
	f.seen = fingerprint(files, problems)
	return files, problems
}

// Reload reads the files again, whether they changed or not, and loads them.
func (f *Files) Reload() []routes.Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	files, problems := f.Read()
	f.seen = fingerprint(files, problems)
	return f.Load(files, problems)
}

// Watch reloads when a file was changed, added or removed, until the context is done. It compares contents, not times: a
// file that is written twice within the clock's grain is not missed, and one that is only touched is not loaded. A change
// that cannot be loaded is reported once.
func (f *Files) Watch(ctx context.Context, interval time.Duration) {
	if interval <= 0 {
		interval = DefaultInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.poll()
		}
	}
}

// poll reloads when the files differ from those of the last reload.
func (f *Files) poll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	files, problems := f.Read()
	if now := fingerprint(files, problems); now != f.seen {
		f.seen = now
		f.Load(files, problems)
	}
}

// fingerprint is a hash of names and contents, and of what could not be read.
func fingerprint(files []routes.File, problems []routes.Problem) (sum [sha256.Size]byte) {
	h := sha256.New()
	add := func(data []byte) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(data)))
		h.Write(length[:])
		h.Write(data)
	}
	for _, f := range files {
		add([]byte(f.Name))
		add(f.Data)
	}
	for _, p := range problems {
		add([]byte(p.Error()))
	}
	h.Sum(sum[:0])
	return sum
}
