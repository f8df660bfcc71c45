package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"patgate/cli/desk"
	"patgate/cli/terminal"
	"patgate/routes/nearest"
)

// wrapFlags has every command refuse two values for a flag that takes one: of --owner a --owner b the first would be dropped.
func wrapFlags(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		switch flag.Value.(type) {
		case pflag.SliceValue, desk.ScopeFlag: // these may be repeated
		default:
			flag.Value = &once{Value: flag.Value}
		}
	})
	for _, sub := range cmd.Commands() {
		wrapFlags(sub)
	}
}

// once is the value of a flag that takes one. The same may be given again.
type once struct {
	pflag.Value
	given bool
}

var errTwice = errors.New("two values are given, and it takes one")

// Set implements pflag.Value.
func (o *once) Set(text string) error {
	before := o.String()
	err := o.Value.Set(text)
	if err == nil && o.given && o.String() != before {
		err = errTwice
	}
	o.given = true
	return err
}

// flagError names the flag that is nearest to one that is not known, and says in words what is wrong with a value.
func flagError(cmd *cobra.Command, err error) error {
	hint := "see " + cmd.CommandPath() + " --help"
	if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		cmd.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
		if near := nearest.Names(unknown.GetSpecifiedName(), names, 1); len(near) > 0 {
			hint = "did you mean --" + near[0] + "?"
		}
	}
	if invalid := (*pflag.InvalidValueError)(nil); errors.As(err, &invalid) {
		why := invalid.Unwrap()
		if errors.Is(why, strconv.ErrSyntax) || errors.Is(why, strconv.ErrRange) {
			why = errors.New("it is not a number, or is out of range")
			if invalid.GetFlag().Value.Type() == "bool" {
				why = errors.New("write true or false")
			}
		}
		value := fmt.Sprintf(" %q", invalid.GetValue())
		if errors.Is(why, errTwice) {
			value = "" // it may be a secret
		}
		err = fmt.Errorf("--%s%s: %w", invalid.GetFlag().Name, value, why)
	}
	return terminal.Usage(fmt.Errorf("%w (%s)", err, hint))
}
