-- Which projects and groups the scopes of a token name, so that they can be looked for. Triggers write it, so that no change can be
-- forgotten.
CREATE TABLE token_places (
    place_id INTEGER NOT NULL,
    kind     TEXT NOT NULL, -- project or group
    owner_id INTEGER NOT NULL,
    token_id INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    PRIMARY KEY (place_id, kind, owner_id, token_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_places_by_token ON token_places (token_id);

-- Tokens with ids after done, up to last, were there before: what they name is filled in later, a few at a time. No row: none is left.
CREATE TABLE unplaced (
    done INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
INSERT INTO unplaced SELECT 0, max(id) FROM tokens HAVING count(*) > 0;

-- Scopes that cannot be read name nothing.
CREATE TRIGGER token_named AFTER INSERT ON tokens BEGIN
    INSERT INTO token_places (place_id, kind, owner_id, token_id)
        SELECT DISTINCT p.value, CASE k.key WHEN 'project_ids' THEN 'project' ELSE 'group' END, t.owner_id, t.id FROM tokens t,
            json_each(CASE WHEN json_valid(t.scopes) THEN t.scopes ELSE '[]' END) s,
            json_each(CASE s.type WHEN 'object' THEN s.value ELSE '{}' END) k,
            json_each(CASE k.type WHEN 'array' THEN k.value ELSE '[]' END) p
        WHERE t.id = new.id AND p.type = 'integer' AND k.key IN ('project_ids', 'group_ids');
END;
CREATE TRIGGER token_renamed AFTER UPDATE OF scopes ON tokens WHEN new.scopes <> old.scopes BEGIN
    DELETE FROM token_places WHERE token_id = new.id;
    INSERT INTO token_places (place_id, kind, owner_id, token_id)
        SELECT DISTINCT p.value, CASE k.key WHEN 'project_ids' THEN 'project' ELSE 'group' END, t.owner_id, t.id FROM tokens t,
            json_each(CASE WHEN json_valid(t.scopes) THEN t.scopes ELSE '[]' END) s,
            json_each(CASE s.type WHEN 'object' THEN s.value ELSE '{}' END) k,
            json_each(CASE k.type WHEN 'array' THEN k.value ELSE '[]' END) p
        WHERE t.id = new.id AND p.type = 'integer' AND k.key IN ('project_ids', 'group_ids');
END;

-- What places were called when a credential of an owner's saw them last, and since when they are gone. It is shown to that owner and,
-- of that owner's tokens, to administrators: a path may be confidential.
CREATE TABLE paths (
    owner_id INTEGER NOT NULL REFERENCES owners (id),
    kind     TEXT NOT NULL,
    place_id INTEGER NOT NULL,
    path     TEXT NOT NULL, -- empty: never seen
    seen_at  INTEGER NOT NULL,
    gone_at  INTEGER NOT NULL,
    PRIMARY KEY (owner_id, kind, place_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX paths_by_path ON paths (lower(path));
