-- Postern's store, version 1.  Numbered and never edited after release:
-- a change is a file of its own.
--
-- An admin works on subscriber and trunk with plain SQL (`postern sql`) while
-- everything runs, and reads registration, live_call and call_record.  A bad
-- row is refused with the name of the rule it breaks.  Rules use built-in
-- functions only, since they run inside the admin's own sqlite3.

CREATE TABLE subscriber (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	number TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL DEFAULT '',
	-- What the phone calls "SIP User ID" or "authentication name".
	username TEXT NOT NULL UNIQUE,
	-- Written, never read: registrar-db seals it and sets it to NULL.
	password TEXT,
	-- May it register and call from the internet?
	internet INTEGER NOT NULL DEFAULT 0,
	enabled INTEGER NOT NULL DEFAULT 1,
	class TEXT NOT NULL DEFAULT 'national',
	-- NULL: as the site's configuration says.
	hold TEXT,
	latching TEXT,
	-- The realm the password was sealed for; NULL until then.
	realm TEXT,
	created_at TEXT NOT NULL DEFAULT (datetime('now')),
	changed_at TEXT NOT NULL DEFAULT (datetime('now')),

	CONSTRAINT "number: 1 to 32 of the digits, + * and #" CHECK (
		typeof(number) = 'text' AND
		length(CAST(number AS BLOB)) BETWEEN 1 AND 32 AND
		instr(CAST(number AS BLOB), x'00') = 0 AND
		number NOT GLOB '*[^0-9+*#]*'),
	CONSTRAINT "name: at most 64 bytes, no control characters" CHECK (
		length(CAST(name AS BLOB)) <= 64 AND
		name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) ||
			']*' AND
		instr(CAST(name AS BLOB), x'00') = 0),
	CONSTRAINT "username: 1 to 64 of A-Z a-z 0-9 . _ + @ -" CHECK (
		typeof(username) = 'text' AND
		length(CAST(username AS BLOB)) BETWEEN 1 AND 64 AND
		instr(CAST(username AS BLOB), x'00') = 0 AND
		username NOT GLOB '*[^A-Za-z0-9._+@-]*'),
	-- The last rule: every character is among six taken from the start,
	-- the middle and the end; so it is one of very few characters.
	CONSTRAINT "password too weak: 12 to 128 characters, not the number, username or name, not only digits, not a common word, not few characters repeated; a good one: postern password" CHECK (
		password IS NULL OR (
		typeof(password) = 'text' AND
		length(password) BETWEEN 12 AND 128 AND
		instr(CAST(password AS BLOB), x'00') = 0 AND
		lower(password) NOT IN (lower(number), lower(username),
			lower(name), lower(number || number),
			lower(username || username),
			lower(username || number)) AND
		password GLOB '*[^0-9]*' AND
		trim(password, substr(password, 1, 2) ||
			substr(password, length(password) / 2, 2) ||
			substr(password, -2)) <> '' AND
		lower(password) NOT IN ('passwordpassword', 'password1234',
			'password12345', 'password123456', 'mypassword123',
			'qwertyuiop12', 'qwertyuiop123', 'qwertyuiopas',
			'qwerty123456', '123456789abc', '1q2w3e4r5t6y',
			'1qaz2wsx3edc', 'abcdefghijkl', 'abcdefghijklm',
			'administrator', 'administrator1', 'admin1234567',
			'changeme1234', 'changemenow1', 'letmeinletmein',
			'welcome12345', 'iloveyou1234', 'postern12345',
			'asterisk1234', 'sip123456789'))),
	CONSTRAINT "internet: 0 or 1" CHECK (internet IN (0, 1)),
	CONSTRAINT "enabled: 0 or 1" CHECK (enabled IN (0, 1)),
	CONSTRAINT "class: internal, national, international or premium" CHECK (
		class IN ('internal', 'national', 'international', 'premium')),
	CONSTRAINT "hold: transparent, sendrecv or NULL" CHECK (
		hold IN ('transparent', 'sendrecv')),
	CONSTRAINT "latching: strict, signalled, open or NULL" CHECK (
		latching IN ('strict', 'signalled', 'open'))
);

CREATE INDEX subscriber_unsealed ON subscriber(id) WHERE password IS NOT NULL;

-- Sealed HA1s, one for each algorithm; useless without the key file.
CREATE TABLE credential (
	subscriber INTEGER PRIMARY KEY,
	md5 BLOB NOT NULL,
	sha256 BLOB NOT NULL,
	sha512_256 BLOB NOT NULL
);

CREATE TRIGGER subscriber_needs_password BEFORE INSERT ON subscriber
WHEN NEW.password IS NULL
BEGIN
	SELECT RAISE(ABORT, 'a subscriber needs a password; a good one: postern password');
END;

