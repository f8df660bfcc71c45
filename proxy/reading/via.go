package reading

import (
	"bytes"
	"crypto/rand"
	"strings"

	"patgate/proxy/header"
)

// NewVia makes a name for Via under which a process sends requests on, such as "1.1 patgate-" and 26 random letters. Nobody
// can guess it, and somebody who learns it can only have his own requests refused.
func NewVia() string { return "1.1 patgate-" + rand.Text() }

// returned tells whether the request was sent by this very process: the upstream's address leads back to it, at once or over
// others. A proxy on the way may have written the list anew, so the name is looked for in the text.
func (r *Reader) returned(f *header.Block) bool {
	if !f.Has(header.Via) {
		return false
	}
	name := []byte(strings.TrimPrefix(r.Via, "1.1 "))
	for i := range f.List {
		if l := &f.List[i]; l.Name == header.Via && bytes.Contains(l.Value, name) {
			return true
		}
	}
	return false
}
