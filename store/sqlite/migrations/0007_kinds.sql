-- Kinds of units go with the last unit that is of them. Of how many units a kind is, triggers count: an index of units by kind would
-- hold their places a second time, and without one a foreign key looks through all units.
CREATE TABLE counted_units (
    subject_id INTEGER NOT NULL, -- of a token or a subject
    denied     INTEGER NOT NULL,
    kind_id    INTEGER NOT NULL, -- of unit_kinds
    places     TEXT NOT NULL,
    above      TEXT NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    days       BLOB NOT NULL,
    suspect    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (subject_id, denied, kind_id, places)
) STRICT, WITHOUT ROWID;
INSERT INTO counted_units SELECT subject_id, denied, kind_id, places, above, first_at, last_at, uses, days, suspect FROM units;
DROP TABLE units;
ALTER TABLE counted_units RENAME TO units;

ALTER TABLE unit_kinds ADD COLUMN units INTEGER NOT NULL DEFAULT 0;
UPDATE unit_kinds SET units = of.n FROM (SELECT kind_id, count(*) AS n FROM units GROUP BY kind_id) AS of WHERE of.kind_id = id;
DELETE FROM unit_kinds WHERE units = 0;
CREATE TRIGGER unit_made AFTER INSERT ON units BEGIN UPDATE unit_kinds SET units = units + 1 WHERE id = new.kind_id; END;
CREATE TRIGGER unit_dropped AFTER DELETE ON units BEGIN
    UPDATE unit_kinds SET units = units - 1 WHERE id = old.kind_id;
    DELETE FROM unit_kinds WHERE id = old.kind_id AND units <= 0;
END;
