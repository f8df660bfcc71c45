-- What is to be said of each token, kept so that the database counts it and puts tokens in its order. Triggers copy what decides
-- whether a token is valid, and note what has to be judged anew, so that no change can be forgotten, one by a node of the version
-- before included. Like token_uses it moves no change sequence.
CREATE TABLE marks (
    token_id    BIGINT PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE,
    owner_id    BIGINT NOT NULL,
    live        BIGINT NOT NULL,           -- 1: neither revoked nor paused
    expires_at  BIGINT NOT NULL,
    turn        BIGINT NOT NULL DEFAULT 0, -- moves when it must be judged anew
    judged      BIGINT NOT NULL DEFAULT 0, -- under which table's words; 0: not since it was changed
    judged_at   BIGINT NOT NULL DEFAULT 0,
    broad       BIGINT NOT NULL DEFAULT 0,
    mints       BIGINT NOT NULL DEFAULT 0, -- makes credentials
    reach       BIGINT NOT NULL DEFAULT 0, -- containers x weight of its verbs x days
    unused_from BIGINT NOT NULL DEFAULT 0  -- from when on it has what it did not use; 0: that is not known
);

-- Every token has its use, so that tokens can be read in its order.
CREATE INDEX token_uses_by_time ON token_uses (last_used_at, token_id);

CREATE FUNCTION token_marked() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO marks (token_id, owner_id, live, expires_at)
        VALUES (NEW.id, NEW.owner_id, (NEW.revoked_at = 0 AND NEW.paused_at = 0)::INT, NEW.expires_at);
    INSERT INTO token_uses (token_id, uses, last_used_at) VALUES (NEW.id, 0, 0) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER token_marked AFTER INSERT ON tokens FOR EACH ROW EXECUTE FUNCTION token_marked();
CREATE FUNCTION token_stands() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    UPDATE marks SET live = (NEW.revoked_at = 0 AND NEW.paused_at = 0)::INT WHERE token_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER token_stands AFTER UPDATE ON tokens FOR EACH ROW
    WHEN (NEW.revoked_at <> OLD.revoked_at OR NEW.paused_at <> OLD.paused_at) EXECUTE FUNCTION token_stands();
CREATE FUNCTION token_judged() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    UPDATE marks SET expires_at = NEW.expires_at, turn = turn + 1, judged = 0 WHERE token_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER token_judged AFTER UPDATE ON tokens FOR EACH ROW WHEN (NEW.scopes <> OLD.scopes OR NEW.expires_at <> OLD.expires_at
    OR NEW.widened_at <> OLD.widened_at OR NEW.rotated_to <> OLD.rotated_to) EXECUTE FUNCTION token_judged();
CREATE FUNCTION token_first_used() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    UPDATE marks SET turn = turn + 1, judged = 0 WHERE token_id = NEW.token_id;
    RETURN NULL;
END $$;
CREATE TRIGGER token_first_used AFTER UPDATE ON token_uses FOR EACH ROW WHEN (OLD.last_used_at = 0 AND NEW.last_used_at > 0)
    EXECUTE FUNCTION token_first_used();

-- From here on until this is in force nobody else changes tokens or stores their use: the triggers hold both tables.
INSERT INTO marks (token_id, owner_id, live, expires_at)
    SELECT id, owner_id, (revoked_at = 0 AND paused_at = 0)::INT, expires_at FROM tokens;
INSERT INTO token_uses (token_id, uses, last_used_at) SELECT id, 0, 0 FROM tokens ON CONFLICT DO NOTHING;
CREATE INDEX marks_unjudged ON marks (token_id) WHERE judged = 0;
CREATE INDEX marks_broad ON marks (expires_at, token_id) WHERE live = 1 AND broad = 1;
CREATE INDEX marks_mints ON marks (expires_at, token_id) WHERE live = 1 AND mints = 1;
CREATE INDEX marks_unused ON marks (expires_at, token_id, unused_from) WHERE live = 1 AND unused_from > 0;
CREATE INDEX marks_by_reach ON marks (reach, token_id, live, expires_at);
CREATE INDEX marks_by_owner ON marks (owner_id);

-- The orders and states of lists.
CREATE INDEX tokens_live ON tokens (expires_at, id, created_at) WHERE revoked_at = 0 AND paused_at = 0;
CREATE INDEX tokens_paused ON tokens (expires_at, id, paused_at) WHERE revoked_at = 0 AND paused_at > 0;
CREATE INDEX tokens_unrevoked ON tokens (expires_at, id) WHERE revoked_at = 0;
CREATE INDEX tokens_revoked ON tokens (expires_at, id, revoked_at) WHERE revoked_at > 0;
CREATE INDEX tokens_by_expiry ON tokens (expires_at, id);
CREATE INDEX tokens_by_creation ON tokens (created_at, id, revoked_at, paused_at, expires_at);
CREATE INDEX tokens_by_name ON tokens (lower(name), id, revoked_at, paused_at, expires_at);
CREATE INDEX tokens_reporting ON tokens (report_until) WHERE report_until > 0;

-- The text of names and descriptions by three characters of it at a time, so that what lies anywhere in them is looked up. It needs no
-- extension.
CREATE FUNCTION text_grams(name TEXT, description TEXT) RETURNS TEXT[] LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr(whole, i, 3)), '{}')
        FROM (SELECT lower((name || chr(10) || description) COLLATE "C") AS whole) AS of,
            generate_series(1, length(whole) - 2) AS i
$$;
CREATE INDEX tokens_by_text ON tokens USING GIN (text_grams(name, description));
