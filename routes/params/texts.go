package params

import (
	"slices"

	"patgate/routes"
	"patgate/routes/commands"
	"patgate/routes/params/names"
)

// FoundCommand is a command that stands in a text which the forge reads for commands.
type FoundCommand struct {
	Param   string // canonical name of the parameter, as in the row
	Line    int    // in the text, from 1; of the first time that the command stands there; 0: the text is a template's, see Command
	Name    string // the name or alias that stands there, in small letters and without the slash
	Kind    routes.CommandKind
	Command *routes.Command // of a template, which nobody has seen: routes.Commands.Any
}

// readCommands notes the commands in a value when the forge reads it for them. Each command is noted once. text tells
// whether the value is a text: null, a number and a list are as good as none to a forge that would take a template's.
func (s *Set) readCommands(name, value []byte, text bool) {
	f := s.textField(name)
	if f == nil {
		return
	}
	if text && string(name) == f.Param && !commands.Blank(value) {
		s.given = append(s.given, f)
	}
	scan := commands.Read(f, value)
	for {
		found, line, command := scan.Next()
		if command == nil {
			return
		}
		if !s.hasCommand(f.Kind, command) {
			s.Commands = append(s.Commands, FoundCommand{Param: f.Param, Line: line, Name: found, Kind: f.Kind, Command: command})
		}
	}
}

// readTemplates notes what a template may hold that the forge takes in the place of a missing text.
func (s *Set) readTemplates() {
	for i := range s.route.Texts {
		f := &s.route.Texts[i]
		if !f.Template || slices.Contains(s.given, f) {
			continue
		}
		if command := f.Commands.Any(f.Kind); command != nil {
			s.Commands = append(s.Commands, FoundCommand{Param: f.Param, Kind: f.Kind, Command: command})
		}
	}
}

func (s *Set) hasCommand(kind routes.CommandKind, command *routes.Command) bool {
	for i := range s.Commands {
		if s.Commands[i].Command == command && s.Commands[i].Kind == kind {
			return true
		}
	}
	return false
}

// textField gives the row's text of that name, in whatever shape it is sent; nil when it is none.
func (s *Set) textField(name []byte) *routes.TextField {
	for i := range s.route.Texts {
		f := &s.route.Texts[i]
		if string(name) == f.Param || names.Below(name, f.Param) || names.SameButShape(name, f.Param) {
			return f
		}
	}
	return nil
}
