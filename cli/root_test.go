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
		{"too many arguments", []string{"version", "now"}, `argument 1 is one too many: write patgate version (see patgate version --help)`},
		{"one too many of those that may be many", []string{"config", "check", "a", "b"},
			`argument 2 is one too many: write patgate config check [FILE] (see patgate config check --help)`},
		{"too few", []string{"token", "diff", "1"}, "an argument is missing: write patgate token diff A B (see patgate token diff --help)"},
		{"none of several", []string{"permissions", "search"},
			"an argument is missing: write patgate permissions search WORD... (see patgate permissions search --help)"},
		{"no number", []string{"token", "list", "--limit", "x"},
			`--limit "x": it is not a number, or is out of range (see patgate token list --help)`},
		{"neither yes nor no", []string{"token", "list", "--json=maybe"}, `--json "maybe": write true or false (see patgate token list --help)`},
		{"two values where one counts", []string{"token", "list", "--owner", "alice", "--owner", "bob"},
			`--owner: two values are given, and it takes one (see patgate token list --help)`},
		{"two numbers where one counts", []string{"token", "list", "--limit", "5", "--limit=50"},
			`--limit: two values are given, and it takes one (see patgate token list --help)`},
		{"yes and no", []string{"token", "pause", "--dry-run", "--dry-run=false"},
			`--dry-run: two values are given, and it takes one (see patgate token pause --help)`},
		{"a file in two ways", []string{"config", "check", "--config", "a.yaml", "b.yaml"}, "give a file or --config, not both"},
		{"a permission without a place", []string{"token", "create", "--allow", "read_job"}, `--allow "read_job": say where first: --project, ` +
			"--group, --personal, --all-memberships, --user or --instance, then --allow (see patgate token create --help)"},
		{"a flag that must be there", []string{"routes", "coverage"},
			"name the forge's OpenAPI document with --openapi, or its GraphQL schema with --graphql; - is standard input"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := runMain(c.args...)
			if code != exitUsage || out != "" || errs != "patgate: "+c.want+"\n" {
				t.Errorf("exit %d, out %q, err %q", code, out, errs)
			}
		})
	}
}

// What is given twice with one value, and what may be repeated, is read.
func TestFlagsThatMayBeGivenTwice(t *testing.T) {
	if code, _, errs := runMain("routes", "list", "--resource", "job", "--resource", "job", "--json", "--json=true"); code != 0 {
		t.Errorf("exit %d, %s", code, errs)
	}
	if _, _, errs := runMain("routes", "list", "--routes", "a.yaml", "--routes", "b.yaml"); !strings.Contains(errs, "a.yaml") ||
		!strings.Contains(errs, "b.yaml") {
		t.Errorf("of two files that are not there it names: %s", errs)
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
