-- How many tokens of each kind each owner has, so that nobody counts them who looks. What a token counts as is in tallied, as of when it
-- was looked at, and the sums of that are in tallies. Triggers note in untallied which tokens may count as something else since, so that no
-- change can be forgotten; until says from when on time alone may make it so. Whoever reads takes these out of the sums and counts them
-- as they are, until the program does it for good.
--
-- All locks come first, each waited for shortly: who changes a token must not stand behind this while this stands behind a reader. And
-- nothing that is read below can change before the triggers are there.
LOCK TABLE marks IN ACCESS EXCLUSIVE MODE;
LOCK TABLE owners, tokens, token_uses IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE tallies (
    owner_id     BIGINT PRIMARY KEY REFERENCES owners (id),
    tokens       BIGINT NOT NULL DEFAULT 0,
    active       BIGINT NOT NULL DEFAULT 0,
    paused       BIGINT NOT NULL DEFAULT 0,
    revoked      BIGINT NOT NULL DEFAULT 0,
    broad        BIGINT NOT NULL DEFAULT 0,
    mints        BIGINT NOT NULL DEFAULT 0,
    dangerous    BIGINT NOT NULL DEFAULT 0,
    soon         BIGINT NOT NULL DEFAULT 0,
    unused       BIGINT NOT NULL DEFAULT 0,
    never_used   BIGINT NOT NULL DEFAULT 0,
    idle         BIGINT NOT NULL DEFAULT 0,
    reach        BIGINT NOT NULL DEFAULT 0, -- the highest of what is in tallied
    last_used_at BIGINT NOT NULL DEFAULT 0 -- of any of them, to the minute
);
CREATE TABLE tallied (
    token_id   BIGINT PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE,
    owner_id   BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    counted_at BIGINT NOT NULL, -- by the clock of who counted it; one that was ahead is not believed
    reach      BIGINT NOT NULL, -- the blast radius of an active one
    active     BIGINT NOT NULL, -- neither revoked nor paused, and not over; all below are active
    paused     BIGINT NOT NULL, -- not over
    revoked    BIGINT NOT NULL,
    broad      BIGINT NOT NULL,
    mints      BIGINT NOT NULL, -- makes credentials
    dangerous  BIGINT NOT NULL, -- holds what looks dangerous in lists
    soon       BIGINT NOT NULL, -- expires soon
    unused     BIGINT NOT NULL, -- never used, or holds what it did not use
    never_used BIGINT NOT NULL,
    idle       BIGINT NOT NULL  -- not used for long
);
CREATE INDEX tallied_until ON tallied (until, owner_id);
CREATE INDEX tallied_counted ON tallied (counted_at);
CREATE INDEX tallied_by_reach ON tallied (owner_id, reach) WHERE active = 1;
-- Without a key, so that who changes a token and who judges it do not wait for each other, and so that no change is lost: a row that is
-- there may be one that was just counted and is about to go.
CREATE TABLE untallied (
    token_id BIGINT NOT NULL,
    owner_id BIGINT NOT NULL
);
CREATE INDEX untallied_by_owner ON untallied (owner_id);
CREATE INDEX untallied_by_token ON untallied (token_id);

-- 1: it holds what looks dangerous in lists; -1: nobody has looked yet.
ALTER TABLE marks ADD COLUMN dangerous BIGINT NOT NULL DEFAULT -1;
CREATE INDEX marks_unknown ON marks (token_id) WHERE dangerous = -1;
CREATE INDEX marks_dangerous ON marks (token_id) WHERE dangerous = 1;

INSERT INTO tallies (owner_id, last_used_at) SELECT o.id, coalesce(max(u.last_used_at), 0) FROM owners o
    LEFT JOIN tokens t ON t.owner_id = o.id LEFT JOIN token_uses u ON u.token_id = t.id GROUP BY o.id;
INSERT INTO untallied SELECT id, owner_id FROM tokens;

CREATE FUNCTION token_tallied() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO untallied VALUES (NEW.id, NEW.owner_id);
    RETURN NULL;
