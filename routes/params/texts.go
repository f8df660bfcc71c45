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
	Line    int    // where the command first stands in the text, from 1; 0 for a template's text, see Command
	Name    string // the name or alias that stands there, in small letters and without the slash
	Kind    routes.CommandKind
	Command *routes.Command // for a template's text, which patgate does not see, routes.Commands.Any
}

// readCommands notes the commands in a value when the forge reads it for them. Each command is noted once. text tells whether
// the value is a text: with null, a number or a list, the forge takes a template's text as if there were no value.
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

// textField gives the row's text field of that name, in any shape that it is sent in; nil for other names.
func (s *Set) textField(name []byte) *routes.TextField {
	for i := range s.route.Texts {
		f := &s.route.Texts[i]
		if string(name) == f.Param || names.Below(name, f.Param) || names.SameButShape(name, f.Param) {
			return f
		}
	}
	return nil
}
