-- The weakest digest that this subscriber may answer with; NULL: any.  A weaker
-- answer is refused as a wrong password is, whether it was right or not.
ALTER TABLE subscriber ADD COLUMN min_digest TEXT
	CONSTRAINT "min_digest: md5, sha256, sha512-256 or NULL" CHECK (
		min_digest IN ('md5', 'sha256', 'sha512-256'));

CREATE TRIGGER subscriber_min_digest_changed AFTER UPDATE OF min_digest
ON subscriber
BEGIN
	UPDATE subscriber SET changed_at = datetime('now') WHERE id = NEW.id;
END;

-- Of two complaints the one about the number comes first: SQLite asks the
-- trigger that was made last before the others, so this one asks both.
DROP TRIGGER subscriber_username_taken;
CREATE TRIGGER subscriber_username_taken BEFORE INSERT ON subscriber
WHEN EXISTS (SELECT 1 FROM subscriber WHERE username = NEW.username)
BEGIN
	SELECT RAISE(ABORT, 'this number is taken already')
		WHERE EXISTS (SELECT 1 FROM subscriber
			WHERE number = NEW.number);
	SELECT RAISE(ABORT, 'this username is taken already');
END;

-- Typed from an example in a manual, letter by letter.
CREATE TRIGGER subscriber_password_example BEFORE INSERT ON subscriber
WHEN lower(replace(replace(replace(NEW.password, ' ', ''), '-', ''), '_', ''))
	IN ('thepassword', 'yourpassword', 'mypassword', 'newpassword',
		'thenewpassword', 'apassword', 'thispassword', 'passwordhere',
		'yourpasswordhere', 'thepasswordhere')
BEGIN
	SELECT RAISE(ABORT, 'this password is an example''s placeholder; use a generated one: postern password');
END;

CREATE TRIGGER subscriber_password_example_too BEFORE UPDATE OF password
ON subscriber
WHEN lower(replace(replace(replace(NEW.password, ' ', ''), '-', ''), '_', ''))
	IN ('thepassword', 'yourpassword', 'mypassword', 'newpassword',
		'thenewpassword', 'apassword', 'thispassword', 'passwordhere',
		'yourpasswordhere', 'thepasswordhere')
BEGIN
	SELECT RAISE(ABORT, 'this password is an example''s placeholder; use a generated one: postern password');
END;