END $$;
CREATE TRIGGER token_tallied AFTER INSERT ON tokens FOR EACH ROW EXECUTE FUNCTION token_tallied();
CREATE TRIGGER token_retallied AFTER UPDATE OF revoked_at, paused_at, expires_at, created_at ON tokens FOR EACH ROW
    WHEN (NEW.revoked_at <> OLD.revoked_at OR NEW.paused_at <> OLD.paused_at OR NEW.expires_at <> OLD.expires_at
    OR NEW.created_at <> OLD.created_at) EXECUTE FUNCTION token_tallied();
-- What is judged and used is written by one at a time, who counts among them, so that a row that is there is there for this too: so they
-- are not more than tokens, though nobody counts because the version before serves again.
CREATE FUNCTION note_untallied(token BIGINT) RETURNS VOID LANGUAGE SQL AS $$
    INSERT INTO untallied SELECT id, owner_id FROM tokens WHERE id = token AND NOT EXISTS (SELECT 1 FROM untallied WHERE token_id = token)
$$;
CREATE FUNCTION mark_tallied() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    PERFORM note_untallied(NEW.token_id);
    RETURN NULL;
END $$;
CREATE TRIGGER mark_tallied AFTER UPDATE ON marks FOR EACH ROW WHEN (NEW.broad <> OLD.broad OR NEW.mints <> OLD.mints
    OR NEW.dangerous <> OLD.dangerous OR NEW.reach <> OLD.reach OR NEW.never_used <> OLD.never_used
    OR NEW.unused_from <> OLD.unused_from) EXECUTE FUNCTION mark_tallied();
-- Most uses change nothing here: it is looked at once a minute.
CREATE FUNCTION use_tallied() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO tallies (owner_id, last_used_at) SELECT owner_id, NEW.last_used_at FROM tokens WHERE id = NEW.token_id
        ON CONFLICT (owner_id) DO UPDATE SET last_used_at = excluded.last_used_at WHERE tallies.last_used_at < excluded.last_used_at;
    IF TG_OP = 'INSERT' THEN
        PERFORM note_untallied(NEW.token_id);
    ELSIF OLD.last_used_at = 0 OR EXISTS (SELECT 1 FROM tallied WHERE token_id = NEW.token_id AND idle = 1) THEN
        PERFORM note_untallied(NEW.token_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER use_tallied AFTER UPDATE ON token_uses FOR EACH ROW
    WHEN (NEW.last_used_at / 60000 <> OLD.last_used_at / 60000) EXECUTE FUNCTION use_tallied();
CREATE TRIGGER first_use_tallied AFTER INSERT ON token_uses FOR EACH ROW WHEN (NEW.last_used_at > 0) EXECUTE FUNCTION use_tallied();

-- The text of names and descriptions by three characters of it at a time, so that what lies anywhere in them is looked up.
CREATE FUNCTION text_grams(text TEXT) RETURNS TEXT[] LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr(lower(text COLLATE "C"), n, 3)), '{}') FROM generate_series(1, length(text) - 2) AS n
$$;
CREATE TABLE token_text (
    token_id BIGINT PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE,
    grams    TEXT[] NOT NULL
);
CREATE INDEX token_text_by_grams ON token_text USING gin (grams);
-- How far tokens that were there before are filled in: those above done, up to last. It is empty when that is over; until then text
-- is looked for in the table tokens.
CREATE TABLE untexted (
    done BIGINT NOT NULL,
    last BIGINT NOT NULL
);
INSERT INTO untexted SELECT 0, max(id) FROM tokens HAVING count(*) > 0;
CREATE FUNCTION token_told() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO token_text VALUES (NEW.id, text_grams(NEW.name || chr(10) || NEW.description))
        ON CONFLICT (token_id) DO UPDATE SET grams = excluded.grams;
    RETURN NULL;
END $$;
CREATE TRIGGER token_told AFTER INSERT ON tokens FOR EACH ROW EXECUTE FUNCTION token_told();
CREATE TRIGGER token_retold AFTER UPDATE OF name, description ON tokens FOR EACH ROW
    WHEN (NEW.name <> OLD.name OR NEW.description <> OLD.description) EXECUTE FUNCTION token_told();
