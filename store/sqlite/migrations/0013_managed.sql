-- Which file of policy as code a token is kept by, as JSON; empty for one that was made by hand.
ALTER TABLE tokens ADD COLUMN managed TEXT NOT NULL DEFAULT '';
