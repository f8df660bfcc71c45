package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// runMain runs a command line and gives its exit code and what it printed.
func runMain(args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = Main(args, Stdio{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestAWrongCommandLineIsOneLineWithTheNearestWord(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"an unknown command", []string{"sevre"}, `unknown command "patgate sevre" (did you mean serve?)`},
		{"an unknown command below another", []string{"config", "chek"}, `unknown command "patgate config chek" (did you mean check?)`},
		{"nothing near", []string{"xyzzy"}, `unknown command "patgate xyzzy" (see patgate --help)`},
		{"an unknown flag", []string{"serve", "--upsteam", "x"}, "unknown flag: --upsteam (did you mean --upstream?)"},
		{"a flag without its value", []string{"serve", "--upstream"}, "flag needs an argument: --upstream (see patgate serve --help)"},
		{"too many arguments", []string{"version", "now"}, `unknown command "now" for "patgate version" (see patgate version --help)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := runMain(c.args...)
			if code != exitUsage || out != "" || errs != "patgate: "+c.want+"\n" {
				t.Errorf("exit %d, out %q, err %q", code, out, errs)
			}
		})
	}
}

func TestEveryCommandSaysWhatItDoes(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short text %q", cmd.CommandPath(), cmd.Short)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(New())
}

func TestHelpWorksEverywhere(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"config"}, {"serve", "--help"}, {"help", "token"}} {
		if code, out, errs := runMain(args...); code != 0 || !strings.Contains(out, "Usage:") || errs != "" {
			t.Errorf("%v: exit %d, err %q, out %q", args, code, errs, out)
		}
	}
}
