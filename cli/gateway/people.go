package gateway

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"patgate/config"
	"patgate/store"
)

// tokenName looks up the name of a token, for the log that people read. It asks for a name once; a later one is seen after the
// next start.
func tokenName(tokens store.Store) func(id int64) string {
	const most = 4096
	names := map[int64]string{} // the log's encoder is used by one goroutine at a time
	return func(id int64) string {
		name, known := names[id]
		if known || len(names) >= most {
			return name
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if l, err := tokens.Token(ctx, id); err == nil {
			name = l.Name
		}
		names[id] = name
		return name
	}
}

// editCommand gives the command that changes a token, for a log at a terminal; nil for any other log.
func editCommand(c *config.Config) func(token string) string {
	s := c.Store
	if s.Database != "" || s.KeyFile != "" || !s.URL.Empty() || !s.Key.Empty() {
		return nil // or it would have to say where the store is, which may hold a password
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return nil
	}
	where := ""
	if dir != config.Default().DataDir {
		where = " --data-dir '" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
	}
	return func(token string) string { return "patgate token edit " + token + where }
}
