-- Under which conditions tokens may be used, by family, so that a rotation changes nothing of it, whichever version makes it; and
-- how much of that is used: how often for good, and the bytes of one day, which is counted in days since 1970.
CREATE TABLE token_limits (
    family_id BIGINT PRIMARY KEY REFERENCES tokens (id),
    limits    TEXT COLLATE "C" NOT NULL,       -- JSON, a limits.Spec; empty: none any more
    uses      BIGINT NOT NULL DEFAULT 0,
    day       BIGINT NOT NULL DEFAULT 0,
    bytes     BIGINT NOT NULL DEFAULT 0
);
