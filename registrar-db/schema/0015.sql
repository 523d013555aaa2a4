-- Trunks: peers that are not subscribers (docs/trunks.md).  name, address,
-- transport, prefix and enabled mean what they always did.

-- An id is never given again: what is sealed is bound to it.
CREATE TABLE trunk_next (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	address TEXT NOT NULL,
	transport TEXT NOT NULL DEFAULT 'udp',
	-- Numbers that start with it go there, behind all of table route.
	prefix TEXT NOT NULL,
	enabled INTEGER NOT NULL DEFAULT 1,
	-- The account there: what stands in From and is registered.
	username TEXT NOT NULL DEFAULT '',
	-- For digests, if it is another one; empty: username.
	auth_username TEXT NOT NULL DEFAULT '',
	-- Written, never read: registrar-db seals it and sets it to NULL.  The other
	-- side chose it, so it may be weak.
	password TEXT,
	-- By registrar-db.
	sealed BLOB,
	-- Only a challenge with this realm is answered; empty: any of the trunk's.
	realm TEXT NOT NULL DEFAULT '',
	-- The domain in From, To and the Request-URI; empty: the host of address.
	from_domain TEXT NOT NULL DEFAULT '',
	-- 1: Postern registers there with username and password.
	register INTEGER NOT NULL DEFAULT 0,
	expires_s INTEGER NOT NULL DEFAULT 600,
	-- OPTIONS so often; 0: never.
	ping_s INTEGER NOT NULL DEFAULT 60,
	-- Calls at the same time, both ways; NULL: as many as there are channels.
	channels INTEGER,
	-- 1: its P-Asserted-Identity is believed, and it is told who calls even when
	-- the caller withholds his name from others (RFC 3325).
	trust INTEGER NOT NULL DEFAULT 0,
	-- Our side of it; NULL: internal for a private address, else external.
	zone TEXT,
	-- Where its requests come from beside its own addresses.
	sources TEXT NOT NULL DEFAULT '',
	-- 0: calls come from it, none go to it.
	outbound INTEGER NOT NULL DEFAULT 1,
	-- How numbers are written there: as they are dialled here, +4930123456,
	-- 4930123456, or 030123456 and 0044...
	numbers TEXT NOT NULL DEFAULT 'as-is',
	-- Where it thinks that it is; empty: where [site] is.
	country TEXT NOT NULL DEFAULT '',
	area TEXT NOT NULL DEFAULT '',
	-- Who calls, for subscribers without a number of their own in did.
	caller_number TEXT NOT NULL DEFAULT '',
	-- Without any answer for so long, the next way is tried.
	wait_s INTEGER NOT NULL DEFAULT 6,
	-- As with subscribers; an ITSP's sound often comes from another address than
	-- its signalling: so NULL means signalled, and off.
	latching TEXT,
	srtp TEXT,
	-- Its STUN server, asked first.
	stun TEXT NOT NULL DEFAULT '',
	-- 1: the PBX at which the subscribers of table mirror are registered.
	mirror INTEGER NOT NULL DEFAULT 0,
	-- 0: any certificate is good.
	tls_verify INTEGER NOT NULL DEFAULT 1,

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
	CONSTRAINT "enabled: 0 or 1" CHECK (enabled IN (0, 1)),
	CONSTRAINT "username: at most 64 of A-Z a-z 0-9 . _ + @ -" CHECK (
		typeof(username) = 'text' AND length(username) <= 64 AND
		username NOT GLOB '*[^A-Za-z0-9._+@-]*'),
	CONSTRAINT "auth_username: at most 64 of A-Z a-z 0-9 . _ + @ -" CHECK (
		typeof(auth_username) = 'text' AND
		length(auth_username) <= 64 AND
		auth_username NOT GLOB '*[^A-Za-z0-9._+@-]*'),
	CONSTRAINT "password: 1 to 128 characters" CHECK (
		password IS NULL OR typeof(password) = 'text' AND
		length(password) BETWEEN 1 AND 128 AND
		length(CAST(password AS BLOB)) <= 256 AND
		instr(CAST(password AS BLOB), x'00') = 0),
	CONSTRAINT "realm: at most 128 characters, none of them control characters" CHECK (
		typeof(realm) = 'text' AND
		length(CAST(realm AS BLOB)) <= 128 AND
		realm NOT GLOB '*[' || char(1) || '-' || char(31) ||
			char(127) || ']*'),
	CONSTRAINT "from_domain: a name or an address" CHECK (
		typeof(from_domain) = 'text' AND length(from_domain) <= 255
		AND from_domain NOT GLOB '*[^][A-Za-z0-9.:_-]*'),
	CONSTRAINT "register: 0 or 1" CHECK (register IN (0, 1)),
	CONSTRAINT "expires_s: 60 to 86400" CHECK (
		typeof(expires_s) = 'integer' AND
		expires_s BETWEEN 60 AND 86400),
	CONSTRAINT "ping_s: 0, or 10 to 3600" CHECK (
		typeof(ping_s) = 'integer' AND
		(ping_s = 0 OR ping_s BETWEEN 10 AND 3600)),
	CONSTRAINT "channels: 1 to 1000 or NULL" CHECK (
		channels IS NULL OR typeof(channels) = 'integer' AND
		channels BETWEEN 1 AND 1000),
	CONSTRAINT "trust: 0 or 1" CHECK (trust IN (0, 1)),
	CONSTRAINT "zone: external, internal or NULL" CHECK (
		zone IN ('external', 'internal')),
	CONSTRAINT "sources: addresses or ADDRESS/BITS with commas between them" CHECK (
		typeof(sources) = 'text' AND length(sources) <= 255 AND
		sources NOT GLOB '*[^0-9a-fA-F.:/, ]*'),
	CONSTRAINT "outbound: 0 or 1" CHECK (outbound IN (0, 1)),
	CONSTRAINT "numbers: as-is, e164, digits or national" CHECK (
		numbers IN ('as-is', 'e164', 'digits', 'national')),
	CONSTRAINT "country: up to 3 digits" CHECK (
		typeof(country) = 'text' AND length(country) <= 3 AND
		country NOT GLOB '*[^0-9]*'),
	CONSTRAINT "area: up to 8 digits" CHECK (
		typeof(area) = 'text' AND length(area) <= 8 AND
		area NOT GLOB '*[^0-9]*'),
	CONSTRAINT "caller_number: at most 32 of the digits, + * and #" CHECK (
		typeof(caller_number) = 'text' AND
		length(caller_number) <= 32 AND
		caller_number NOT GLOB '*[^0-9+*#]*'),
	CONSTRAINT "wait_s: 1 to 32" CHECK (
		typeof(wait_s) = 'integer' AND wait_s BETWEEN 1 AND 32),
	CONSTRAINT "latching: strict, signalled, open or NULL" CHECK (
		latching IN ('strict', 'signalled', 'open')),
	CONSTRAINT "srtp: off, optional, required or NULL" CHECK (
		srtp IN ('off', 'optional', 'required')),
	CONSTRAINT "stun: HOST or HOST:PORT" CHECK (
		typeof(stun) = 'text' AND length(stun) <= 255 AND
		stun NOT GLOB '*[^][A-Za-z0-9.:_-]*'),
	CONSTRAINT "mirror: 0 or 1" CHECK (mirror IN (0, 1)),
	CONSTRAINT "tls_verify: 0 or 1" CHECK (tls_verify IN (0, 1))
);

