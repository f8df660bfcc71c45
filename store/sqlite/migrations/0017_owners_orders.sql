-- The orders of lists tell whose a token is, so that the list of an owner of most tokens is found without reading those of others.
DROP INDEX tokens_live;
DROP INDEX tokens_unrevoked;
DROP INDEX tokens_revoked;
DROP INDEX tokens_by_expiry;
DROP INDEX tokens_by_creation;
DROP INDEX tokens_by_name;
DROP INDEX marks_by_reach;
CREATE INDEX tokens_live ON tokens (expires_at, id, created_at, owner_id) WHERE revoked_at = 0 AND paused_at = 0;
CREATE INDEX tokens_unrevoked ON tokens (expires_at, id, owner_id) WHERE revoked_at = 0;
CREATE INDEX tokens_revoked ON tokens (expires_at, id, revoked_at, owner_id) WHERE revoked_at > 0;
CREATE INDEX tokens_by_expiry ON tokens (expires_at, id, owner_id);
CREATE INDEX tokens_by_creation ON tokens (created_at, id, revoked_at, paused_at, expires_at, owner_id);
CREATE INDEX tokens_by_name ON tokens (lower(name), id, revoked_at, paused_at, expires_at, owner_id);
CREATE INDEX marks_by_reach ON marks (reach, token_id, live, expires_at, owner_id);
