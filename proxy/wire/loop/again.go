package loop

// ErrAgain says that a call would have to wait. It is a temporary net.Error: crypto/tls goes on after one where it was.
var ErrAgain error = &again{"the call would have to wait"}

type again struct{ text string }

// Error tells it.
func (a *again) Error() string { return a.text }

// Timeout is false: nothing was waited for.
func (*again) Timeout() bool { return false }

// Temporary is true.
func (*again) Temporary() bool { return true }
