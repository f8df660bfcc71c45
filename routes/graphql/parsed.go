package graphql

import "github.com/vektah/gqlparser/v2/ast"

// Bounds of a document that is worth keeping: it takes some 20 KiB for what clients usually send, and at most about 450.
const (
	keptQuery  = 4 << 10 // bytes
	keptVisits = 1000
)

// Parsed is an operation as it was read from its document. It is never changed: many requests may use it at once. It depends on
// the document and operationName, and never on variables.
type Parsed struct {
	query, name string // its sources: the document, and operationName
	operation   *ast.OperationDefinition
	fragments   ast.FragmentDefinitionList // once it is printed, those that it needs
	printed     []byte                     // the beginning of the request that is sent, without variables; nil: not printed yet
}

// Of tells whether that is what a request asks for.
func (p *Parsed) Of(q *Request) bool { return p.query == q.Query && p.name == q.Operation }

// Parsed is what ReadAgain takes for a request with the same document; nil if the document is too large to be kept.
func (d *Document) Parsed() *Parsed { return d.parsed }
