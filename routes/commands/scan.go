package commands

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"patgate/routes"
)

// Scan is a position in a text that is read for commands. Make one with Read.
type Scan struct {
	field   *routes.TextField
	text    []byte
	next    int // where to look for the next slash
	line    int // of the position counted, from 1
	counted int
}

// Read begins to read the text of a field for commands.
func Read(f *routes.TextField, text []byte) Scan {
	return Scan{field: f, text: text, line: 1}
}

// named is a command under one of its names.
type named struct {
	name    string
	command *routes.Command
}

// Next gives the next command that needs permissions: the name or alias under which it stands, in small letters, and its
// line, from 1. command is nil at the end of the text. Nothing is allocated.
//
// It finds more than GitLab 19.3 carries out (lib/gitlab/quick_actions/extractor.rb), never less. GitLab takes a slash in
// the first column, a name without regard to case, and then a blank or the end of the line, after it has removed every
// carriage return; it leaves out code, quotes, lists and HTML by its own reading of Markdown. Here blanks may stand before
// the slash, whatever anybody takes for a line end is one, and no Markdown is left out.
func (s *Scan) Next() (name string, line int, command *routes.Command) {
	for {
		i := bytes.IndexByte(s.text[s.next:], '/')
		if i < 0 {
			s.next = len(s.text)
			return "", 0, nil
		}
		slash := s.next + i
		s.next = slash + 1
		if !beginsLine(s.text[:slash]) {
			continue
		}
		found := begins(s.field.Commands, s.text[slash+1:])
		if found.command == nil || found.command.Harmless || found.command.NeedSet(s.field.Kind) == nil {
			continue
		}
		s.count(slash)
		return found.name, s.line, found.command
	}
}

// beginsLine tells whether nothing but blanks stands between the last line end and the end of before.
func beginsLine(before []byte) bool {
	for len(before) > 0 {
		r, size := utf8.DecodeLastRune(before)
		if isLineEnd(r) {
			return true
		}
		if !isBlank(r) {
			return false
		}
		before = before[:len(before)-size]
	}
	return true
}

// Blank tells whether nothing in a text leaves a mark on a page.
func Blank(text []byte) bool {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if !isBlank(r) {
			return false
		}
		text = text[size:]
	}
	return true
}

// isLineEnd tells whether anybody takes r for the end of a line (Unicode 15, section 5.8).
func isLineEnd(r rune) bool {
	return r >= '\n' && r <= '\r' || r == 0x85 || r == 0x2028 || r == 0x2029
}

// isBlank tells whether r leaves no mark on a page: white space, control and format characters.
func isBlank(r rune) bool {
	if r < utf8.RuneSelf {
		return r <= ' ' || r == 0x7f
	}
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// begins gives the command whose name the text begins with, when a blank or the end follows. GitLab removes carriage returns
// first, so a name may go on behind one. The part before it is taken only when the whole gives no command.
func begins(c *routes.Commands, text []byte) (found named) {
	var name [routes.MaxCommandName]byte
	n := 0
	for i := 0; i < len(text); {
		b, size := text[i], 1
		switch {
		case b >= 'A' && b <= 'Z':
			b += 'a' - 'A'
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '_':
		case b == '\r':
			if found.command == nil {
				found.name, found.command = c.Named(name[:n])
			}
			i++
			continue
		default:
			r, width := utf8.DecodeRune(text[i:])
			switch {
			case r == 0x212a: // the Kelvin sign, whose small letter is k
				b = 'k'
			case r == 0x17f: // the long s, which is an s without regard to case
				b = 's'
			case isBlank(r):
				return longer(c, name[:n], found)
			default:
				return found
			}
			size = width
		}
		if n == len(name) {
			return found
		}
		name[n] = b
		n++
		i += size
	}
	return longer(c, name[:n], found)
}

// longer gives the command of a name, or else the one that was found before a carriage return.
func longer(c *routes.Commands, name []byte, found named) named {
	if name, command := c.Named(name); command != nil {
		return named{name, command}
	}
	return found
}

// count brings the line up to a position. CR LF is one line end.
func (s *Scan) count(to int) {
	for ; s.counted < to; s.counted++ {
		switch s.text[s.counted] {
		case '\n':
			s.line++
		case '\r':
			if s.counted+1 < len(s.text) && s.text[s.counted+1] != '\n' {
				s.line++
			}
		}
	}
}
