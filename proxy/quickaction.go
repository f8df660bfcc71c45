package proxy

import (
	"strconv"
	"strings"

	"patgate/policy"
	"patgate/routes/params"
)

// askForCommands puts what the texts of the request would have the forge do into the question.
func (x *exchange) askForCommands() {
	x.question.Commands = x.question.Commands[:0]
	if x.h.options.AllowQuickActions {
		return
	}
	for i := range x.set.Commands {
		c := &x.set.Commands[i]
		x.question.Commands = append(x.question.Commands, policy.Command{Needs: c.Command.NeedSet(c.Kind), Elsewhere: c.Command.Elsewhere})
	}
}

// commandMessage says which line of the request's text asks for more than the token allows. Nothing but the command's name
// is repeated of the text.
func (x *exchange) commandMessage() string {
	i := x.decision.Check
	if i < 0 || i >= len(x.set.Commands) {
		return "A text of the request has a quick action that the token does not allow."
	}
	return describeCommand(&x.set.Commands[i], x.table.Catalogue().Names(x.set.Commands[i].Command.Needs(x.set.Commands[i].Kind)))
}

func describeCommand(c *params.FoundCommand, needs []string) string {
	if c.Line == 0 {
		text := "The request has no `" + c.Param + "`, so that the forge may take a template's text and carry out the quick actions in it, whatever they are"
		if c.Command.Elsewhere {
			text += " and wherever they act"
		}
		return text + ". Send a `" + c.Param + "` that is not blank."
	}
	text := "Line " + strconv.Itoa(c.Line) + " of `" + c.Param + "` has the quick action /" + c.Name + ", which needs " + strings.Join(needs, " and ")
	if c.Command.Elsewhere {
		text += ", under all_memberships too because it may act on another project, group or item"
	}
	return text + ". Leave the line out, or use a token that may do it."
}
