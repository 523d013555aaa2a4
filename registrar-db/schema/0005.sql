-- Who may watch whom (BLF keys), whose word about mailboxes counts, and what
-- outlives sigproxy of both.
ALTER TABLE subscriber ADD COLUMN watch TEXT NOT NULL DEFAULT 'state'
	CONSTRAINT "watch: none, state or number" CHECK (
		watch IN ('none', 'state', 'number'));
ALTER TABLE subscriber ADD COLUMN watched INTEGER NOT NULL DEFAULT 1
	CONSTRAINT "watched: 0 or 1" CHECK (watched IN (0, 1));
ALTER TABLE subscriber ADD COLUMN mwi_source INTEGER NOT NULL DEFAULT 0
	CONSTRAINT "mwi_source: 0 or 1" CHECK (mwi_source IN (0, 1));

-- Who watches which number, and until when.  `state` is sigproxy's own and
-- opaque; `show` is what the watcher may see: 0 nothing, 1 state, 2 number.
CREATE TABLE watcher (
	id INTEGER PRIMARY KEY,
	watcher TEXT NOT NULL,
	number TEXT NOT NULL,
	zone TEXT NOT NULL,
	show INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	version INTEGER NOT NULL,
	state BLOB NOT NULL
);

CREATE VIEW subscription AS SELECT
	watcher, number, zone,
	CASE show WHEN 2 THEN 'number' WHEN 1 THEN 'state' ELSE 'none' END
		AS shows,
	datetime(expires_at, 'unixepoch') AS expires
FROM watcher WHERE expires_at > unixepoch();

-- What the voicemail said last of each number's mailbox.
CREATE TABLE mailbox (
	number TEXT PRIMARY KEY,
	waiting INTEGER NOT NULL,
	counted INTEGER NOT NULL,
	new INTEGER NOT NULL,
	old INTEGER NOT NULL,
	urgent_new INTEGER NOT NULL,
	urgent_old INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER subscriber_unwatched AFTER DELETE ON subscriber
BEGIN
	DELETE FROM mailbox WHERE number = OLD.number;
	DELETE FROM watcher
		WHERE watcher = OLD.number OR number = OLD.number;
END;
