-- What owners have allowed trusts to do: the credential that acts, and the most that it may be used for. Policies are read from files.
CREATE TABLE trusts (
    name          TEXT COLLATE "C" PRIMARY KEY,
    owner_id      BIGINT NOT NULL REFERENCES owners (id),
    credential_id BIGINT NOT NULL REFERENCES credentials (id),
    scopes        TEXT NOT NULL,
    table_version BIGINT NOT NULL,
    rules         TEXT NOT NULL, -- who gets them, and for how long at most
    allowed_at    BIGINT NOT NULL,
    allowed_by    TEXT NOT NULL
);

-- The tokens that were made by trusts.
CREATE TABLE trust_tokens (
    token_id BIGINT PRIMARY KEY REFERENCES tokens (id),
    trust    TEXT COLLATE "C" NOT NULL,
    claims   TEXT NOT NULL, -- those that matched, for people
    ends_at  BIGINT NOT NULL
);
CREATE INDEX trust_tokens_by_trust ON trust_tokens (trust, ends_at);

-- The ID tokens that were traded and may not be again, by a hash of issuer and jti, until they are over.
CREATE TABLE trust_uses (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 32),
    ends_at BIGINT NOT NULL
);
CREATE INDEX trust_uses_by_end ON trust_uses (ends_at);
