package proxy

import (
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"patgate/proxy/legacy"
	"patgate/routes"
	"patgate/routes/load"
)

// addressTable is the table of the tests, with addresses in the answers of two rows.
func addressTable(t *testing.T) *routes.Table {
	t.Helper()
	table, problems := load.Table(load.Options{Table: slices.Concat(testTable, []routes.File{{Name: "addresses.yaml", Data: []byte(`
addresses:
  - fields: [http_url_to_repo, _links.*]
    rows: ['GET /projects/{project}/jobs', 'GET /projects/{project}']
`)}})})
	for _, p := range problems {
		t.Fatal(p)
	}
	return table
}

// TestAddressesInAnswers: addresses that programs follow lead to patgate, for its tokens and where public_url says that this is
// elsewhere; all else stays.
func TestAddressesInAnswers(t *testing.T) {
	var forge string
	answer := func(at string) string {
		return `{"http_url_to_repo":"` + at + `/a.git","web_url":"` + forge +
			`/a","ssh_url_to_repo":"git@gitlab.example:a.git","_links":{"self":"` + at + `/api/v4/projects/7"}}`
	}
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		kind, token := r.URL.Query().Get("kind"), r.Header.Get("PRIVATE-TOKEN")
		w.Header().Set("ETag", `W/"of the forge's"`)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Asked", strings.Join([]string{r.Header.Get("If-None-Match"), r.Header.Get("Range"),
			r.Header.Get("Accept-Encoding")}, "|"))
		switch body := answer(forge); kind {
		case "escaped":
			_, _ = w.Write([]byte(strings.ReplaceAll(strings.ReplaceAll(body, "/", `\/`), "http:", `\u0068ttp:`)))
		case "long":
			_, _ = w.Write([]byte("[" + strings.Repeat(body+",", 1000) + body + "]"))
		case "error":
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(body))
		case "text":
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte(body))
		case "zip":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write([]byte(body))
			_ = z.Close()
		case "cut":
			_, _ = w.Write([]byte(body[:len(body)-9]))
		case "none":
			w.WriteHeader(http.StatusNoContent)
		default:
			if token != "" && token != ownerCredential {
				w.Header().Set("X-Asked", "legacy")
			}
			_, _ = w.Write([]byte(body))
		}
	})
	forge = upstream.URL
	_, port, _ := strings.Cut(strings.TrimPrefix(forge, "http://"), ":")
	table := addressTable(t)
	at := func(public string, external ...string) *gateway {
		g := newGateway(t, forge, func(o *Options) {
			o.PublicURL, o.Upstream.ExternalURLs, o.Anonymous = public, external, legacy.Allow
			o.Table = func() *routes.Table { return table }
		})
		g.table = table
		return g
	}
	const ours = "https://patgate.test"
	g := at(ours)
	ask := func(g *gateway, kind, credential string) received {
		return g.raw(t, get("/api/v4/projects/7/jobs?kind="+kind,
			credential+"If-None-Match: W/\"x\"\r\nAccept-Encoding: gzip\r\nRange: bytes=3-"))
	}
	ourToken := "PRIVATE-TOKEN: " + g.token + "\r\n"
	for kind, want := range map[string]string{
		"": answer(ours), "escaped": "", "long": "[" + strings.Repeat(answer(ours)+",", 1000) + answer(ours) + "]", "error": answer(ours),
		"text": answer(forge),
	} {
		a := ask(g, kind, ourToken)
		if kind == "escaped" {
			if a.status != 200 || !strings.Contains(a.body, `"http_url_to_repo":"`+ours+`/a.git"`) ||
				!strings.Contains(a.body, `"self":"`+ours+`/api`) || !strings.Contains(a.body, `"web_url":"\u0068ttp:\/\/`) {
				t.Errorf("%s: %d %s", kind, a.status, a.body)
			}
		} else if strings.TrimSpace(a.body) != want {
			t.Errorf("%s: %d %.300s", kind, a.status, a.body)
		}
		if a.header.Get("ETag") != "" || a.header.Get("X-Asked") != "||" {
			t.Errorf("%s: a part of the forge's answer is told of: %v", kind, a.header)
		}
	}
	if a := ask(g, "zip", ourToken); a.status != 200 || a.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("what the forge packed unasked: %d %v", a.status, a.header)
	}
	if a := ask(g, "cut", ourToken); a.status != 502 {
		t.Errorf("half an answer: %d %s", a.status, a.body)
	}
	if a := ask(g, "none", ourToken); a.status != 204 {
		t.Errorf("no answer: %d %s", a.status, a.body)
	}
	if a := g.raw(t, strings.Replace(get("/api/v4/projects/7/jobs", ourToken), "GET", "HEAD", 1)); a.status != 200 ||
		a.header.Get("Content-Length") != "" {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
	if a := g.raw(t, get("/api/v4/projects/7", ourToken)); strings.TrimSpace(a.body) != answer(ours) {
		t.Errorf("a row of which keys are taken out: %s", a.body)
	}
	if a := g.raw(t, get("/api/v4/projects/7/jobs/1/trace", ourToken)); a.body != answer(forge) || a.header.Get("ETag") == "" {
		t.Errorf("a row that is not listed: %s %v", a.body, a.header)
	}
	for name, credential := range map[string]string{"legacy": "PRIVATE-TOKEN: glpat-of-somebody-0123456789\r\n", "anonymous": ""} {
		if a := ask(g, "", credential); a.status != 200 || a.body != answer(forge) || a.header.Get("ETag") == "" {
			t.Errorf("%s: %d %s %v", name, a.status, a.body, a.header)
		}
	}
	for name, g := range map[string]*gateway{
		"no public_url":            at(""),
		"the forge's own address":  at(forge),
		"the same by another name": at(forge, "https://127.0.0.1:"+port),
		"over https":               at("https://127.0.0.1:" + port),
	} {
		if a := ask(g, "", "PRIVATE-TOKEN: "+g.token+"\r\n"); a.body != answer(forge) || a.header.Get("ETag") == "" ||
			!strings.HasPrefix(a.header.Get("X-Asked"), `W/"x"|bytes=3-|`) {
			t.Errorf("%s: %s %v", name, a.body, a.header)
		}
	}
	other := at(ours, "https://git.example.com")
	if a := ask(other, "", "PRIVATE-TOKEN: "+other.token+"\r\n"); strings.TrimSpace(a.body) != answer(ours) {
		t.Errorf("with another name of the forge: %s", a.body)
	}
}

