// Command authorizer answers the subrequests of nginx's auth_request in benchmarks: 204 when the token of the request is
// known and the project in the path is the token's, 403 when it is another's, else 401. It stands for the external
// authorizers that people write, and does as little as one can.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"flag"
	"log"
	"os"
	"strings"

	"github.com/valyala/fasthttp"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	tokens := flag.String("tokens", "", "file with a line for each token: the secret, a space, the project as it stands in paths")
	flag.Parse()
	known, err := read(*tokens)
	if err != nil {
		log.Fatal(err)
	}
	server := &fasthttp.Server{Handler: known.authorize, NoDefaultDate: true, NoDefaultServerHeader: true}
	log.Fatal(server.ListenAndServe(*listen))
}

// grants gives the project of a token, by the token's hash.
type grants map[[sha256.Size]byte]string

func read(file string) (grants, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	known := grants{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		secret, project, _ := strings.Cut(lines.Text(), " ")
		known[sha256.Sum256([]byte(secret))] = project
	}
	return known, lines.Err()
}

func (g grants) authorize(ctx *fasthttp.RequestCtx) {
	project, ok := g[sha256.Sum256(ctx.Request.Header.Peek("PRIVATE-TOKEN"))]
	if !ok {
		ctx.SetStatusCode(fasthttp.StatusUnauthorized)
		return
	}
	rest, found := bytes.CutPrefix(ctx.Request.Header.Peek("X-Original-URI"), []byte("/api/v4/projects/"))
	named, _, _ := bytes.Cut(rest, []byte{'/'})
	if !found || string(named) != project {
		ctx.SetStatusCode(fasthttp.StatusForbidden)
		return
	}
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}
