// Package postgrestest starts a PostgreSQL of its own for a test.
package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Password is that of the cluster's only role. It must not be found in any output.
const Password = "open%sesame/7" // it must be encoded in a URL

// Role is the cluster's only role.
const Role = "patgate"

// ErrMissing says that PostgreSQL is not installed.
var ErrMissing = errors.New("PostgreSQL is not installed (fix: apt-get install postgresql)")

// Cluster is a running PostgreSQL in a directory of its own, which listens on a socket there alone.
type Cluster struct {
	dir     string
	bin     string
	as      *syscall.Credential
	durable bool
	server  *exec.Cmd
	exited  <-chan error // nil while it does not run
	output  *os.File
	made    atomic.Int64
}

// binaries finds the folder of initdb and postgres.
func binaries() (string, error) {
	if at, err := exec.LookPath("initdb"); err == nil {
		if at, err = filepath.EvalSymlinks(at); err == nil {
			return filepath.Dir(at), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrMissing
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// Missing tells, by ErrMissing, that there is no PostgreSQL here.
func Missing() error {
	_, err := binaries()
	return err
}

// unprivileged gives the user that the server runs as: PostgreSQL refuses root. Nil is the user who runs the test.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("there is no user postgres or nobody to run PostgreSQL as")
}

// Start makes a cluster and starts it. A durable one keeps through a kill what was committed; the others are quicker.
func Start(durable bool) (c *Cluster, err error) {
	c = &Cluster{durable: durable}
	if c.bin, err = binaries(); err != nil {
		return nil, err
	}
	if c.as, err = unprivileged(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "patgate-pg-"); err != nil {
		return nil, err
	}
	if c.as != nil {
		if err := os.Chown(c.dir, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(c.dir))
		}
	}
	password := filepath.Join(c.dir, "password")
	err = os.WriteFile(password, []byte(Password), 0o644) // the directory is closed to others
	if err == nil {
		err = c.run("initdb", "-D", c.data(), "-U", Role, "-A", "scram-sha-256", "--pwfile", password,
			"-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	}
	if err == nil {
		err = c.Boot()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	return c, nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// command prepares a program of PostgreSQL.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "PGPASSWORD=" + Password}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	return cmd
}

// run runs a program of PostgreSQL to its end.
func (c *Cluster) run(name string, args ...string) error {
	if out, err := c.command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

// Boot starts the server again after Kill, and waits until it answers.
func (c *Cluster) Boot() error {
	const limit = time.Minute
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if err = c.launch(); err != nil {
			return err
		}
		exited := make(chan error, 1)
		go func(server *exec.Cmd) { exited <- server.Wait() }(c.server)
		if err = c.answers(exited, end); err == nil {
			c.exited = exited
			return nil
		}
		_ = c.server.Process.Kill()
		time.Sleep(20 * time.Millisecond) // children of a server that was killed may hold its memory for a moment
	}
	said, _ := os.ReadFile(c.output.Name())
	return fmt.Errorf("PostgreSQL does not answer: %w: %s", err, said)
}

// launch starts the server.
func (c *Cluster) launch() (err error) {
	args := []string{"-D", c.data(), "-k", c.dir, "-c", "listen_addresses=", "-c", "max_connections=200"}
	if !c.durable {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	if c.output != nil {
		_ = c.output.Close()
	}
	if c.output, err = os.Create(filepath.Join(c.dir, "output")); err != nil {
		return err
	}
	c.server = c.command("postgres", args...)
	c.server.Stdout, c.server.Stderr = c.output, c.output
	return c.server.Start()
}

// answers waits until the server does, or has ended.
func (c *Cluster) answers(exited <-chan error, end time.Time) (err error) {
	for time.Now().Before(end) {
		select {
		case err := <-exited:
			return fmt.Errorf("it ended: %w", err)
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		var conn *pgx.Conn
		if conn, err = pgx.Connect(ctx, c.URL("postgres")); err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// Socket is where the server listens.
func (c *Cluster) Socket() string { return filepath.Join(c.dir, ".s.PGSQL.5432") }

// URL gives the URL of a database, its password included.
func (c *Cluster) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(Role, Password), Path: "/" + database,
		RawQuery: url.Values{"host": {c.dir}}.Encode()}
	return u.String()
}

// Do runs statements in a database.
func (c *Cluster) Do(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// Database makes an empty database and gives its URL.
func (c *Cluster) Database(ctx context.Context) (string, error) {
	name := fmt.Sprintf("t%d", c.made.Add(1))
	return c.URL(name), c.Do(ctx, "postgres", "CREATE DATABASE "+name)
}

// Kill ends the server with a SIGKILL. Its children find out by themselves.
func (c *Cluster) Kill() error { return c.end(syscall.SIGKILL) }

// Demote starts the server again as a replica without a primary: it takes no writes until Promote.
func (c *Cluster) Demote() error {
	if err := c.end(syscall.SIGINT); err != nil {
		return err
	}
	name := filepath.Join(c.data(), "standby.signal")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return err
	}
	if c.as != nil {
		if err := os.Chown(name, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return err
		}
	}
	return c.Boot()
}

// Promote has a replica take writes.
func (c *Cluster) Promote(ctx context.Context) error {
	return c.Do(ctx, "postgres", "SELECT pg_promote()")
}

// end ends the server with a signal.
func (c *Cluster) end(sig syscall.Signal) error {
	if err := c.server.Process.Signal(sig); err != nil {
		return err
	}
	<-c.exited // it says how it was ended
	c.exited = nil
	return nil
}

// Stop ends the server, its children first and without writing anything, and removes everything.
func (c *Cluster) Stop() error {
	var err error
	if c.exited != nil {
		err = c.end(syscall.SIGQUIT)
	}
	return errors.Join(err, c.output.Close(), os.RemoveAll(c.dir))
}
