package config

import (
	"encoding"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Every value type reads itself from text and prints itself as it would be written in the file.
var (
	_ encoding.TextUnmarshaler = (*Duration)(nil)
	_ encoding.TextUnmarshaler = (*Size)(nil)
	_ encoding.TextUnmarshaler = (*URL)(nil)
	_ encoding.TextUnmarshaler = (*Base)(nil)
	_ encoding.TextUnmarshaler = (*Connect)(nil)
	_ encoding.TextUnmarshaler = (*Proxy)(nil)
	_ encoding.TextUnmarshaler = (*Prefix)(nil)
	_ encoding.TextUnmarshaler = (*FileMode)(nil)
	_ encoding.TextUnmarshaler = (*Secret)(nil)
)

const day = 24 * time.Hour

// Duration is a length of time, written as 500ms, 30s, 5m, 2h or 90d.
type Duration time.Duration

// Std gives the duration as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes whole days as days, and everything else without zero parts: 90d, 5m, 1m30s.
func (d Duration) String() string {
	v := time.Duration(d)
	if v != 0 && v%day == 0 {
		return strconv.FormatInt(int64(v/day), 10) + "d"
	}
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// UnmarshalText reads a duration that is not negative; a unit is required.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return errors.New("not a number of days: write 90d")
		}
		*d = Duration(time.Duration(n) * day)
		return nil
	}
	v, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return errors.New("not a duration: write a number with a unit, such as 500ms, 30s, 5m, 2h or 90d")
	case v < 0:
		return errors.New("negative: write 0s or more")
	}
	*d = Duration(v)
	return nil
}

// Size is a number of bytes, written as 4096, 64KiB, 10MiB or 1GiB.
type Size int64

var sizeUnits = [...]struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	number, factor := string(text), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return errors.New("not a size: write a number of bytes, or one with KiB, MiB or GiB")
	}
	*s = Size(int64(n) * factor)
	return nil
}

// URL is an origin: http or https, a host, perhaps a port.
type URL struct{ origin string }

// ParseURL reads an origin; a trailing slash is dropped, scheme and host are lower-cased.
func ParseURL(s string) (URL, error) {
	b, err := ParseBase(s)
	if err == nil && b.path != "" {
		return URL{}, fmt.Errorf("has a path: write %s", b.origin)
	}
	return b.URL, err
}

// String gives the origin without a trailing slash.
func (u URL) String() string { return u.origin }

// Base is an address below which a forge, or patgate, has everything: an origin and perhaps a path.
type Base struct {
	URL
	path string // "/gitlab"
}

// ParseBase reads the address of a base; a trailing slash is dropped, scheme and host are lower-cased.
func ParseBase(s string) (Base, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return Base{}, errors.New("not an address: write scheme and host, such as https://gitlab.example.com")
	case u.User != nil:
		return Base{}, errors.New("has a user name or password in it: leave them out")
	case u.RawQuery != "", u.Fragment != "", u.ForceQuery:
		return Base{}, fmt.Errorf("has a query: write %s://%s", u.Scheme, u.Host)
	}
	path := strings.TrimSuffix(u.Path, "/")
	if path != "" && !plainPath.MatchString(u.EscapedPath()) {
		return Base{}, errors.New("has a path that servers may read in different ways: write names of letters, digits, " +
			"'-', '_' and '.', such as https://git.example.com/gitlab")
	}
	return Base{URL{strings.ToLower(u.Scheme + "://" + u.Host)}, path}, nil
}

// plainPath is a path of names that every server spells in one way.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+/?$`)

// String gives the address without a trailing slash.
func (b Base) String() string { return b.origin + b.path }

// Path gives the path without a trailing slash; empty: there is none.
func (b Base) Path() string { return b.path }

// UnmarshalText reads the address of a base.
func (b *Base) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBase(string(text))
	return err
}

// Empty tells whether nothing was given.
func (u URL) Empty() bool { return u.origin == "" }

// Host gives host and port as they stand in the address.
func (u URL) Host() string {
	_, host, _ := strings.Cut(u.origin, "://")
	return host
}

// HTTPS tells whether the address is https.
func (u URL) HTTPS() bool { return strings.HasPrefix(u.origin, "https://") }

// Loopback tells whether the address names this machine: localhost or a loopback address.
func (u URL) Loopback() bool {
	parsed, err := url.Parse(u.origin)
	if err != nil {
		return false
	}
	host := parsed.Hostname()
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// UnmarshalText reads an origin.
func (u *URL) UnmarshalText(text []byte) (err error) {
	*u, err = ParseURL(string(text))
	return err
}

// Prefix is a range of addresses, written as 10.0.0.0/8 or as a single address. The zero range, which holds no address, stands
// for those who come over a Unix socket, and is written as unix.
type Prefix struct{ netip.Prefix }

const unixPeers = "unix"

// String gives it as it was written, but for a single address.
func (p Prefix) String() string {
	if p.Prefix == (netip.Prefix{}) {
		return unixPeers
	}
	return p.Prefix.String()
}

// UnmarshalText reads a CIDR range or an address.
func (p *Prefix) UnmarshalText(text []byte) error {
	s := string(text)
	prefix, err := netip.ParsePrefix(s)
	if addr, single := netip.ParseAddr(s); single == nil && addr.Zone() == "" {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case s == unixPeers:
	case err != nil:
		return errors.New("not an address range: write 10.0.0.0/8 or 10.1.2.3, or unix for those who come over a Unix socket")
	case prefix != prefix.Masked():
		return fmt.Errorf("has bits set beyond its prefix length: write %s", prefix.Masked())
	case prefix.Addr().Is4In6() && prefix.Bits() >= 96: // a client's address is never written so
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	p.Prefix = prefix
	return nil
}

// FileMode is who may do what with a file, in octal: 0660.
type FileMode uint16

// String gives it in octal, with a zero in front.
func (m FileMode) String() string { return fmt.Sprintf("%#o", uint16(m)) }

// UnmarshalText reads it.
func (m *FileMode) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 16)
	if err != nil || n > 0o777 {
		return errors.New("not the mode of a file: write it in octal, such as 0660")
	}
	*m = FileMode(n)
	return nil
}

// Secret is text that never prints itself.
type Secret struct{ text string }

// Reveal gives the secret itself.
func (s Secret) Reveal() string { return s.text }

// Empty tells whether nothing was given.
func (s Secret) Empty() bool { return s.text == "" }

// String gives a mask.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "[masked]"
}

// GoString gives the mask too, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText gives the mask too, for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText keeps the text.
func (s *Secret) UnmarshalText(text []byte) error {
	s.text = string(text)
	return nil
}
