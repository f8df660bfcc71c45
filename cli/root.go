package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"patgate/cli/gateway/logs"
	"patgate/cli/learncmd"
	"patgate/cli/policycmd"
	"patgate/cli/routecmd"
	"patgate/cli/storecmd"
	"patgate/cli/terminal"
	"patgate/cli/tokencmd"
	"patgate/cli/trustcmd"
	"patgate/routes/nearest"
)

// Exit codes: the command failed; the command line itself was wrong; files would let tokens do more; the user pressed Ctrl-C at a
// prompt, for which shells have the number of the signal and 128.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitWidens      = 3 // policy as code would let tokens do more
	exitInterrupted = 128 + int(syscall.SIGINT)
)

// Stdio is what a command reads from and writes to.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs patgate with arguments (without the program's name) and gives its exit code. Errors are printed on the error
// stream, one line each, beginning with "patgate: ".
func Main(args []string, stdio Stdio) int {
	root := New()
	root.SetArgs(args)
	root.SetIn(stdio.In)
	root.SetOut(stdio.Out)
	root.SetErr(stdio.Err)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, logs.ErrUnread) {
		return exitFailed // nobody would read an error
	}
	for _, line := range terminal.Lines(err) {
		fmt.Fprintln(stdio.Err, "patgate: "+line)
	}
	switch {
	case errors.Is(err, terminal.ErrInterrupted):
		return exitInterrupted
	case terminal.IsUsage(err):
		return exitUsage
	case errors.Is(err, policycmd.ErrWidens):
		return exitWidens
	}
	return exitFailed
}

// New builds the command tree.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:   "patgate",
		Short: "Fine-grained access tokens for a forge, as a gateway in front of it",
		Long: `patgate stands in front of a forge and gives it fine-grained access tokens: each token
reaches only the projects and groups it names, and there only the actions it names.
The forge's own broad credential never leaves patgate.

Start with:  patgate serve --upstream https://gitlab.example.com`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newServe(), tokencmd.New(), storecmd.Owner(), storecmd.Key(), storecmd.New(), routecmd.New(),
		routecmd.Permissions(), learncmd.New(), trustcmd.New(),
		trustcmd.NewExchange(), trustcmd.NewCredential(), policycmd.NewApply(), policycmd.NewDiff(), policycmd.NewLint(),
		policycmd.NewExport(), newConfig(), newHealthcheck(), newVersion())
	wrapArgs(root)
	wrapFlags(root)
	return root
}

// wrapArgs makes the errors of every command's argument check usage errors, and gives commands that only hold others
// a check that names the nearest one.
func wrapArgs(cmd *cobra.Command) {
	if cmd.HasSubCommands() && cmd.RunE == nil && cmd.Run == nil {
		cmd.Args = noSuchCommand
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	check := cmd.Args
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil && !terminal.IsUsage(err) {
			return terminal.Usage(fmt.Errorf("%s: write %s (see %s --help)", wrongArgs(cmd, check, args),
				strings.TrimSuffix(cmd.UseLine(), " [flags]"), cmd.CommandPath()))
		} else {
			return err
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// wrongArgs says what is wrong with the number of arguments: the first that is too many, or that some are missing.
func wrongArgs(cmd *cobra.Command, check cobra.PositionalArgs, args []string) string {
	for i := range slices.Backward(args) {
		if check(cmd, args[:i]) == nil {
			return fmt.Sprintf("argument %d is one too many", i+1) // its value may be a secret
		}
	}
	return "an argument is missing"
}

// noSuchCommand refuses arguments of a command that only holds others.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see " + cmd.CommandPath() + " --help"
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	if near := nearest.Names(args[0], names, 1); len(near) > 0 {
		hint = "did you mean " + near[0] + "?"
	}
	return terminal.Usage(fmt.Errorf("unknown command %q (%s)", cmd.CommandPath()+" "+args[0], hint))
}
