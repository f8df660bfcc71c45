package proxy

import (
	"strconv"
	"strings"

	"patgate/policy"
	"patgate/routes/params"
)

// askForQuickActions puts what the texts of the request would have the forge do into the question.
func (x *exchange) askForQuickActions() {
	if x.h.options.AllowQuickActions {
		return
	}
	for i := range x.set.Commands {
		c := &x.set.Commands[i]
		act := policy.Act{Kind: policy.ActQuickAction, Needs: c.Command.NeedSet(c.Kind), Elsewhere: c.Command.Elsewhere}
		x.question.Acts = append(x.question.Acts, act)
	}
}

// quickActionMessage says which line of the request's text asks for more than the token allows. Nothing but the command's name
// is repeated of the text.
func (x *exchange) quickActionMessage() string {
	i := x.decision.Act - (len(x.question.Acts) - len(x.set.Commands)) // they stand last
	if i < 0 || i >= len(x.set.Commands) {
		return "A text of the request has a quick action that the token does not allow."
	}
	return describeCommand(&x.set.Commands[i], x.table.Catalogue().Names(x.set.Commands[i].Command.Needs(x.set.Commands[i].Kind)))
}

func describeCommand(c *params.FoundCommand, needs []string) string {
	text := "Line " + strconv.Itoa(c.Line) + " of `" + c.Param + "` has the quick action /" + c.Name + ", which needs " + strings.Join(needs, " and ")
	if c.Command.Elsewhere {
		text += ", under all_memberships too because it may act on another project, group or item"
	}
	return text + ". Leave the line out, or use a token that may do it."
}
