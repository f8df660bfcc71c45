package params

import (
	"strings"

	"patgate/routes"
	"patgate/routes/memo"
	"patgate/routes/params/names"
)

// Memo remembers parameters of queries that pass on a row whatever else is in the request: per_page=20 need not be judged
// again. The zero value is empty. It is for one goroutine, and for one route table.
type Memo struct{ pairs memo.Of[remembered] }

// remembered is a parameter that passed, as it came.
type remembered struct {
	route      *routes.Route
	name       int  // its length
	bare       bool // there was no '='
	many       bool // the row lets the name be repeated
	undeclared bool
}

// recall records a parameter that passed before. False: it did not, or nobody remembers.
func (s *Set) recall(pair []byte) (known bool, err error) {
	k := s.Memo.pairs.Find(pair)
	if k == nil || k.route != s.route {
		return false, nil
	}
	e := entry{name: pair[:k.name], bare: k.bare, plain: true}
	if !k.bare {
		e.value = pair[k.name+1:]
	}
	if err := s.seen(e.name, inQuery, k.many); err != nil {
		return true, err
	}
	if k.undeclared {
		s.Undeclared++
	}
	s.query = append(s.query, e)
	return true, nil
}

// remember remembers a parameter that was just recorded, if it would pass in every request.
func (s *Set) remember(pair []byte, d *decision) {
	e := &s.query[len(s.query)-1]
	length := len(e.name)
	if !e.bare {
		length += len("=") + len(e.value)
	}
	e.plain = e.kind == entryPlain && unreserved(e.name) && unreserved(e.value)
	if e.plain && length == len(pair) && s.independent(e.name, d) { // nothing in it was encoded
		s.Memo.pairs.Keep(pair, remembered{s.route, len(e.name), e.bare, d.repeats(), d.undeclared})
	}
}

// independent tells whether a decision would be the same with other captures and beside other parameters.
func (s *Set) independent(name []byte, d *decision) bool {
	if d.kind != entryPlain || d.rule.what == routes.ParamTarget || len(s.route.Texts) > 0 || !names.PlainName(name) {
		return false
	}
	switch text := string(name); text {
	case "id", "project_id", "group_id", "user_id": // what the forge calls the path's reference: see namesFirstReference
		return false
	default:
		return !strings.Contains(s.route.Path, text) // it may be a capture's name
	}
}
