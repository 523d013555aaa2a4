-- Who may call what (docs/policy.md): which kind of number a number is, what a
-- class of service allows, what is granted beside it, and what was used today.

-- The pattern that says most about a number decides: 'X' is any digit, '%'
-- behind it anything.  Written as it is dialled here, or with '+'.
CREATE TABLE number_class (
	pattern TEXT PRIMARY KEY,
	class TEXT NOT NULL,
	-- Of a minute, in whatever money the cost_day of a class is in.
	cost_minute REAL NOT NULL DEFAULT 0,
	note TEXT NOT NULL DEFAULT '',

	CONSTRAINT "pattern: a number as it is dialled or with +, X for any digit, % at the end for anything behind it" CHECK (
		typeof(pattern) = 'text' AND
		length(CAST(pattern AS BLOB)) BETWEEN 1 AND 32 AND
		pattern NOT GLOB '*[^0-9X+*#%]*' AND
		pattern NOT GLOB '?*+*' AND pattern NOT GLOB '*%?*'),
	CONSTRAINT "class: internal, national, international, premium, satellite, emergency or forbidden" CHECK (
		class IN ('internal', 'national', 'international', 'premium',
			'satellite', 'emergency', 'forbidden')),
	CONSTRAINT "cost_minute: from 0 to 1000" CHECK (
		typeof(cost_minute) IN ('real', 'integer') AND
		cost_minute BETWEEN 0 AND 1000),
	CONSTRAINT "emergency: a whole number, without X and %" CHECK (
		class <> 'emergency' OR pattern NOT GLOB '*[X%]*')
) WITHOUT ROWID;

CREATE TRIGGER number_class_full BEFORE INSERT ON number_class
WHEN (SELECT count(*) FROM number_class) >= 4096
BEGIN
	SELECT RAISE(ABORT, 'number_class has 4096 rows already; use shorter patterns with %');
END;

INSERT INTO number_class(pattern, class, note) VALUES
	('112', 'emergency', 'Europe, and every mobile network'),
	('911', 'emergency', 'North America, and every mobile network'),
	('XX', 'internal', 'numbers of the office'),
	('XXX', 'internal', 'numbers of the office'),
	('XXXX', 'internal', 'numbers of the office'),
	('XXXXX', 'internal', 'numbers of the office'),
	('%', 'national', 'whatever no other row names'),
	('+%', 'international', ''),
	('00%', 'international', ''),
	('+870%', 'satellite', 'Inmarsat'),
	('+881%', 'satellite', 'Iridium, Globalstar'),
	('+8816%', 'satellite', 'Iridium'),
	('+882%', 'satellite', 'international networks'),
	('+883%', 'satellite', 'international networks'),
	('+878%', 'premium', 'personal numbers'),
	('+979%', 'premium', 'international premium rate'),
	('0900%', 'premium', ''),
	('1900XXX%', 'premium', 'North America'),
	('118%', 'premium', 'directory enquiries'),
	('+1900%', 'premium', 'North America'),
	('+1976%', 'premium', 'North America'),
	('+1242%', 'international', 'Bahamas'),
	('+1246%', 'international', 'Barbados'),
	('+1264%', 'international', 'Anguilla'),
	('+1268%', 'international', 'Antigua'),
	('+1284%', 'international', 'British Virgin Islands'),
	('+1345%', 'international', 'Cayman Islands'),
	('+1441%', 'international', 'Bermuda'),
	('+1473%', 'international', 'Grenada'),
	('+1649%', 'international', 'Turks and Caicos'),
	('+1658%', 'international', 'Jamaica'),
	('+1664%', 'international', 'Montserrat'),
	('+1721%', 'international', 'Sint Maarten'),
	('+1758%', 'international', 'Saint Lucia'),
	('+1767%', 'international', 'Dominica'),
	('+1784%', 'international', 'Saint Vincent'),
	('+1809%', 'international', 'Dominican Republic'),
	('+1829%', 'international', 'Dominican Republic'),
	('+1849%', 'international', 'Dominican Republic'),
	('+1868%', 'international', 'Trinidad and Tobago'),
	('+1869%', 'international', 'Saint Kitts'),
	('+1876%', 'international', 'Jamaica'),
	('+31900%', 'premium', 'Netherlands'),
	('+31906%', 'premium', 'Netherlands'),
	('+31909%', 'premium', 'Netherlands'),
	('+3290%', 'premium', 'Belgium'),
	('+3389%', 'premium', 'France'),
	('+34803%', 'premium', 'Spain'),
	('+34806%', 'premium', 'Spain'),
	('+34807%', 'premium', 'Spain'),
	('+39892%', 'premium', 'Italy'),
	('+39899%', 'premium', 'Italy'),
	('+4190%', 'premium', 'Switzerland'),
	('+43900%', 'premium', 'Austria'),
	('+43901%', 'premium', 'Austria'),
	('+43930%', 'premium', 'Austria'),
	('+43931%', 'premium', 'Austria'),
	('+449%', 'premium', 'United Kingdom'),
	('+4487%', 'premium', 'United Kingdom'),
	('+4470%', 'premium', 'United Kingdom, personal numbers'),
	('+49900%', 'premium', 'Germany'),
	('+49137%', 'premium', 'Germany'),
	('+49180%', 'premium', 'Germany');

