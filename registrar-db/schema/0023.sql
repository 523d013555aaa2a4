-- What an admin could write and nothing said was wrong: addresses that are
-- none, NULs, numbers that are nobody's.  And calls of a trunk that is shut
-- name it.

-- An INSERT into these says what is wrong with a value, or nothing: one place
-- for what triggers of many tables ask.
CREATE VIEW text_check AS SELECT '' AS value WHERE 0;

CREATE TRIGGER text_checked INSTEAD OF INSERT ON text_check
WHEN typeof(NEW.value) = 'blob' OR
	(typeof(NEW.value) = 'text' AND
	instr(CAST(NEW.value AS BLOB), x'00') > 0)
BEGIN
	SELECT RAISE(ABORT, 'a text holds a NUL, or is a BLOB: write it as plain text');
END;

-- An IP address: four numbers up to 255; or IPv6.
CREATE VIEW ip_check AS SELECT '' AS value WHERE 0;

CREATE TRIGGER ip_checked_4 INSTEAD OF INSERT ON ip_check
WHEN NEW.value NOT GLOB '*:*' AND (NEW.value GLOB '*[^0-9.]*' OR
	(SELECT count(*) FROM json_each('["' ||
		replace(NEW.value, '.', '","') || '"]')
		WHERE length(value) BETWEEN 1 AND 3
		AND CAST(value AS INTEGER) <= 255) <> 4 OR
	length(NEW.value) - length(replace(NEW.value, '.', '')) <> 3)
BEGIN
	SELECT RAISE(ABORT, 'this is no IPv4 address: four numbers from 0 to 255, as 203.0.113.10');
END;

CREATE TRIGGER ip_checked_6 INSTEAD OF INSERT ON ip_check
WHEN NEW.value GLOB '*:*' AND (NEW.value GLOB '*[^0-9a-fA-F:.]*' OR
	NEW.value GLOB '*:::*' OR NEW.value GLOB '*::*::*' OR
	NEW.value GLOB ':[^:]*' OR NEW.value GLOB '*[^:]:' OR
	NEW.value GLOB '*[^.:][^.:][^.:][^.:][^.:]*' OR
	(NEW.value NOT GLOB '*.*' AND
	length(NEW.value) - length(replace(NEW.value, ':', ''))
		NOT BETWEEN CASE WHEN NEW.value GLOB '*::*' THEN 2 ELSE 7 END
		AND CASE WHEN NEW.value GLOB '*::' OR NEW.value GLOB '::*'
		THEN 8 ELSE 7 END))
BEGIN
	SELECT RAISE(ABORT, 'this is no IPv6 address: as 2001:db8::10');
END;

-- An address or ADDRESS/BITS.
CREATE VIEW prefix_check AS SELECT '' AS value WHERE 0;

CREATE TRIGGER prefix_checked INSTEAD OF INSERT ON prefix_check
BEGIN
	INSERT INTO text_check VALUES (NEW.value);
	INSERT INTO ip_check VALUES (CASE WHEN NEW.value GLOB '*/*'
		THEN substr(NEW.value, 1, instr(NEW.value, '/') - 1)
		ELSE NEW.value END);
	SELECT RAISE(ABORT, 'bits of a prefix: /0 to /32, or to /128 of an IPv6 address, as 203.0.113.0/24 or 2001:db8::/32')
	WHERE NEW.value GLOB '*/*' AND
		(substr(NEW.value, instr(NEW.value, '/') + 1) = '' OR
		substr(NEW.value, instr(NEW.value, '/') + 1)
			GLOB '*[^0-9]*' OR
		length(NEW.value) - instr(NEW.value, '/') > 3 OR
		CAST(substr(NEW.value, instr(NEW.value, '/') + 1) AS INTEGER)
			> CASE WHEN NEW.value GLOB '*:*' THEN 128 ELSE 32 END);
END;

-- HOST or HOST:PORT.
CREATE VIEW host_check AS SELECT '' AS value WHERE 0;

