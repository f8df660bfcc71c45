package terminal

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// ReadSmall reads a file, or the standard input when it is "-".
func ReadSmall(cmd *cobra.Command, file string) (string, error) {
	const limit = 1 << 20
	r := cmd.InOrStdin()
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
