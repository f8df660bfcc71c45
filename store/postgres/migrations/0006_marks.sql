-- What is to be said of each token, kept so that the database counts it and puts tokens in its order. Triggers make the row and note
-- what has to be judged anew, so that no change can be forgotten, one by a node of the version before included. Like token_uses it
-- moves no change sequence. Nothing of it is touched when a token is revoked or paused, and no index of the table tokens speaks of
-- that: revoking many must stay cheap. Tokens that were there before have no row until the program has filled it in, in pieces.
CREATE TABLE marks (
    token_id    BIGINT PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE,
    turn        BIGINT NOT NULL DEFAULT 0, -- moves when it must be judged anew
    judged      BIGINT NOT NULL DEFAULT 0, -- under which table's words; 0: not since it was changed
    judged_at   BIGINT NOT NULL DEFAULT 0,
    version     BIGINT NOT NULL DEFAULT 0, -- of that table
    broad       BIGINT NOT NULL DEFAULT 0,
    mints       BIGINT NOT NULL DEFAULT 0, -- makes credentials
    reach       BIGINT NOT NULL DEFAULT 0, -- containers x weight of its verbs x days
    never_used  BIGINT NOT NULL DEFAULT 0, -- 1: it was not used when it was judged
    unused_from BIGINT NOT NULL DEFAULT 0  -- from when on it has what it did not use; 0: that is not known
);
CREATE INDEX marks_unjudged ON marks (token_id) WHERE judged = 0;
CREATE INDEX marks_broad ON marks (token_id) WHERE broad = 1;
CREATE INDEX marks_mints ON marks (token_id) WHERE mints = 1;
CREATE INDEX marks_unused ON marks (unused_from, token_id) WHERE unused_from > 0;
CREATE INDEX marks_never_used ON marks (token_id) WHERE never_used = 1;

-- How far tokens that were there before are filled in: those above done, up to last. It is empty when that is over.
CREATE TABLE unmarked (
    done BIGINT NOT NULL,
    last BIGINT NOT NULL
);
INSERT INTO unmarked SELECT 0, max(id) FROM tokens HAVING count(*) > 0;

CREATE FUNCTION token_marked() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO marks (token_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER token_marked AFTER INSERT ON tokens FOR EACH ROW EXECUTE FUNCTION token_marked();
CREATE FUNCTION token_judged() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    UPDATE marks SET turn = turn + 1, judged = 0 WHERE token_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER token_judged AFTER UPDATE OF scopes, expires_at, widened_at, rotated_to ON tokens FOR EACH ROW
    WHEN (NEW.scopes <> OLD.scopes OR NEW.expires_at <> OLD.expires_at OR NEW.widened_at <> OLD.widened_at
    OR NEW.rotated_to <> OLD.rotated_to) EXECUTE FUNCTION token_judged();

-- The orders of lists, by what seldom changes.
CREATE INDEX tokens_by_expiry ON tokens (expires_at, id);
CREATE INDEX tokens_by_creation ON tokens (created_at, id);
CREATE INDEX tokens_by_name ON tokens (lower(name), id);
CREATE INDEX tokens_reporting ON tokens (report_until) WHERE report_until > 0;
