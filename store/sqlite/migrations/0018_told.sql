-- Names and descriptions, and what never changes, by themselves, so that text is looked for without reading what is beside them in the
-- table. Nothing of it is touched when a token is revoked.
CREATE INDEX tokens_told ON tokens (id, created_at, owner_id, name, description);
-- What an order by blast radius needs is in the indexes of the badges.
DROP INDEX marks_broad;
DROP INDEX marks_mints;
DROP INDEX marks_dangerous;
CREATE INDEX marks_broad ON marks (expires_at, token_id, reach, owner_id) WHERE live = 1 AND broad = 1;
CREATE INDEX marks_mints ON marks (expires_at, token_id, reach, owner_id) WHERE live = 1 AND mints = 1;
CREATE INDEX marks_dangerous ON marks (expires_at, token_id, reach, owner_id) WHERE live = 1 AND dangerous = 1;
