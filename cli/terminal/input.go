package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// ErrInterrupted says that somebody pressed Ctrl-C, or ended the process, while a command waited for its input.
var ErrInterrupted = errors.New("interrupted: nothing was done")

// ErrNoTerminal says that there is nobody to ask.
var ErrNoTerminal = errors.New("the standard input is not a terminal")

// ReadSmall reads a file, or the standard input when it is "-".
func ReadSmall(cmd *cobra.Command, file string) (string, error) {
	const limit = 1 << 20
	r := Input(cmd)
	if _, person := Person(cmd); person && file == "-" {
		fmt.Fprintln(cmd.ErrOrStderr(), "Reading what you type; Ctrl-D at the beginning of a line ends it.")
	}
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(bufio.NewReader(r), limit+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("%s has more than %d bytes", file, limit)
	}
	return string(data), err
}

// Input gives a command's standard input. A Read of it ends with ErrInterrupted when the command is interrupted.
func Input(cmd *cobra.Command) io.Reader { return &input{ctx: cmd.Context(), from: cmd.InOrStdin()} }

// input is the standard input. What a Read that was interrupted still gets is nobody's.
type input struct {
	ctx  context.Context
	from io.Reader
}

// Read implements io.Reader.
func (i *input) Read(p []byte) (int, error) {
	text, err := await(i.ctx, func() ([]byte, error) {
		own := make([]byte, len(p))
		n, err := i.from.Read(own)
		return own[:n], err
	})
	return copy(p, text), err
}

// await gives what f gives, or ErrInterrupted when the context ends before. f is left behind then.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ErrInterrupted
	}
}

// AskSecret asks at the terminal for a text that is not shown while it is typed. Afterwards the terminal is as before, also when
// the command was interrupted.
func AskSecret(cmd *cobra.Command, prompt string) (string, error) {
	in, ok := Person(cmd)
	if !ok {
		return "", ErrNoTerminal
	}
	before, err := term.GetState(in)
	if err != nil {
		return "", fmt.Errorf("asking at the terminal: %w", err)
	}
	fmt.Fprint(cmd.ErrOrStderr(), prompt)
	text, err := await(cmd.Context(), func() ([]byte, error) { return term.ReadPassword(in) })
	fmt.Fprintln(cmd.ErrOrStderr())
	return string(text), errors.Join(err, term.Restore(in, before))
}

// Confirm asks a person whether to go on; anything but a yes is a no.
func Confirm(cmd *cobra.Command, question string) (bool, error) {
	fmt.Fprint(cmd.ErrOrStderr(), question+" [y/N] ")
	answer, err := bufio.NewReader(Input(cmd)).ReadString('\n')
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr())
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

// Person tells whether somebody sits at the standard input, and gives its file descriptor.
func Person(cmd *cobra.Command) (fd int, ok bool) {
	in, is := cmd.InOrStdin().(*os.File)
	if !is {
		return 0, false
	}
	return int(in.Fd()), term.IsTerminal(int(in.Fd()))
}
