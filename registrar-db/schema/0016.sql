-- Registrations of our own (docs/trunks.md, docs/mirror.md): what sigproxy
-- reported last of each.  id: the trunk's, or 4294967296 + the subscriber's.
CREATE TABLE account (
	id INTEGER PRIMARY KEY,
	-- Of what was wanted then; another one: it was for something else.
	stamp INTEGER NOT NULL,
	state TEXT NOT NULL,
	-- The registrar's answer; 0: none came.
	status INTEGER NOT NULL,
	why TEXT NOT NULL,
	expires_at INTEGER NOT NULL,
	changed_at INTEGER NOT NULL
);

-- Beside it, in words: registered, failed, or not tried yet.
CREATE VIEW trunk_registration AS
SELECT t.name AS trunk, t.username,
	CASE WHEN t.enabled = 0 THEN 'off'
		WHEN a.id IS NULL THEN 'waiting'
		WHEN a.state = 'registered' AND a.expires_at <= unixepoch()
			THEN 'expired'
		ELSE a.state END AS state,
	CASE WHEN a.expires_at > unixepoch()
		THEN datetime(a.expires_at, 'unixepoch') END AS expires,
	coalesce(a.status, 0) AS status, coalesce(a.why, '') AS why,
	datetime(a.changed_at, 'unixepoch') AS changed
FROM trunk t LEFT JOIN account a ON a.id = t.id
WHERE t.register = 1;

CREATE VIEW mirror_registration AS
SELECT m.number, m.trunk, m.username,
	CASE WHEN m.enabled = 0 THEN 'off'
		WHEN NOT EXISTS (SELECT 1 FROM registration r
			WHERE r.number = m.number
			AND r.expires_at > unixepoch()) THEN 'no phone'
		WHEN a.id IS NULL THEN 'waiting'
		WHEN a.state = 'registered' AND a.expires_at <= unixepoch()
			THEN 'expired'
		ELSE a.state END AS state,
	CASE WHEN a.expires_at > unixepoch()
		THEN datetime(a.expires_at, 'unixepoch') END AS expires,
	coalesce(a.status, 0) AS status, coalesce(a.why, '') AS why,
	datetime(a.changed_at, 'unixepoch') AS changed
FROM mirror m JOIN subscriber s ON s.number = m.number
LEFT JOIN account a ON a.id = 4294967296 + s.id;
