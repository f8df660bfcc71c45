package surface

import (
	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
	"patgate/proxy/reply/filter"
	"patgate/routes"
)

// Surface reads and refuses the requests of one protocol. It is used by many requests at once.
type Surface interface {
	// Name is for logs and tests.
	Name() string
	// Has tells whether a raw path, without a query, is the surface's. base is the path of the REST API.
	Has(path []byte, base string) bool
	// Unseal finds out whose sealed text a request carries where one is good for something, and refuses it everywhere else.
	Unseal(q *Request) *reply.Refusal
	// Classify reads method and target into an operation. Nothing after it looks at the target again. With an error the
	// operation has a row only where one was found and the request is refused on it.
	Classify(q *Request, op *routes.Operation) (Visit, error)
	// Refuse writes a refusal in the protocol's words behind what every refusal has.
	Refuse(q *Request, n *reply.Notice, out *fasthttp.Response)
}

// Finder is a surface whose Classify alone does not say on which row a request is judged.
type Finder interface {
	// Find reads method and target into the operation, for explaining it.
	Find(q *Request, op *routes.Operation) error
}

// ForAll is a surface with requests that patgate answers itself, everybody in the same way.
type ForAll interface {
	// ForAll gives the answer; nil: the request is none of these.
	ForAll(q *Request) *Answer
}

// Literal is a surface that does not take a doubled slash for one.
type Literal interface {
	// Literal tells whether that is so on a path.
	Literal(path []byte) bool
}

// ReadsByPost is a surface on which some POSTs only read.
type ReadsByPost interface {
	// ReadsByPost tells whether a POST to a path does.
	ReadsByPost(path []byte) bool
}

// WritesByGet is a surface on which some GETs do more than read. All surfaces are asked, whichever has the path.
type WritesByGet interface {
	// WritesByGet tells whether a GET does. target is decoded, in small letters.
	WritesByGet(path, target []byte) bool
}

// Attaches is a surface whose answers name files by addresses of patgate's.
type Attaches interface {
	// Attached gives what makes the addresses; nil: nobody can say whose the files of this answer are.
	Attached(q *Request, j *Judgement) filter.Attached
}

// Pages is a surface for browsers: what it serves passes or does not as web pages do.
type Pages interface {
	// ForBrowsers marks it.
	ForBrowsers()
}

// Elsewhere is a surface that sends some requests to another server than the forge.
type Elsewhere interface {
	// Upstream gives that server; nil is the forge.
	Upstream(path []byte) *Upstream
}

// Visit is one request on a surface, from its classification to its answer.
type Visit interface {
	// Read reads what the body says of what the request does. It is called when the plan did not deny.
	Read(q *Request, b *Body, j *Judgement) error
	// Act adds the acts that the surface alone knows of to those that the row and the parameters name.
	Act(q *Request, j *Judgement) error
	// Explain says more of a denial, where the surface knows more than the decision.
	Explain(q *Request, j *Judgement, r *reply.Refusal)
	// Rebuild writes what is sent, from what was decided. The head is written afterwards.
	Rebuild(q *Request, b *Body, j *Judgement, s *Sending) error
}

// Judge is a visit that is judged in another way than Judgement.Ordinary.
type Judge interface {
	Judge(q *Request, b *Body, j *Judgement) error
}

// Special is a surface that passes some fields of the forge's answers in its own way.
type Special interface {
	// Special gives what passes them; nil: there are none in this answer. redirects tells of secrets.
	Special(q *Request, j *Judgement, redirects *reply.Redirects) reply.Special
}

// Proves is a surface on which a good answer may show that the forge has looked at a credential of its own, and accepted it.
type Proves interface {
	// Proves tells whether a good answer to the request does. Its credential stands alone, in a header.
	Proves(q *Request, b *Body) bool
}

// Denied is a visit that is told when the forge refused the credential that was sent.
type Denied interface {
	Denied(j *Judgement)
}

// Blind is a visit about which little can be said before its body is there.
type Blind interface {
	// NeedsBody tells whether nothing can.
	NeedsBody() bool
}

// Own is a visit that patgate may answer in the forge's place, once it is allowed.
type Own interface {
	// Answer gives the answer; nil: the forge is asked.
	Answer(q *Request, j *Judgement) (*Answer, error)
}

// Rewriter is a visit whose answer is written anew for the client.
type Rewriter interface {
	// Rewrites gives how many bytes are read of an answer with the status; 0: it passes as it is.
	Rewrites(status int) int64
	// Rewrite gives the body that the client gets, and its media type.
	Rewrite(q *Request, j *Judgement, status int, body []byte) (written []byte, mediaType string, err error)
}

// Refuser is a visit that may say a refusal in its own way.
type Refuser interface {
	// Refuse writes the answer, and tells whether it did. sending: the body is on its way to the forge.
	Refuse(b *Body, j *Judgement, n *reply.Notice, sending bool, out *fasthttp.Response) bool
}

// Answer is one that patgate makes itself.
type Answer struct {
	Status int
	Header [][2]string
	Body   []byte
}

// Plain is what visits have in common that have nothing to say of their own.
type Plain struct{}

// Act adds nothing.
func (Plain) Act(*Request, *Judgement) error { return nil }

// Explain says nothing.
func (Plain) Explain(*Request, *Judgement, *reply.Refusal) {}

// Of gives the surface that a raw path belongs to: the first that has it. The last has every path.
func Of(list []Surface, path []byte, base string) Surface {
	for _, s := range list {
		if s.Has(path, base) {
			return s
		}
	}
	return list[len(list)-1]
}
