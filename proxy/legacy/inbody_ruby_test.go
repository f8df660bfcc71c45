package legacy

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"patgate/proxy/surface"
)

// Threat: a credential of the forge's own passes for a request without one, as Rack reads a body or a query in another way.
// Attack: made-up forms, multipart bodies and queries. Control: Rack finds a credential in many of them, and so does patgate.
func TestNoCredentialIsRacksAlone(t *testing.T) {
	ruby, err := exec.LookPath("ruby")
	if err == nil {
		err = exec.Command(ruby, "-e", "require 'rack'").Run()
	}
	switch {
	case err != nil && os.Getenv("PATGATE_E2E_REQUIRED") == "1":
		t.Fatal("ruby and Rack are not here: apt-get install ruby ruby-rack")
	case err != nil:
		t.Skip("ruby and Rack are not here: apt-get install ruby ruby-rack")
	}
	requests := oddRequests(6000)
	in, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(ruby, "testdata/parameters.rb")
	c.Stdin = bytes.NewReader(in)
	c.Env = append(os.Environ(), "LANG=C.UTF-8")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var racks []bool
	if err := json.Unmarshal(out, &racks); err != nil || len(racks) != len(requests) {
		t.Fatalf("%d answers for %d requests: %v", len(racks), len(requests), err)
	}
	both, clear := 0, 0
	for i, r := range requests {
		in := FindInBody([]byte(r[0]), []byte(r[1]))
		found := len(in.Secrets) > 0 || surface.QueryCredential([]byte("/api/v4/user?"+r[2]))
		switch {
		case racks[i] && !found && !in.Unclear:
			t.Errorf("Rack alone finds a credential in %q", r)
		case racks[i] && found:
			both++
		case !racks[i] && !found && !in.Unclear:
			clear++
		}
	}
	if both < len(requests)/20 || clear < len(requests)/20 {
		t.Errorf("both find a credential in %d of %d requests, and %d hold none", both, len(requests), clear)
	}
}

// oddRequests makes up content types, bodies and queries of what a reader of parameters may trip over.
func oddRequests(count int) (requests [][3]string) {
	rng := rand.New(rand.NewPCG(uint64(count), 7))
	glue := func(pieces []string, most int) string {
		var text strings.Builder
		for range rng.IntN(most + 1) {
			text.WriteString(pieces[rng.IntN(len(pieces))])
		}
		return text.String()
	}
	pairs := []string{"private_token", "private%5ftoken", "token", "a", "=", "=x", "&", ";", "[", "]", "[]", "%5B", "%5d", "%00", "+",
		"%20", "%", ",", strings.Repeat("[", 130)}
	types := []string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded,a",
		"application/x-www-form-urlencoded; charset=b", ""}
	boundaries := []string{"b", "b", "b", "b", `"b"`, `"b;a"`, `"b,a"`, `"b a"`, `b;charset=utf-8`, "b; boundary=c", `"b\"a"`, "b:a", "b/a"}
	lines := []string{"--b", "--b", "--b--", "--b;a", "--b;a--", "--b a", " --b", "--b ", "\r\n", "\r\n", "\r\n", "\n", "x", "--", "\x00"}
	heads := []string{"Content-Disposition: form-data; name=\"a\"", "Content-Disposition: form-data; name=\"private_token\"",
		"Content-Disposition: form-data; name=private_token",
		"Content-Disposition: form-data; name=\"name\"; filename=\"x\"",
		"Content-Disposition: form-data; name=\"a\"; filename=\"; name=private_token\"",
		"Content-Disposition: form-data; name=\"[private_\\token\"",
		"content-disposition: x; name=private_token", "Content-ID: private_token", "Content-Type: text/plain",
		"Content-Type: text/plain; charset=utf-8", "Content-Type: a/b; c=\"Content-Disposition: ;name=private_token\""}
	for len(requests) < count {
		if rng.IntN(3) == 0 {
			requests = append(requests, [3]string{types[rng.IntN(len(types))], glue(pairs, 7), glue(pairs, 4)})
			continue
		}
		body := ""
		if rng.IntN(4) == 0 {
			body = glue(lines, 3)
		}
		for range 1 + rng.IntN(3) {
			body += "--b\r\n" + heads[rng.IntN(len(heads))] + "\r\n"
			if rng.IntN(4) == 0 {
				body += heads[rng.IntN(len(heads))] + "\r\n"
			}
			body += "\r\nx"
			if rng.IntN(3) == 0 {
				body += glue(lines, 5)
			}
			body += "\r\n"
		}
		body += "--b--" + glue([]string{"\r\n", "\r\n", "x", "--b\r\n"}, 1)
		requests = append(requests, [3]string{"multipart/form-data; boundary=" + boundaries[rng.IntN(len(boundaries))], body, ""})
	}
	return requests
}
