-- Whose packets are not looked at, since they only guess.

-- An address or a prefix of the internet.  Rows of registrar-db's own rules
-- have an end; an admin's may have none.  Who is registered is heard always.
CREATE TABLE dropped (
	prefix TEXT PRIMARY KEY,
	since INTEGER NOT NULL DEFAULT (unixepoch()),
	-- NULL: until the row is deleted.
	until INTEGER,
	-- How often in a row; the next time lasts longer.
	times INTEGER NOT NULL DEFAULT 1,
	why TEXT NOT NULL DEFAULT 'admin',

	CONSTRAINT "prefix: an address or ADDRESS/BITS, as 203.0.113.0/24 or 2001:db8::/32" CHECK (
		typeof(prefix) = 'text' AND length(prefix) BETWEEN 2 AND 64 AND
		prefix GLOB '*[.:]*' AND
		prefix NOT GLOB '*[^0-9a-fA-F.:/]*' AND
		prefix NOT GLOB '*/*/*'),
	CONSTRAINT "until: seconds since 1970, as unixepoch() + 3600, or NULL" CHECK (
		until IS NULL OR typeof(until) = 'integer')
) WITHOUT ROWID;

-- Whom no rule of registrar-db's drops: a supplier's network, a test.
CREATE TABLE never_dropped (
	prefix TEXT PRIMARY KEY,
	note TEXT NOT NULL DEFAULT '',

	CONSTRAINT "prefix: an address or ADDRESS/BITS, as 203.0.113.0/24 or 2001:db8::/32" CHECK (
		typeof(prefix) = 'text' AND length(prefix) BETWEEN 2 AND 64 AND
		prefix GLOB '*[.:]*' AND
		prefix NOT GLOB '*[^0-9a-fA-F.:/]*' AND
		prefix NOT GLOB '*/*/*')
) WITHOUT ROWID;

-- Which number an emergency service is that phones call by its name: 'sos',
-- 'sos.police' (RFC 5031).  One without a row is what it is a kind of; sos
-- itself the first of [site] emergency.  The number is an emergency one.
CREATE TABLE emergency_service (
	service TEXT PRIMARY KEY,
	number TEXT NOT NULL,

	CONSTRAINT "service: sos, or sos.police, sos.fire, sos.ambulance ..." CHECK (
		typeof(service) = 'text' AND length(service) <= 64 AND
		(service = 'sos' OR service GLOB 'sos.[a-z]*') AND
		service NOT GLOB '*[^a-z0-9.-]*'),
	CONSTRAINT "number: as it is dialled, 2 to 15 digits, + in front if need be" CHECK (
		typeof(number) = 'text' AND length(number) BETWEEN 2 AND 16 AND
		number NOT GLOB '*[^0-9+*#]*' AND number NOT GLOB '?*+*')
) WITHOUT ROWID;
