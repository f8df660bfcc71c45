package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"patgate/cache"
	"patgate/config"
	"patgate/forge"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/reload"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/token"
)

// opened is an open store with the keys that its credentials are sealed under.
type opened struct {
	store   store.Store
	keyring *seal.Keyring
}

// Close closes the store.
func (o *opened) Close() error { return o.store.Close() }

// openStore opens the store that the configuration names, makes it on the first start, opens its sealing keys, and
// refuses when the store's owners belong to another forge address than the configured one.
func openStore(ctx context.Context, c *config.Config) (*opened, error) {
	source := keySource(c)
	if err := source.Outside(filepath.Dir(c.DatabaseFile())); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, c.DatabaseFile(), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	o := &opened{store: db}
	if !c.Upstream.URL.Empty() {
		err = store.CheckOrigin(ctx, db, c.Upstream.URL.String())
	}
	if err == nil {
		o.keyring, err = store.OpenKeyring(ctx, db, source, time.Now())
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return o, nil
}

// openExisting opens a store that must exist, for commands that need no keys.
func openExisting(ctx context.Context, c *config.Config) (*sqlite.DB, error) {
	db, err := sqlite.Open(ctx, c.DatabaseFile(), sqlite.Options{MustExist: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no store at %s (fix: give --data-dir or --database; patgate serve and patgate token "+
			"create make one)", c.DatabaseFile())
	}
	return db, err
}

// keySource says where the configuration has the sealing keys.
func keySource(c *config.Config) seal.Source {
	return seal.Source{File: c.SealingKeyFile(), Text: c.Store.Key.Reveal(), Name: "PATGATE_STORE_KEY"}
}

// askForge makes a resolver for a command.
func askForge(c *config.Config) (forgeClient, error) {
	settleForge(context.Background(), c)
	w, err := wayTo(c.Upstream.Way())
	if err != nil {
		return nil, err
	}
	return newResolver(c, w, "")
}

// forgeClient is what commands and the gateway ask the forge.
type forgeClient interface {
	forge.Resolver
	Memberships(ctx context.Context, s *token.Session, least, page, size int) (forge.Memberships, error)
	Version(ctx context.Context, credential token.Secret) (version, revision string, err error)
	Stats() []cache.Stats
	Close()
}

// currentTable loads the route table that the configuration describes.
func currentTable(c *config.Config) (*routes.Table, error) {
	settleForge(context.Background(), c)
	files, problems := reload.ReadFiles(c.Routes.Overlays)
	if len(problems) > 0 {
		return nil, problemLines(problems)
	}
	table, problems := load.Table(load.Options{Forge: tableForge(c), Overlay: files})
	if len(problems) > 0 {
		return nil, problemLines(problems)
	}
	return table, nil
}

// actor names, for the record, who runs the command: "cli:alice".
func actor() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "cli:" + u.Username
	}
	return "cli:uid-" + strconv.Itoa(os.Getuid())
}
