package session

import (
	"net"
	"net/http"
	"net/netip"
)

// Cookies are the console's. With https they have the prefix __Host-: browsers then take them from this very host only, over
// https, and for its whole path. Over plain http, which is for this machine alone, they cannot have it.
type Cookies struct {
	Secure bool // https
}

func (c Cookies) name(name string) string {
	if c.Secure {
		return "__Host-" + name
	}
	return name
}

// Set has the browser keep a value, which it sends with requests from pages of this site alone; none has it forget the cookie.
func (c Cookies) Set(w http.ResponseWriter, name, value string) {
	c.set(w, name, value, http.SameSiteStrictMode)
}

// SetLax is Set for a value that browsers also send when they follow a link from elsewhere.
func (c Cookies) SetLax(w http.ResponseWriter, name, value string) {
	c.set(w, name, value, http.SameSiteLaxMode)
}

func (c Cookies) set(w http.ResponseWriter, name, value string, site http.SameSite) {
	cookie := &http.Cookie{
		Name:     c.name(name),
		Value:    value,
		Path:     "/",
		HttpOnly: true,
		Secure:   c.Secure,
		SameSite: site,
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// Get gives the value of a cookie; none when it came twice.
func (c Cookies) Get(r *http.Request, name string) string {
	found := r.CookiesNamed(c.name(name))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// Remote gives the address of a connection's other end, host:port or a host alone. It is the zero Addr for any other text.
func Remote(text string) netip.Addr {
	host, _, err := net.SplitHostPort(text)
	if err != nil {
		host = text
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}
