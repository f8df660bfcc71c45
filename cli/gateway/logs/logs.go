// Package logs has the logs of a gateway: the ordinary log, decisions, and what is done to tokens and in the console. Decisions
// may go to a stream of their own, standard output or a file. What is done to tokens and in the console then goes there too.
package logs

import (
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"patgate/audit"
	"patgate/cli/terminal"
	"patgate/config"
)

// Logs are open logs. The Logger takes what is neither a decision nor a deed.
type Logs struct {
	*zap.Logger
	// Deeds takes what is done to tokens and in the console.
	Deeds *zap.Logger

	common   *lineWriter
	apart    *lineWriter // of decisions and deeds; nil where they go to common
	file     *auditFile  // the file that apart writes into; nil without one
	plain    bool        // common is for people
	terminal bool        // one of them sits at a terminal
}

// Open opens the logs. Whatever the configuration sends nowhere else goes to out.
func Open(c config.Log, out io.Writer) (*Logs, error) {
	l := &Logs{common: newLineWriter(out), terminal: terminal.Is(out)}
	l.plain = c.Format == config.FormatConsole || c.Format == config.FormatAuto && l.terminal
	l.Logger = newLogger(l.common, l.plain, c.Level)
	var deeds io.Writer
	switch c.Audit {
	case config.AuditStderr, "":
		l.Deeds = l.Logger
		return l, nil
	case config.AuditStdout:
		l.apart = newLineWriter(os.Stdout)
		deeds = l.apart
	default:
		file, err := openAudit(c.Audit)
		if err != nil {
			return nil, err
		}
		l.apart, l.file, deeds = newLineWriter(file), file, deedWriter{file}
	}
	l.Deeds = newLogger(deeds, false, config.LevelInfo)
	return l, nil
}

// newLogger makes a log of everything that is not a decision.
func newLogger(out io.Writer, plain bool, least config.LogLevel) *zap.Logger {
	level := map[config.LogLevel]zapcore.Level{
		config.LevelDebug: zapcore.DebugLevel, config.LevelInfo: zapcore.InfoLevel,
		config.LevelWarn: zapcore.WarnLevel, config.LevelError: zapcore.ErrorLevel,
	}[least]
	core := zapcore.NewCore(audit.NewEncoder(plain), zapcore.AddSync(out), level)
	return zap.New(core, zap.ErrorOutput(zapcore.AddSync(io.Discard))) // where the log fails, the stream it would be told on does
}

// Decisions starts the log of decisions. people is for those who read it on the common log; its Edit for those at a terminal.
func (l *Logs) Decisions(queue int, counters *audit.Counters, people audit.PlainOptions) *audit.Log {
	o := audit.Options{Out: l.common, Queue: queue, Counters: counters}
	switch {
	case l.apart != nil:
		o.Out = l.apart
	case l.plain:
		if !l.terminal {
			people.Edit = nil
		}
		o.Encoder = audit.NewPlain(people)
	}
	return audit.NewLog(o)
}

// End bounds from now on how long a line waits for somebody to read it. It is called once.
func (l *Logs) End() {
	l.common.end()
	if l.apart != nil {
		l.apart.end()
	}
}

// Close closes the file that decisions go into.
func (l *Logs) Close() {
	if l.file != nil {
		l.file.close()
	}
}
