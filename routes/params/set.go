package params

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/routes"
	"patgate/routes/params/names"
	"patgate/routes/params/refusal"
)

// ErrUnresolved is returned by the writing half when Set.Resolve has not given an id for everything that needs one. It
// is a mistake of the caller, and nothing may be forwarded.
var ErrUnresolved = errors.New("a container named in a parameter has no checked id")

// Value is one occurrence of a parameter that names a container which has to be checked.
type Value struct {
	Name   string           // canonical name, as in the row
	Ref    routes.Reference // what the client sent; its Path points into the request or the Set
	Target *routes.Target   // the row's target; nil when the parameter is only the row's Find
	Find   bool             // the parameter is the row's Find
	text   []byte
	rest   []byte // what follows the reference in the value: see routes.Target.Before
}

// byPath tells whether the forge wants a full path or name in the parameter, and not an id.
func (v *Value) byPath(r *routes.Route) bool {
	if v.Target == nil {
		return r.Find.SendPath
	}
	return v.Target.SendPath
}

// Set holds what was read from the query and the body of one request. It may be reused after Reset and then allocates
// nothing for ordinary queries. It points into the bytes it was given: they must stay as they are until the request has
// been forwarded. A Set is for one goroutine.
type Set struct {
	// Targets are the references that were found, those of the query first, each in the order in which it stands.
	Targets []Value
	// Commands are what the texts of the request would have the forge do: see routes.Route.Texts.
	Commands []FoundCommand
	// Undeclared counts the values that passed without being declared by the row.
	Undeclared int
	// NamesOwner tells that a value names the owner of the path's project by the name that stands in the path: see
	// routes.Target.Before. It is sent as it came, so that it must be the owner's present name.
	NamesOwner bool
	// Memo, when not nil, remembers parameters from one request to the next. Reset keeps it.
	Memo *Memo

	route    *routes.Route
	captures []routes.Capture
	query    []entry
	body     []entry
	names    []nameSeen
	repeats  []repeat
	buf      []byte // decoded bytes
	scratch  []byte
	key      []byte // a name that is looked up

	given []*routes.TextField // the row's texts that the request has, and that are not blank

	nested     []string // the parameters inside objects that the row refuses; read when they are first asked for
	nestedRead bool

	bodyRead bool // a form or a multipart body was read: the elements of its lists cannot be counted
	elements []int
	path     []byte
	frames   []frame
	decoder  *jsontext.Decoder
	long     bool   // a pass before the present one was over a long body
	fromJSON int    // index of the first target that a JSON body gave
	out      output // a JSON body as it is sent; in a draft without the gaps
	gaps     []gap  // in order
	drafted  bool   // it is whole

	resolved     bool
	id           []byte // decimal id of the path's first reference
	replacements [][]byte
}

// entry is one parameter of a query, a form or a multipart head.
type entry struct {
	name   []byte // as sent, decoded
	value  []byte // decoded
	bare   bool   // there was no '='
	kind   entryKind
	plain  bool // it is written as it is: name and value need no encoding, and nothing takes their place
	target int  // index into Targets
}

type entryKind uint8

const (
	entryPlain   entryKind = iota
	entryTarget            // written with the replacement of Targets[target]
	entryDropped           // it is not written
	entryRepeat            // repeats the path's first reference: written with its id
)

// place says in which half of the request a parameter stands.
type place uint8

const (
	inQuery place = iota
	inBody
)

// nameSeen is one distinct canonical name that was read.
type nameSeen struct {
	name  []byte
	root  []byte // its first component
	place place
	many  bool // the row lets the name be repeated
}

// repeat is a parameter that repeats the path's first reference.
type repeat struct{ name, value []byte }

// readLong tells whether the decoder was given more than is kept: it may have held all of it, as one string, a number, white
// space, or a text that never ended.
func (s *Set) readLong() bool {
	d := s.decoder
	return d != nil && d.InputOffset()+int64(len(d.UnreadBuffer())) > maxKeptBuffer
}

// shedJSON forgets what was written, and gives back what has become long of a long body, in whichever pass.
func (s *Set) shedJSON() {
	s.out.shed()
	if s.long || s.readLong() {
		s.decoder, s.long = nil, false
	}
}

