//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"patgate/admin/marks"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/token"
)

// projects is how many projects the tokens are for: token i reaches project i modulo this.
const projects = 100

// ownersCredential is what the upstream would be sent; it opens nothing.
const ownersCredential = "glpat-benchmark-owner"

// permissions are those of every token.
var permissions = []string{"read_job", "read_job_artifact", "read_pipeline", "read_repository", "read_package", "create_package",
	"read_merge_request", "create_merge_request"}

// seeded is a store with tokens in it.
type seeded struct {
	data, keys string
	tokens     []string // the secrets
}

func (s *seeded) file() string { return filepath.Join(s.data, "db", "patgate.db") }

// project gives the number of the project that a token reaches.
func project(i int) int { return i%projects + 1 }

// seed makes a store with n tokens of one owner. The first is made as patgate makes one; the others are copies of its
// row with a hash and a project of their own, in one transaction, because a transaction each would take minutes.
func seed(ctx context.Context, data, keys, origin string, n int) (*seeded, error) {
	s := &seeded{data: data, keys: filepath.Join(keys, "patgate.key")}
	db, err := sqlite.Open(ctx, s.file(), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	ring, err := store.OpenKeyring(ctx, db, seal.Source{File: s.keys}, time.Now())
	if err != nil {
		return nil, err
	}
	secrets, hashes, err := mint(n)
	if err != nil {
		return nil, err
	}
	s.tokens = secrets
	if err := newcomer(ctx, db, ring, origin, 42, ownersCredential, hashes[0], scopesOf(0)); err != nil {
		return nil, err
	}
	if err := copies(ctx, s.file(), hashes); err != nil {
		return nil, err
	}
	if err := settle(ctx, db); err != nil {
		return nil, err
	}
	health, err := db.Check(ctx)
	if err == nil && health.Tokens != n {
		err = fmt.Errorf("%d tokens were seeded, and %d are there", n, health.Tokens)
	}
	return s, err
}

// settle judges and counts all tokens, as the gateway does when it makes one. Else it would do that for minutes after its start.
func settle(ctx context.Context, db store.Store) error {
	table, err := load.GitLab()
	if err != nil {
		return err
	}
	keeper := marks.NewKeeper(db, func() *routes.Table { return table }, time.Now)
	for more := true; more && err == nil; {
		more, err = keeper.Changed(ctx)
	}
	for more := true; more && err == nil; {
		more, err = db.Recount(ctx, time.Now())
	}
	return err
}

// newcomer makes an owner with a sealed credential, and a token of his.
func newcomer(ctx context.Context, db store.Store, ring *seal.Keyring, origin string, user int64, secret string, hash token.Hash,
	scopes []policy.ScopeSpec) error {
	now := time.Now()
	owner, err := db.PutOwner(ctx, store.Owner{Origin: origin, UserID: user, Username: fmt.Sprint("bench", user), CreatedAt: now})
	if err != nil {
		return err
	}
	credential, err := db.AddCredential(ctx, store.Credential{
		OwnerID: owner.ID, Kind: "personal_access_token", Scopes: []string{"api"}, CreatedAt: now,
	}, func(b seal.Binding) (string, []byte, error) { return ring.Seal(b, []byte(secret)) })
	if err != nil {
		return err
	}
	_, err = db.CreateToken(ctx, token.Record{
		Hash: hash, Name: "bench", LastFour: "0000", OwnerID: owner.ID, CredentialID: credential.ID, TableVersion: 1,
		CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour), Scopes: scopes,
	})
	return err
}

// another adds a token of another owner, for all projects.
func (s *seeded) another(ctx context.Context, origin string, user int64, secret string) (string, error) {
	db, err := sqlite.Open(ctx, s.file(), sqlite.Options{})
	if err != nil {
		return "", err
	}
	defer db.Close()
	ring, err := store.OpenKeyring(ctx, db, seal.Source{File: s.keys}, time.Now())
	if err != nil {
		return "", err
	}
	secrets, hashes, err := mint(1)
	if err != nil {
		return "", err
	}
	all := []policy.ScopeSpec{{Access: "all_memberships", Permissions: permissions}}
	return secrets[0], newcomer(ctx, db, ring, origin, user, secret, hashes[0], all)
}

func mint(n int) (secrets []string, hashes []token.Hash, err error) {
	for range n {
		secret, err := token.Mint(rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		secrets = append(secrets, secret.Reveal())
		hashes = append(hashes, sha256.Sum256([]byte(secret.Reveal())))
	}
	return secrets, hashes, nil
}

func scopesOf(i int) []policy.ScopeSpec {
	return []policy.ScopeSpec{{Access: "selected_memberships", Permissions: permissions, ProjectIDs: []int64{int64(project(i))}}}
}

// copies adds a row like the first token's for every further hash.
func copies(ctx context.Context, file string, hashes []token.Hash) error {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT name FROM pragma_table_info('tokens') WHERE name NOT IN ('id', 'hash', 'scopes', "+
		"'family_id')")
	if err != nil {
		return err
	}
	defer rows.Close()
	var columns []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		columns = append(columns, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	same := strings.Join(columns, ", ")
	insert, err := tx.PrepareContext(ctx, fmt.Sprintf(`INSERT INTO tokens (hash, scopes, family_id, %s)
		SELECT ?, ?, (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'tokens'), %s FROM tokens WHERE id = ?`, same, same))
	if err != nil {
		return err
	}
	for i := 1; i < len(hashes); i++ {
		scopes, err := json.Marshal(scopesOf(i))
		if err != nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, hashes[i][:], string(scopes), store.FirstTokenID); err != nil {
			return fmt.Errorf("copying a token: %w", err)
		}
	}
	return tx.Commit()
}
