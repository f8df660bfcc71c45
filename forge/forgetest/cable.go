package forgetest

import (
	"net/http"
	"strings"

	"patgate/forge/forgetest/cable"
)

// serveCable upgrades to a websocket and sends every message back.
func (f *Forge) serveCable(w http.ResponseWriter, r *http.Request, rec *record) {
	key := r.Header.Get("Sec-Websocket-Key")
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" {
		answerError(http.StatusBadRequest, "400 Bad request").write(w)
		return
	}
	query := parseQuery(r.URL.RawQuery)
	c := &call{f: f, r: r, rec: rec, params: query, rails: query}
	if a, halted := c.enter(&route{open: true}); halted {
		a.write(w)
		return
	}
	cable.Serve(w, key)
}
