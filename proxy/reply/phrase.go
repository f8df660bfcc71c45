package reply

import (
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/policy"
)

// maxPhrase bounds what a status line says behind the name of the status, in bytes: some clients read a line of 1 KiB or less.
const maxPhrase = 240

// appendPhrase appends the reason phrase of the status line: the name of the status and, behind it, what is missing, or why.
// Many clients show nothing else of a refusal: helm, twine, gem, composer, wget, Go's and Python's. It is made of permission
// names and reasons, which are patgate's own, and holds nothing of the request. RFC 9112, 4, allows tabs, spaces and visible
// characters; what is not visible ASCII is left out.
func (n *Notice) appendPhrase(dst []byte) []byte {
	dst = append(dst, fasthttp.StatusMessage(n.Status)...)
	start := len(dst)
	switch {
	case n.Status < fasthttp.StatusBadRequest, n.Status == fasthttp.StatusNotFound, n.Challenge == ChallengeMissing:
		return dst // nothing that the status does not say
	case n.Decision == nil || len(n.Missing) == 0:
		dst = append(append(dst, ": "...), words(n.Reason)...)
	default:
		dst = append(dst, ": missing "...)
		for i, name := range n.Missing {
			if len(dst)-start+len(name) > maxPhrase {
				dst = append(dst, ", ..."...)
				break
			}
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(dst, name...)
		}
		if n.Decision.Reason != policy.ReasonPermissionMissing {
			dst = append(append(append(dst, " ("...), words(n.Reason)...), ')')
		}
	}
	kept := dst[:start]
	for _, c := range dst[start:] {
		if c >= ' ' && c < 0x7f {
			kept = append(kept, c)
		}
	}
	return kept
}

// words writes a reason for people: out_of_bounds becomes out of bounds.
func words(reason string) string { return strings.ReplaceAll(reason, "_", " ") }

// brief is a denial in a sentence or two, for clients that show one field of a body: what lacks, and where to get it.
func (n *Notice) brief() string {
	if n.Decision == nil {
		return n.Text
	}
	var b strings.Builder
	b.WriteString("Access denied")
	if len(n.Missing) > 0 {
		b.WriteString(": missing " + strings.Join(n.Missing, ", "))
		if n.Boundary != "" {
			b.WriteString(" (" + n.Boundary + " permission)")
		}
	}
	b.WriteByte('.')
	if n.Message != "" {
		b.WriteString(" " + n.Message)
	}
	if n.GrantURL != "" {
		b.WriteString(" Grant it: " + n.GrantURL)
	}
	return b.String()
}
