-- How many tokens of each kind each owner has, so that nobody counts them who looks. What a token counts as is in tallied, as of when it
-- was looked at, and the sums of that are in tallies. Triggers note in untallied which tokens may count as something else since, so that no
-- change can be forgotten; until says from when on time alone may make it so. Whoever reads takes these out of the sums and counts them
-- as they are, until the program does it for good.
CREATE TABLE tallies (
    owner_id     INTEGER PRIMARY KEY REFERENCES owners (id),
    tokens       INTEGER NOT NULL DEFAULT 0,
    active       INTEGER NOT NULL DEFAULT 0,
    paused       INTEGER NOT NULL DEFAULT 0,
    revoked      INTEGER NOT NULL DEFAULT 0,
    broad        INTEGER NOT NULL DEFAULT 0,
    mints        INTEGER NOT NULL DEFAULT 0,
    dangerous    INTEGER NOT NULL DEFAULT 0,
    soon         INTEGER NOT NULL DEFAULT 0,
    unused       INTEGER NOT NULL DEFAULT 0,
    never_used   INTEGER NOT NULL DEFAULT 0,
    idle         INTEGER NOT NULL DEFAULT 0,
    reach        INTEGER NOT NULL DEFAULT 0, -- the highest of what is in tallied
    last_used_at INTEGER NOT NULL DEFAULT 0 -- of any of them, to the minute
) STRICT;
CREATE TABLE tallied (
    token_id   INTEGER PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE,
    owner_id   INTEGER NOT NULL,
    until      INTEGER NOT NULL,
    counted_at INTEGER NOT NULL, -- by the clock of who counted it; one that was ahead is not believed
    reach      INTEGER NOT NULL, -- the blast radius of an active one
    active     INTEGER NOT NULL, -- neither revoked nor paused, and not over; all below are active
    paused     INTEGER NOT NULL, -- not over
    revoked    INTEGER NOT NULL,
    broad      INTEGER NOT NULL,
    mints      INTEGER NOT NULL, -- makes credentials
    dangerous  INTEGER NOT NULL, -- holds what looks dangerous in lists
    soon       INTEGER NOT NULL, -- expires soon
    unused     INTEGER NOT NULL, -- never used, or holds what it did not use
    never_used INTEGER NOT NULL,
    idle       INTEGER NOT NULL  -- not used for long
) STRICT;
CREATE INDEX tallied_until ON tallied (until, owner_id);
CREATE INDEX tallied_counted ON tallied (counted_at);
CREATE INDEX tallied_by_reach ON tallied (owner_id, reach) WHERE active = 1;
CREATE TABLE untallied (
    token_id INTEGER PRIMARY KEY,
    owner_id INTEGER NOT NULL
) STRICT;
CREATE INDEX untallied_by_owner ON untallied (owner_id);

-- 1: it holds what looks dangerous in lists; -1: nobody has looked yet.
ALTER TABLE marks ADD COLUMN dangerous INTEGER NOT NULL DEFAULT -1;
CREATE INDEX marks_unknown ON marks (token_id) WHERE dangerous = -1;
CREATE INDEX marks_dangerous ON marks (expires_at, token_id) WHERE live = 1 AND dangerous = 1;

INSERT INTO tallies (owner_id, last_used_at) SELECT o.id, coalesce((SELECT max(u.last_used_at) FROM tokens t
    JOIN token_uses u ON u.token_id = t.id WHERE t.owner_id = o.id), 0) FROM owners o;
INSERT INTO untallied SELECT id, owner_id FROM tokens;

CREATE TRIGGER token_tallied AFTER INSERT ON tokens BEGIN
    INSERT INTO untallied VALUES (new.id, new.owner_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER token_retallied AFTER UPDATE ON tokens WHEN new.revoked_at <> old.revoked_at OR new.paused_at <> old.paused_at
    OR new.expires_at <> old.expires_at OR new.created_at <> old.created_at BEGIN
    INSERT INTO untallied VALUES (new.id, new.owner_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER mark_tallied AFTER UPDATE ON marks WHEN new.broad <> old.broad OR new.mints <> old.mints OR new.dangerous <> old.dangerous
    OR new.reach <> old.reach OR new.never_used <> old.never_used OR new.unused_from <> old.unused_from BEGIN
    INSERT INTO untallied SELECT id, owner_id FROM tokens WHERE id = new.token_id ON CONFLICT DO NOTHING;
END;
-- Most uses change nothing here: it is looked at once a minute.
CREATE TRIGGER use_tallied AFTER UPDATE ON token_uses WHEN new.last_used_at / 60000 <> old.last_used_at / 60000 BEGIN
    INSERT INTO tallies (owner_id, last_used_at) SELECT owner_id, new.last_used_at FROM tokens WHERE id = new.token_id
        ON CONFLICT (owner_id) DO UPDATE SET last_used_at = excluded.last_used_at WHERE last_used_at < excluded.last_used_at;
    INSERT INTO untallied SELECT id, owner_id FROM tokens WHERE id = new.token_id AND (old.last_used_at = 0
        OR EXISTS (SELECT 1 FROM tallied WHERE token_id = new.token_id AND idle = 1)) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER first_use_tallied AFTER INSERT ON token_uses WHEN new.last_used_at > 0 BEGIN
    INSERT INTO tallies (owner_id, last_used_at) SELECT owner_id, new.last_used_at FROM tokens WHERE id = new.token_id
        ON CONFLICT (owner_id) DO UPDATE SET last_used_at = excluded.last_used_at WHERE last_used_at < excluded.last_used_at;
    INSERT INTO untallied SELECT id, owner_id FROM tokens WHERE id = new.token_id ON CONFLICT DO NOTHING;
END;