// Reset makes the Set ready for a request of a row. The captures are those of the request's path (Operation.Captures).
func (s *Set) Reset(route *routes.Route, captures []routes.Capture) {
	if cap(s.buf) > maxKeptBuffer || cap(s.scratch) > maxKeptBuffer {
		s.buf, s.scratch = nil, nil
	}
	s.shedJSON()
	s.gaps, s.drafted = emptied(s.gaps), false
	s.Targets, s.Commands, s.Undeclared, s.NamesOwner = emptied(s.Targets), emptied(s.Commands), 0, false
	s.route, s.captures = route, captures
	s.query, s.body, s.names, s.repeats = emptied(s.query), emptied(s.body), emptied(s.names), emptied(s.repeats)
	s.buf, s.scratch, s.key = s.buf[:0], s.scratch[:0], s.key[:0]
	s.given, s.nested, s.nestedRead = emptied(s.given), emptied(s.nested), false
	s.bodyRead = false
	s.fromJSON = 0
	s.elements = s.elements[:0]
	s.path = s.path[:0]
	s.frames = s.frames[:0]
	s.resolved, s.replacements, s.id = false, nil, s.id[:0]
	for range route.Targets {
		s.elements = append(s.elements, 0)
	}
}

// emptied empties a slice that keeps its memory. Most are empty already.
func emptied[T any](s []T) []T {
	if len(s) > 0 {
		clear(s)
	}
	return s[:0]
}

// Complete refuses a request that lacks a target which the row requires, and notes what a template may hold where it lacks
// a text. It is called once, after the query and the body (of a multipart body: its head) were read. A required target
// inside a list must stand in every element of the list.
func (s *Set) Complete() error {
	s.readTemplates()
	for i := range s.route.Targets {
		t := &s.route.Targets[i]
		if t.Param == "" || !t.Required {
			continue
		}
		found := 0
		for j := range s.Targets {
			if s.Targets[j].Target == t {
				found++
			}
		}
		list := listOf(t.Param)
		switch {
		case found == 0:
			return refusal.Named(refusal.CodeMissing, []byte(t.Param),
				"is required: without it the forge would choose an unchecked container")
		case list != "" && (s.bodyRead || s.inQuery(names.RootOf([]byte(t.Param)))):
			return refusal.Named(refusal.CodeMissing, []byte(t.Param),
				"is required in every element of "+list+": send the request as JSON, where the elements can be told apart")
		case list != "" && found != s.elements[i]:
			return refusal.Named(refusal.CodeMissing, []byte(t.Param), "is required in every element of "+list)
		}
	}
	return nil
}

func (s *Set) inQuery(root []byte) bool {
	for i := range s.names {
		if s.names[i].place == inQuery && string(s.names[i].root) == string(root) {
			return true
		}
	}
	return false
}

// Asks tells whether one of these parameters stands in the query, in whatever shape.
func (s *Set) Asks(params []string) bool {
	for _, p := range params {
		if s.inQuery([]byte(p)) {
			return true
		}
	}
	return false
}

// listOf gives the innermost list that holds a parameter: a[].b[].c gives a[].b[]. Empty: none.
func listOf(param string) string {
	for i := len(param) - 1; i > 0; i-- {
		if param[i] == ']' {
			return param[:i+1]
		}
	}
	return ""
}

// Resolve takes the outcome of the decision: the numeric id of the path's first reference (0 when the path has none), and for
// each of Targets the text to send in its place, which is the numeric id, or the full path where Target.SendPath or Find.SendPath
// asks for it.
// It refuses parameters that repeat the path's reference with another id. When the reference has no id to send (a username, a row
// that answers anybody), the path is sent as it came, and a parameter that repeats it must be the same. The replacements are kept
// until Reset.
func (s *Set) Resolve(id int64, replacements [][]byte) error {
	if len(replacements) != len(s.Targets) {
		return ErrUnresolved
	}
	for i := range s.Targets {
		v := &s.Targets[i]
		sendPath := v.byPath(s.route)
		ref, ok := s.reference(v.Ref.Kind, sendPath, replacements[i])
		if !ok || sendPath != (ref.ID == 0) {
			return fmt.Errorf("replacing parameter %q: %w", v.Name, ErrUnresolved)
		}
		if len(v.rest) > 0 {
			replacements[i] = append(slices.Clip(replacements[i]), v.rest...)
		}
	}
	if s.id = s.id[:0]; id > 0 {
		s.id = strconv.AppendInt(s.id, id, 10)
	}
	for _, r := range s.repeats {
		if !s.repeatsPath(r.value) && string(r.value) != string(s.id) {
			return refusal.Named(refusal.CodePathDiffers, r.name, "repeats the path with another value: leave it out")
		}
	}
	s.replacements, s.resolved = replacements, true
	return nil
}

// ready tells whether everything that has to be replaced has its replacement.
func (s *Set) ready() bool { return s.resolved || len(s.Targets) == 0 && len(s.repeats) == 0 }

// sent gives the bytes to send for an entry.
func (s *Set) sent(e *entry) []byte {
	switch e.kind {
	case entryTarget:
		return s.replacements[e.target]
	case entryRepeat:
		if len(s.id) > 0 {
			return s.id
		}
	}
	return e.value
}
