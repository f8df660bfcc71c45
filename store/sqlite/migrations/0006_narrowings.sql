-- widened_at is when a token was last given more than it had: what it did not use before that says nothing.
ALTER TABLE tokens ADD COLUMN widened_at INTEGER NOT NULL DEFAULT 0;

-- What a token might do before it was last narrowed, so that this can be undone for a while. One for each token.
CREATE TABLE narrowings (
    token_id      INTEGER PRIMARY KEY REFERENCES tokens (id),
    scopes        TEXT NOT NULL,
    table_version INTEGER NOT NULL,
    narrowed_at   INTEGER NOT NULL,
    narrowed_by   TEXT NOT NULL
) STRICT;
CREATE INDEX narrowings_by_age ON narrowings (narrowed_at);

-- Since when what tokens do is kept without a gap, and for how long after it was last seen, in milliseconds; no row while it is not.
-- What was not used before that may have been.
CREATE TABLE observing (since INTEGER NOT NULL, keep INTEGER NOT NULL) STRICT;
INSERT INTO observing (since, keep) SELECT min(first_at), 90 * 86400000 FROM units HAVING min(first_at) IS NOT NULL;
