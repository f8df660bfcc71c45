-- What owners have allowed trusts to do: the credential that acts, and the most that it may be used for. Policies are read from files.
CREATE TABLE trusts (
    name          TEXT PRIMARY KEY,
    owner_id      INTEGER NOT NULL REFERENCES owners (id),
    credential_id INTEGER NOT NULL REFERENCES credentials (id),
    scopes        TEXT NOT NULL,
    table_version INTEGER NOT NULL,
    rules         TEXT NOT NULL, -- who gets them, and for how long at most
    allowed_at    INTEGER NOT NULL,
    allowed_by    TEXT NOT NULL
) STRICT;

-- The tokens that were made by trusts.
CREATE TABLE trust_tokens (
    token_id INTEGER PRIMARY KEY REFERENCES tokens (id),
    trust    TEXT NOT NULL,
    claims   TEXT NOT NULL, -- those that matched, for people
    ends_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX trust_tokens_by_trust ON trust_tokens (trust, ends_at);

-- The ID tokens that were traded and may not be again, by a hash of issuer and jti, until they are over.
CREATE TABLE trust_uses (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX trust_uses_by_end ON trust_uses (ends_at);
