-- Who is signed in to the console. What is sealed opens only with the sealing key and the cookie, which is stored nowhere.
INSERT INTO counters (name, seq) VALUES ('sign_ins', 0); -- held by who changes them
CREATE TABLE sign_ins (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 32), -- hash of the cookie
    user_id BIGINT NOT NULL,
    key_id  TEXT COLLATE "C" NOT NULL REFERENCES sealing_keys (id),
    sealed  BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sign_ins_by_user ON sign_ins (user_id, made_at);

-- Forms that make a secret, by a hash of their number: each makes one token at most, on whichever node it comes.
CREATE TABLE sign_in_forms (
    sign_in  BYTEA NOT NULL REFERENCES sign_ins (id) ON DELETE CASCADE,
    form     BYTEA NOT NULL CHECK (length(form) = 32),
    token_id BIGINT NOT NULL DEFAULT 0, -- what came of it; 0 while nothing has
    sent_at  BIGINT NOT NULL,
    PRIMARY KEY (sign_in, form)
);

-- The nodes of the fleet, each of which says all the time that it is there. Their time is this server's.
CREATE TABLE nodes (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    seen_at TIMESTAMPTZ NOT NULL
);
