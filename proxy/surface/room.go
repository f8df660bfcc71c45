package surface

import (
	"context"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"patgate/proxy/reply"
)

const (
	// bodyCost is how many bytes of memory a byte of a body that is kept in memory takes at most: as it came, in the
	// parser, and as it is sent.
	bodyCost = 3
	// longBodies is how many bytes of spooled bodies are parsed at once. A parser holds the longest string of its body
	// several times. A single body that is longer is parsed when nothing else is.
	longBodies = 64 << 20
)

// Room is what the bodies that are read whole may take together, so that holders of tokens cannot exhaust memory or disk
// by sending many at once.
type Room struct {
	memory, disk amount
	parsers      *semaphore.Weighted
}

// NewRoom makes room for so many bytes of memory and of disk.
func NewRoom(memory, disk int64) *Room {
	return &Room{memory: amount{limit: memory}, disk: amount{limit: disk}, parsers: semaphore.NewWeighted(longBodies)}
}

// amount is how much of something is taken by many, up to a limit.
type amount struct {
	limit int64
	taken atomic.Int64
}

// take takes n, or nothing.
func (s *amount) take(n int64) bool {
	if s.taken.Add(n) > s.limit {
		s.taken.Add(-n)
		return false
	}
	return true
}

// lease is what one body has taken.
type lease struct {
	from         *Room
	memory, disk int64
	parsed       int64 // of parsers
}

// memoryFor takes memory for a body of n bytes in place of what the lease has.
func (l *lease) memoryFor(n int64) bool {
	want := n * bodyCost
	if want <= l.memory {
		return true
	}
	if !l.from.memory.take(want - l.memory) {
		return false
	}
	l.memory = want
	return true
}

// diskFor takes n bytes of disk.
func (l *lease) diskFor(n int64) bool {
	if !l.from.disk.take(n) {
		return false
	}
	l.disk += n
	return true
}

// parse waits until a spooled body of n bytes may be parsed.
func (l *lease) parse(n int64, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n = min(n, longBodies)
	if l.from.parsers.Acquire(ctx, n) != nil {
		return false
	}
	l.parsed = n
	return true
}

// giveMemory gives the memory back.
func (l *lease) giveMemory() {
	l.from.memory.taken.Add(-l.memory)
	l.memory = 0
}

// leasedFile is a file whose length is taken from the room for it.
type leasedFile struct {
	*os.File
	lease  *lease
	unkept func(error) error
}

// Write takes room for p and writes it.
func (f *leasedFile) Write(p []byte) (int, error) {
	if !f.lease.diskFor(int64(len(p))) {
		return 0, reply.ErrNoRoom
	}
	n, err := f.File.Write(p)
	if err != nil {
		err = f.unkept(err)
	}
	return n, err
}

// ReadFrom is not the file's own, which would write past Write.
func (f *leasedFile) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, r)
}

// end gives everything back. It may be called more than once.
func (l *lease) end() {
	if l.from == nil {
		return
	}
	if l.parsed > 0 {
		l.from.parsers.Release(l.parsed)
	}
	if l.memory > 0 {
		l.from.memory.taken.Add(-l.memory)
	}
	if l.disk > 0 {
		l.from.disk.taken.Add(-l.disk)
	}
	*l = lease{}
}
