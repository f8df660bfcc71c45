package surface

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"time"

	"patgate/proxy/reply"
	"patgate/proxy/wire"
	"patgate/routes/params"
)

// Body is a request's body, on its way from the client to the forge. It is counted as it is read.
type Body struct {
	ContentType []byte                                  // that is sent on; empty: no such field
	Encoding    string                                  // that is sent on; empty: no such field
	Received    int64                                   // bytes that the client sent
	Length      int64                                   // declared; -1 when it is chunked
	Memory      []byte                                  // of a body that is read whole
	Out         []byte                                  // what is sent, when it is short
	Meter       interface{ Take(int64) *reply.Refusal } // nil, or counts what has come, and ends what is too much

	// Form is how its row has it read, and Multipart what was read of it so far.
	Form      params.Body
	Multipart *params.Multipart

	from   io.Reader
	limits *BodyLimits
	again  bytes.Reader
	spool  *os.File
	lease  lease
}

// BodyLimits bound the bodies that are read whole.
type BodyLimits struct {
	Room    *Room
	Bytes   int64         // of one whose row sets no limit
	Memory  int64         // of one, in memory
	TempDir string        // of those that are too long for that; empty is the system's
	Wait    time.Duration // for a turn to parse one that is not in memory
	// Unkept, when not nil, is told of a directory that took no more.
	Unkept func(dir string, err error)
}

// unkept answers for a body that could not be put into a file.
func (l *BodyLimits) unkept(err error) error {
	if l.Unkept != nil {
		l.Unkept(cmp.Or(l.TempDir, os.TempDir()), err)
	}
	return reply.ErrNoDisk
}

// Present tells whether the request has a body.
func (b *Body) Present() bool { return b.Length != 0 }

// Open begins the body of a request; from may be nil, and length is what the HTTP library says of it: -1 is chunked.
func (b *Body) Open(limits *BodyLimits, from io.Reader, length int) {
	b.limits, b.lease.from = limits, limits.Room
	b.Length, b.from = int64(length), from
	if length == -2 || from == nil { // neither a length nor chunked: there is none
		b.Length, b.from = 0, nil
	}
}

// Resume notes what a loop has read, and what is sent of it.
func (b *Body) Resume(out []byte, received int) {
	b.Out = append(b.Out[:0], out...)
	b.Length, b.Received = int64(received), int64(received)
}

