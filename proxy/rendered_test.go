package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRenderedTextsAreTakenOut asks for a row that always renders, and on one connection, as a loop serves it, for one that renders
// when it is asked to: no request may be answered as the one before.
func TestRenderedTextsAreTakenOut(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Query().Get("as") {
		case "long":
			fmt.Fprintf(w, `[{"description":"%s","description_html":"secret"}]`, long)
		case "feed":
			w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
			_, _ = io.WriteString(w, `<feed><content type="html">secret</content><id>1</id></feed>`)
		case "text":
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, "secret")
		default:
			_, _ = io.WriteString(w, `[{"a":1,"a_html":"secret"}]`)
		}
	})
	g := newGateway(t, upstream.URL, nil)
	const boards, issues = "/api/v4/projects/7/boards", "/api/v4/projects/7/issues"
	ask := func(target string) received { return g.raw(t, get(target, "PRIVATE-TOKEN: "+g.token)) }
	ask(boards).wants(t, 200, `[{"a":1}]`)
	ask(boards+"?as=long").wants(t, 200, `[{"description":"`+long+`"}]`)
	ask(boards+"?as=feed").wants(t, 200, `<feed><id>1</id></feed>`)
	ask(boards+"?as=text").wants(t, 502, "unfiltered_answer")
	ask(issues+"?as=text&details=0").wants(t, 502, "unfiltered_answer")
	if a := ask(issues + "?as=text"); a.status != 200 {
		t.Errorf("what is not asked to render: %d", a.status)
	}

	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(c)
	for i := range 40 {
		query, want := "?page=1", `[{"a":1,"a_html":"secret"}]`
		if i%3 == 1 {
			query, want = "?page=1&details=true", `[{"a":1}]`
		}
		_, _ = io.WriteString(c, get(issues+query, "PRIVATE-TOKEN: "+g.token))
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(response.Body); err != nil || strings.TrimSpace(string(body)) != want {
			t.Fatalf("request %d: %s, %v", i, body, err)
		}
	}
}
