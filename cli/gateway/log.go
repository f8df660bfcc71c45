package gateway

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"patgate/audit"
	"patgate/cli/terminal"
	"patgate/config"
)

// ErrLogUnread is given by Serve when nobody took what was still to be logged at its end: those lines are lost.
var ErrLogUnread = errors.New("the log is not read, and its last lines are lost")

// logPatience is how long, while the gateway ends, a line may wait for somebody to read the log.
const logPatience = 5 * time.Second

// lineWriter lets the audit log and the ordinary log share a stream without mixing lines. While the gateway runs, a write waits
// for as long as it takes: what cannot be recorded is not done. At the end it must not be waited for without bound.
type lineWriter struct {
	out    io.Writer
	turn   chan written  // holds one, which who writes has taken out
	lines  []byte        // what is written, of who writes
	ending chan struct{} // closed when the gateway is to end
	unread chan struct{} // closed when nobody reads the log
	giveUp sync.Once
}

// written is what came of a write.
type written struct {
	n   int
	err error
}

func newLineWriter(out io.Writer) *lineWriter {
	w := &lineWriter{out: out, turn: make(chan written, 1), ending: make(chan struct{}), unread: make(chan struct{})}
	w.turn <- written{}
	return w
}

// end bounds all waits from now on. It is called once.
func (w *lineWriter) end() { close(w.ending) }

// Write writes whole lines.
func (w *lineWriter) Write(p []byte) (int, error) {
	if got := w.await(w.turn); got.err != nil {
		return 0, got.err
	}
	w.lines = append(w.lines[:0], p...) // the caller uses p again when the write is given up
	done := make(chan written, 1)
	go func() {
		n, err := w.out.Write(w.lines)
		w.turn <- written{}
		done <- written{n, err}
	}()
	got := w.await(done)
	return got.n, got.err
}

// await waits: while the gateway ends, for at most logPatience.
func (w *lineWriter) await(c <-chan written) written {
	select {
	case got := <-c:
		return got
	case <-w.unread:
		return written{err: ErrLogUnread}
	case <-w.ending:
	}
	timer := time.NewTimer(logPatience)
	defer timer.Stop()
	select {
	case got := <-c:
		return got
	case <-w.unread:
	case <-timer.C:
		w.giveUp.Do(func() { close(w.unread) })
	}
	return written{err: ErrLogUnread}
}

// newLogger makes the log for everything that is not a decision.
func newLogger(out io.Writer, c config.Log) *zap.Logger {
	level := map[config.LogLevel]zapcore.Level{
		config.LevelDebug: zapcore.DebugLevel, config.LevelInfo: zapcore.InfoLevel,
		config.LevelWarn: zapcore.WarnLevel, config.LevelError: zapcore.ErrorLevel,
	}[c.Level]
	core := zapcore.NewCore(audit.NewEncoder(c.Format == config.FormatConsole), zapcore.AddSync(out), level)
	return zap.New(core, zap.ErrorOutput(zapcore.AddSync(io.Discard))) // where the log fails, the stream it would be told on does
}

// tokenName gives what tells the name of a token for the log of people. A name is asked for once; a later one is seen after the
// next start.
func (g *gateway) tokenName() func(id int64) string {
	const most = 4096
	names := map[int64]string{} // the log's encoder is used by one goroutine at a time
	return func(id int64) string {
		name, known := names[id]
		if known || len(names) >= most {
			return name
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if l, err := g.store.Token(ctx, id); err == nil {
			name = l.Name
		}
		names[id] = name
		return name
	}
}

// editCommand gives the command that changes a token, for whoever reads the log at a terminal; nil where it is not one.
func (g *gateway) editCommand() func(token string) string {
	s := g.config.Store
	if !terminal.Is(g.log.out) || s.Database != "" || s.KeyFile != "" || !s.URL.Empty() || !s.Key.Empty() {
		return nil // or it would have to say where the store is, which may hold a password
	}
	dir, err := filepath.Abs(g.config.DataDir)
	if err != nil {
		return nil
	}
	where := ""
	if dir != config.Default().DataDir {
		where = " --data-dir '" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
	}
	return func(token string) string { return "patgate token edit " + token + where }
}
