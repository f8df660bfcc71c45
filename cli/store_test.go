package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"patgate/admin/api"
	"patgate/store"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestBackupAndRestore(t *testing.T) {
	o := newOperator(t)
	glpat := o.pat(o.alice)
	o.credential(glpat)
	made := o.mint()
	backup := filepath.Join(t.TempDir(), "backup.db")
	o.must("store", "backup", backup)
	t.Run("a backup is not written over", func(t *testing.T) {
		o.refused([]string{"store", "backup", backup}, "stays as it is")
	})
	t.Run("it holds no usable secret", func(t *testing.T) {
		for _, path := range []string{backup, filepath.Join(o.data, "db", "patgate.db")} {
			data, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(data, []byte("alice")) {
				t.Fatalf("%v, or the owner is not in it", err)
			}
			for _, secret := range []string{glpat, made.Token, made.Token[8:30]} {
				if bytes.Contains(data, []byte(secret)) {
					t.Errorf("a secret is in %s", path)
				}
			}
		}
	})
	t.Run("the check is content", func(t *testing.T) {
		h := parse[store.Health](t, o.must("store", "check", "--json"))
		if h.Tokens != 1 || h.Owners != 1 || h.Credentials != 1 {
			t.Errorf("%+v", h)
		}
	})
	o.must("token", "revoke", id(made))
	t.Run("restoring over a store must be said, keeps it, and keeps revocations", func(t *testing.T) {
		o.refused([]string{"store", "restore", backup}, "--replace")
		out := o.must("store", "restore", backup, "--replace")
		if !strings.Contains(out, "kept as") || !strings.Contains(out, "1 token that was revoked") {
			t.Error(out)
		}
		if v := parse[api.Token](t, o.must("token", "show", "--json", id(made))); v.State != "revoked" {
			t.Errorf("state %s", v.State)
		}
		o.mint() // the key still fits
	})
	t.Run("restoring where nothing is", func(t *testing.T) {
		fresh := filepath.Join(t.TempDir(), "fresh")
		o.must("store", "restore", backup, "--data-dir", fresh)
		if v := parse[api.Token](t, o.must("token", "show", "--json", id(made), "--data-dir", fresh)); v.State != "active" {
			t.Errorf("state %s", v.State)
		}
		o.refused([]string{"token", "create", "--name", "x", "--project", "shop/api", "--allow", "read_job", "--data-dir", fresh}, "put that file back")
	})
	t.Run("a damaged store is reported and restored", func(t *testing.T) {
		db := filepath.Join(o.data, "db", "patgate.db")
		if err := os.WriteFile(db, bytes.Repeat([]byte("x"), 9000), 0o600); err != nil {
			t.Fatal(err)
		}
		o.refused([]string{"store", "check"}, db, "damaged")
		o.must("store", "restore", backup, "--replace")
		o.must("store", "check")
	})
	t.Run("without a store commands say so", func(t *testing.T) {
		none := filepath.Join(t.TempDir(), "none")
		for _, args := range [][]string{{"token", "list"}, {"owner", "list"}, {"store", "check"}, {"key", "rotate"}, {"token", "revoke", "1000000000000"}} {
			o.refused(append(args, "--data-dir", none), "there is no store at "+none)
		}
		if _, err := os.Stat(none); err == nil {
			t.Error("a store was made")
		}
	})
}

func TestKeyRotation(t *testing.T) {
	o := newOperator(t)
	o.credential(o.pat(o.alice))
	o.mint()
	file := filepath.Join(o.data, "keys", "patgate.key")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out := o.must("key", "rotate"); !strings.Contains(out, "Sealed 1 credential under") {
		t.Error(out)
	}
	o.mint()
	show := o.must("key", "show") + o.must("key", "show", "--json")
	for _, want := range []string{"active", "retired", file} {
		if !strings.Contains(show, want) {
			t.Errorf("%q is not in %s", want, show)
		}
	}
	after, err := os.ReadFile(file)
	if err != nil || bytes.Equal(before, after) {
		t.Fatalf("the key file did not change: %v", err)
	}
	fields := strings.Fields(string(after))
	if strings.Contains(o.seen.String(), fields[len(fields)-1]) {
		t.Error("the key was printed")
	}
	t.Run("the old key file does not open the store any more", func(t *testing.T) {
		if err := os.WriteFile(file, before, 0o600); err != nil {
			t.Fatal(err)
		}
		o.refused([]string{"key", "show"}, "wrong sealing key")
	})
	t.Run("a key file that others may read is refused", func(t *testing.T) {
		if err := os.WriteFile(file, after, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		o.refused([]string{"key", "show"}, "chmod 600")
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a key file in the database's directory is refused", func(t *testing.T) {
		o.refused([]string{"key", "show", "--key-file", filepath.Join(o.data, "db", "patgate.key")}, "database's directory")
	})
}

func TestAChangedUpstreamMustBeConfirmed(t *testing.T) {
	o := newOperator(t)
	o.credential(o.pat(o.alice))
	o.mint()
	old := o.url
	moved := strings.Replace(old, "127.0.0.1", "localhost", 1)
	t.Setenv("PATGATE_UPSTREAM_URL", moved)
	create := []string{"token", "create", "--name", "x", "--project", "shop/api", "--allow", "read_job"}
	o.refused(create, old, moved, "patgate store move-upstream")
	o.refused([]string{"store", "move-upstream", "https://other.example.com"}, "no owner belongs to")
	o.must("store", "move-upstream", old)
	o.credential("")
	o.must(create...)
}