// TestGiteaIsCalledByItsName: Gitea makes its addresses of Host and X-Forwarded-Proto, which name it, however a client came.
func TestGiteaIsCalledByItsName(t *testing.T) {
	upstream := &giteaUpstream{}
	server := httptest.NewServer(upstream)
	t.Cleanup(server.Close)
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, public string
		external     []string
		host, proto  string
	}{
		{"nothing is configured", "", nil, strings.TrimPrefix(server.URL, "http://"), "http"},
		{"patgate has another address", "https://patgate.test", nil, strings.TrimPrefix(server.URL, "http://"), "http"},
		{"the forge has another name", "https://patgate.test", []string{"https://git.example.com", "http://git.old.example.com"},
			"git.example.com", "https"},
		{"patgate has taken its name", "https://git.example.com", []string{"http://git.old.example.com", "https://git.example.com"},
			"git.example.com", "https"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGateway(t, server.URL, func(o *Options) {
				o.Forge, o.Resolver, o.Table = routes.ForgeGitea, giteaResolver{}, func() *routes.Table { return table }
				o.PublicURL, o.Upstream.ExternalURLs, o.TrustedProxies = c.public, c.external, prefixes("127.0.0.0/8")
			})
			for name, secret := range map[string]string{"patgate's": g.token, "legacy": "0123456789abcdef0123456789abcdef01234567"} {
				for _, proto := range []string{"http", "https"} {
					header := map[string]string{"Authorization": "token " + secret, "X-Forwarded-Proto": proto,
						"X-Forwarded-Host": "evil.example"}
					if status, _, body := g.send(t, "GET", "/api/v1/version", "", header); status != 200 {
						t.Fatalf("%s: status %d: %s", name, status, body)
					}
					_, last := upstream.take()
					if last.Host != c.host || !slices.Equal(last.Header["X-Forwarded-Proto"], []string{c.proto}) ||
						last.Header["X-Forwarded-Host"] != nil {
						t.Errorf("%s, %s: called by %s, %v", name, proto, last.Host, last.Header)
					}
				}
			}
		})
	}
}