-- What a subscriber may call, from the office and from the internet.  A stolen
-- password is used from the internet: there the shipped classes allow the
-- office's own numbers alone.  Emergency numbers are always allowed.
CREATE TABLE class_of_service (
	name TEXT PRIMARY KEY,
	office TEXT NOT NULL DEFAULT 'internal',
	internet TEXT NOT NULL DEFAULT 'internal',
	-- When, in the office's time; days: 1 is Monday.  Internal calls: always.
	hours TEXT NOT NULL DEFAULT '00:00-24:00',
	days TEXT NOT NULL DEFAULT '1234567',
	-- Calls to other than internal numbers; NULL: as many as one likes.
	max_calls INTEGER,
	minutes_day INTEGER,
	cost_day REAL,
	-- What becomes of its calls when a subscriber is disabled.
	on_disable TEXT NOT NULL DEFAULT 'end',

	CONSTRAINT "name: 1 to 32 of a-z A-Z 0-9 . _ -" CHECK (
		typeof(name) = 'text' AND
		length(CAST(name AS BLOB)) BETWEEN 1 AND 32 AND
		name NOT GLOB '*[^A-Za-z0-9._-]*'),
	CONSTRAINT "office: internal, national, international, premium, satellite, with commas between them" CHECK (
		length(office) <= 200 AND trim(replace(replace(replace(replace(
		replace(',' || replace(replace(office, ' ', ''), ',', ',,') ||
		',', ',internal,', ''), ',national,', ''),
		',international,', ''), ',premium,', ''), ',satellite,', ''),
		',') = ''),
	CONSTRAINT "internet: internal, national, international, premium, satellite, with commas between them" CHECK (
		length(internet) <= 200 AND trim(replace(replace(replace(
		replace(replace(',' || replace(replace(internet, ' ', ''),
		',', ',,') || ',', ',internal,', ''), ',national,', ''),
		',international,', ''), ',premium,', ''), ',satellite,', ''),
		',') = ''),
	CONSTRAINT "hours: HH:MM-HH:MM" CHECK (
		hours GLOB '[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]' AND
		substr(hours, 1, 5) <= '24:00' AND
		substr(hours, 7, 5) <= '24:00'),
	CONSTRAINT "days: some of 1234567, 1 is Monday" CHECK (
		typeof(days) = 'text' AND length(days) BETWEEN 1 AND 7 AND
		days NOT GLOB '*[^1-7]*'),
	CONSTRAINT "max_calls: 0 to 1000 or NULL" CHECK (
		max_calls IS NULL OR typeof(max_calls) = 'integer' AND
		max_calls BETWEEN 0 AND 1000),
	CONSTRAINT "minutes_day: 0 to 100000 or NULL" CHECK (
		minutes_day IS NULL OR typeof(minutes_day) = 'integer' AND
		minutes_day BETWEEN 0 AND 100000),
	CONSTRAINT "cost_day: 0 to 1000000 or NULL" CHECK (
		cost_day IS NULL OR typeof(cost_day) IN ('real', 'integer') AND
		cost_day BETWEEN 0 AND 1000000),
	CONSTRAINT "on_disable: end or keep" CHECK (
		on_disable IN ('end', 'keep'))
) WITHOUT ROWID;

INSERT INTO class_of_service(name, office, max_calls, minutes_day) VALUES
	('internal', 'internal', 4, 600),
	('national', 'internal,national', 4, 600),
	('international', 'internal,national,international', 4, 600),
	('premium', 'internal,national,international,premium,satellite', 4, 600);

-- NULL: the class of service that `class` names.
ALTER TABLE subscriber ADD COLUMN rights TEXT;

CREATE TRIGGER subscriber_rights BEFORE INSERT ON subscriber
WHEN NEW.rights IS NOT NULL AND NOT EXISTS (
	SELECT 1 FROM class_of_service WHERE name = NEW.rights)
