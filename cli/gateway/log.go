package gateway

import (
	"io"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"patgate/audit"
	"patgate/config"
)

// lineWriter lets the audit log and the ordinary log share a stream without mixing lines.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

// Write writes whole lines.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}

// newLogger makes the log for everything that is not a decision.
func newLogger(out io.Writer, c config.Log) *zap.Logger {
	level := map[config.LogLevel]zapcore.Level{
		config.LevelDebug: zapcore.DebugLevel, config.LevelInfo: zapcore.InfoLevel,
		config.LevelWarn: zapcore.WarnLevel, config.LevelError: zapcore.ErrorLevel,
	}[c.Level]
	return zap.New(zapcore.NewCore(audit.NewEncoder(c.Format == config.FormatConsole), zapcore.AddSync(out), level))
}
