package desk

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cli/terminal"
)

// ScopeFlag is a flag that scopes are built from. It knows which flags were typed for a field of the scope with that index, such
// as "--allow read_job"; empty when the scopes come from elsewhere.
type ScopeFlag interface {
	Typed(scope int, field string) string
	// Everything tells whether some scope asks for all that a wildcard gives.
	Everything() bool
}

// ToldOf puts an error of the token service about a token into the words of a command.
func ToldOf(cmd *cobra.Command, id int64, err error) error {
	if errors.Is(err, tokens.ErrNotFound) {
		return fmt.Errorf("there is no token %d: patgate token list shows them", id)
	}
	return Told(cmd, err)
}

// Told puts the problems that the token service, here or at a running patgate, found in a request one on a line, each by the flag
// that was typed.
func Told(cmd *cobra.Command, err error) error {
	var invalid *terms.Invalid
	if !errors.As(err, &invalid) {
		return toldPlaces(cmd, err)
	}
	var lines terminal.LinesError
	for _, p := range invalid.Problems {
		lines = append(lines, sentence(typed(cmd, p.Field), p.Message))
	}
	return terminal.Usage(lines)
}

// placeField begins a line about a project or group that a scope names and that is not there.
var placeField = regexp.MustCompile(`(?:^|: )(granular_scopes\[\d+\]\.[a-z_]+): `)

// toldPlaces does the same for the places that were not found, which are no problems of the request.
func toldPlaces(cmd *cobra.Command, err error) error {
	if err == nil || !placeField.MatchString(err.Error()) {
		return err
	}
	var lines terminal.LinesError
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if at := placeField.FindStringSubmatchIndex(line); at != nil {
			line = sentence(typed(cmd, line[at[2]:at[3]]), line[at[1]:])
		}
		lines = append(lines, line)
	}
	return lines
}

// sentence puts a message behind the flag that it is about. A message whose subject is the flag, or its value, makes a sentence
// with it; any other stands by itself.
func sentence(flag, message string) string {
	first, _, _ := strings.Cut(message, " ")
	if !strings.HasSuffix(flag, ":") && !strings.HasPrefix(first, `"`) &&
		!slices.Contains([]string{"is", "lies", "must", "has", "needs"}, first) {
		flag += ":"
	}
	return flag + " " + message
}

// typed gives the flag that a field of a request comes from, or the field where there is no flag for it.
func typed(cmd *cobra.Command, field string) string {
	name := strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(field, "_at"), "_id"), "_", "-")
	if cmd.Flags().Lookup(name) != nil {
		return "--" + name
	}
	rest, ofScopes := strings.CutPrefix(field, "granular_scopes")
	if !ofScopes {
		return field + ":"
	}
	if cmd.Flags().Changed("grant") {
		return "--grant: scopes" + rest + ":"
	}
	flag := cmd.Flags().Lookup("allow")
	if flag == nil {
		return "scopes" + rest + ":"
	}
	at, part, _ := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	part, _, _ = strings.Cut(strings.TrimPrefix(part, "."), "[")
	if scopes, is := flag.Value.(ScopeFlag); is {
		if i, err := strconv.Atoi(at); err == nil && scopes.Typed(i, part) != "" {
			return scopes.Typed(i, part) + ":"
		}
	}
	return "scopes:"
}