INSERT INTO trunk_next(id, name, address, transport, prefix, enabled)
	SELECT id, name, address, transport, prefix, enabled FROM trunk
	WHERE id BETWEEN 1 AND 1000000;
DROP TABLE trunk;
ALTER TABLE trunk_next RENAME TO trunk;

CREATE TRIGGER trunk_full BEFORE INSERT ON trunk
WHEN (SELECT count(*) FROM trunk) >= 32
BEGIN
	SELECT RAISE(ABORT, 'there are 32 trunks already');
END;

CREATE TRIGGER trunk_name_taken BEFORE INSERT ON trunk
WHEN EXISTS (SELECT 1 FROM trunk WHERE name = NEW.name)
BEGIN
	SELECT RAISE(ABORT, 'this name is taken already');
END;

CREATE TRIGGER trunk_id_range BEFORE INSERT ON trunk
WHEN NEW.id IS NOT NULL AND NEW.id NOT BETWEEN 1 AND 1000000
	AND NEW.id <> -1
BEGIN
	SELECT RAISE(ABORT, 'id: leave it out');
END;

CREATE TRIGGER trunk_id_changed BEFORE UPDATE OF id ON trunk
WHEN NEW.id IS NOT OLD.id
BEGIN
	SELECT RAISE(ABORT, 'the id of a trunk never changes; change name instead');
