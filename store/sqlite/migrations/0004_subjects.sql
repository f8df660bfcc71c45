-- Units are of tokens, or of credentials of the forge's own, which are kept as a hash under the sealing key. The ids of the latter are
-- below those of tokens. Names of forge users and of their tokens are personal data.
CREATE TABLE subjects (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    hash     BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    origin   TEXT NOT NULL,
    user_id  INTEGER NOT NULL,
    username TEXT NOT NULL,
    kind     TEXT NOT NULL,
    forge_id INTEGER NOT NULL,
    name     TEXT NOT NULL,
    scopes   TEXT NOT NULL, -- JSON list of the forge's scope names
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX subjects_by_user ON subjects (origin, user_id);
CREATE INDEX subjects_by_last ON subjects (last_at);

-- The networks that were seen in the first days of a subject or token: what comes from others later is set apart. No address is kept.
CREATE TABLE subject_networks (
    subject_id INTEGER NOT NULL,
    network    TEXT NOT NULL,
    first_at   INTEGER NOT NULL,
    PRIMARY KEY (subject_id, network)
) STRICT, WITHOUT ROWID;

ALTER TABLE units RENAME TO token_units;
CREATE TABLE units (
    subject_id INTEGER NOT NULL, -- of a token or a subject
    denied     INTEGER NOT NULL,
    kind_id    INTEGER NOT NULL REFERENCES unit_kinds (id),
    places     TEXT NOT NULL,
    above      TEXT NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    days       BLOB NOT NULL,
    suspect    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (subject_id, denied, kind_id, places)
) STRICT, WITHOUT ROWID;
INSERT INTO units (subject_id, denied, kind_id, places, above, first_at, last_at, uses, days)
    SELECT token_id, denied, kind_id, places, above, first_at, last_at, uses, days FROM token_units;
DROP TABLE token_units;
