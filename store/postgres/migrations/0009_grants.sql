-- What the scopes of tokens reach and hold, and from which networks tokens may be used, so that the database answers who may do what,
-- and where. Triggers write it, so that no change can be forgotten, one by a node of the version before included.
CREATE TABLE token_grants (
    kind     TEXT COLLATE "C" NOT NULL, -- project or group; or the access of a scope that names neither, such as all_memberships
    place_id BIGINT NOT NULL,           -- 0 where none is named
    token_id BIGINT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    scope    BIGINT NOT NULL,           -- which of the token's scopes
    PRIMARY KEY (kind, place_id, token_id, scope)
);
CREATE INDEX token_grants_by_token ON token_grants (token_id);
-- One row of permission * and scope -1 stands for all of a token whose scopes name more than 20000 permissions in all.
CREATE TABLE token_rights (
    permission TEXT COLLATE "C" NOT NULL,
    token_id   BIGINT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    scope      BIGINT NOT NULL,
    PRIMARY KEY (permission, token_id, scope)
);
CREATE INDEX token_rights_by_token ON token_rights (token_id);
CREATE TABLE family_networks (
    network   TEXT COLLATE "C" NOT NULL,
    family_id BIGINT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    PRIMARY KEY (network, family_id)
);
CREATE INDEX family_networks_by_family ON family_networks (family_id);
CREATE INDEX paths_by_place ON paths (kind, place_id);

-- Scopes and limits that cannot be read hold nothing.
CREATE FUNCTION grant_scopes(token BIGINT, scopes TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    many BOOLEAN;
BEGIN
    DELETE FROM token_grants WHERE token_id = token;
    INSERT INTO token_grants (kind, place_id, token_id, scope)
        SELECT 'project', p.id::BIGINT, token, s.n - 1
            FROM json_array_elements(scopes::JSON) WITH ORDINALITY AS s (of, n), json_array_elements_text(s.of -> 'project_ids') AS p (id)
            WHERE p.id IS NOT NULL
        UNION
        SELECT 'group', p.id::BIGINT, token, s.n - 1
            FROM json_array_elements(scopes::JSON) WITH ORDINALITY AS s (of, n), json_array_elements_text(s.of -> 'group_ids') AS p (id)
            WHERE p.id IS NOT NULL
        UNION
        SELECT s.of ->> 'access', 0, token, s.n - 1 FROM json_array_elements(scopes::JSON) WITH ORDINALITY AS s (of, n)
            WHERE s.of ->> 'access' <> 'selected_memberships';
    SELECT coalesce(sum(json_array_length(s.of -> 'permissions')), 0) > 20000 INTO many FROM json_array_elements(scopes::JSON) AS s (of);
    WITH held (permission, scope) AS (
        SELECT DISTINCT p.name, s.n - 1
            FROM json_array_elements(scopes::JSON) WITH ORDINALITY AS s (of, n), json_array_elements_text(s.of -> 'permissions') AS p (name)
            WHERE p.name IS NOT NULL AND NOT many
        UNION ALL SELECT '*', -1 WHERE many
    ), gone AS (
        DELETE FROM token_rights r WHERE r.token_id = token AND (r.permission, r.scope) NOT IN (SELECT h.permission, h.scope FROM held h)
    )
    INSERT INTO token_rights (permission, token_id, scope) SELECT h.permission, token, h.scope FROM held h ON CONFLICT DO NOTHING;
EXCEPTION WHEN data_exception THEN
    DELETE FROM token_grants WHERE token_id = token;
    DELETE FROM token_rights WHERE token_id = token;
END $$;
CREATE FUNCTION token_granted() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    PERFORM grant_scopes(NEW.id, NEW.scopes);
    RETURN NULL;
END $$;
CREATE TRIGGER token_granted AFTER INSERT ON tokens FOR EACH ROW EXECUTE FUNCTION token_granted();
CREATE TRIGGER token_regranted AFTER UPDATE OF scopes ON tokens FOR EACH ROW WHEN (NEW.scopes <> OLD.scopes)
    EXECUTE FUNCTION token_granted();

CREATE FUNCTION limits_read() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM family_networks WHERE family_id = NEW.family_id;
    BEGIN
        INSERT INTO family_networks (network, family_id)
            SELECT DISTINCT n.name, NEW.family_id FROM json_array_elements_text(NEW.limits::JSON -> 'networks') AS n (name)
                WHERE n.name IS NOT NULL;
    EXCEPTION WHEN data_exception THEN
        NULL;
    END;
    RETURN NULL;
END $$;
CREATE TRIGGER limits_read AFTER INSERT ON token_limits FOR EACH ROW WHEN (NEW.limits <> '') EXECUTE FUNCTION limits_read();
CREATE TRIGGER limits_reread AFTER UPDATE OF limits ON token_limits FOR EACH ROW WHEN (NEW.limits <> OLD.limits)
    EXECUTE FUNCTION limits_read();

-- Tokens with ids after done, up to last, were there before: what they hold is filled in later, a few at a time, so that nobody waits
-- for it. No row: none is left. From the triggers on until this is in force nobody else changes tokens, so that none is left out.
CREATE TABLE ungranted (
    done BIGINT NOT NULL,
    last BIGINT NOT NULL
);
INSERT INTO ungranted SELECT 0, max(id) FROM tokens HAVING count(*) > 0;
