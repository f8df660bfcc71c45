-- Which projects and groups the scopes of a token name, so that they can be looked for. Triggers write it, so that no change can be
-- forgotten, one by a node of the version before included.
CREATE TABLE token_places (
    place_id BIGINT NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL, -- project or group
    owner_id BIGINT NOT NULL,
    token_id BIGINT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    PRIMARY KEY (place_id, kind, owner_id, token_id)
);
CREATE INDEX token_places_by_token ON token_places (token_id);

-- Scopes that cannot be read name nothing.
CREATE FUNCTION name_places(token BIGINT, owner BIGINT, scopes TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO token_places (place_id, kind, owner_id, token_id)
        SELECT p.id::BIGINT, 'project', owner, token
            FROM json_array_elements(scopes::JSON) s, json_array_elements_text(s -> 'project_ids') AS p (id)
            WHERE p.id IS NOT NULL
        UNION
        SELECT p.id::BIGINT, 'group', owner, token
            FROM json_array_elements(scopes::JSON) s, json_array_elements_text(s -> 'group_ids') AS p (id)
            WHERE p.id IS NOT NULL;
EXCEPTION WHEN data_exception THEN
    NULL;
END $$;

CREATE FUNCTION token_named() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM token_places WHERE token_id = NEW.id;
    PERFORM name_places(NEW.id, NEW.owner_id, NEW.scopes);
    RETURN NULL;
END $$;
CREATE TRIGGER token_named AFTER INSERT ON tokens FOR EACH ROW EXECUTE FUNCTION token_named();
CREATE TRIGGER token_renamed AFTER UPDATE OF scopes ON tokens FOR EACH ROW WHEN (NEW.scopes <> OLD.scopes)
    EXECUTE FUNCTION token_named();

-- Tokens with ids after done, up to last, were there before: what they name is filled in later, a few at a time, so that nobody waits
-- for it. No row: none is left. From here on until this is in force nobody else changes tokens, so that none is left out.
CREATE TABLE unplaced (
    done BIGINT NOT NULL,
    last BIGINT NOT NULL
);
INSERT INTO unplaced SELECT 0, max(id) FROM tokens HAVING count(*) > 0;

-- What places were called when a credential of an owner's saw them last, and since when they are gone. It is shown to that owner and,
-- of that owner's tokens, to administrators: a path may be confidential.
CREATE TABLE paths (
    owner_id BIGINT NOT NULL REFERENCES owners (id),
    kind     TEXT COLLATE "C" NOT NULL,
    place_id BIGINT NOT NULL,
    path     TEXT COLLATE "C" NOT NULL, -- empty: never seen
    seen_at  BIGINT NOT NULL,
    gone_at  BIGINT NOT NULL,
    PRIMARY KEY (owner_id, kind, place_id)
);
CREATE INDEX paths_by_path ON paths (lower(path));
