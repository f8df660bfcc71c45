package routecmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"patgate/cli/terminal"
	"patgate/routes"
)

func newRoutesExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Write the built-in route files into a directory, to read or to start editing",
		Long: `Writes the built-in files into a directory, which is made if it does not exist. A file
that exists already is never overwritten: then nothing is written at all.

Keep only the rows that you change, and give the directory to --routes: rows take the
place of built-in rows with the same method and path. A row that is deleted from the copy
stays in the built-in table; to take one away, name it under "remove:".`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			forge, err := flaggedForge(cmd)
			if err != nil {
				return err
			}
			files := routes.Files(forge)
			if err := exportFiles(args[0], files); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote %s to %s\n", terminal.Count(len(files), "file", "files"), args[0])
			return err
		},
	}
	forgeFlag(cmd)
	return cmd
}

// exportFiles writes files into a directory, all or none of them.
func exportFiles(dir string, files []routes.File) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	for _, f := range files {
		target := filepath.Join(dir, exportedName(f.Name))
		if _, err := os.Lstat(target); err == nil {
			return fmt.Errorf("%s exists: choose another directory, or move it away; nothing was written", target)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("looking for %s: %w", target, err)
		}
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(dir, exportedName(f.Name)), f.Data); err != nil {
			return err
		}
	}
	return nil
}

// exportedName puts the files of folders beside each other: routes/gitlab/graphql/ci_cd.yaml becomes graphql_ci_cd.yaml.
func exportedName(name string) string {
	parts := strings.Split(name, "/")
	return strings.Join(parts[min(2, len(parts)-1):], "_")
}

// writeNew writes a file that must not exist.
func writeNew(name string, data []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("writing a file: %w", err)
	}
	if _, err := file.Write(data); err != nil {
		_ = file.Close()
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
