-- Rotation keeps a family: family_id is the id of its first token. renew_until bounds what rotations may live.
ALTER TABLE tokens ADD COLUMN family_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN renew_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN rotated_to INTEGER NOT NULL DEFAULT 0; -- the token that took this one's place
-- revision moves with every edit and rotation, children with every token that is made below it: who decided on what was
-- read before changes nothing that has moved since.
ALTER TABLE tokens ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tokens ADD COLUMN children INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN touched_at INTEGER NOT NULL DEFAULT 0; -- made, resumed or edited: counts as a use for idleness
UPDATE tokens SET family_id = id, renew_until = expires_at, touched_at = created_at;
CREATE INDEX tokens_by_family ON tokens (family_id);
CREATE INDEX tokens_by_parent ON tokens (parent_id);

-- What a token used of what it may do, and from where. Like token_uses it moves no change sequence.
CREATE TABLE token_permissions (
    token_id     INTEGER NOT NULL REFERENCES tokens (id),
    permission   TEXT NOT NULL,
    uses         INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (token_id, permission)
) STRICT, WITHOUT ROWID;

CREATE TABLE token_addresses (
    token_id     INTEGER NOT NULL REFERENCES tokens (id),
    address      TEXT NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (token_id, address)
) STRICT, WITHOUT ROWID;
