// Package postgres is the store in a PostgreSQL database, which several nodes share. It needs PostgreSQL 14 or later and its
// primary: every connection is to a server that takes writes. It uses neither LISTEN nor locks of a session.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"patgate/store"
	"patgate/store/signins"
	"patgate/store/tables"
	"patgate/store/trusts"
)

// Options says how to open a store. The zero value is the default.
type Options struct {
	// Patience bounds every call but Check: how long it may wait for the server, or for other transactions; 5 s when zero.
	Patience time.Duration
	// MustExist makes a database without patgate's tables an error (ErrNoSchema) instead of the first start.
	MustExist bool
}

// ErrNoSchema says that the database has no tables of patgate's.
var ErrNoSchema = errors.New("no store in this database")

// connections bound how many connections one process holds for reads, and as many for changes.
const connections = 6

// DB is an open store. It implements store.Store.
type DB struct {
	*tables.Tables
	signins.SignIns
	trusts.Trusts
	name     string // without a secret
	patience time.Duration
	read     *pgxpool.Pool
	write    *pgxpool.Pool    // apart, so that a revocation does not wait behind reads
	news     *pgxpool.Pool    // one connection, so that a poll does not wait behind them either
	beats    *pgxpool.Pool    // one connection, so that a node is there for the others whatever it has to wait for
	polls    []*tables.Tables // over each of the pools, that one first
	closed   atomic.Bool
	clock    clock
	damaged  atomic.Pointer[damage]
	full     atomic.Pointer[error] // store.ErrNoRoom, from the last change that found none until Retry finds some
	numberings
	// refuse, when it is not nil, is asked before each commit. A test lets transactions fail there.
	refuse func(attempt int) error
}

var _ store.Store = (*DB)(nil)

// Open opens the store at a URL as libpq takes it, and makes or migrates its tables. Errors do not show the URL: it may hold a
// password.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	db, err := connect(url, o)
	if err != nil {
		return nil, err
	}
	if err := db.prepare(ctx, o.MustExist); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("opening store %s: %w", db.name, err)
	}
	return db, nil
}

// connect makes the pools. Nothing is asked of the server yet.
func connect(url string, o Options) (*DB, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	db := &DB{name: name(config), patience: o.Patience}
	if db.patience == 0 {
		db.patience = 5 * time.Second
	}
	one := config.Copy()
	one.MaxConns = 1
	for _, p := range []struct {
		pool   **pgxpool.Pool
		config *pgxpool.Config
	}{{&db.read, config}, {&db.write, config.Copy()}, {&db.news, one}, {&db.beats, one.Copy()}} {
		if *p.pool, err = pgxpool.NewWithConfig(context.Background(), p.config); err != nil {
			db.closePools()
			return nil, fmt.Errorf("opening store %s: %w", db.name, err)
		}
	}
	db.Tables = tables.New(db.database(db.read))
	db.SignIns, db.Trusts = signins.Of(db.Tables), trusts.Of(db.Tables)
	for _, pool := range []*pgxpool.Pool{db.news, db.read, db.write} {
		db.polls = append(db.polls, tables.New(db.database(pool)))
	}
	return db, nil
}

// prepare sees to it that the server can be relied upon and has the tables.
func (db *DB) prepare(ctx context.Context, mustExist bool) error {
	ctx, cancel := context.WithTimeout(ctx, 6*db.patience)
	defer cancel()
	var commit, encoding string
	err := db.write.QueryRow(ctx, "SELECT current_setting('synchronous_commit'), current_setting('server_encoding')").
		Scan(&commit, &encoding)
	switch {
	case err != nil:
		return db.mean(err)
	case commit == "off":
		return errors.New("synchronous_commit is off: a revocation could be lost in a crash (fix: set it to on for " +
			"patgate's role)")
	case encoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s (fix: make one with ENCODING 'UTF8')", encoding)
	}
	if mustExist {
		version, err := schema(ctx, db.write)
		if err != nil {
			return db.mean(err)
		}
		if version.known == 0 {
			return ErrNoSchema
		}
	}
	return migrate(ctx, db.write)
}

// Check is what is wrong with a URL, without the URL; nil when it can be read.
func Check(url string) error {
	_, err := parse(url)
	return err
}

// IsURL tells whether a text looks like the URL of a PostgreSQL database.
func IsURL(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// Name names the database of a URL without any secret.
func Name(url string) string {
	config, err := parse(url)
	if err != nil {
		return "postgres://"
	}
	return name(config)
}

func parse(url string) (*pgxpool.Config, error) {
	if !IsURL(url) {
		return nil, errors.New("no URL of a PostgreSQL database (fix: postgres://user@host/database)")
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The driver's own text quotes parts of the URL.
		return nil, errors.New("the URL of the database cannot be read " +
			"(fix: postgres://user:password@host:5432/database?sslmode=verify-full, special characters of the password " +
			"percent-encoded)")
	}
	// A replica may lack the last revocation. With several hosts, the one that takes writes is looked for.
	config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 3 * time.Second
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "patgate"
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = connections
	}
	config.MaxConnIdleTime = 5 * time.Minute
	return config, nil
}

// name names the database that a configuration is for: user, hosts and database.
func name(config *pgxpool.Config) string {
	c := config.ConnConfig
	hosts := []string{}
	add := func(host string, port uint16) {
		if at := fmt.Sprintf("%s:%d", host, port); len(hosts) == 0 || hosts[len(hosts)-1] != at { // with and without TLS
			hosts = append(hosts, at)
		}
	}
	add(c.Host, c.Port)
	for _, f := range c.Fallbacks {
		add(f.Host, f.Port)
	}
	return fmt.Sprintf("postgres://%s@%s/%s", c.User, strings.Join(hosts, ","), c.Database)
}

// Path names the database, without any secret.
func (db *DB) Path() string { return db.name }

// Backup implements store.Store: it refuses, because PostgreSQL has means of its own.
func (db *DB) Backup(context.Context, string) error {
	return fmt.Errorf("writing backup: %w: the store is in PostgreSQL: use pg_dump, or the continuous archiving of the server",
		errors.ErrUnsupported)
}

// Check implements store.Store. Rules between tables are the server's to keep.
func (db *DB) Check(ctx context.Context) (store.Health, error) {
	h := store.Health{Path: db.name}
	version, err := schema(ctx, db.read)
	h.SchemaVersion = version.known
	if err == nil {
		err = db.read.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&h.Bytes)
	}
	if err == nil {
		err = errors.Join(db.Count(ctx, &h), db.Everything(ctx))
	}
	if err != nil {
		return h, fmt.Errorf("checking store %s: %w", db.name, db.mean(err))
	}
	return h, nil
}

// Close gives the connections back. Calls that are under way end first.
func (db *DB) Close() error {
	db.closed.Store(true)
	db.closePools()
	return nil
}

// closePools closes those that were made.
func (db *DB) closePools() {
	for _, pool := range []*pgxpool.Pool{db.read, db.write, db.news, db.beats} {
		if pool != nil {
			pool.Close()
		}
	}
}

// beginner is a pool.
type beginner interface {
	BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}