CREATE TRIGGER host_checked INSTEAD OF INSERT ON host_check
WHEN NEW.value <> ''
BEGIN
	INSERT INTO text_check VALUES (NEW.value);
	SELECT RAISE(ABORT, 'an IPv6 address with a port stands in brackets: [2001:db8::10]:5060')
	WHERE NEW.value GLOB '*[][]*' AND NOT (NEW.value GLOB '[[]*[]]' OR
		NEW.value GLOB '[[]*[]]:*');
	SELECT RAISE(ABORT, 'a port is a number from 1 to 65535, as in 203.0.113.10:5060')
	FROM (SELECT CASE WHEN NEW.value GLOB '[[]*' THEN
		substr(NEW.value, instr(NEW.value, ']') + 1)
		WHEN NEW.value GLOB '*:*' AND NEW.value NOT GLOB '*:*:*' THEN
		substr(NEW.value, instr(NEW.value, ':')) ELSE '' END AS port)
	WHERE port <> '' AND (port NOT GLOB ':[1-9]*' OR
		substr(port, 2) GLOB '*[^0-9]*' OR length(port) > 6 OR
		CAST(substr(port, 2) AS INTEGER) > 65535);
	SELECT RAISE(ABORT, 'a host name or an address stands before the port')
	WHERE NEW.value GLOB ':[^:]*';
	INSERT INTO ip_check
		SELECT host FROM (SELECT CASE WHEN NEW.value GLOB '[[]*' THEN
			substr(NEW.value, 2, instr(NEW.value, ']') - 2)
			WHEN NEW.value GLOB '*:*:*' THEN NEW.value
			WHEN NEW.value GLOB '*:*' THEN
			substr(NEW.value, 1, instr(NEW.value, ':') - 1)
			ELSE NEW.value END AS host)
		WHERE host GLOB '*:*' OR host NOT GLOB '*[^0-9.]*'
			OR NEW.value GLOB '[[]*';
END;

CREATE TRIGGER trunk_texts BEFORE INSERT ON trunk
BEGIN
	INSERT INTO text_check VALUES (NEW.name), (NEW.prefix),
		(NEW.username), (NEW.auth_username), (NEW.realm),
		(NEW.from_domain), (NEW.sources), (NEW.country), (NEW.area),
		(NEW.caller_number);
	INSERT INTO host_check VALUES (NEW.address), (NEW.stun);
	INSERT INTO prefix_check SELECT trim(value) FROM json_each('["' ||
		replace(NEW.sources, ',', '","') || '"]')
		WHERE trim(NEW.sources) <> '' AND
		NEW.sources NOT GLOB '*[^0-9a-fA-F.:/, ]*';
END;

CREATE TRIGGER trunk_texts_changed BEFORE UPDATE OF name, address, prefix,
	username, auth_username, realm, from_domain, sources, country, area,
	caller_number, stun ON trunk
BEGIN
	INSERT INTO text_check VALUES (NEW.name), (NEW.prefix),
		(NEW.username), (NEW.auth_username), (NEW.realm),
		(NEW.from_domain), (NEW.sources), (NEW.country), (NEW.area),
		(NEW.caller_number);
	INSERT INTO host_check VALUES (NEW.address), (NEW.stun);
	INSERT INTO prefix_check SELECT trim(value) FROM json_each('["' ||
		replace(NEW.sources, ',', '","') || '"]')
		WHERE trim(NEW.sources) <> '' AND
		NEW.sources NOT GLOB '*[^0-9a-fA-F.:/, ]*';
END;

CREATE TRIGGER route_texts BEFORE INSERT ON route
BEGIN
	INSERT INTO text_check VALUES (NEW.pattern), (NEW.trunk),
		(NEW.prepend), (NEW.kinds), (NEW.note);
END;

CREATE TRIGGER route_texts_changed BEFORE UPDATE ON route
BEGIN
	INSERT INTO text_check VALUES (NEW.pattern), (NEW.trunk),
		(NEW.prepend), (NEW.kinds), (NEW.note);
	SELECT RAISE(ABORT, 'rights: no such class of service; SELECT name FROM class_of_service, or NULL')
	WHERE NEW.rights IS NOT NULL AND NEW.rights IS NOT OLD.rights AND
		NOT EXISTS (SELECT 1 FROM class_of_service
		WHERE name = NEW.rights);
END;

CREATE TRIGGER did_texts BEFORE INSERT ON did
BEGIN
	INSERT INTO text_check VALUES (NEW.trunk), (NEW.pattern),
		(NEW.target), (NEW.note);
END;

CREATE TRIGGER did_texts_changed BEFORE UPDATE ON did
BEGIN
	INSERT INTO text_check VALUES (NEW.trunk), (NEW.pattern),
		(NEW.target), (NEW.note);
END;

CREATE TRIGGER mirror_texts BEFORE INSERT ON mirror
BEGIN
	INSERT INTO text_check VALUES (NEW.number), (NEW.trunk),
		(NEW.username), (NEW.auth_username);
END;

CREATE TRIGGER mirror_texts_changed BEFORE UPDATE OF number, trunk, username,
	auth_username ON mirror
BEGIN
	INSERT INTO text_check VALUES (NEW.number), (NEW.trunk),
		(NEW.username), (NEW.auth_username);
	SELECT RAISE(ABORT, 'number: no such subscriber')
	WHERE NEW.number IS NOT OLD.number AND NOT EXISTS (
		SELECT 1 FROM subscriber WHERE number = NEW.number);
END;

CREATE TRIGGER number_class_texts BEFORE INSERT ON number_class
BEGIN
	INSERT INTO text_check VALUES (NEW.pattern), (NEW.note);
