-- The orders of lists hold what tells whether a token is in use, so that a page far inside is found without reading the tokens before
-- it. A token is stored anew when it is revoked, so that each of its indexes gets an entry anyway: revoking takes as long as before.
DROP INDEX tokens_by_expiry, tokens_by_creation, tokens_by_name;
CREATE INDEX tokens_by_expiry ON tokens (expires_at, id) INCLUDE (revoked_at, paused_at);
CREATE INDEX tokens_by_creation ON tokens (created_at, id) INCLUDE (expires_at, revoked_at, paused_at);
CREATE INDEX tokens_by_name ON tokens (lower(name), id) INCLUDE (name, expires_at, revoked_at, paused_at);
CREATE INDEX tokens_revoked ON tokens (revoked_at, id) WHERE revoked_at > 0;
-- The order by blast radius has tokens without one too: they are its low end.
DROP INDEX marks_by_reach;
CREATE INDEX marks_by_reach ON marks (reach, token_id);