END;

CREATE TRIGGER trunk_sealed_by_hand BEFORE INSERT ON trunk
WHEN NEW.sealed IS NOT NULL
BEGIN
	SELECT RAISE(ABORT, 'sealed is filled in by registrar-db when it seals the password');
END;

CREATE TRIGGER trunk_sealed_changed BEFORE UPDATE OF sealed ON trunk
WHEN NEW.sealed IS NOT NULL AND NEW.sealed IS NOT OLD.sealed
	AND NOT (OLD.password IS NOT NULL AND NEW.password IS NULL)
BEGIN
	SELECT RAISE(ABORT, 'a new password: UPDATE trunk SET password = ... WHERE ...; none: sealed = NULL');
END;

CREATE TRIGGER trunk_registers BEFORE INSERT ON trunk
WHEN NEW.register = 1 AND (NEW.username = '' OR NEW.password IS NULL)
BEGIN
	SELECT RAISE(ABORT, 'register = 1 needs username and password');
END;

CREATE TRIGGER trunk_will_register BEFORE UPDATE OF register, username, password, sealed ON trunk
WHEN NEW.register = 1 AND (NEW.username = '' OR
	(NEW.password IS NULL AND NEW.sealed IS NULL))
BEGIN
	SELECT RAISE(ABORT, 'register = 1 needs username and password');
END;

CREATE INDEX trunk_unsealed ON trunk(id) WHERE password IS NOT NULL;

-- Where calls go that are not for a subscriber: those with the lowest
-- priority number first, then those that say more about the number, then
-- trunk.prefix.  What is sent is the number in the trunk's form, less `strip`
-- characters, `prepend` before it.
CREATE TABLE route (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	pattern TEXT NOT NULL,
	trunk TEXT NOT NULL,
	priority INTEGER NOT NULL DEFAULT 100,
	strip INTEGER NOT NULL DEFAULT 0,
	prepend TEXT NOT NULL DEFAULT '',
	-- Kinds of numbers that it is for; empty: all.
	kinds TEXT NOT NULL DEFAULT '',
	-- Only for subscribers of this class of service; NULL: for all.
	rights TEXT,
	enabled INTEGER NOT NULL DEFAULT 1,
	note TEXT NOT NULL DEFAULT '',

	CONSTRAINT "pattern: a number as it is dialled or with +, X for any digit, % at the end for anything behind it" CHECK (
		typeof(pattern) = 'text' AND
		length(CAST(pattern AS BLOB)) BETWEEN 1 AND 32 AND
		pattern NOT GLOB '*[^0-9X+*#%]*' AND
		pattern NOT GLOB '?*+*' AND pattern NOT GLOB '*%?*'),
	CONSTRAINT "priority: 0 to 10000" CHECK (
		typeof(priority) = 'integer' AND
		priority BETWEEN 0 AND 10000),
	CONSTRAINT "strip: 0 to 31" CHECK (
		typeof(strip) = 'integer' AND strip BETWEEN 0 AND 31),
	CONSTRAINT "prepend: at most 31 of the digits, + * and #" CHECK (
		typeof(prepend) = 'text' AND length(prepend) <= 31 AND
		prepend NOT GLOB '*[^0-9+*#]*' AND
		prepend NOT GLOB '?*+*'),
	CONSTRAINT "kinds: internal, national, international, premium, satellite, emergency, with commas between them, or nothing" CHECK (
		length(kinds) <= 200 AND trim(replace(replace(replace(replace(
		replace(replace(',' || replace(replace(kinds, ' ', ''), ',',
		',,') || ',', ',internal,', ''), ',national,', ''),
		',international,', ''), ',premium,', ''), ',satellite,', ''),
		',emergency,', ''), ',') = ''),
	CONSTRAINT "enabled: 0 or 1" CHECK (enabled IN (0, 1))
);

CREATE TRIGGER route_full BEFORE INSERT ON route
WHEN (SELECT count(*) FROM route) >= 512
BEGIN
	SELECT RAISE(ABORT, 'there are 512 routes already; use shorter patterns with %');
