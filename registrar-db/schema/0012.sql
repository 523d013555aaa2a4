-- Is a phone's sound encrypted (SRTP, keys in SDP)?  NULL: optional.
-- off        never: it is offered plain RTP, and only that is accepted
-- optional   as it asks; called, as it asked last, else plain RTP first
-- required   always: a plain offer is refused
ALTER TABLE subscriber ADD COLUMN srtp TEXT
	CONSTRAINT "srtp: off, optional, required or NULL" CHECK (
		srtp IN ('off', 'optional', 'required'));

DROP TRIGGER subscriber_changed;
CREATE TRIGGER subscriber_changed AFTER UPDATE
OF number, name, username, internet, enabled, class, hold, latching, srtp ON subscriber
BEGIN
	UPDATE subscriber SET changed_at = datetime('now') WHERE id = NEW.id;
END;
