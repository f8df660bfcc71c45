package routes

import (
	"slices"
	"strconv"
)

// CommandKind is what a text is about, as far as the commands in it go: GitLab carries out /merge in a note on a merge
// request and not in one on an issue. The zero value is about nothing.
type CommandKind uint8

const (
	CommandsNone CommandKind = iota
	// CommandsWorkItem: issues, tasks, incidents, epics and all other work items, and notes on them.
	CommandsWorkItem
	// CommandsMergeRequest: merge requests, notes and drafts of notes on them.
	CommandsMergeRequest
	// CommandsCommit: notes on commits.
	CommandsCommit

	commandKinds
)

var commandKindNames = [...]string{"none", "work_item", "merge_request", "commit"}

// String gives the kind as it stands in the route table.
func (k CommandKind) String() string {
	if int(k) < len(commandKindNames) {
		return commandKindNames[k]
	}
	return "commands(" + strconv.Itoa(int(k)) + ")"
}

// CommandKindNames are the kinds of texts that have commands, by name. The caller must not change the slice.
func CommandKindNames() []string { return commandKindNames[CommandsNone+1:] }

// ParseCommandKind reads the name of a kind; ok is false for unknown text, "none" included.
func ParseCommandKind(name string) (k CommandKind, ok bool) {
	i := slices.Index(CommandKindNames(), name)
	return CommandKind(i + 1), i >= 0
}

// MaxCommandName bounds the name of a command, in bytes.
const MaxCommandName = 40

// Command is one command that a forge carries out when it finds it in a text, with the rights of the token's owner
// (GitLab's quick actions: /close, /move group/project). A Command is never changed after its table was built.
type Command struct {
	Name    string // canonical, without the slash: label
	Aliases []string
	Source  Source
	// Harmless: it only changes the text.
	Harmless bool
	// Elsewhere: its argument may name another container. Its permissions are needed under all_memberships too.
	Elsewhere bool

	needs   [commandKinds][]Permission
	needSet [commandKinds]PermissionSet
}

// SetNeeds says what the command needs in a text of a kind. It is for the one who makes the command.
func (c *Command) SetNeeds(k CommandKind, needs []Permission) {
	c.needs[k] = needs
	for _, p := range needs {
		c.needSet[k].Add(p)
	}
}

// Needs gives what the command needs in a text of a kind, as in the table; nil when the forge does not carry it out there.
func (c *Command) Needs(k CommandKind) []Permission {
	if k >= commandKinds {
		return nil
	}
	return c.needs[k]
}

// NeedSet gives the same as a set; nil when the forge does not carry the command out there.
func (c *Command) NeedSet(k CommandKind) *PermissionSet {
	if k >= commandKinds || len(c.needs[k]) == 0 {
		return nil
	}
	return &c.needSet[k]
}

// Commands are the commands of a forge. It is immutable.
type Commands struct {
	list  []*Command // in the order of the table
	names map[string]namedCommand
	any   [commandKinds]*Command
}

// namedCommand is a command under one of its names.
type namedCommand struct {
	name    string
	command *Command
}

// All gives every command in the order of the table. The caller must not change the slice.
func (c *Commands) All() []*Command {
	if c == nil {
		return nil
	}
	return c.list
}

// NewCommands makes the commands of a forge from a list. taken is called for each name that an earlier command has already.
func NewCommands(list []*Command, taken func(c *Command, name string, earlier *Command)) *Commands {
	commands := &Commands{list: list, names: make(map[string]namedCommand, 2*len(list))}
	for _, c := range list {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			if other, twice := commands.names[name]; twice {
				taken(c, name, other.command)
				continue
			}
			commands.names[name] = namedCommand{name: name, command: c}
		}
	}
	commands.addAny()
	return commands
}

// Named gives the command of a name or alias, as Find does, with that name; it allocates nothing.
func (c *Commands) Named(text []byte) (name string, command *Command) {
	if c == nil {
		return "", nil
	}
	found := c.names[string(text)]
	return found.name, found.command
}

// Find gives the command of a name or alias, in small letters and without the slash; nil when there is none.
func (c *Commands) Find(name string) *Command {
	if c == nil {
		return nil
	}
	return c.names[name].command
}

// Any stands for a text that only the forge sees, and that may hold any command of a kind: it needs what all of them need. It
// is nil when no command is carried out in such texts.
func (c *Commands) Any(k CommandKind) *Command {
	if c == nil || k >= commandKinds {
		return nil
	}
	return c.any[k]
}

// addAny makes the command that stands for all of each kind.
func (c *Commands) addAny() {
	for k := CommandsWorkItem; k < commandKinds; k++ {
		all := &Command{}
		for _, command := range c.list {
			for _, p := range command.needs[k] {
				if !all.needSet[k].Has(p) {
					all.needs[k] = append(all.needs[k], p)
					all.needSet[k].Add(p)
				}
				all.Elsewhere = all.Elsewhere || command.Elsewhere
			}
		}
		if len(all.needs[k]) > 0 {
			c.any[k] = all
		}
	}
}

// TextField is a parameter whose text the forge reads for commands.
type TextField struct {
	Param    string // canonical name
	Kind     CommandKind
	Commands *Commands
	// Template: where a request has no such text, or a blank one, the forge takes that of a template, a file of the
	// repository or a setting, and carries out the commands in it.
	Template bool
}
