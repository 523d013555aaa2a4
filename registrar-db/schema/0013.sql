-- What a subscriber may use from outside: names of codecs of sound, the
-- preferred first, and kilobits a second in each direction.
ALTER TABLE subscriber ADD COLUMN codecs TEXT NOT NULL DEFAULT ''
	CONSTRAINT "codecs: names as in SDP with commas between them (PCMA, G722, opus), or empty for all" CHECK (
		typeof(codecs) = 'text' AND length(codecs) <= 120 AND
		codecs NOT GLOB '*[^-A-Za-z0-9_., ]*');
ALTER TABLE subscriber ADD COLUMN max_kbps INTEGER
	CONSTRAINT "max_kbps: 16 to 100000 or NULL" CHECK (
		typeof(max_kbps) IN ('integer', 'null') AND
		max_kbps BETWEEN 16 AND 100000);

DROP TRIGGER subscriber_changed;
CREATE TRIGGER subscriber_changed AFTER UPDATE
OF number, name, username, internet, enabled, class, hold, latching, srtp, codecs, max_kbps ON subscriber
BEGIN
	UPDATE subscriber SET changed_at = datetime('now') WHERE id = NEW.id;
END;
