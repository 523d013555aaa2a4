-- Schema 15, from 14: whose packets are not looked at, since they only guess.

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
