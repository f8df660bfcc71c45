package proxy

import (
	"net/http"
	"strings"
	"testing"
)

// TestLinksInAnswers: a row with `links` hands no address of the forge on, and what cannot be read is refused.
func TestLinksInAnswers(t *testing.T) {
	var forge string
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		kind := r.URL.Query().Get("kind")
		if r.Header.Get("Accept-Encoding") != "" || r.Header.Get("Range") != "" {
			t.Errorf("the forge was asked for another form of the answer: %v", r.Header)
		}
		w.Header().Set("ETag", `"of the forge's bytes"`)
		w.Header().Set("Content-Type", map[string]string{"json": "application/json", "simple": "application/vnd.pypi.simple.v1+json", "html": "text/html; charset=utf-8",
			"long": "text/html", "utf16": "text/html; charset=utf-16", "zip": "text/html", "lie": "application/json", "error": "text/html"}[kind])
		switch kind {
		case "json", "simple":
			_, _ = w.Write([]byte(`{"tarball":"` + strings.ReplaceAll(forge, "/", `\/`) + `\/a.tgz"}`))
		case "long":
			for range 2000 {
				_, _ = w.Write([]byte(`<a href="` + forge + `/file">file</a>` + "\n"))
			}
		case "zip":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("\x1f\x8b"))
		case "error":
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<h1>down</h1>"))
		default:
			_, _ = w.Write([]byte(`<a href="` + forge + `/file">file</a>`))
		}
	})
	forge = upstream.URL
	g := newGateway(t, upstream.URL, func(o *Options) { o.PublicURL = "https://patgate.test" })
	ask := func(kind string) received {
		return g.raw(t, get("/api/v4/projects/7/packages/simple?kind="+kind, "PRIVATE-TOKEN: "+g.token+"\r\nAccept-Encoding: gzip\r\nRange: bytes=3-"))
	}
	for kind, want := range map[string]string{
		"json": `{"tarball":"https://patgate.test/a.tgz"}`, "simple": `{"tarball":"https://patgate.test/a.tgz"}`,
		"html": `<a href="https://patgate.test/file">file</a>`,
		"long": strings.Repeat(`<a href="https://patgate.test/file">file</a>`+"\n", 2000),
	} {
		a := ask(kind)
		a.wants(t, 200)
		if strings.TrimSpace(a.body) != strings.TrimSpace(want) || a.header.Get("ETag") != "" {
			t.Errorf("%s: %.200q %v", kind, a.body, a.header)
		}
	}
	for _, kind := range []string{"utf16", "zip", "lie"} {
		if a := ask(kind); a.status != 502 || strings.Contains(a.body, forge) {
			t.Errorf("%s: %d %s", kind, a.status, a.body)
		}
	}
	if a := ask("error"); a.status != 502 || a.body != "<h1>down</h1>" {
		t.Errorf("a page of an error is no answer to follow: %d %s", a.status, a.body)
	}
}
