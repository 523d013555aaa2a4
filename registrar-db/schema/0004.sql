-- What was learnt of each home's router: phones behind it are asked for a sign
-- of life every keepalive_s; lost_after_s is a silence after which none came.
-- transport: 'udp', or 'stream' for TCP and TLS.
CREATE TABLE home (
	address TEXT NOT NULL,
	transport TEXT NOT NULL,
	keepalive_s REAL NOT NULL,
	lost_after_s REAL,
	learnt TEXT AS (datetime(learnt_at, 'unixepoch')) VIRTUAL,
	learnt_at INTEGER NOT NULL,
	PRIMARY KEY (address, transport),
	CONSTRAINT "home: written by registrar-db; to have one learnt anew, DELETE its row" CHECK (
		length(CAST(address AS BLOB)) <= 48 AND
		transport IN ('udp', 'stream'))
) WITHOUT ROWID;

-- When the connection of a phone over TCP or TLS closed, and how often it then
-- came back by itself, long before its next REGISTER was due.
ALTER TABLE registration ADD COLUMN closed_at INTEGER;
ALTER TABLE registration ADD COLUMN closed TEXT
	AS (datetime(closed_at, 'unixepoch')) VIRTUAL;
ALTER TABLE registration ADD COLUMN reconnects INTEGER NOT NULL DEFAULT 0;

-- NULL: 8.  More devices of one number than this replace the one that has been
-- silent for longest.
ALTER TABLE subscriber ADD COLUMN max_contacts INTEGER
	CONSTRAINT "max_contacts: 1 to 8 or NULL" CHECK (
		max_contacts BETWEEN 1 AND 8);
