-- A phone over TCP or TLS is reached by the connection that it made and by no
-- other: `connection` is its number, which is never used again.  0 is UDP.
ALTER TABLE registration ADD COLUMN connection INTEGER NOT NULL DEFAULT 0;
ALTER TABLE flow_gone ADD COLUMN connection INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER subscriber_deleted;
CREATE TRIGGER subscriber_deleted AFTER DELETE ON subscriber
BEGIN
	DELETE FROM credential WHERE subscriber = OLD.id;
	INSERT INTO flow_gone(source, transport, zone, listener, connection)
		SELECT source, transport, zone, listener, connection
		FROM registration WHERE number = OLD.number;
	DELETE FROM registration WHERE number = OLD.number;
END;

DROP TRIGGER subscriber_shut_out;
CREATE TRIGGER subscriber_shut_out AFTER UPDATE OF enabled, number ON subscriber
WHEN NEW.enabled = 0 OR NEW.number IS NOT OLD.number
BEGIN
	INSERT INTO flow_gone(source, transport, zone, listener, connection)
		SELECT source, transport, zone, listener, connection
		FROM registration WHERE number = OLD.number;
	DELETE FROM registration WHERE number = OLD.number;
END;

DROP TRIGGER subscriber_internet_ended;
CREATE TRIGGER subscriber_internet_ended AFTER UPDATE OF internet ON subscriber
WHEN NEW.internet = 0
BEGIN
	INSERT INTO flow_gone(source, transport, zone, listener, connection)
		SELECT source, transport, zone, listener, connection
		FROM registration
		WHERE number = OLD.number AND zone = 'external';
	DELETE FROM registration
		WHERE number = OLD.number AND zone = 'external';
END;