// Read reads from the client; it counts, and takes an end before the declared length for an error.
func (b *Body) Read(p []byte) (int, error) {
	if b.from == nil {
		return 0, io.EOF
	}
	n, err := b.from.Read(p)
	b.Received += int64(n)
	if b.Meter != nil && n > 0 {
		if r := b.Meter.Take(b.Received); r != nil {
			return 0, &wire.UploadError{Err: r}
		}
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && (b.Length < 0 || b.Received == b.Length):
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, &wire.UploadError{Err: err}
}

// Sent gives back what a body took from what all bodies share, as soon as it has been sent.
func (b *Body) Sent() {
	if b.lease.from == nil {
		return
	}
	if cap(b.Memory) > MaxKept {
		b.Memory = nil
		b.again.Reset(nil)
	}
	if cap(b.Out) > MaxKept {
		b.Out = nil
	}
	b.lease.end()
}

// MaxKept bounds what is kept of a buffer for the next request, in bytes.
const MaxKept = 64 << 10

// Release lets go of what the body held.
func (b *Body) Release() {
	if b.spool != nil {
		_ = b.spool.Close() // it has no name any more
	}
	b.lease.end()
	memory, out := b.Memory, b.Out
	if cap(memory) > MaxKept {
		memory = nil
	}
	if cap(out) > MaxKept {
		out = nil
	}
	clear(memory)
	clear(out)
	*b = Body{ContentType: b.ContentType[:0], Memory: memory[:0], Out: out[:0]}
}

// Whole reads the body into memory, and what is too long for that into a file without a name when spool says so. limit is the
// row's; 0 is that of all rows.
func (b *Body) Whole(limit int64, spool bool) error {
	if limit <= 0 {
		limit = b.limits.Bytes
	}
	memory := b.limits.Memory
	if !spool {
		memory = limit
	}
	if b.Length > limit {
		return reply.BodyTooLarge(limit, reply.LimitOfRow)
	}
	full := false
	var err error
	b.Memory, err = readUpTo(b, b.Memory[:0], min(limit, memory)+1, func(n int64) bool {
		full = !b.lease.memoryFor(n)
		return !full
	})
	switch {
	case err != nil:
		return err
	case full && !spool:
		return reply.ErrNoRoom
	case full:
		return b.spoolRest(limit)
	case int64(len(b.Memory)) <= min(limit, memory):
		return nil
	case memory >= limit:
		return reply.BodyTooLarge(limit, reply.LimitOfRow)
	}
	return b.spoolRest(limit)
}

func (b *Body) spoolRest(limit int64) error {
	file, err := os.CreateTemp(b.limits.TempDir, "patgate-body-*")
	if err != nil {
		return b.limits.unkept(err)
	}
	b.spool = file
	if !b.lease.diskFor(int64(len(b.Memory))) {
		return reply.ErrNoRoom
	}
	_ = os.Remove(file.Name()) // where that fails, the file stays until the directory is emptied
	if _, err := file.Write(b.Memory); err != nil {
		return b.limits.unkept(err)
	}
	rest := limit - int64(len(b.Memory))
	b.Memory = nil // it is in the file
	b.lease.giveMemory()
	n, err := io.Copy(&leasedFile{file, &b.lease, b.limits.unkept}, io.LimitReader(b, rest+1))
	if err == nil && n > rest {
		err = reply.BodyTooLarge(limit, reply.LimitOfRow)
	}
	return err
}

// Spooled tells whether the body is in a file.
func (b *Body) Spooled() bool { return b.spool != nil }

// Turn is Again when the body may be parsed: one that is in a file waits for that; one in memory always may.
func (b *Body) Turn() (io.Reader, error) {
	if b.spool != nil && !b.lease.parse(b.Received, b.limits.Wait) {
		return nil, reply.ErrNoRoom
	}
	return b.Again()
}

// Again gives a body that was read whole, from its beginning. The reader that it gave before ends with that.
func (b *Body) Again() (io.Reader, error) {
	if b.spool == nil {
		b.again.Reset(b.Memory)
		return &b.again, nil
	}
	_, err := b.spool.Seek(0, io.SeekStart)
	return b.spool, err
}

// Keeps takes memory for n bytes that were read of the body and will be kept. False: there is no room.
func (b *Body) Keeps(n int64) bool {
	return n*bodyCost <= b.lease.memory || b.lease.memoryFor(2*n)
}

// KeepsAnswer takes memory for n bytes of an answer. False: there is no room.
func (b *Body) KeepsAnswer(n int64) bool {
	b.lease.from = b.limits.Room // the request's own body may have given everything back
	return b.lease.memoryFor(n)
}

// ReadAnswer reads at most limit bytes of an answer into memory that the body's room has.
func (b *Body) ReadAnswer(from io.Reader, limit int64) ([]byte, error) {
	b.lease.from = b.limits.Room // the request's own body may have given everything back
	full := false
	read, err := readUpTo(from, nil, limit, func(n int64) bool {
		full = !b.lease.memoryFor(n)
		return !full
	})
	if full && err == nil {
		err = reply.ErrNoRoom // the rest is unread
	}
	return read, err
}

// readUpTo reads until the end, until dst holds limit bytes, or until grow refuses the length to which dst must grow.
func readUpTo(from io.Reader, dst []byte, limit int64, grow func(n int64) bool) ([]byte, error) {
	for int64(len(dst)) < limit {
		if len(dst) == cap(dst) {
			if !grow(int64(2 * len(dst))) {
				return dst, nil
			}
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := from.Read(dst[len(dst):min(int64(cap(dst)), limit)])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}
