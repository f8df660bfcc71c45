package forge

import (
	"fmt"
	"net/url"
	"strings"
)

// ErrRedirected means that the forge sends to another address whatever it is asked. It is ErrUnavailable too.
var ErrRedirected = fmt.Errorf("%w: it redirects", ErrUnavailable)

// redirectedError is ErrRedirected with where it leads.
type redirectedError struct{ to, base string }

// Redirected is the error for a forge that answered with a redirect instead of what was asked for. base is the forge's
// address in the redirect, when it leads to the same path at another address, else empty.
func Redirected(location, base string) error {
	to, _, _ := strings.Cut(location, "?")
	if u, err := url.Parse(location); err == nil {
		to = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String() // without what may be a secret
	}
	return &redirectedError{to, base}
}

func (e *redirectedError) Error() string {
	if e.base != "" {
		return fmt.Sprintf("the forge redirects whatever it is asked to %s (fix: set upstream.url: %s; where that name leads to "+
			"patgate, say by upstream.connect where the forge listens)", e.base, e.base)
	}
	return fmt.Sprintf("the forge redirects to %s, where its API does not answer (fix: let patgate past what asks for a login "+
		"there, or say by upstream.url and upstream.connect where the forge itself is)", e.to)
}

func (e *redirectedError) Unwrap() error { return ErrRedirected }

// MovedTo tells whether a Location leads to the very target that was asked for at another address, and gives that address, which
// has another scheme or name, or another path in front. target includes the root that the forge lies under.
func MovedTo(location, target, root string) (base string, moved bool) {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	path := u.EscapedPath()
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	before, is := strings.CutSuffix(path, strings.TrimPrefix(target, root))
	if !is {
		return "", false
	}
	return u.Scheme + "://" + u.Host + before, true
}
