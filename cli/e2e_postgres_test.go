package cli_test

import (
	"context"
	"errors"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"patgate/store/postgres/postgrestest"
)

// databases are the PostgreSQL clusters of scripts.
var databases sync.Map // by *stage

// postgresCommand makes the script's store one on a PostgreSQL of its own; with `crash` it ends that as a crash does, and starts
// it again; with `empty` the store is on another database of it, which is empty.
func postgresCommand(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	if len(args) == 1 && args[0] == "crash" {
		c, _ := databases.Load(stageOf(ts))
		cluster := c.(*postgrestest.Cluster)
		ts.Check(errors.Join(cluster.Kill(), cluster.Boot()))
		return
	}
	if len(args) == 1 && args[0] == "empty" {
		c, _ := databases.Load(stageOf(ts))
		url, err := c.(*postgrestest.Cluster).Database(context.Background())
		ts.Check(err)
		ts.Setenv("PATGATE_STORE_URL", url)
		return
	}
	cluster, err := postgrestest.Start(true)
	ts.Check(err)
	databases.Store(stageOf(ts), cluster)
	ts.Defer(func() {
		if err := cluster.Stop(); err != nil {
			ts.Logf("%v", err)
		}
	})
	url, err := cluster.Database(context.Background())
	ts.Check(err)
	stageOf(ts).secret("the password of the store", postgrestest.Password)
	ts.Setenv("PATGATE_STORE_URL", url)
}