BEGIN
	SELECT RAISE(ABORT, 'rights: no such class of service; SELECT name FROM class_of_service, or NULL');
END;

CREATE TRIGGER subscriber_rights_changed BEFORE UPDATE OF rights ON subscriber
WHEN NEW.rights IS NOT NULL AND NOT EXISTS (
	SELECT 1 FROM class_of_service WHERE name = NEW.rights)
BEGIN
	SELECT RAISE(ABORT, 'rights: no such class of service; SELECT name FROM class_of_service, or NULL');
END;

CREATE TRIGGER class_of_service_needed BEFORE DELETE ON class_of_service
WHEN OLD.name IN ('internal', 'national', 'international', 'premium')
	OR EXISTS (SELECT 1 FROM subscriber WHERE rights = OLD.name)
BEGIN
	SELECT RAISE(ABORT, 'this class of service is in use: change its rights, or first those of its subscribers');
END;

CREATE TRIGGER class_of_service_renamed BEFORE UPDATE OF name ON class_of_service
WHEN NEW.name IS NOT OLD.name
BEGIN
	SELECT RAISE(ABORT, 'a class of service keeps its name; INSERT another one');
END;

-- What one subscriber may beside its class, from when to when.
CREATE TABLE class_grant (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	number TEXT NOT NULL,
	allows TEXT NOT NULL DEFAULT '',
	zone TEXT NOT NULL DEFAULT 'office',
	-- In the office's time.
	starts TEXT NOT NULL DEFAULT (datetime('now', 'localtime')),
	ends TEXT,
	-- NULL: as the class has it; counts where it is more.
	max_calls INTEGER,
	minutes_day INTEGER,
	cost_day REAL,
	note TEXT NOT NULL DEFAULT '',

	CONSTRAINT "allows: internal, national, international, premium, satellite, with commas between them, or nothing" CHECK (
		length(allows) <= 200 AND trim(replace(replace(replace(replace(
		replace(',' || replace(replace(allows, ' ', ''), ',', ',,') ||
		',', ',internal,', ''), ',national,', ''),
		',international,', ''), ',premium,', ''), ',satellite,', ''),
		',') = ''),
	CONSTRAINT "zone: office, internet or both" CHECK (
		zone IN ('office', 'internet', 'both')),
	CONSTRAINT "starts: YYYY-MM-DD or YYYY-MM-DD HH:MM" CHECK (
		starts GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' AND
		datetime(starts) IS NOT NULL),
	CONSTRAINT "ends: YYYY-MM-DD or YYYY-MM-DD HH:MM, after starts, or NULL" CHECK (
		ends IS NULL OR
		ends GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' AND
		datetime(ends) IS NOT NULL AND
		datetime(ends) > datetime(starts)),
	CONSTRAINT "max_calls: 0 to 1000 or NULL" CHECK (
		max_calls IS NULL OR typeof(max_calls) = 'integer' AND
		max_calls BETWEEN 0 AND 1000),
	CONSTRAINT "minutes_day: 0 to 100000 or NULL" CHECK (
		minutes_day IS NULL OR typeof(minutes_day) = 'integer' AND
		minutes_day BETWEEN 0 AND 100000),
	CONSTRAINT "cost_day: 0 to 1000000 or NULL" CHECK (
		cost_day IS NULL OR typeof(cost_day) IN ('real', 'integer') AND
		cost_day BETWEEN 0 AND 1000000)
);

CREATE INDEX class_grant_number ON class_grant(number);

CREATE TRIGGER class_grant_number_unknown BEFORE INSERT ON class_grant
WHEN NOT EXISTS (SELECT 1 FROM subscriber WHERE number = NEW.number)
BEGIN
	SELECT RAISE(ABORT, 'number: no such subscriber');
END;

-- Where a subscriber may come from; no row: from anywhere.
CREATE TABLE allowed_from (
	number TEXT NOT NULL,
	prefix TEXT NOT NULL,
	PRIMARY KEY (number, prefix),

	CONSTRAINT "prefix: an address or ADDRESS/BITS, as 203.0.113.0/24 or 2001:db8::/32" CHECK (
		typeof(prefix) = 'text' AND length(prefix) BETWEEN 2 AND 64 AND
		prefix GLOB '*[.:]*' AND
		prefix NOT GLOB '*[^0-9a-fA-F.:/]*' AND
		prefix NOT GLOB '*/*/*')
) WITHOUT ROWID;

