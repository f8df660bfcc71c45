package proxy

import (
	"net/http"
	"patgate/proxy/legacy"
	"slices"
	"testing"
)

// TestOwnPages: where patgate's own pages share the address, a page of the forge's (here one that a made-up credential in the
// query brings through) is a document without an origin, whatever policy the forge gives it.
func TestOwnPages(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src *")
	})
	for _, own := range []bool{false, true} {
		g := newGateway(t, upstream.URL, func(o *Options) { o.OwnPages, o.Legacy = own, legacy.Allow })
		for name, raw := range map[string]string{
			"a page":                 get("/group/granted?private_token=junk"),
			"the API":                get("/api/v4/version", "PRIVATE-TOKEN: glpat-x"),
			"the API with a token":   get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token),
			"a refusal is patgate's": get("/api/v4/projects/8/jobs", "PRIVATE-TOKEN: "+g.token),
		} {
			t.Run(name, func(t *testing.T) {
				a := g.raw(t, raw)
				want := []string{"default-src *"}
				switch {
				case a.status == http.StatusForbidden:
					want = nil
				case own:
					want = append(want, "sandbox")
				}
				if got := a.header.Values("Content-Security-Policy"); !slices.Equal(got, want) {
					t.Errorf("status %d, policies %q, want %q", a.status, got, want)
				}
			})
		}
	}
}
