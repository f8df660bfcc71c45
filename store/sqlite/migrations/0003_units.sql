-- What tokens were seen to do, unit by unit (package learn). Kinds are shared by tokens. Like token_uses it moves no change sequence.
-- token_permissions holds what was counted before there were units; nothing is added to it any more.
CREATE TABLE unit_kinds (
    id   INTEGER PRIMARY KEY,
    kind TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE units (
    token_id INTEGER NOT NULL REFERENCES tokens (id),
    denied   INTEGER NOT NULL,
    kind_id  INTEGER NOT NULL REFERENCES unit_kinds (id),
    places   TEXT NOT NULL,
    above    TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    uses     INTEGER NOT NULL,
    days     BLOB NOT NULL,
    PRIMARY KEY (token_id, denied, kind_id, places)
) STRICT, WITHOUT ROWID;
