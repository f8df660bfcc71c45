package proxy

import (
	"bytes"
	"crypto/rand"
)

// NewVia makes a name for Via under which a process sends requests on, such as "1.1 patgate-" and 26 random letters. Nobody
// can guess it, and who learns it can have nothing but requests of his own refused.
func NewVia() string { return "1.1 patgate-" + rand.Text() }

// returned tells whether the request was sent by this very process: the upstream's address leads back to it, at once or over
// others. Who stands between may have written the list anew, so that the name is looked for in the text.
func (x *exchange) returned() bool {
	for i := range x.fields.list {
		if f := &x.fields.list[i]; f.field == fieldVia && bytes.Contains(f.value, []byte(x.h.options.Via[len("1.1 "):])) {
			return true
		}
	}
	return false
}
