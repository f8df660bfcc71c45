package proxy

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"patgate/proxy/reply"
)

// TestRedirects has a hostile forge redirect everywhere, on a row that may lead to other hosts and on one that may not.
func TestRedirects(t *testing.T) {
	var location string
	status := http.StatusFound
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Location"] = []string{location}
		w.Header().Set("Refresh", "0; url=https://evil.example/")
		w.WriteHeader(status)
	})
	g := newGateway(t, upstream.URL, nil)
	listed := newGateway(t, upstream.URL, func(o *Options) { o.StorageURLs = []string{"https://storage.example", "http://minio:9000"} })
	const (
		plain    = "/api/v4/projects/7/jobs/5/trace"
		download = "/api/v4/projects/7/packages/generic/a/1/f"
	)
	basic := base64.StdEncoding.EncodeToString([]byte("owner:" + ownerCredential))
	for _, c := range []struct {
		name, location string
		plain, away    string // the Location that comes, or the reason for which none does
		listed         string
	}{
		{"to a signed URL of object storage", "https://storage.example/o?X-Amz-Signature=ab", "foreign_redirect", "https://storage.example/o?X-Amz-Signature=ab", "https://storage.example/o?X-Amz-Signature=ab"},
		{"to storage on plain http", "http://minio:9000/o", "foreign_redirect", "foreign_redirect", "http://minio:9000/o"},
		{"to any other host", "https://evil.example/", "foreign_redirect", "https://evil.example/", "foreign_redirect"},
		{"to a host that begins alike", "https://storage.example.evil.example/", "foreign_redirect", "https://storage.example.evil.example/", "foreign_redirect"},
		{"to the forge", upstream.URL + "/x", "http://patgate.test/x", "http://patgate.test/x", "http://patgate.test/x"},
		{"within patgate", "/x", "/x", "/x", "/x"},
		{"without a scheme", "//evil.example/", "unreadable_redirect", "unreadable_redirect", "unreadable_redirect"},
		{"with a backslash", "/\\evil.example/", "unreadable_redirect", "unreadable_redirect", "unreadable_redirect"},
		{"to a script", "javascript:alert(1)", "unreadable_redirect", "unreadable_redirect", "unreadable_redirect"},
		{"with a user", "https://a@storage.example/", "unreadable_redirect", "unreadable_redirect", "unreadable_redirect"},
		{"with the owner's credential", "https://storage.example/?private_token=" + ownerCredential, "redirect_credential", "redirect_credential", "redirect_credential"},
		{"with it to the forge", upstream.URL + "/?private_token=" + ownerCredential, "redirect_credential", "redirect_credential", "redirect_credential"},
		{"with it escaped", "/?t=" + strings.ReplaceAll(url.QueryEscape(ownerCredential), "-", "%252D"), "redirect_credential", "redirect_credential", "redirect_credential"},
		{"with it in Basic", "/?t=" + url.QueryEscape(basic), "redirect_credential", "redirect_credential", "redirect_credential"},
		{"with it in a JWT", "/?t=a." + base64.RawURLEncoding.EncodeToString([]byte(`{"pat":"`+ownerCredential+`"}`)) + ".b", "redirect_credential", "redirect_credential", "redirect_credential"},
		{"with the token", "https://storage.example/?t=" + g.token, "redirect_credential", "redirect_credential", "redirect_credential"},
	} {
		t.Run(c.name, func(t *testing.T) {
			location = c.location
			for _, each := range []struct {
				g            *gateway
				target, want string
			}{{g, plain, c.plain}, {g, download, c.away}, {listed, download, c.listed}} {
				a := each.g.raw(t, get(each.target, "PRIVATE-TOKEN: "+each.g.token))
				got := a.header.Get("Location")
				if strings.HasSuffix(each.want, "_redirect") || strings.HasSuffix(each.want, "_credential") {
					a.wants(t, 502, each.want)
					if got != "" || each.g.sink.last(t).Failure != reply.FailureRedirect {
						t.Errorf("%s: %q, failure %q", each.target, got, each.g.sink.last(t).Failure)
					}
				} else if got != each.want || a.status != 302 {
					t.Errorf("%s: %d %q, want %q; %s", each.target, a.status, got, each.want, a.body)
				}
				if a.header.Get("Refresh") != "" || strings.Contains(a.body, "evil.example") || strings.Contains(a.body, ownerCredential) {
					t.Errorf("%v %s", a.header, a.body)
				}
			}
		})
	}
	t.Run("a Location that is none of a redirect is one all the same", func(t *testing.T) {
		location, status = "https://evil.example/", http.StatusCreated
		g.raw(t, get(plain, "PRIVATE-TOKEN: "+g.token)).wants(t, 502, "foreign_redirect")
	})
	t.Run("a caller with a credential of the forge's own gets what the forge said", func(t *testing.T) {
		location, status = "https://evil.example/", http.StatusFound
		if a := g.raw(t, get(plain, "PRIVATE-TOKEN: glpat-x")); a.header.Get("Location") != location {
			t.Errorf("%v", a.header)
		}
	})
}
