-- Each path once, in small letters, with the place that some owners know by it, and how many of them: text is looked for here, and not in
-- what each owner saw. Triggers write it. Who may be told of a path is in the table paths.
CREATE TABLE known_paths (
    path     TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    place_id BIGINT NOT NULL,
    owners   BIGINT NOT NULL,
    PRIMARY KEY (path, kind, place_id)
);
LOCK TABLE paths IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO known_paths SELECT lower(path), kind, place_id, count(*) FROM paths WHERE path <> '' GROUP BY 1, 2, 3;
CREATE FUNCTION path_known() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP <> 'INSERT' AND OLD.path <> '' THEN
        UPDATE known_paths SET owners = owners - 1 WHERE path = lower(OLD.path) AND kind = OLD.kind AND place_id = OLD.place_id;
        DELETE FROM known_paths WHERE path = lower(OLD.path) AND kind = OLD.kind AND place_id = OLD.place_id AND owners = 0;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.path <> '' THEN
        INSERT INTO known_paths VALUES (lower(NEW.path), NEW.kind, NEW.place_id, 1)
            ON CONFLICT (path, kind, place_id) DO UPDATE SET owners = known_paths.owners + 1;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER path_seen AFTER INSERT OR DELETE ON paths FOR EACH ROW EXECUTE FUNCTION path_known();
CREATE TRIGGER path_changed AFTER UPDATE OF path ON paths FOR EACH ROW WHEN (lower(NEW.path) <> lower(OLD.path))
    EXECUTE FUNCTION path_known();
