//go:build race

package cli_test

// raced tells that these tests are run under the race detector; the gateway is then, too.
const raced = true
