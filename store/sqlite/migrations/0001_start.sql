-- Times are Unix milliseconds in UTC; 0 is none. Names of forge users and tokens are the only personal data.

CREATE TABLE sealing_keys (
    id         TEXT PRIMARY KEY,
    check_value BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE owners (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    origin     TEXT NOT NULL,
    user_id    INTEGER NOT NULL,
    username   TEXT NOT NULL,
    admin      INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    removed_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (origin, user_id)
) STRICT;

CREATE TABLE credentials (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id   INTEGER NOT NULL REFERENCES owners (id),
    key_id     TEXT NOT NULL REFERENCES sealing_keys (id),
    sealed     BLOB NOT NULL,
    kind       TEXT NOT NULL,
    scopes     TEXT NOT NULL, -- JSON list of the forge's scope names
    expires_at INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('valid', 'invalid', 'removed')),
    reason     TEXT NOT NULL DEFAULT '',
    UNIQUE (id, owner_id)
) STRICT;
CREATE INDEX credentials_by_owner ON credentials (owner_id);

CREATE TABLE tokens (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    hash           BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    last_four      TEXT NOT NULL,
    name           TEXT NOT NULL,
    description    TEXT NOT NULL DEFAULT '',
    owner_id       INTEGER NOT NULL,
    credential_id  INTEGER NOT NULL,
    parent_id      INTEGER NOT NULL DEFAULT 0, -- the token that authorised this one
    scopes         TEXT NOT NULL,              -- JSON list, GitLab's granular_scopes
    table_version  INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    revoked_at     INTEGER NOT NULL DEFAULT 0,
    revoke_reason  TEXT NOT NULL DEFAULT '',
    revoked_by     TEXT NOT NULL DEFAULT '',
    paused_at      INTEGER NOT NULL DEFAULT 0,
    pause_reason   TEXT NOT NULL DEFAULT '',
    paused_by      TEXT NOT NULL DEFAULT '',
    changed_by     TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (credential_id, owner_id) REFERENCES credentials (id, owner_id)
) STRICT;
CREATE INDEX tokens_by_owner ON tokens (owner_id);
CREATE INDEX tokens_by_credential ON tokens (credential_id);
INSERT INTO sqlite_sequence (name, seq) VALUES ('tokens', 999999999999);

-- Use is kept apart from tokens: it changes all the time and moves no change sequence.
CREATE TABLE token_uses (
    token_id     INTEGER PRIMARY KEY REFERENCES tokens (id),
    uses         INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT;

-- The change sequence. Triggers write it, so that no change can be forgotten. A row without a token says that anything
-- may have changed. Old rows are dropped; AUTOINCREMENT keeps the numbers rising.
CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    token_id INTEGER
) STRICT;
INSERT INTO changes (token_id) VALUES (NULL);

CREATE TRIGGER token_made AFTER INSERT ON tokens BEGIN INSERT INTO changes (token_id) VALUES (new.id); END;
CREATE TRIGGER token_changed AFTER UPDATE ON tokens BEGIN INSERT INTO changes (token_id) VALUES (new.id); END;
CREATE TRIGGER token_dropped AFTER DELETE ON tokens BEGIN INSERT INTO changes (token_id) VALUES (NULL); END;
CREATE TRIGGER owner_made AFTER INSERT ON owners BEGIN INSERT INTO changes (token_id) VALUES (NULL); END;
CREATE TRIGGER owner_changed AFTER UPDATE ON owners BEGIN INSERT INTO changes (token_id) VALUES (NULL); END;
CREATE TRIGGER owner_dropped AFTER DELETE ON owners BEGIN INSERT INTO changes (token_id) VALUES (NULL); END;
CREATE TRIGGER credential_made AFTER INSERT ON credentials BEGIN INSERT INTO changes (token_id) VALUES (NULL); END;
CREATE TRIGGER credential_changed AFTER UPDATE ON credentials BEGIN INSERT INTO changes (token_id) VALUES (NULL); END;
CREATE TRIGGER credential_dropped AFTER DELETE ON credentials BEGIN INSERT INTO changes (token_id) VALUES (NULL); END;
