-- What the scopes of tokens reach and hold, and from which networks tokens may be used, so that the database answers who may do what,
-- and where. Triggers write it, so that no change can be forgotten.
CREATE TABLE token_grants (
    kind     TEXT NOT NULL,    -- project or group; or the access of a scope that names neither, such as all_memberships
    place_id INTEGER NOT NULL, -- 0 where none is named
    token_id INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    scope    INTEGER NOT NULL, -- which of the token's scopes
    PRIMARY KEY (kind, place_id, token_id, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_grants_by_token ON token_grants (token_id, kind, place_id, scope);
-- One row of permission * and scope -1 stands for all of a token whose scopes name more than 20000 permissions in all.
CREATE TABLE token_rights (
    permission TEXT NOT NULL,
    token_id   INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    scope      INTEGER NOT NULL,
    PRIMARY KEY (permission, token_id, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_rights_by_token ON token_rights (token_id);
CREATE TABLE family_networks (
    network   TEXT NOT NULL,
    family_id INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    PRIMARY KEY (network, family_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX family_networks_by_family ON family_networks (family_id);
CREATE INDEX paths_by_place ON paths (kind, place_id);

-- Tokens with ids after done, up to last, were there before: what they hold is filled in later, a few at a time. No row: none is left.
CREATE TABLE ungranted (
    done INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
INSERT INTO ungranted SELECT 0, max(id) FROM tokens HAVING count(*) > 0;

-- Scopes that cannot be read reach and hold nothing.
CREATE TRIGGER token_granted AFTER INSERT ON tokens BEGIN
    INSERT INTO token_grants (kind, place_id, token_id, scope)
        SELECT DISTINCT CASE k.key WHEN 'project_ids' THEN 'project' ELSE 'group' END, p.value, new.id, s.key
        FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) s,
            json_each(CASE s.type WHEN 'object' THEN s.value ELSE '{}' END) k,
            json_each(CASE k.type WHEN 'array' THEN k.value ELSE '[]' END) p
        WHERE p.type = 'integer' AND k.key IN ('project_ids', 'group_ids')
        UNION SELECT k.value, 0, new.id, s.key
        FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) s,
            json_each(CASE s.type WHEN 'object' THEN s.value ELSE '{}' END) k
        WHERE k.key = 'access' AND k.type = 'text' AND k.value <> 'selected_memberships';
    INSERT INTO token_rights (permission, token_id, scope)
        SELECT DISTINCT p.value, new.id, s.key
        FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) s,
            json_each(CASE s.type WHEN 'object' THEN s.value ELSE '{}' END) k,
            json_each(CASE k.type WHEN 'array' THEN k.value ELSE '[]' END) p
        WHERE p.type = 'text' AND k.key = 'permissions' AND (SELECT coalesce(sum(json_array_length(t.value, '$.permissions')), 0)
            FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) t WHERE t.type = 'object') <= 20000
        UNION ALL SELECT '*', new.id, -1 WHERE (SELECT coalesce(sum(json_array_length(t.value, '$.permissions')), 0)
            FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) t WHERE t.type = 'object') > 20000
        ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER token_regranted AFTER UPDATE OF scopes ON tokens WHEN new.scopes <> old.scopes BEGIN
    DELETE FROM token_grants WHERE token_id = new.id;
    DELETE FROM token_rights WHERE token_id = new.id AND (permission, scope) NOT IN (
        SELECT p.value, s.key
        FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) s,
            json_each(CASE s.type WHEN 'object' THEN s.value ELSE '{}' END) k,
            json_each(CASE k.type WHEN 'array' THEN k.value ELSE '[]' END) p
        WHERE p.type = 'text' AND k.key = 'permissions' AND (SELECT coalesce(sum(json_array_length(t.value, '$.permissions')), 0)
            FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) t WHERE t.type = 'object') <= 20000
        UNION ALL SELECT '*', -1 WHERE (SELECT coalesce(sum(json_array_length(t.value, '$.permissions')), 0)
            FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) t WHERE t.type = 'object') > 20000);
    INSERT INTO token_grants (kind, place_id, token_id, scope)
        SELECT DISTINCT CASE k.key WHEN 'project_ids' THEN 'project' ELSE 'group' END, p.value, new.id, s.key
        FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) s,
            json_each(CASE s.type WHEN 'object' THEN s.value ELSE '{}' END) k,
            json_each(CASE k.type WHEN 'array' THEN k.value ELSE '[]' END) p
        WHERE p.type = 'integer' AND k.key IN ('project_ids', 'group_ids')
        UNION SELECT k.value, 0, new.id, s.key
        FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) s,
            json_each(CASE s.type WHEN 'object' THEN s.value ELSE '{}' END) k
        WHERE k.key = 'access' AND k.type = 'text' AND k.value <> 'selected_memberships';
    INSERT INTO token_rights (permission, token_id, scope)
        SELECT DISTINCT p.value, new.id, s.key
        FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) s,
            json_each(CASE s.type WHEN 'object' THEN s.value ELSE '{}' END) k,
            json_each(CASE k.type WHEN 'array' THEN k.value ELSE '[]' END) p
        WHERE p.type = 'text' AND k.key = 'permissions' AND (SELECT coalesce(sum(json_array_length(t.value, '$.permissions')), 0)
            FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) t WHERE t.type = 'object') <= 20000
        UNION ALL SELECT '*', new.id, -1 WHERE (SELECT coalesce(sum(json_array_length(t.value, '$.permissions')), 0)
            FROM json_each(CASE WHEN json_valid(new.scopes) THEN new.scopes ELSE '[]' END) t WHERE t.type = 'object') > 20000
        ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER limits_read AFTER INSERT ON token_limits BEGIN
    INSERT INTO family_networks (network, family_id) SELECT DISTINCT n.value, new.family_id
        FROM json_each(CASE WHEN json_valid(new.limits) THEN new.limits ELSE '{}' END, '$.networks') n WHERE n.type = 'text';
END;
CREATE TRIGGER limits_reread AFTER UPDATE OF limits ON token_limits WHEN new.limits <> old.limits BEGIN
    DELETE FROM family_networks WHERE family_id = new.family_id;
    INSERT INTO family_networks (network, family_id) SELECT DISTINCT n.value, new.family_id
        FROM json_each(CASE WHEN json_valid(new.limits) THEN new.limits ELSE '{}' END, '$.networks') n WHERE n.type = 'text';
END;