CREATE TRIGGER subscriber_number_taken BEFORE INSERT ON subscriber
WHEN EXISTS (SELECT 1 FROM subscriber WHERE number = NEW.number)
BEGIN
	SELECT RAISE(ABORT, 'this number is taken already');
END;

CREATE TRIGGER subscriber_username_taken BEFORE INSERT ON subscriber
WHEN EXISTS (SELECT 1 FROM subscriber WHERE username = NEW.username)
BEGIN
	SELECT RAISE(ABORT, 'this username is taken already');
END;

CREATE TRIGGER subscriber_sealed_by_hand BEFORE INSERT ON subscriber
WHEN NEW.realm IS NOT NULL
BEGIN
	SELECT RAISE(ABORT, 'realm is filled in by registrar-db when it seals the password');
END;

CREATE TRIGGER subscriber_id_changed BEFORE UPDATE OF id ON subscriber
WHEN NEW.id IS NOT OLD.id
BEGIN
	SELECT RAISE(ABORT, 'the id of a subscriber never changes; change number instead');
END;

-- A password counts for one username and one realm (RFC 7616 3.4.2).
CREATE TRIGGER subscriber_username_changed BEFORE UPDATE OF username ON subscriber
WHEN NEW.username IS NOT OLD.username AND NEW.password IS NULL
BEGIN
	SELECT RAISE(ABORT, 'a changed username needs a new password: UPDATE subscriber SET username = ..., password = ... WHERE ...');
END;

CREATE TRIGGER subscriber_realm_changed BEFORE UPDATE OF realm ON subscriber
WHEN NEW.realm IS NOT OLD.realm
	AND NOT (OLD.password IS NOT NULL AND NEW.password IS NULL)
BEGIN
	SELECT RAISE(ABORT, 'realm is set in postern.conf; a password for the new one: UPDATE subscriber SET password = ... WHERE ...');
END;

CREATE TRIGGER subscriber_password_removed BEFORE UPDATE OF password ON subscriber
WHEN NEW.password IS NULL AND OLD.password IS NOT NULL
	AND NEW.realm IS NULL
BEGIN
	SELECT RAISE(ABORT, 'a subscriber needs a password; to shut it out: UPDATE subscriber SET enabled = 0 WHERE ...');
END;

CREATE TRIGGER subscriber_changed AFTER UPDATE
OF number, name, username, internet, enabled, class, hold, latching ON subscriber
BEGIN
	UPDATE subscriber SET changed_at = datetime('now') WHERE id = NEW.id;
END;

-- How each phone is reached: one row for each device (binding).  `source`
-- and the columns after it are the flow its REGISTER came in on.
CREATE TABLE registration (
	number TEXT NOT NULL,
	contact TEXT NOT NULL,
	source TEXT NOT NULL,
	transport TEXT NOT NULL,
	zone TEXT NOT NULL,
	listener INTEGER NOT NULL,
	nated INTEGER NOT NULL,
	expires TEXT AS (datetime(expires_at, 'unixepoch')) VIRTUAL,
	registered TEXT AS (datetime(registered_at, 'unixepoch')) VIRTUAL,
	granted_s INTEGER NOT NULL,
	user_agent TEXT NOT NULL,
	instance TEXT NOT NULL,
	reg_id INTEGER NOT NULL,
	q REAL NOT NULL,
	call_id TEXT NOT NULL,
	cseq INTEGER NOT NULL,
	slot INTEGER NOT NULL,
	registered_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (number, slot)
) WITHOUT ROWID;

CREATE INDEX registration_source ON registration(source);

-- Flows that an admin's change ended; registrar-db tells sigproxy.
CREATE TABLE flow_gone (
	id INTEGER PRIMARY KEY,
	source TEXT NOT NULL,
	transport TEXT NOT NULL,
	zone TEXT NOT NULL,
	listener INTEGER NOT NULL
);

CREATE TRIGGER subscriber_deleted AFTER DELETE ON subscriber
BEGIN
	DELETE FROM credential WHERE subscriber = OLD.id;
	INSERT INTO flow_gone(source, transport, zone, listener)
		SELECT source, transport, zone, listener FROM registration
		WHERE number = OLD.number;
	DELETE FROM registration WHERE number = OLD.number;
END;

CREATE TRIGGER subscriber_shut_out AFTER UPDATE OF enabled, number ON subscriber
WHEN NEW.enabled = 0 OR NEW.number IS NOT OLD.number
BEGIN
	INSERT INTO flow_gone(source, transport, zone, listener)
		SELECT source, transport, zone, listener FROM registration
		WHERE number = OLD.number;
	DELETE FROM registration WHERE number = OLD.number;
END;

CREATE TRIGGER subscriber_internet_ended AFTER UPDATE OF internet ON subscriber
WHEN NEW.internet = 0
BEGIN
	INSERT INTO flow_gone(source, transport, zone, listener)
		SELECT source, transport, zone, listener FROM registration
		WHERE number = OLD.number AND zone = 'external';
	DELETE FROM registration
		WHERE number = OLD.number AND zone = 'external';
