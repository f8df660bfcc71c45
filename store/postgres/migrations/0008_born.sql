-- What limits count the age of a token from, in milliseconds; 0: when it was made.
ALTER TABLE tokens ADD COLUMN born_at BIGINT NOT NULL DEFAULT 0;