END;

CREATE TRIGGER number_class_texts_changed BEFORE UPDATE ON number_class
BEGIN
	INSERT INTO text_check VALUES (NEW.pattern), (NEW.note);
END;

CREATE TRIGGER class_texts BEFORE INSERT ON class_of_service
BEGIN
	INSERT INTO text_check VALUES (NEW.name), (NEW.office),
		(NEW.internet), (NEW.hours), (NEW.days);
	SELECT RAISE(ABORT, 'hours: they end when they begin; all day is 00:00-24:00, never is office and internet without a word')
	WHERE substr(NEW.hours, 1, 5) = substr(NEW.hours, 7, 5);
END;

CREATE TRIGGER class_texts_changed BEFORE UPDATE OF name, office, internet,
	hours, days ON class_of_service
BEGIN
	INSERT INTO text_check VALUES (NEW.name), (NEW.office),
		(NEW.internet), (NEW.hours), (NEW.days);
	SELECT RAISE(ABORT, 'hours: they end when they begin; all day is 00:00-24:00, never is office and internet without a word')
	WHERE substr(NEW.hours, 1, 5) = substr(NEW.hours, 7, 5);
END;

CREATE TRIGGER class_of_service_routed BEFORE DELETE ON class_of_service
WHEN EXISTS (SELECT 1 FROM route WHERE rights = OLD.name)
BEGIN
	SELECT RAISE(ABORT, 'this class of service is in use: change the rights of its routes first');
END;

-- As many as registrar-db looks at.
CREATE TRIGGER class_grant_checked BEFORE INSERT ON class_grant
BEGIN
	INSERT INTO text_check VALUES (NEW.number), (NEW.allows),
		(NEW.starts), (NEW.ends), (NEW.note);
	SELECT RAISE(ABORT, 'this number has 16 grants already that are not over: DELETE one, or change it')
	WHERE (SELECT count(*) FROM class_grant WHERE number = NEW.number
		AND (ends IS NULL OR
		datetime(ends) > datetime('now', 'localtime'))) >= 16;
END;

CREATE TRIGGER class_grant_changed BEFORE UPDATE ON class_grant
BEGIN
	INSERT INTO text_check VALUES (NEW.number), (NEW.allows),
		(NEW.starts), (NEW.ends), (NEW.note);
	SELECT RAISE(ABORT, 'number: no such subscriber')
	WHERE NEW.number IS NOT OLD.number AND NOT EXISTS (
		SELECT 1 FROM subscriber WHERE number = NEW.number);
END;

CREATE TRIGGER allowed_from_checked BEFORE INSERT ON allowed_from
BEGIN
	INSERT INTO prefix_check VALUES (NEW.prefix);
END;

CREATE TRIGGER allowed_from_changed BEFORE UPDATE ON allowed_from
BEGIN
	INSERT INTO prefix_check VALUES (NEW.prefix);
	SELECT RAISE(ABORT, 'number: no such subscriber')
	WHERE NEW.number IS NOT OLD.number AND NOT EXISTS (
		SELECT 1 FROM subscriber WHERE number = NEW.number);
END;

CREATE TRIGGER dropped_checked BEFORE INSERT ON dropped
BEGIN
	INSERT INTO prefix_check VALUES (NEW.prefix);
END;

CREATE TRIGGER dropped_changed BEFORE UPDATE OF prefix ON dropped
BEGIN
	INSERT INTO prefix_check VALUES (NEW.prefix);
END;

CREATE TRIGGER never_dropped_checked BEFORE INSERT ON never_dropped
BEGIN
	INSERT INTO prefix_check VALUES (NEW.prefix);
END;

CREATE TRIGGER never_dropped_changed BEFORE UPDATE OF prefix ON never_dropped
BEGIN
	INSERT INTO prefix_check VALUES (NEW.prefix);
END;

DROP TRIGGER trunk_deleted;
CREATE TRIGGER trunk_deleted AFTER DELETE ON trunk
BEGIN
	DELETE FROM route WHERE trunk = OLD.name;
	DELETE FROM did WHERE trunk = OLD.name;
	DELETE FROM mirror WHERE trunk = OLD.name;
	UPDATE call SET stop = 'disabled', rule = 'trunk: deleted'
		WHERE ended_at IS NULL AND stop = ''
		AND number_class <> 'emergency' AND trunk = OLD.name;
END;

DROP TRIGGER trunk_shut;
CREATE TRIGGER trunk_shut AFTER UPDATE OF enabled ON trunk
WHEN NEW.enabled = 0 AND OLD.enabled <> 0
BEGIN
	UPDATE call SET stop = 'disabled', rule = 'trunk: disabled'
		WHERE ended_at IS NULL AND stop = ''
		AND number_class <> 'emergency' AND trunk = NEW.name;
END;
