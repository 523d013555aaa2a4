-- Trunks that did not take a call, in the order in which they were tried
-- (docs/explain.md).  What sigproxy reports; words are the trunk's own.
CREATE TABLE call_try (
	ticket INTEGER NOT NULL,
	n INTEGER NOT NULL,
	trunk TEXT NOT NULL,
	address TEXT NOT NULL,
	-- refused, silent, stalled, unreachable, password, no-password,
	-- challenge, realm, ours.
	why TEXT NOT NULL,
	-- Its final answer; 0: none came.
	status INTEGER NOT NULL,
	words TEXT NOT NULL,
	PRIMARY KEY (ticket, n)
) WITHOUT ROWID;

CREATE TRIGGER call_tries_deleted AFTER DELETE ON call
BEGIN
	DELETE FROM call_try WHERE ticket = OLD.ticket;
END;

-- Where the last phone of a number was that is not registered any more: one
-- row for each subscriber, for `postern explain`.
CREATE TABLE last_registration (
	number TEXT PRIMARY KEY,
	source TEXT NOT NULL,
	transport TEXT NOT NULL,
	user_agent TEXT NOT NULL,
	registered_at INTEGER NOT NULL,
	ended_at INTEGER NOT NULL,
	-- 1: it was not renewed in time; 0: the phone or an admin ended it.
	expired INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER registration_ended AFTER DELETE ON registration
WHEN EXISTS (SELECT 1 FROM subscriber WHERE number = OLD.number)
BEGIN
	INSERT OR REPLACE INTO last_registration VALUES (OLD.number,
		OLD.source, OLD.transport, OLD.user_agent, OLD.registered_at,
		min(OLD.expires_at, unixepoch()),
		OLD.expires_at <= unixepoch());
END;

CREATE TRIGGER subscriber_was_registered AFTER DELETE ON subscriber
BEGIN
	DELETE FROM last_registration WHERE number = OLD.number;
END;