END;

-- Numbers of the world outside, and whose phones ring.  X in target takes the
-- last digits of the number called.
CREATE TABLE did (
	trunk TEXT NOT NULL,
	pattern TEXT NOT NULL,
	target TEXT NOT NULL,
	note TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (trunk, pattern),

	CONSTRAINT "pattern: a number as the trunk writes it or with +, X for any digit, % at the end for anything behind it" CHECK (
		typeof(pattern) = 'text' AND
		length(CAST(pattern AS BLOB)) BETWEEN 1 AND 32 AND
		pattern NOT GLOB '*[^0-9X+*#%]*' AND
		pattern NOT GLOB '?*+*' AND pattern NOT GLOB '*%?*'),
	CONSTRAINT "target: a subscriber's number, or with X at its end for the last digits of the number called" CHECK (
		typeof(target) = 'text' AND
		length(target) BETWEEN 1 AND 32 AND
		target NOT GLOB '*[^0-9X+*#]*' AND
		target NOT GLOB '*X[^X]*')
) WITHOUT ROWID;

CREATE TRIGGER did_full BEFORE INSERT ON did
WHEN (SELECT count(*) FROM did) >= 4096
BEGIN
	SELECT RAISE(ABORT, 'did has 4096 rows already; use patterns with X');
END;

CREATE TRIGGER did_target_unknown BEFORE INSERT ON did
WHEN NEW.target NOT GLOB '*X' AND NOT EXISTS (
	SELECT 1 FROM subscriber WHERE number = NEW.target)
BEGIN
	SELECT RAISE(ABORT, 'target: no such subscriber');
END;

CREATE TRIGGER did_target_changed BEFORE UPDATE OF target ON did
WHEN NEW.target NOT GLOB '*X' AND NOT EXISTS (
	SELECT 1 FROM subscriber WHERE number = NEW.target)
BEGIN
	SELECT RAISE(ABORT, 'target: no such subscriber');
END;

-- Who is registered at a PBX by us, once his phone is registered here.
CREATE TABLE mirror (
	number TEXT PRIMARY KEY,
	trunk TEXT NOT NULL,
	username TEXT NOT NULL,
	auth_username TEXT NOT NULL DEFAULT '',
	-- Written, never read, as in trunk.
	password TEXT,
	sealed BLOB,
	enabled INTEGER NOT NULL DEFAULT 1,

	CONSTRAINT "username: 1 to 64 of A-Z a-z 0-9 . _ + @ -" CHECK (
		typeof(username) = 'text' AND
		length(username) BETWEEN 1 AND 64 AND
		username NOT GLOB '*[^A-Za-z0-9._+@-]*'),
	CONSTRAINT "auth_username: at most 64 of A-Z a-z 0-9 . _ + @ -" CHECK (
		typeof(auth_username) = 'text' AND
		length(auth_username) <= 64 AND
		auth_username NOT GLOB '*[^A-Za-z0-9._+@-]*'),
	CONSTRAINT "password: 1 to 128 characters" CHECK (
		password IS NULL OR typeof(password) = 'text' AND
		length(password) BETWEEN 1 AND 128 AND
		length(CAST(password AS BLOB)) <= 256 AND
		instr(CAST(password AS BLOB), x'00') = 0),
	CONSTRAINT "enabled: 0 or 1" CHECK (enabled IN (0, 1))
) WITHOUT ROWID;

CREATE TRIGGER mirror_number_unknown BEFORE INSERT ON mirror
WHEN NOT EXISTS (SELECT 1 FROM subscriber WHERE number = NEW.number)
BEGIN
	SELECT RAISE(ABORT, 'number: no such subscriber');
END;

CREATE TRIGGER mirror_needs_password BEFORE INSERT ON mirror
WHEN NEW.password IS NULL OR NEW.sealed IS NOT NULL
BEGIN
	SELECT RAISE(ABORT, 'a row of mirror needs the password that the PBX has for the number');
END;

CREATE TRIGGER mirror_sealed_changed BEFORE UPDATE OF sealed ON mirror
WHEN NEW.sealed IS NOT OLD.sealed
	AND NOT (OLD.password IS NOT NULL AND NEW.password IS NULL)
