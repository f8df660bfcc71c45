-- Each path once, in small letters, with the place that some owners know by it, and how many of them: text is looked for here, and not in
-- what each owner saw. Triggers write it. Who may be told of a path is in the table paths.
CREATE TABLE known_paths (
    path     TEXT NOT NULL,
    kind     TEXT NOT NULL,
    place_id INTEGER NOT NULL,
    owners   INTEGER NOT NULL,
    PRIMARY KEY (path, kind, place_id)
) STRICT, WITHOUT ROWID;
INSERT INTO known_paths SELECT lower(path), kind, place_id, count(*) FROM paths WHERE path <> '' GROUP BY 1, 2, 3;
CREATE TRIGGER path_seen AFTER INSERT ON paths WHEN new.path <> '' BEGIN
    INSERT INTO known_paths VALUES (lower(new.path), new.kind, new.place_id, 1)
        ON CONFLICT (path, kind, place_id) DO UPDATE SET owners = owners + 1;
END;
CREATE TRIGGER path_changed AFTER UPDATE OF path ON paths WHEN lower(new.path) <> lower(old.path) BEGIN
    UPDATE known_paths SET owners = owners - 1 WHERE path = lower(old.path) AND kind = old.kind AND place_id = old.place_id;
    DELETE FROM known_paths WHERE path = lower(old.path) AND kind = old.kind AND place_id = old.place_id AND owners = 0;
    INSERT INTO known_paths SELECT lower(new.path), new.kind, new.place_id, 1 WHERE new.path <> ''
        ON CONFLICT (path, kind, place_id) DO UPDATE SET owners = owners + 1;
END;
CREATE TRIGGER path_forgotten AFTER DELETE ON paths WHEN old.path <> '' BEGIN
    UPDATE known_paths SET owners = owners - 1 WHERE path = lower(old.path) AND kind = old.kind AND place_id = old.place_id;
    DELETE FROM known_paths WHERE path = lower(old.path) AND kind = old.kind AND place_id = old.place_id AND owners = 0;
END;
