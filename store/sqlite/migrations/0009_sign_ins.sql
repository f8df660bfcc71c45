-- Who is signed in to the console. What is sealed opens only with the sealing key and the cookie, which is stored nowhere.
CREATE TABLE sign_ins (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 32), -- hash of the cookie
    user_id INTEGER NOT NULL,
    key_id  TEXT NOT NULL REFERENCES sealing_keys (id),
    sealed  BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_by_user ON sign_ins (user_id, made_at);

-- Forms that make a secret, by a hash of their number: each makes one token at most, on whichever node it comes.
CREATE TABLE sign_in_forms (
    sign_in  BLOB NOT NULL REFERENCES sign_ins (id) ON DELETE CASCADE,
    form     BLOB NOT NULL CHECK (length(form) = 32),
    token_id INTEGER NOT NULL DEFAULT 0, -- what came of it; 0 while nothing has
    sent_at  INTEGER NOT NULL,
    PRIMARY KEY (sign_in, form)
) STRICT, WITHOUT ROWID;