BEGIN
	SELECT RAISE(ABORT, 'a new password: UPDATE mirror SET password = ... WHERE ...');
END;

CREATE TRIGGER mirror_number_changed BEFORE UPDATE OF number ON mirror
WHEN NEW.number IS NOT OLD.number AND NEW.password IS NULL
BEGIN
	SELECT RAISE(ABORT, 'a changed number needs its password again');
END;

CREATE INDEX mirror_trunk ON mirror(trunk);
CREATE INDEX mirror_unsealed ON mirror(number) WHERE password IS NOT NULL;

CREATE TRIGGER route_needs_trunk BEFORE INSERT ON route
WHEN NOT EXISTS (SELECT 1 FROM trunk WHERE name = NEW.trunk)
BEGIN
	SELECT RAISE(ABORT, 'trunk: no trunk has this name; SELECT name FROM trunk');
END;

CREATE TRIGGER route_changes_trunk BEFORE UPDATE OF trunk ON route
WHEN NOT EXISTS (SELECT 1 FROM trunk WHERE name = NEW.trunk)
BEGIN
	SELECT RAISE(ABORT, 'trunk: no trunk has this name; SELECT name FROM trunk');
END;

CREATE TRIGGER did_needs_trunk BEFORE INSERT ON did
WHEN NOT EXISTS (SELECT 1 FROM trunk WHERE name = NEW.trunk)
BEGIN
	SELECT RAISE(ABORT, 'trunk: no trunk has this name; SELECT name FROM trunk');
END;

CREATE TRIGGER did_changes_trunk BEFORE UPDATE OF trunk ON did
WHEN NOT EXISTS (SELECT 1 FROM trunk WHERE name = NEW.trunk)
BEGIN
	SELECT RAISE(ABORT, 'trunk: no trunk has this name; SELECT name FROM trunk');
END;

CREATE TRIGGER mirror_needs_trunk BEFORE INSERT ON mirror
WHEN NOT EXISTS (SELECT 1 FROM trunk WHERE name = NEW.trunk AND mirror = 1)
BEGIN
	SELECT RAISE(ABORT, 'trunk: no trunk with mirror = 1 has this name; SELECT name FROM trunk');
END;

CREATE TRIGGER mirror_changes_trunk BEFORE UPDATE OF trunk ON mirror
WHEN NOT EXISTS (SELECT 1 FROM trunk WHERE name = NEW.trunk AND mirror = 1)
BEGIN
	SELECT RAISE(ABORT, 'trunk: no trunk with mirror = 1 has this name; SELECT name FROM trunk');
END;

CREATE TRIGGER route_needs_rights BEFORE INSERT ON route
WHEN NEW.rights IS NOT NULL AND NOT EXISTS (
	SELECT 1 FROM class_of_service WHERE name = NEW.rights)
BEGIN
	SELECT RAISE(ABORT, 'rights: no such class of service; SELECT name FROM class_of_service, or NULL');
END;

CREATE TRIGGER trunk_renamed AFTER UPDATE OF name ON trunk
WHEN NEW.name IS NOT OLD.name
BEGIN
	UPDATE route SET trunk = NEW.name WHERE trunk = OLD.name;
	UPDATE did SET trunk = NEW.name WHERE trunk = OLD.name;
	UPDATE mirror SET trunk = NEW.name WHERE trunk = OLD.name;
END;

CREATE TRIGGER trunk_deleted AFTER DELETE ON trunk
BEGIN
	DELETE FROM route WHERE trunk = OLD.name;
	DELETE FROM did WHERE trunk = OLD.name;
	DELETE FROM mirror WHERE trunk = OLD.name;
	UPDATE call SET stop = 'disabled' WHERE ended_at IS NULL
		AND stop = '' AND number_class <> 'emergency'
		AND trunk = OLD.name;
END;

CREATE TRIGGER trunk_shut AFTER UPDATE OF enabled ON trunk
WHEN NEW.enabled = 0 AND OLD.enabled <> 0
BEGIN
	UPDATE call SET stop = 'disabled' WHERE ended_at IS NULL
		AND stop = '' AND number_class <> 'emergency'
		AND trunk = NEW.name;
END;

