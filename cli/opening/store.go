package opening

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"patgate/config"
	"patgate/store"
	"patgate/store/postgres"
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

// Writable tells, by an error, that the store can only be read.
func (o *Opened) Writable() error {
	if file, is := o.Store.(*sqlite.DB); is {
		return file.Writable()
	}
	return nil
}

// KeepRoom has room kept for revocations where the store is, if that is on a disk of patgate's. The error says why no room is
// kept.
func (o *Opened) KeepRoom() error {
	if file, is := o.Store.(*sqlite.DB); is {
		return file.KeepRoom()
	}
	return nil
}

// Store opens the store that the configuration names, makes it on the first start, opens its sealing keys, and
// refuses when the store's owners belong to another forge address than the configured one.
func Store(ctx context.Context, c *config.Config) (*Opened, error) {
	source := KeySource(c)
	db, err := open(ctx, c, source)
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

// Names refuses a store that cannot be meant: a sealing key beside its database, or an invalid URL. It opens nothing.
func Names(c *config.Config, source seal.Source) error {
	if c.Store.URL.Empty() {
		return source.Outside(filepath.Dir(c.DatabaseFile()))
	}
	return postgres.Check(c.Store.URL.Reveal())
}

// open opens the store, and makes it on the first start.
func open(ctx context.Context, c *config.Config, source seal.Source) (store.Store, error) {
	if err := Names(c, source); err != nil {
		return nil, err
	}
	db, err := orFirst(ctx, c, source, true)
	if err != nil {
		return nil, err
	}
	if nodes, ok := db.(*postgres.DB); ok {
		if err := shared(ctx, nodes, source); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// shared refuses to make a sealing key of its own where other nodes have one.
func shared(ctx context.Context, db *postgres.DB, source seal.Source) error {
	_, err := seal.Open(source)
	if !errors.Is(err, seal.ErrKeyMissing) {
		return nil // whatever it is, it is told when the keys are opened
	}
	keys, known := db.SealingKeys(ctx)
	for _, k := range keys {
		if k.RetiredAt.IsZero() {
			return fmt.Errorf("%w: the store is sealed under key %s (fix: give this node the same key file or "+
				"PATGATE_STORE_KEY as the others)", err, k.ID)
		}
	}
	return known
}

// Named is a store that can be named to people.
type Named interface {
	store.Store
	// Path is the file, or the database without any secret.
	Path() string
}

// Existing opens a store that must exist, for commands that need no keys.
func Existing(ctx context.Context, c *config.Config) (Named, error) {
	db, err := at(ctx, c, true)
	if missing(c, err) {
		if gone := lost(c, KeySource(c)); errors.Is(gone, store.ErrLost) {
			return nil, gone
		}
		if c.Store.URL.Empty() {
			return nil, fmt.Errorf("there is no store at %s (fix: give --data-dir, --database or --store-url; patgate "+
				"serve and patgate token create make one)", c.DatabaseFile())
		}
		return nil, fmt.Errorf("%w (fix: patgate serve, patgate token create and patgate store migrate make its tables)", err)
	}
	return db, err
}

// fillPause lets others change tokens while it is filled in what older ones name.
const fillPause = 20 * time.Millisecond

// Migrate makes the store's tables, or brings them up to date. anew lets a store be made where there was one.
func Migrate(ctx context.Context, c *config.Config, anew bool) error {
	make := func() (Named, error) { return orFirst(ctx, c, KeySource(c), false) }
	if anew {
		make = func() (Named, error) { return at(ctx, c, false) }
	}
	db, err := make()
	if err != nil {
		return err
	}
	return errors.Join(store.FillPlaces(ctx, db, fillPause), db.Close())
}

// StoreName names the configured store, without any secret.
func StoreName(c *config.Config) string {
	if c.Store.URL.Empty() {
		return c.DatabaseFile()
	}
	return postgres.Name(c.Store.URL.Reveal())
}

// KeySource says where the configuration has the sealing keys.
func KeySource(c *config.Config) seal.Source {
	return seal.Source{File: c.SealingKeyFile(), Text: c.Store.Key.Reveal(), Name: "PATGATE_STORE_KEY"}
}