END;

-- Peers that are not subscribers: numbers that start with prefix go there.
CREATE TABLE trunk (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	address TEXT NOT NULL,
	transport TEXT NOT NULL DEFAULT 'udp',
	prefix TEXT NOT NULL,
	enabled INTEGER NOT NULL DEFAULT 1,

	CONSTRAINT "name: 1 to 64 of A-Z a-z 0-9 . _ -" CHECK (
		length(name) BETWEEN 1 AND 64 AND
		name NOT GLOB '*[^A-Za-z0-9._-]*'),
	CONSTRAINT "address: HOST or HOST:PORT" CHECK (
		length(address) BETWEEN 1 AND 255 AND
		address NOT GLOB '*[^][A-Za-z0-9.:_-]*'),
	CONSTRAINT "transport: udp, tcp or tls" CHECK (
		transport IN ('udp', 'tcp', 'tls')),
	CONSTRAINT "prefix: 0 to 32 of the digits, + * and #" CHECK (
		length(prefix) <= 32 AND prefix NOT GLOB '*[^0-9+*#]*'),
	CONSTRAINT "enabled: 0 or 1" CHECK (enabled IN (0, 1))
);

-- One row for each call an authenticated subscriber asked for.
CREATE TABLE call (
	ticket INTEGER PRIMARY KEY,
	-- What registrar-db itself decided.
	caller TEXT NOT NULL,
	caller_name TEXT NOT NULL,
	called TEXT NOT NULL,
	verdict TEXT NOT NULL,
	from_zone TEXT NOT NULL,
	from_source TEXT NOT NULL,
	call_id TEXT NOT NULL,
	granted_at INTEGER NOT NULL,
	-- What sigproxy reported.
	state TEXT NOT NULL,
	status INTEGER,
	reason TEXT NOT NULL DEFAULT '',
	answered_at INTEGER,
	ended_at INTEGER,
	channels INTEGER NOT NULL DEFAULT 0,
	relayed INTEGER NOT NULL DEFAULT 0,
	called_source TEXT NOT NULL DEFAULT '',
	-- Media of all streams, as the relay counted it, by side.
	caller_packets_in INTEGER NOT NULL DEFAULT 0,
	caller_bytes_in INTEGER NOT NULL DEFAULT 0,
	caller_packets_out INTEGER NOT NULL DEFAULT 0,
	caller_packets_lost INTEGER NOT NULL DEFAULT 0,
	caller_packets_refused INTEGER NOT NULL DEFAULT 0,
	caller_rtcp_in INTEGER NOT NULL DEFAULT 0,
	caller_silent_ms INTEGER NOT NULL DEFAULT 0,
	caller_learnt TEXT NOT NULL DEFAULT '',
	called_packets_in INTEGER NOT NULL DEFAULT 0,
	called_bytes_in INTEGER NOT NULL DEFAULT 0,
	called_packets_out INTEGER NOT NULL DEFAULT 0,
	called_packets_lost INTEGER NOT NULL DEFAULT 0,
	called_packets_refused INTEGER NOT NULL DEFAULT 0,
	called_rtcp_in INTEGER NOT NULL DEFAULT 0,
	called_silent_ms INTEGER NOT NULL DEFAULT 0,
	called_learnt TEXT NOT NULL DEFAULT ''
);

CREATE INDEX call_live ON call(ticket) WHERE ended_at IS NULL;

CREATE VIEW live_call AS
SELECT ticket, caller, caller_name, called, state,
	datetime(granted_at, 'unixepoch') AS granted,
	datetime(answered_at, 'unixepoch') AS answered,
	from_zone, from_source, called_source, channels, relayed, status,
	reason, call_id
FROM call WHERE ended_at IS NULL;

CREATE VIEW call_record AS
SELECT ticket, caller, caller_name, called, verdict, from_zone, from_source,
	datetime(granted_at, 'unixepoch') AS granted,
	datetime(answered_at, 'unixepoch') AS answered,
	datetime(ended_at, 'unixepoch') AS ended,
	CASE WHEN answered_at IS NULL THEN 0 ELSE ended_at - answered_at END
		AS duration_s,
	status, reason, channels, relayed, called_source,
	caller_packets_in, caller_bytes_in, caller_packets_out,
	caller_packets_lost, caller_packets_refused, caller_rtcp_in,
	caller_silent_ms, caller_learnt,
	called_packets_in, called_bytes_in, called_packets_out,
	called_packets_lost, called_packets_refused, called_rtcp_in,
	called_silent_ms, called_learnt, call_id
FROM call WHERE ended_at IS NOT NULL;

-- What registrar-db remembers of itself between two lives.
CREATE TABLE memory (
	name TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) WITHOUT ROWID;
