-- Report mode: report_from is when it first began, report_until is until when what the grant denies passes. owners_word: the token
-- was made on its owner's own word, without which there is no report mode; of older ones nobody knows it.
ALTER TABLE tokens ADD COLUMN report_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN report_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN owners_word INTEGER NOT NULL DEFAULT 0;
