package cli_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"patgate/forge/forgetest"
)

// post is a request with a body and the good token.
func (g *target) post(path, mediaType, body string, headers ...string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: " + g.token + "\r\nContent-Type: " + mediaType + "\r\n" +
		strings.Join(append(headers, ""), "\r\n") + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
}

// arrived counts what reached the forge since its requests were forgotten, the good client's excepted.
func (g *target) arrived() int {
	return countRequests(g.world.forge, func(r *forgetest.Request) bool { return r.Method != "GET" })
}

// Threat: a body that is small to send and large to read. Attack: hundreds of them at once, each as long as it may be.
// Control: a body of the same length that is what it should be.
func TestAttackParsers(t *testing.T) {
	const size = 1 << 20
	g := underAttack(t)
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", g.world.api)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.CopyN(z, zeros{}, 256<<20)
	_ = z.Close()
	before := g.held(t)
	for _, c := range []struct{ name, request string }{
		{"lists in lists", g.post(issues, "application/json", `{"title":`+strings.Repeat("[", size/2)+strings.Repeat("]", size/2-20)+`}`)},
		{"objects in objects", g.post(issues, "application/json", strings.Repeat(`{"a":`, size/6)+"1"+strings.Repeat("}", size/6))},
		{"a wide list", g.post(issues, "application/json", `{"title":[`+strings.Repeat("1,", size/2-20)+`1]}`)},
		{"many names", g.post(issues, "application/json", `{`+names(size, `"n%d":1,`)+`"n":1}`)},
		{"many form parameters", g.post(issues, "application/x-www-form-urlencoded", names(size, "n%d=1&")+"n=1")},
		{"brackets in a form", g.post(issues, "application/x-www-form-urlencoded", "a"+strings.Repeat("[a]", size/3-1)+"=1")},
		{"many parts", g.post(issues, "multipart/form-data; boundary=b", names(size, "--b\r\nContent-Disposition: form-data; name=\"n%d\"\r\n\r\n1\r\n")+"--b--\r\n")},
		{"a packed body", g.post(issues, "application/json", packed.String(), "Content-Encoding: gzip")},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.world.forge.ForgetRequests()
			var got statuses
			g.under(t, 2*bodies, func() {
				g.many(100, func(_ int, c2 net.Conn) {
					go io.WriteString(c2, c.request)
					got.read(bufio.NewReader(c2))
				})
			})
			got.only(t, 400, 413, 415, 503, 0)
			t.Logf("answers %v", got.count)
			if n := g.arrived(); n > 0 {
				t.Errorf("%d reached the forge", n)
			}
		})
	}
	t.Run("control", func(t *testing.T) {
		var got statuses
		g.under(t, 2*bodies, func() {
			g.many(1, func(_ int, c net.Conn) {
				go io.WriteString(c, g.post(issues, "application/json", `{"title":"x","description":"`+strings.Repeat("y", size-100)+`"}`))
				got.read(bufio.NewReader(c))
			})
		})
		got.only(t, 201)
	})
	g.recovers(t, before)
}

// names repeats a pattern with a number up to a size.
func names(size int, pattern string) string {
	var b strings.Builder
	for i := 0; b.Len() < size-100; i++ {
		fmt.Fprintf(&b, pattern, i)
	}
	return b.String()
}

// bodies is what all bodies together may take of memory, and some more for reading and writing them.
const bodies = 256 << 20

// Threat: many bodies that may each be kept in memory. Attack: 600 of 1 MiB whose last byte does not come.
func TestAttackManyBodies(t *testing.T) {
	g := underAttack(t, "PATGATE_TIMEOUTS_READ_STALL=3s")
	request := g.post(fmt.Sprintf("/api/v4/projects/%d/issues", g.world.api), "application/json", `{"title":"`+strings.Repeat("x", 1<<20-100)+`"}`)
	var got statuses
	g.during(t, 2*bodies, func() {
		g.many(600, func(_ int, c net.Conn) {
			go io.WriteString(c, request[:len(request)-1])
			got.read(bufio.NewReader(c))
		})
	})
	got.only(t, 408, 503, 0)
}

// Threat: the same with bodies that are kept on disk, but whose longest string the parser holds. Attack: 12 of 40 MiB on
// a row that takes 100 MiB, each a single string.
func TestAttackLongBodies(t *testing.T) {
	g := underAttack(t)
	request := g.post(fmt.Sprintf("/api/v4/projects/%d/repository/commits", g.world.api), "application/json",
		`{"branch":"main","commit_message":"x","actions":[{"action":"create","file_path":"a","content":"`+strings.Repeat("x", 40<<20)+`"}]}`)
	var got statuses
	g.during(t, 2*bodies, func() {
		g.many(12, func(_ int, c net.Conn) {
			go io.WriteString(c, request)
			got.read(bufio.NewReader(c))
		})
	})
	t.Logf("answers %v", got.count)
	got.only(t, 201, 503)
	if got.count[201] == 0 {
		t.Error("nobody was served")
	}
}
