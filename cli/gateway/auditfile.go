package gateway

import (
	"fmt"
	"io"
	"os"
	"sync"

	"patgate/config"
)

// auditFile is the file of the audit log. It is looked at with each write: where it was renamed or removed, the next lines go
// into a new one, and where that cannot be made, they are not written. An error of it has requests refused.
type auditFile struct {
	path string

	mu   sync.Mutex
	file *os.File // nil: none is open
	at   os.FileInfo
}

// openAudit opens the file.
func openAudit(path string) (*auditFile, error) {
	f := &auditFile{path: path}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("log.audit: %w", err)
	}
	return f, nil
}

// open has the file be the one that has its name.
func (f *auditFile) open() (err error) {
	if now, err := os.Stat(f.path); f.file != nil && err == nil && os.SameFile(now, f.at) {
		return nil
	}
	f.shut()
	if f.file, err = os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
		f.file = nil
		return err
	}
	if f.at, err = f.file.Stat(); err != nil {
		f.shut()
	}
	return err
}

func (f *auditFile) shut() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}

// Write implements io.Writer.
func (f *auditFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return 0, err
	}
	return f.file.Write(p)
}

// Close implements io.Closer.
func (f *auditFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shut()
	return nil
}

// openLog opens where the audit lines go, and gives the log of what is done to tokens and in the console, which goes there too.
func (g *gateway) openLog() error {
	g.auditOut, g.deeds = g.log, g.logger
	switch where := g.config.Log.Audit; where {
	case config.AuditStderr, "":
		return nil
	case config.AuditStdout:
		g.stdout = newLineWriter(os.Stdout)
		g.auditOut = g.stdout
	default:
		file, err := openAudit(where)
		if err != nil {
			return err
		}
		g.auditOut, g.auditFile = file, file
	}
	g.deeds = newLogger(g.auditOut, config.Log{Level: config.LevelInfo, Format: config.FormatJSON})
	return nil
}

// separate tells whether the audit lines go apart from all others.
func (g *gateway) separate() bool { return g.auditOut != io.Writer(g.log) }
