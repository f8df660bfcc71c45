package opening

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"patgate/config"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
)

// Opened is an open store with the keys that its credentials are sealed under.
type Opened struct {
	Store   store.Store
	Keyring *seal.Keyring
}

// Close closes the store.
func (o *Opened) Close() error { return o.Store.Close() }

// Store opens the store that the configuration names, makes it on the first start, opens its sealing keys, and
// refuses when the store's owners belong to another forge address than the configured one.
func Store(ctx context.Context, c *config.Config) (*Opened, error) {
	source := KeySource(c)
	if err := source.Outside(filepath.Dir(c.DatabaseFile())); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, c.DatabaseFile(), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	o := &Opened{Store: db}
	if !c.Upstream.URL.Empty() {
		err = store.CheckOrigin(ctx, db, c.Upstream.URL.String())
	}
	if err == nil {
		o.Keyring, err = store.OpenKeyring(ctx, db, source, time.Now())
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return o, nil
}

// Existing opens a store that must exist, for commands that need no keys.
func Existing(ctx context.Context, c *config.Config) (*sqlite.DB, error) {
	db, err := sqlite.Open(ctx, c.DatabaseFile(), sqlite.Options{MustExist: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no store at %s (fix: give --data-dir or --database; patgate serve and patgate token "+
			"create make one)", c.DatabaseFile())
	}
	return db, err
}

// KeySource says where the configuration has the sealing keys.
func KeySource(c *config.Config) seal.Source {
	return seal.Source{File: c.SealingKeyFile(), Text: c.Store.Key.Reveal(), Name: "PATGATE_STORE_KEY"}
}
