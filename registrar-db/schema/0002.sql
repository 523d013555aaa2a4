-- Calls in progress, as sigproxy needs them after a restart.  Opaque here, and
-- of no use to an admin: live_call shows what is known of them.
CREATE TABLE checkpoint (
	ticket INTEGER PRIMARY KEY,
	version INTEGER NOT NULL,
	state BLOB NOT NULL
);
