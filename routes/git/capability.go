package git

import (
	"slices"
	"strings"
)

// Capabilities are what the client asks of a push (gitprotocol-capabilities). Each is known, and stands once.
type Capabilities struct {
	// Report: the client asks for a report on each ref. SideBand: it takes answers in bands, with text for its user.
	Report, SideBand bool

	words   []string // what is sent on, in the order of sentCapabilities
	options bool     // a list of push options follows
	sha256  bool
}

const optionsCapability = "push-options"

// sentCapabilities are the words of a client that git's receive-pack acts on, or keeps for its log.
var sentCapabilities = [...]string{"report-status", "report-status-v2", "side-band-64k", "quiet", "atomic", optionsCapability}

// idleCapabilities are the words that clients send in a push although they say nothing there. They are left out.
var idleCapabilities = [...]string{"delete-refs", "ofs-delta", "thin-pack", "no-thin", "no-progress", "side-band", "include-tag"}

// valuedCapabilities are those with a value.
var valuedCapabilities = [...]string{"object-format", "agent", "session-id"}

// maxCapability bounds the value of a capability, in bytes.
const maxCapability = 512

// parseCapabilities reads the words behind the first command. git finds a word behind any white space and ignores a value behind
// it: to git, "push-options=1" announces options. Here a word is written in one way, or refused.
func parseCapabilities(text []byte) (c Capabilities, err error) {
	for _, b := range text {
		if b < ' ' || b >= 0x7f {
			return c, malformed("its capabilities are not words of visible characters")
		}
	}
	values := [len(valuedCapabilities)]string{}
	var seen []string
	for word := range strings.SplitSeq(string(text), " ") {
		if word == "" {
			continue
		}
		name, value, valued := strings.Cut(word, "=")
		i := slices.Index(valuedCapabilities[:], name)
		known := i >= 0 || slices.Contains(sentCapabilities[:], name) || slices.Contains(idleCapabilities[:], name)
		switch {
		case !known:
			return c, malformed("the capability " + shown(name) + " is not known")
		case slices.Contains(seen, name):
			return c, malformed("the capability " + name + " appears twice")
		case valued != (i >= 0), valued && (value == "" || len(value) > maxCapability):
			return c, malformed("the capability " + name + " has a value where it takes none, or none where it needs one")
		case name == "object-format" && value != "sha1" && value != "sha256":
			return c, malformed("the format of objects " + shown(value) + " is not known")
		}
		seen = append(seen, name)
		if valued {
			values[i] = value
		}
	}
	for _, name := range sentCapabilities {
		if slices.Contains(seen, name) && name != optionsCapability {
			c.words = append(c.words, name)
		}
	}
	for i, value := range values {
		if value != "" {
			c.words = append(c.words, valuedCapabilities[i]+"="+value)
		}
	}
	c.Report = slices.Contains(seen, "report-status") || slices.Contains(seen, "report-status-v2")
	c.SideBand = slices.Contains(seen, "side-band-64k")
	c.options = slices.Contains(seen, optionsCapability)
	c.sha256 = values[0] == "sha256"
	return c, nil
}

// objectLength is how long the name of an object is. Without a format it is SHA-1.
func (c *Capabilities) objectLength() int {
	if c.sha256 {
		return 64
	}
	return 40
}

// append writes the words; options tells that a list of push options follows.
func (c *Capabilities) append(dst []byte, options bool) []byte {
	for _, word := range c.words {
		dst = append(append(dst, ' '), word...)
	}
	if options {
		dst = append(append(dst, ' '), optionsCapability...)
	}
	return dst
}

// maxShown is how much of a request a message repeats, in bytes.
const maxShown = 60

// shown gives a part of a request in a form that is safe to be shown, shortened.
func shown(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case b.Len() >= maxShown:
			return b.String() + "..."
		case r < ' ' || r >= 0x7f:
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return "(empty)"
	}
	return b.String()
}