CREATE TRIGGER allowed_from_number_unknown BEFORE INSERT ON allowed_from
WHEN NOT EXISTS (SELECT 1 FROM subscriber WHERE number = NEW.number)
BEGIN
	SELECT RAISE(ABORT, 'number: no such subscriber');
END;

-- What was used of each day's caps, written by registrar-db's own rules.
CREATE TABLE spent (
	number TEXT NOT NULL,
	day TEXT NOT NULL,
	seconds INTEGER NOT NULL,
	-- In 1/10000.
	cost INTEGER NOT NULL,
	PRIMARY KEY (number, day)
) WITHOUT ROWID;

CREATE TRIGGER subscriber_without_rights AFTER DELETE ON subscriber
BEGIN
	DELETE FROM class_grant WHERE number = OLD.number;
	DELETE FROM allowed_from WHERE number = OLD.number;
END;

CREATE TRIGGER subscriber_rights_move AFTER UPDATE OF number ON subscriber
WHEN NEW.number IS NOT OLD.number
BEGIN
	UPDATE class_grant SET number = NEW.number WHERE number = OLD.number;
	UPDATE allowed_from SET number = NEW.number WHERE number = OLD.number;
	UPDATE spent SET number = NEW.number WHERE number = OLD.number;
END;

-- What the number is, by which pattern, and the rule that allowed or denied
-- it; who pays, and from where he called: for a redirected call who redirects.
ALTER TABLE call ADD COLUMN number_class TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN pattern TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN rule TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN payer TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN payer_zone TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN cost_minute INTEGER NOT NULL DEFAULT 0;
-- How it was asked for: 'call', 'redirect' or 'refer'.
ALTER TABLE call ADD COLUMN via TEXT NOT NULL DEFAULT 'call';
-- Why it is to end: 'minutes', 'cost', 'right', 'disabled', or 'admin'.
ALTER TABLE call ADD COLUMN stop TEXT NOT NULL DEFAULT ''
	CONSTRAINT "stop: minutes, cost, right, disabled or admin" CHECK (
		stop IN ('', 'minutes', 'cost', 'right', 'disabled', 'admin'));
ALTER TABLE call ADD COLUMN ended_by TEXT NOT NULL DEFAULT '';

CREATE INDEX call_watched ON call(ticket)
	WHERE ended_at IS NULL AND (payer <> '' OR stop <> '');
CREATE INDEX call_payer ON call(payer)
	WHERE ended_at IS NULL AND payer <> '';

-- A call counts for the day on which it ends.
CREATE TRIGGER call_spent AFTER UPDATE OF ended_at ON call
WHEN NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL
	AND NEW.payer <> '' AND NEW.answered_at IS NOT NULL
BEGIN
	INSERT INTO spent(number, day, seconds, cost) VALUES (NEW.payer,
		date(NEW.ended_at, 'unixepoch', 'localtime'),
		max(NEW.ended_at - NEW.answered_at, 0),
		(max(NEW.ended_at - NEW.answered_at, 0) + 59) / 60 *
			NEW.cost_minute)
	ON CONFLICT (number, day) DO UPDATE SET
		seconds = seconds + excluded.seconds,
		cost = cost + excluded.cost;
END;

CREATE TRIGGER subscriber_calls_end AFTER UPDATE OF enabled ON subscriber
WHEN NEW.enabled = 0 AND OLD.enabled <> 0 AND NOT EXISTS (
	SELECT 1 FROM class_of_service WHERE on_disable = 'keep'
	AND name = coalesce(NEW.rights, NEW.class))
BEGIN
	UPDATE call SET stop = 'disabled' WHERE ended_at IS NULL
		AND stop = '' AND number_class <> 'emergency' AND
		(NEW.number IN (caller, called, payer) OR
		' ' || redirected_to LIKE '% ' || NEW.number);
END;

CREATE TRIGGER subscriber_deleted_calls_end AFTER DELETE ON subscriber
BEGIN
	UPDATE call SET stop = 'disabled' WHERE ended_at IS NULL
		AND stop = '' AND number_class <> 'emergency' AND
		(OLD.number IN (caller, called, payer) OR
		' ' || redirected_to LIKE '% ' || OLD.number);
END;

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
	number_class, pattern, rule, payer, stop
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
	CASE stop WHEN '' THEN ended_by ELSE 'policy' END AS ended_by, stop
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
LEFT JOIN quality AS a ON a.ticket = c.ticket AND a.side = 'caller'
LEFT JOIN quality AS b ON b.ticket = c.ticket AND b.side = 'called'
WHERE ended_at IS NOT NULL;
