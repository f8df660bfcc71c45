package params

import (
	"bytes"
	"unicode/utf8"

	"patgate/routes"
	"patgate/routes/params/names"
	"patgate/routes/params/refusal"
	"patgate/routes/percent"
)

// Query reads a raw query, without the '?'. It is read once, before the body.
func (s *Set) Query(raw []byte) error { return s.pairs(raw, inQuery) }

// Form reads a whole application/x-www-form-urlencoded body.
func (s *Set) Form(raw []byte) error {
	s.bodyRead = true
	return s.pairs(raw, inBody)
}

// pairs reads name=value pairs that '&' separates. ';' separates nothing: it is data, as in GitLab. Empty pairs carry
// nothing and are left out.
func (s *Set) pairs(raw []byte, p place) error {
	n := 0
	for len(raw) > 0 {
		pair := raw
		if i := bytes.IndexByte(raw, '&'); i >= 0 {
			pair, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		if len(pair) == 0 {
			continue
		}
		if n++; n > MaxPairs {
			return refusal.New(refusal.CodeTooMany, "too many parameters: send at most 1000")
		}
		if p == inQuery && s.Memo != nil {
			known, err := s.recall(pair)
			if err != nil {
				return err
			}
			if known {
				continue
			}
		}
		e := entry{name: pair, bare: true}
		if i := bytes.IndexByte(pair, '='); i >= 0 {
			e = entry{name: pair[:i], value: pair[i+1:]}
		}
		d, err := s.pair(e, p)
		if err != nil {
			return err
		}
		if p == inQuery && s.Memo != nil && d.kind != entryDropped {
			s.remember(pair, &d)
		}
	}
	return nil
}

// pair decodes, checks and records one parameter.
func (s *Set) pair(e entry, p place) (d decision, err error) {
	var ok bool
	if e.name, ok = s.decode(e.name); !ok {
		return d, refusal.New(refusal.CodeEscape,
			"a parameter name has a percent sign that is not followed by two hexadecimal digits: "+
				"write it as %25")
	}
	if e.value, ok = s.decode(e.value); !ok {
		return d, refusal.Named(refusal.CodeEscape, e.name,
			"has a percent sign that is not followed by two hexadecimal digits: write it as %25")
	}
	return s.add(e, p)
}

// add checks and records one decoded parameter of a query, a form or a multipart body.
func (s *Set) add(e entry, p place) (d decision, err error) {
	l, err := s.readName(e, p)
	if err != nil {
		return d, err
	}
	if d, err = s.decide(l); err != nil {
		return d, err
	}
	if err := s.seen(l.name, p, d.repeats()); err != nil {
		return d, err
	}
	switch e.kind = d.kind; {
	case d.kind == entryDropped:
		return d, nil
	case d.kind == entryTarget:
		e.target = len(s.Targets)
		if err := s.addTarget(l, d.rule); err != nil {
			return d, err
		}
	case d.kind == entryRepeat:
		s.repeats = append(s.repeats, repeat{name: l.name, value: l.value})
	case d.undeclared:
		s.Undeclared++
	}
	s.readCommands(l.name, l.value, true)
	if p == inQuery {
		s.query = append(s.query, e)
	} else {
		s.body = append(s.body, e)
	}
	return d, nil
}

// readName checks the text of a parameter and brings its name into canonical form.
func (s *Set) readName(e entry, p place) (leaf, error) {
	l := leaf{name: e.name, value: e.value, place: p}
	switch {
	case len(e.name) > MaxName:
		return l, refusal.Named(refusal.CodeName, e.name, "has a name longer than 256 bytes")
	case refusal.HoldsToken(e.name), refusal.HoldsToken(e.value):
		return l, refusal.Named(refusal.CodeSecret, e.name,
			"holds a patgate token: tokens belong in a header, and never into what is sent on")
	}
	if err := checkText(e.name, e.value, p == inBody); err != nil {
		return l, err
	}
	if names.PlainName(e.name) {
		return l, nil
	}
	start := len(s.buf)
	canonical, depth, ok := names.AppendCanonical(s.buf, e.name)
	switch {
	case ok && depth > MaxDepth:
		return l, refusal.Named(refusal.CodeTooDeep, e.name, "is nested deeper than 32 levels")
	case ok:
		s.buf, l.name = canonical, canonical[start:]
	case names.OddName(e.name):
		l.odd = true
	default:
		return l, s.refuseOdd(e.name)
	}
	return l, nil
}

// addTarget records a reference that has to be checked.
func (s *Set) addTarget(l leaf, r rule) error {
	v := Value{Target: r.target, Find: r.find, text: l.value}
	kind := s.route.Find.Ref
	if v.Name = s.route.Find.Name; r.target != nil {
		v.Name, kind = r.target.Param, r.target.Ref
	}
	value := l.value
	if r.target != nil && r.target.Before != "" {
		value, v.rest, _ = bytes.Cut(l.value, []byte(r.target.Before))
		v.rest = l.value[len(value):]
	}
	ref, ok := s.reference(kind, v.byPath(s.route), value)
	switch {
	case s.route.Named && l.place == inQuery && s.route.Method != "GET":
		return refusal.Named(refusal.CodePlaces, l.name,
			"belongs in the body: where there is one the forge reads no query, and would choose an "+
				"unchecked container")
	case !ok && s.route.Named && v.byPath(s.route):
		return refusal.Named(refusal.CodeReference, l.name,
			"must be the name of one "+kind.String()+"; leave it out when there is none")
	case !ok:
		return refusal.Named(refusal.CodeReference, l.name, "must name one "+kind.String()+
			" by its numeric id or its full path; leave it out when there is none")
	}
	if v.Ref = ref; len(s.Targets) == MaxTargets {
		return refusal.New(refusal.CodeTooMany, "the request names too many containers: send at most 100 in one request")
	}
	s.Targets = append(s.Targets, v)
	return nil
}

// reference reads a reference as the row's forge does. On a forge that names containers by names, the row says whether a
// parameter holds a name or an id; the other is refused.
func (s *Set) reference(kind routes.RefKind, byPath bool, value []byte) (routes.Reference, bool) {
	if s.route.Named && byPath {
		return routes.ParseName(kind, value)
	}
	ref, ok := routes.ParseReference(kind, value)
	return ref, ok && (!s.route.Named || ref.ID != 0)
}

// seen records a name and refuses what forges would merge or overwrite.
func (s *Set) seen(name []byte, p place, many bool) error {
	root := names.RootOf(name)
	for i := range s.names {
		o := &s.names[i]
		switch {
		case o.place != p:
			if string(o.root) == string(root) {
				return refusal.Named(refusal.CodePlaces, name, "stands in the query and in the body: send it in one of them")
			}
		case string(o.name) == string(name):
			if many && o.many || bytes.Contains(name, []byte("[]")) {
				return nil
			}
			return refusal.Named(refusal.CodeDuplicate, name, "is sent more than once: send it once")
		case string(o.root) == string(root) && names.Conflicting(o.name, name):
			return refusal.Named(refusal.CodeShape, name,
				"is sent as a value, a list and an object at the same time: send it in one shape")
		}
	}
	if len(s.names) == 2*MaxPairs { // every name is compared with all before it
		return refusal.New(refusal.CodeTooMany, "too many parameters: send at most 1000")
	}
	s.names = append(s.names, nameSeen{name: name, root: root, place: p, many: many})
	return nil
}

// decode undoes percent and plus encoding, once. Text without either is not copied.
func (s *Set) decode(raw []byte) (text []byte, ok bool) {
	plain := true
	for _, c := range raw {
		if c == '%' || c == '+' {
			plain = false
			break
		}
	}
	if plain {
		return raw, true
	}
	start := len(s.buf)
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if c, ok = percent.Decode(raw[i:]); !ok {
				return nil, false
			}
			i += 2
		}
		s.buf = append(s.buf, c)
	}
	return s.buf[start:], true
}

// checkText refuses control characters and what is not UTF-8. Values of a body may hold tabs and line ends.
func checkText(name, value []byte, body bool) error {
	wide := false
	for _, c := range name {
		if c < 0x20 || c == 0x7f {
			return refusal.Named(refusal.CodeControl, name, "has a control character in its name")
		}
		wide = wide || c >= utf8.RuneSelf
	}
	for _, c := range value {
		if (c < 0x20 || c == 0x7f) && !(body && (c == '\n' || c == '\r' || c == '\t')) {
			return refusal.Named(refusal.CodeControl, name,
				"holds a control character; in a body, only tabs and line ends are read the same way "+
					"everywhere")
		}
		wide = wide || c >= utf8.RuneSelf
	}
	if wide && !(utf8.Valid(name) && utf8.Valid(value)) {
		return refusal.Named(refusal.CodeUTF8, name, "is not UTF-8")
	}
	return nil
}
