// Command patgate is a gateway that gives a forge fine-grained access tokens.
package main

import (
	"os"

	"patgate/cli"
)

func main() {
	profile()
	os.Exit(cli.Main(os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
