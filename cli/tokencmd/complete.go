package tokencmd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/filters"
	"patgate/cli/desk"
	"patgate/config"
	"patgate/routes/load"
	"patgate/store"
)

// completeTokens makes the shell complete token ids from the local store, and permission names behind --allow.
func completeTokens(cmd *cobra.Command, flags *scopeFlags) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		var ids []string
		if len(args) == 0 || strings.HasPrefix(cmd.Use, "revoke") {
			// Without a store nothing is completed.
			_ = desk.OnStore(cmd, nil, func(ctx context.Context, d *desk.Desk) error {
				list, _, err := d.List(ctx, d.As, 0, true, store.Filter{Limit: 500})
				for i := range list {
					if id := fmt.Sprint(list[i].ID); strings.HasPrefix(id, prefix) && !slices.Contains(args, id) {
						ids = append(ids, id+"\t"+list[i].Name+" of "+list[i].Owner.Username)
					}
				}
				return err
			})
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
	if flags != nil {
		completePermissions(cmd)
	}
}

// completePermissions makes the shell complete the last of the permissions behind --allow, and templates.
func completePermissions(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("template", cobra.FixedCompletions(templateNames(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("allow",
		func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			table, problems := load.Table(load.Options{Forge: completionForge(cmd)})
			if len(problems) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			head, last := "", prefix
			if i := strings.LastIndexByte(prefix, ','); i >= 0 {
				head, last = prefix[:i+1], prefix[i+1:]
			}
			var names []string
			for _, info := range table.Catalogue().All() {
				if strings.HasPrefix(info.Name, last) && !info.Deprecated {
					names = append(names, head+info.Name+"\t"+info.Abilities)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		})
}

// completeList makes the shell complete what a list of tokens is narrowed and sorted by.
func completeList(cmd *cobra.Command) {
	for flag, names := range map[string][]string{"state": store.StateNames(), "sort": store.SortNames(),
		filters.Badge: store.MarkNames()} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	}
}

// completionForge gives the forge that the command line or the environment names; nobody is asked while a shell waits.
func completionForge(cmd *cobra.Command) string {
	name, _ := cmd.Flags().GetString("forge")
	if name == "" {
		name = os.Getenv("PATGATE_FORGE")
	}
	var forge config.Forge
	_ = forge.UnmarshalText([]byte(name)) // an unknown name stays auto
	return forge.Table()
}
