package params

import "io"

// gap is where a draft lacks a value that names a container: one byte, which is written over.
type gap struct {
	at     int  // of the byte in the draft
	from   int  // index into Targets, or into repeats
	repeat bool // it repeats the path's first reference
	quoted bool // the client sent a string
}

// DraftJSON is JSON for a body of at most MaxDraft bytes. In the same pass it drafts the body to send: AppendJSON fills in what
// is known after the decision. It is called once between two calls of Reset.
func (s *Set) DraftJSON(src io.Reader) error {
	s.fromJSON = len(s.Targets)
	s.out.begin(nil)
	s.gaps, s.drafted = emptied(s.gaps), false
	err := s.walk(src, &s.out, false)
	s.drafted = err == nil
	return err
}

// Drafted tells whether DraftJSON took a body.
func (s *Set) Drafted() bool { return s.drafted }

// AppendJSON appends what WriteJSON would write of the body that DraftJSON took.
func (s *Set) AppendJSON(dst []byte) ([]byte, error) {
	if !s.Drafted() || !s.ready() {
		return dst, ErrUnresolved
	}
	draft, at := s.out.text, 0
	for _, g := range s.gaps {
		dst = append(dst, draft[at:g.at]...)
		at = g.at + 1
		var err error
		switch {
		case !g.repeat:
			dst, err = appendChecked(dst, g.quoted, s.replacements[g.from])
		case len(s.id) > 0:
			dst, err = appendChecked(dst, g.quoted, s.id)
		case g.quoted:
			dst, err = appendQuoted(dst, s.repeats[g.from].value)
		default: // a number, as it came
			dst = append(dst, s.repeats[g.from].value...)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, draft[at:]...), nil
}

// leaveGap drafts the value that was recorded last.
func (w *walk) leaveGap(kind entryKind, quoted bool) {
	w.out.separate()
	g := gap{at: len(w.out.text), repeat: kind == entryRepeat, quoted: quoted}
	if g.from = len(w.Targets) - 1; g.repeat {
		g.from = len(w.repeats) - 1
	}
	w.gaps = append(w.gaps, g)
	w.out.text = append(w.out.text, '0')
}
