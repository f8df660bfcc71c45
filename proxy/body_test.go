package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"patgate/proxy/legacy"
	"patgate/proxy/reply"
	"strings"
	"testing"
	"time"
)

func TestBodiesAreWrittenAnew(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	const issues = "/api/v4/projects/7/issues"
	cases := []struct{ name, request, contentType, body string }{
		{"JSON", request("POST", issues, "{ \"title\" : \"a\\u0041\", \"n\":1.50 }", "Content-Type: application/json; charset=UTF-8"),
			"application/json", `{"title":"aA","n":1.50}`},
		{"a form", request("POST", issues, "title=a%41+b&&labels[]=x", "Content-Type: application/x-www-form-urlencoded"),
			"application/x-www-form-urlencoded", "title=aA%20b&labels%5B%5D=x"},
		{"a chunked body", "POST " + issues + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n8;ext=1\r\n{\"title\"\r\n5\r\n:\"a\"}\r\n0\r\nPrivate-Token: glpat-x\r\n\r\n",
			"application/json", `{"title":"a"}`},
		{"a target by path is sent by id", request("POST", issues+"/1/move", `{"to_project_id":"group/granted"}`, "Content-Type: application/json"),
			"application/json", `{"to_project_id":"7"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g.raw(t, strings.Replace(c.request, "\r\n", "\r\nPRIVATE-TOKEN: "+g.token+"\r\n", 1)).wants(t, 200)
			got := upstream.last(t)
			if body := strings.TrimSpace(string(got.body)); body != c.body && strings.ReplaceAll(body, `"7"`, "7") != strings.ReplaceAll(c.body, `"7"`, "7") || got.header.Get("Content-Type") != c.contentType {
				t.Errorf("the upstream got %s %q", got.header.Get("Content-Type"), got.body)
			}
			if got.chunked || got.length != int64(len(got.body)) || got.header.Get("Trailer") != "" {
				t.Errorf("framing: chunked %v, length %d", got.chunked, got.length)
			}
		})
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), nil)
	const issues = "/api/v4/projects/7/issues"
	json := "Content-Type: application/json"
	cases := []struct {
		name, request string
		status        int
	}{
		{"on GET", request("GET", jobs, `{"a":1}`, json), 400},
		{"no Content-Type", request("POST", issues, "{}"), 415},
		{"a type that the row does not take", request("POST", issues, "x", "Content-Type: text/plain"), 415},
		{"Content-Encoding", request("POST", issues, "{}", json, "Content-Encoding: gzip"), 415},
		{"longer than the limit", request("POST", issues, `{"a":"`+strings.Repeat("x", 1<<20)+`"}`, json), 413},
		{"duplicate members", request("POST", issues, `{"a":1,"\u0061":2}`, json), 400},
		{"the same name in query and body", request("POST", issues+"?title=a", `{"title":"b"}`, json), 400},
		{"a list", request("POST", issues, `[1]`, json), 400},
		{"not JSON", request("POST", issues, `{"a":NaN}`, json), 400},
		{"an undeclared identifier", request("POST", issues, `{"epic_id":1}`, json), 400},
		{"multipart/mixed", request("POST", issues, "x", "Content-Type: multipart/mixed; boundary=a"), 415},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g.raw(t, strings.Replace(c.request, "\r\n", "\r\nPRIVATE-TOKEN: "+g.token+"\r\n", 1)).wants(t, c.status)
		})
	}
	t.Run("chunked, longer than the limit", func(t *testing.T) {
		chunk := strings.Repeat("x", 64<<10)
		body := "6\r\n{\"a\":\"\r\n" + strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", len(chunk), chunk), 17)
		g.raw(t, "POST "+issues+" HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: "+g.token+"\r\n"+json+"\r\nTransfer-Encoding: chunked\r\n\r\n"+body).wants(t, 413)
	})
}

func TestLongJSONIsSpooled(t *testing.T) {
	upstream := newEcho(t, nil)
	dir := t.TempDir()
	g := newGateway(t, upstream.URL, func(o *Options) { o.TempDir = dir })
	body := `{"description":"` + strings.Repeat("x", 3<<20) + `"}`
	g.raw(t, request("PUT", "/api/v4/projects/7/issues/1", body, "PRIVATE-TOKEN: "+g.token, "Content-Type: application/json")).wants(t, 200)
	if got := upstream.last(t); strings.TrimSpace(string(got.body)) != body {
		t.Errorf("the upstream got %d bytes", len(got.body))
	}
	if left, _ := filesIn(dir); left != 0 {
		t.Errorf("%d files are left", left)
	}
}

func TestStreamedUpload(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	const file = "/api/v4/projects/7/packages/generic/p/1.0/f.bin"
	content := strings.Repeat("0123456789abcdef", 20<<10)
	t.Run("with a length", func(t *testing.T) {
		g.raw(t, request("PUT", file, content, "PRIVATE-TOKEN: "+g.token, "Content-Type: application/octet-stream")).wants(t, 200)
		if got := upstream.last(t); string(got.body) != content || got.chunked || got.length != int64(len(content)) {
			t.Errorf("got %d bytes, chunked %v", len(got.body), got.chunked)
		}
		if e := g.sink.last(t); e.RequestBytes != int64(len(content)) {
			t.Errorf("recorded %d bytes", e.RequestBytes)
		}
	})
	t.Run("chunked", func(t *testing.T) {
		g.raw(t, "PUT "+file+" HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: "+g.token+"\r\nTransfer-Encoding: chunked\r\n\r\n"+
			fmt.Sprintf("%x\r\n%s\r\n", len(content), content)+"0\r\n\r\n").wants(t, 200)
		if got := upstream.last(t); string(got.body) != content || !got.chunked {
			t.Errorf("got %d bytes, chunked %v", len(got.body), got.chunked)
		}
	})
	t.Run("an empty file", func(t *testing.T) {
		g.raw(t, "PUT "+file+" HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: "+g.token+"\r\nContent-Length: 0\r\n\r\n").wants(t, 200)
		if got := upstream.last(t); len(got.body) != 0 || got.length != 0 {
			t.Errorf("got %d bytes", len(got.body))
		}
	})
	t.Run("cut off by the client", func(t *testing.T) {
		before, decided := len(upstream.requests()), g.sink.count()
		c, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "PUT %s HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: %s\r\nContent-Length: %d\r\n\r\n%s", file, g.token, len(content), content[:100<<10])
		_ = c.Close()
		if e := g.sink.after(t, decided); e.Failure != reply.FailureBody {
			t.Errorf("recorded %q", e.Failure)
		}
		if len(upstream.requests()) != before {
			t.Error("the upstream took half a body for a whole one")
		}
	})
}

// A client that speaks another protocol is told so before it has waited for anything: one of a container registry tries TLS first.
func TestOtherProtocolsAreRefusedAtOnce(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, func(o *Options) { o.Timeouts.ReadHeader = time.Hour })
	for name, pieces := range map[string][]string{
		"TLS":                     {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("a", 505)},
		"TLS, with a line end":    {"\x16\x03\x01\x02\n\x00aaa\r\n"},
		"TLS, byte by byte":       {"\x16", "\x03"},
		"SSH":                     {"SSH-2.0-OpenSSH_9.2\r\n"},
		"a method without a name": {" / HTTP/1.1\r\n"},
		"one, and too long":       {" / HTTP/1.1\rX: " + strings.Repeat("x", 40<<10)},
		"behind an empty line":    {"\r\n\r\n\x00"},
		"within a method":         {"GE", "T/"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", g.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			for _, piece := range pieces {
				_, _ = io.WriteString(c, piece)
			}
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || answer.StatusCode != http.StatusBadRequest {
				t.Fatalf("%+v, %v", answer, err)
			}
		})
	}
}

func TestMultipart(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	const pypi = "/api/v4/projects/7/packages/pypi"
	content := strings.Repeat("wheel", 100<<10)
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	file := "--b\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a.whl\"\r\nContent-Type: application/octet-stream\r\n\r\n" + content + "\r\n"
	send := func(body string) received {
		return g.raw(t, request("POST", pypi, body, "PRIVATE-TOKEN: "+g.token, "Content-Type: multipart/form-data; boundary=b"))
	}
	t.Run("fields and a file", func(t *testing.T) {
		send(part("version", "1.0")+file+"--b--\r\n").wants(t, 200)
		got := upstream.last(t)
		_, params, err := mime.ParseMediaType(got.header.Get("Content-Type"))
		if err != nil || params["boundary"] == "b" {
			t.Fatalf("Content-Type %q: %v", got.header.Get("Content-Type"), err)
		}
		r := multipart.NewReader(bytes.NewReader(got.body), params["boundary"])
		form, err := r.ReadForm(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		f, err := form.File["content"][0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if sent, _ := io.ReadAll(f); form.Value["version"][0] != "1.0" || string(sent) != content {
			t.Errorf("got %v and %d bytes", form.Value, len(sent))
		}
	})
	before := len(upstream.requests())
	t.Run("a reserved field before the file", func(t *testing.T) {
		send(part("private_token", "x")+file+"--b--\r\n").wants(t, 400, "reserved_parameter")
	})
	t.Run("a reserved field behind the file aborts the upstream request", func(t *testing.T) {
		send(part("version", "1.0")+file+part("sudo", "root")+"--b--\r\n").wants(t, 400, "reserved_parameter")
	})
	t.Run("without a closing boundary", func(t *testing.T) {
		send(part("version", "1.0")+file).wants(t, 400)
	})
	if got := len(upstream.requests()); got != before {
		t.Errorf("the upstream took %d requests for whole", got-before)
	}
}

func TestExpectContinue(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	ask := func(t *testing.T, project string) (*bufio.Reader, net.Conn) {
		c, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(c, "PUT /api/v4/projects/%s/packages/generic/p/1/f HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: %s\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", project, g.token)
		return bufio.NewReader(c), c
	}
	t.Run("allowed: 100 comes, then the answer", func(t *testing.T) {
		r, c := ask(t, "7")
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
			t.Fatalf("got %q, %v", line, err)
		}
		_, _ = r.ReadString('\n')
		_, _ = io.WriteString(c, "body")
		a, _ := readAnswer(t, r, "PUT")
		a.wants(t, 200)
		if got := upstream.last(t); string(got.body) != "body" || got.header.Get("Expect") != "" {
			t.Errorf("got %q", got.body)
		}
	})
	t.Run("denied by the row: no 100, the denial at once, and the connection ends", func(t *testing.T) {
		before := len(upstream.requests())
		narrow := g.mint(t, nil)
		c, _ := net.Dial("tcp", g.address)
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(c, "PUT /api/v4/projects/7/packages/generic/p/1/f HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: %s\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", narrow)
		a, closes := readAnswer(t, bufio.NewReader(c), "PUT")
		a.wants(t, 403, "create_package")
		if !closes || len(upstream.requests()) != before {
			t.Errorf("closes %v", closes)
		}
	})
	t.Run("denied by the container: no 100", func(t *testing.T) {
		r, _ := ask(t, "8")
		a, _ := readAnswer(t, r, "PUT")
		a.wants(t, 403, "out_of_bounds")
	})
}

// A forge that answers before it has read the whole body must have its answer passed on.
func TestEarlyUpstreamAnswer(t *testing.T) {
	g := newGateway(t, bareUpstream(t, func(_ int, c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
		_ = c.(*net.TCPConn).CloseWrite()
		time.Sleep(50 * time.Millisecond)
		_ = c.Close()
	}), nil)
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		fmt.Fprintf(c, "PUT /api/v4/projects/7/packages/generic/p/1/f HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: %s\r\nContent-Length: %d\r\n\r\n", g.token, 64<<20)
		chunk := make([]byte, 1<<20)
		for range 64 {
			if _, err := c.Write(chunk); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 413 {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestExpectContinueOfALegacyCaller(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.Legacy = legacy.ReadOnly })
	a := g.raw(t, "PUT /api/v4/x HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: glpat-x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	a.wants(t, 403, "legacy_read_only")
}
