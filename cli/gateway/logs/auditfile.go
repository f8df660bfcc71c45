package logs

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// auditFile is the file of the audit log. It is looked at before each write: when it was renamed or removed, the next lines go
// into a new one. When that cannot be made, the write fails, and with it the request.
type auditFile struct {
	path string

	mu     sync.Mutex
	file   *os.File // nil: none is open
	at     os.FileInfo
	half   bool   // it ends in the middle of a line of decisions, whose rest comes
	deeds  []byte // lines of other things that were done, which are still to be written, in front of decisions
	within bool   // it ends in the middle of the first of those
}

// mostDeeds bounds those lines, in bytes. No more is done than can be recorded later.
const mostDeeds = 1 << 20

// openAudit opens the file.
func openAudit(path string) (*auditFile, error) {
	f := &auditFile{path: path}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("log.audit: %w", err)
	}
	return f, nil
}

// open has the file be the one that has its name, once the line that is being written is whole.
func (f *auditFile) open() (err error) {
	now, err := os.Stat(f.path)
	switch {
	case f.file != nil && (f.half || f.within || err == nil && os.SameFile(now, f.at)):
		return nil
	case err == nil && !now.Mode().IsRegular(): // a pipe without a reader would be waited for
		return fmt.Errorf("%s is no regular file", f.path)
	}
	f.shut()
	if f.file, err = os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
		f.file = nil
		return err
	}
	if f.at, err = f.file.Stat(); err == nil {
		err = f.endLine()
	}
	if err != nil {
		f.shut()
	}
	return err
}

// endLine ends what was left of a line by a process that was killed.
func (f *auditFile) endLine() error {
	if f.at.Size() == 0 {
		return nil
	}
	var last [1]byte
	if _, err := f.file.ReadAt(last[:], f.at.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err := f.file.Write([]byte("\n"))
	return err
}

func (f *auditFile) shut() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}

// Write implements io.Writer, for decisions: what it does not take is written again.
func (f *auditFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return 0, err
	}
	if err := f.writeDeeds(); err != nil {
		return 0, err
	}
	n, err := f.file.Write(p)
	if n > 0 {
		f.half = p[n-1] != '\n'
	}
	return n, err
}

// writeDeeds writes what is still to be written of other things, unless a line of decisions is half written.
func (f *auditFile) writeDeeds() error {
	if len(f.deeds) == 0 || f.half {
		return nil
	}
	n, err := f.file.Write(f.deeds)
	if n > 0 {
		f.within = f.deeds[n-1] != '\n'
	}
	f.deeds = f.deeds[n:]
	return err
}

// deedWriter takes the lines that say what was done to tokens and in the console. A line that cannot be written is kept in
// front of the next decisions, which are refused until it is written.
type deedWriter struct{ f *auditFile }

func (w deedWriter) Write(p []byte) (int, error) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if len(w.f.deeds)+len(p) > mostDeeds {
		return 0, errors.New("too much is still to be written")
	}
	w.f.deeds = append(w.f.deeds, p...)
	if err := w.f.open(); err == nil {
		_ = w.f.writeDeeds()
	}
	return len(p), nil
}

// close closes the file. One that hangs is left to the end of the process.
func (f *auditFile) close() {
	if !f.mu.TryLock() {
		return
	}
	defer f.mu.Unlock()
	if len(f.deeds) > 0 && f.open() == nil {
		_ = f.writeDeeds()
	}
	f.shut()
}
