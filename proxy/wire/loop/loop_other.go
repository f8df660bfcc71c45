//go:build !linux || !(amd64 || arm64)

package loop

import (
	"errors"
	"net"
)

// Handler is told what happens to a resting socket.
type Handler interface{ Ready() }

// Loop is for Linux only.
type Loop struct{}

// Desk is for Linux only.
type Desk struct{ In, Out []byte }

// Desk is empty.
func (*Loop) Desk() *Desk { return &Desk{} }

// Socket is for Linux only.
type Socket struct{ net.Conn }

// New gives errors.ErrUnsupported.
func New(int) (*Loop, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Loop) Close() {}

// Number is 0.
func (*Loop) Number() int { return 0 }

// Round is 0.
func (*Loop) Round() uint64 { return 0 }

// Adopt gives errors.ErrUnsupported.
func (*Loop) Adopt(Stream) (*Socket, error) { return nil, errors.ErrUnsupported }

// Loop is nil.
func (*Socket) Loop() *Loop { return nil }

// Handle does nothing.
func (*Socket) Handle(Handler) {}

// Rest is false.
func (*Socket) Rest() bool { return false }

// Take is false.
func (*Socket) Take() bool { return false }

// TryRead gives errors.ErrUnsupported.
func (*Socket) TryRead([]byte) (int, error) { return 0, errors.ErrUnsupported }

// TryWrite gives errors.ErrUnsupported.
func (*Socket) TryWrite([]byte) (int, error) { return 0, errors.ErrUnsupported }

// Silent is false.
func (*Socket) Silent() bool { return false }

// Late is false.
func (*Socket) Late() bool { return false }

// Ended tells nothing here.
func (*Socket) Ended() bool { return false }

// Abort does nothing.
func (*Socket) Abort() {}

// Drop does nothing.
func (*Socket) Drop() {}

// EndIfResting does nothing.
func (*Socket) EndIfResting() {}

// Start gives errors.ErrUnsupported.
func (*Socket) Start(bool) error { return errors.ErrUnsupported }

// Gave does nothing.
func (*Loop) Gave() {}

// Control does nothing.
func (*Socket) Control(func(uintptr)) {}

// ReadNow gives errors.ErrUnsupported.
func (*Socket) ReadNow([]byte) (int, error) { return 0, errors.ErrUnsupported }

// WriteNow gives errors.ErrUnsupported.
func (*Socket) WriteNow([]byte) (int, error) { return 0, errors.ErrUnsupported }