CREATE TRIGGER subscriber_without_trunks AFTER DELETE ON subscriber
BEGIN
	DELETE FROM did WHERE target = OLD.number;
	DELETE FROM mirror WHERE number = OLD.number;
END;

-- Its mirrored password is bound to the number: it is to be given again.
CREATE TRIGGER subscriber_trunks_move AFTER UPDATE OF number ON subscriber
WHEN NEW.number IS NOT OLD.number
BEGIN
	UPDATE did SET target = NEW.number WHERE target = OLD.number;
	DELETE FROM mirror WHERE number = OLD.number;
END;

-- Which trunk a call came from or went to, by which rule, and the number as
-- it was sent there.
ALTER TABLE call ADD COLUMN trunk TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN route TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN sent TEXT NOT NULL DEFAULT '';
-- Digests computed for it.
ALTER TABLE call ADD COLUMN challenges INTEGER NOT NULL DEFAULT 0;

CREATE INDEX call_trunk ON call(trunk)
	WHERE ended_at IS NULL AND trunk <> '';

DROP VIEW live_call;
CREATE VIEW live_call AS
SELECT c.ticket, caller, caller_name, called, redirected_to,
	state,
	datetime(granted_at, 'unixepoch') AS granted,
	datetime(answered_at, 'unixepoch') AS answered,
	from_zone, from_source, called_source, channels, relayed, status,
	reason, call_id, media_way AS media_mode, m.verdict AS media_verdict,
	m.words AS media_words, caller_media, caller_said, called_media,
	called_said,
	CASE WHEN caller_media = '' OR called_media = '' THEN ''
		WHEN caller_media = 'ok' AND called_media = 'ok' THEN 'two-way'
		WHEN caller_media = 'ok' OR called_media = 'ok' THEN 'one-way'
		ELSE 'silent' END AS media_state,
	a.mos / 100.0 AS caller_mos, a.loss / 100.0 AS caller_loss_pct,
	a.jitter_us / 1000.0 AS caller_jitter_ms, a.rtt_ms AS caller_rtt_ms,
	a.heard_mos / 100.0 AS caller_heard_mos,
	b.mos / 100.0 AS called_mos, b.loss / 100.0 AS called_loss_pct,
	b.jitter_us / 1000.0 AS called_jitter_ms, b.rtt_ms AS called_rtt_ms,
	b.heard_mos / 100.0 AS called_heard_mos,
	number_class, pattern, rule, payer, stop, trunk, route, sent
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
LEFT JOIN quality AS a ON a.ticket = c.ticket AND a.side = 'caller'
LEFT JOIN quality AS b ON b.ticket = c.ticket AND b.side = 'called'
WHERE ended_at IS NULL;

DROP VIEW call_record;
CREATE VIEW call_record AS
SELECT c.ticket, caller, caller_name, called, redirected_to,
	c.verdict, from_zone, from_source,
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
	called_silent_ms, called_learnt, call_id,
	media_way AS media_mode, m.verdict AS media_verdict,
	m.words AS media_words, caller_media, caller_said, called_media,
	called_said,
	a.mos / 100.0 AS caller_mos, a.loss / 100.0 AS caller_loss_pct,
	a.jitter_us / 1000.0 AS caller_jitter_ms, a.rtt_ms AS caller_rtt_ms,
	a.heard_mos / 100.0 AS caller_heard_mos,
	a.said_mos / 100.0 AS caller_said_mos,
	b.mos / 100.0 AS called_mos, b.loss / 100.0 AS called_loss_pct,
	b.jitter_us / 1000.0 AS called_jitter_ms, b.rtt_ms AS called_rtt_ms,
	b.heard_mos / 100.0 AS called_heard_mos,
	b.said_mos / 100.0 AS called_said_mos,
	via, number_class, pattern, rule, payer,
	CASE WHEN answered_at IS NULL OR payer = '' THEN 0.0 ELSE
		(ended_at - answered_at + 59) / 60 * cost_minute / 10000.0 END
		AS cost,
	CASE stop WHEN '' THEN ended_by ELSE 'policy' END AS ended_by, stop,
	trunk, route, sent
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
LEFT JOIN quality AS a ON a.ticket = c.ticket AND a.side = 'caller'
LEFT JOIN quality AS b ON b.ticket = c.ticket AND b.side = 'called'
WHERE ended_at IS NOT NULL;
