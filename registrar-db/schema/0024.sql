-- Phones that were left behind when the office's public address changed
-- (docs/address-change.md): one row for each number, until it registers.
CREATE TABLE lost_phone (
	number TEXT PRIMARY KEY,
	-- Where it was reached last.
	source TEXT NOT NULL,
	-- The address of ours that it is set to; empty: a name, or not known.
	server TEXT NOT NULL,
	seen TEXT AS (datetime(seen_at, 'unixepoch')) VIRTUAL,
	seen_at INTEGER NOT NULL,
	-- 0: its registration lasts until due_at; it will be lost then.
	named INTEGER NOT NULL,
	due_at INTEGER NOT NULL,
	CONSTRAINT "lost_phone: written by registrar-db; to forget one, DELETE its row" CHECK (
		length(CAST(number AS BLOB)) <= 32 AND
		length(CAST(source AS BLOB)) <= 64 AND
		length(CAST(server AS BLOB)) <= 64 AND named IN (0, 1))
) WITHOUT ROWID;

CREATE TRIGGER lost_phone_new AFTER INSERT ON registration
BEGIN
	DELETE FROM lost_phone WHERE number = NEW.number;
END;

-- A REGISTER that changes nothing else.
CREATE TRIGGER lost_phone_back AFTER UPDATE OF cseq ON registration
BEGIN
	DELETE FROM lost_phone WHERE number = NEW.number;
END;

CREATE TRIGGER lost_phone_forgotten AFTER DELETE ON subscriber
BEGIN
	DELETE FROM lost_phone WHERE number = OLD.number;
END;

CREATE TRIGGER lost_phone_renumbered AFTER UPDATE OF number ON subscriber
BEGIN
	DELETE FROM lost_phone WHERE number = OLD.number
		AND OLD.number <> NEW.number;
END;
