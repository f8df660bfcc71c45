-- What is to be said of each token, kept so that the database counts it and puts tokens in its order. Triggers copy what decides
-- whether a token is valid, and note what has to be judged anew, so that no change can be forgotten. Like token_uses it moves no
-- change sequence.
CREATE TABLE marks (
    token_id    INTEGER PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE,
    owner_id    INTEGER NOT NULL,
    live        INTEGER NOT NULL,           -- neither revoked nor paused
    expires_at  INTEGER NOT NULL,
    turn        INTEGER NOT NULL DEFAULT 0, -- moves when it must be judged anew
    judged      INTEGER NOT NULL DEFAULT 0, -- under which table's words; 0: not since it was changed
    judged_at   INTEGER NOT NULL DEFAULT 0,
    version     INTEGER NOT NULL DEFAULT 0, -- of that table
    broad       INTEGER NOT NULL DEFAULT 0,
    mints       INTEGER NOT NULL DEFAULT 0, -- makes credentials
    reach       INTEGER NOT NULL DEFAULT 0, -- containers x weight of its verbs x days
    never_used  INTEGER NOT NULL DEFAULT 0, -- it was not used when it was judged
    unused_from INTEGER NOT NULL DEFAULT 0  -- from when on it has what it did not use; 0: that is not known
) STRICT;
INSERT INTO marks (token_id, owner_id, live, expires_at)
    SELECT id, owner_id, revoked_at = 0 AND paused_at = 0, expires_at FROM tokens;
CREATE INDEX marks_unjudged ON marks (token_id) WHERE judged = 0;
CREATE INDEX marks_broad ON marks (expires_at, token_id) WHERE live = 1 AND broad = 1;
CREATE INDEX marks_mints ON marks (expires_at, token_id) WHERE live = 1 AND mints = 1;
CREATE INDEX marks_unused ON marks (expires_at, token_id, unused_from, never_used) WHERE live = 1 AND unused_from > 0;
CREATE INDEX marks_never_used ON marks (token_id) WHERE never_used = 1;
CREATE INDEX marks_by_reach ON marks (reach, token_id, live, expires_at);
CREATE INDEX marks_by_owner ON marks (owner_id);

-- Every token has its use, so that tokens can be read in its order.
INSERT INTO token_uses (token_id, uses, last_used_at) SELECT id, 0, 0 FROM tokens WHERE true ON CONFLICT DO NOTHING;
CREATE INDEX token_uses_by_time ON token_uses (last_used_at, token_id);

CREATE TRIGGER token_marked AFTER INSERT ON tokens BEGIN
    INSERT INTO marks (token_id, owner_id, live, expires_at)
        VALUES (new.id, new.owner_id, new.revoked_at = 0 AND new.paused_at = 0, new.expires_at);
    INSERT INTO token_uses (token_id, uses, last_used_at) VALUES (new.id, 0, 0) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER token_stands AFTER UPDATE ON tokens WHEN new.revoked_at <> old.revoked_at OR new.paused_at <> old.paused_at BEGIN
    UPDATE marks SET live = new.revoked_at = 0 AND new.paused_at = 0 WHERE token_id = new.id;
END;
CREATE TRIGGER token_judged AFTER UPDATE ON tokens WHEN new.scopes <> old.scopes OR new.expires_at <> old.expires_at
    OR new.widened_at <> old.widened_at OR new.rotated_to <> old.rotated_to BEGIN
    UPDATE marks SET expires_at = new.expires_at, turn = turn + 1, judged = 0 WHERE token_id = new.id;
END;

-- The orders and states of lists.
CREATE INDEX tokens_live ON tokens (expires_at, id, created_at) WHERE revoked_at = 0 AND paused_at = 0;
CREATE INDEX tokens_paused ON tokens (expires_at, id, paused_at) WHERE revoked_at = 0 AND paused_at > 0;
CREATE INDEX tokens_unrevoked ON tokens (expires_at, id) WHERE revoked_at = 0;
CREATE INDEX tokens_revoked ON tokens (expires_at, id, revoked_at) WHERE revoked_at > 0;
CREATE INDEX tokens_by_expiry ON tokens (expires_at, id);
CREATE INDEX tokens_by_creation ON tokens (created_at, id, revoked_at, paused_at, expires_at);
CREATE INDEX tokens_by_name ON tokens (lower(name), id, revoked_at, paused_at, expires_at);
CREATE INDEX tokens_reporting ON tokens (report_until) WHERE report_until > 0;

-- The text of names and descriptions by three characters of it at a time, so that what lies anywhere in them is looked up.
CREATE VIRTUAL TABLE token_text USING fts5 (text, content = '', contentless_delete = 1, detail = 'none', tokenize = 'trigram');
-- How far tokens that were there before are filled in by the program, in pieces: those above done, up to last. It is empty when that
-- is over; until then text is looked for in the table tokens.
CREATE TABLE unmarked (
    done INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
INSERT INTO unmarked SELECT 0, max(id) FROM tokens HAVING count(*) > 0;
CREATE TRIGGER token_told AFTER INSERT ON tokens BEGIN
    INSERT INTO token_text (rowid, text) VALUES (new.id, new.name || char(10) || new.description);
END;
CREATE TRIGGER token_retold AFTER UPDATE ON tokens WHEN new.name <> old.name OR new.description <> old.description BEGIN
    UPDATE token_text SET text = new.name || char(10) || new.description WHERE rowid = new.id;
END;
CREATE TRIGGER token_untold AFTER DELETE ON tokens BEGIN
    DELETE FROM token_text WHERE rowid = old.id;
END;
