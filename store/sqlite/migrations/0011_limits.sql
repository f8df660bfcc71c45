-- Under which conditions tokens may be used, by family, so that a rotation changes nothing of it, whichever version makes it; and
-- how much of that is used: how often for good, and the bytes of one day, which is counted in days since 1970.
CREATE TABLE token_limits (
    family_id INTEGER PRIMARY KEY REFERENCES tokens (id),
    limits    TEXT NOT NULL,              -- JSON, a limits.Spec; empty: none any more
    uses      INTEGER NOT NULL DEFAULT 0,
    day       INTEGER NOT NULL DEFAULT 0,
    bytes     INTEGER NOT NULL DEFAULT 0
) STRICT;
