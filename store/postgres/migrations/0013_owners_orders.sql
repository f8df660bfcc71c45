-- The orders of lists tell whose a token is, so that the list of an owner of most tokens is found without reading those of others.
DROP INDEX tokens_by_expiry, tokens_by_creation, tokens_by_name;
CREATE INDEX tokens_by_expiry ON tokens (expires_at, id) INCLUDE (revoked_at, paused_at, owner_id);
CREATE INDEX tokens_by_creation ON tokens (created_at, id) INCLUDE (expires_at, revoked_at, paused_at, owner_id);
CREATE INDEX tokens_by_name ON tokens (lower(name), id) INCLUDE (name, expires_at, revoked_at, paused_at, owner_id);
