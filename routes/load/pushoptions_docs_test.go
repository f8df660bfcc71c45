package load_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// TestPushOptionsPage holds the list of push options in docs/git.md to the table.
func TestPushOptionsPage(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/git.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, o := range slices.SortedFunc(slices.Values(table.PushOptions().All()), func(a,
		b *routes.PushOption) int {
		return strings.Compare(a.Name, b.Name)
	}) {
		value := [...]string{routes.OptionNone: "none", routes.OptionBool: "true or false", routes.OptionText: "a text",
			routes.OptionList: "a text, several times"}[o.Value]
		needs := codes(table.Catalogue().Names(o.Needs))
		if o.Refused != "" {
			value, needs = "", "refused: "+o.Refused
		}
		want.WriteString(strings.ReplaceAll("| `"+o.Name+"` | "+value+" | "+needs+" |\n", "|  |", "| |"))
	}
	if !strings.Contains(string(page), want.String()) {
		t.Errorf("docs/git.md does not have the list of routes/gitlab/push_options.yaml:\n%s", want.String())
	}
}
