package terminal

import "fmt"

// Count writes how many there are of something: "1 token", "2 tokens".
func Count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
