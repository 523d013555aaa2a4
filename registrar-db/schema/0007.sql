-- How each side's media got in, which address its SDP was told, and what is to
-- be concluded when nothing was heard (docs/media.md).
ALTER TABLE call ADD COLUMN media_way TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN caller_media TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN caller_said TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN called_media TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN called_said TEXT NOT NULL DEFAULT '';

CREATE VIEW media_words AS
SELECT column1 AS verdict, column2 AS words FROM (VALUES
	('ok', 'both phones were heard'),
	('fell-silent', 'its packets came, then no more'),
	('phone-silent', 'no packet ever came, though nothing of ours stands in the way: the phone sends none, or its own network drops them'),
	('wrong-source', 'packets came, but not from the phone''s address: they were refused'),
	('range-not-forwarded', 'no packet ever came: the office''s router does not forward the RTP range'),
	('symmetric-no-range', 'no packet ever came from the home: its router moves ports although the phone asks STUN (another port to every peer) or the phone sends none, and the office''s RTP range is not forwarded'),
	('ports-changed-no-range', 'no packet ever came from the home: its router changes the phone''s ports, the phone does not ask STUN, and the office''s RTP range is not forwarded'),
	('never-heard', 'no packet ever came: the phone sends none, or its router gave its media another port; forward the RTP range, or let the phone ask STUN'));

-- The side that is to blame, and its verdict; '' as long as nothing is known.
CREATE VIEW call_media AS
SELECT ticket, verdict,
	CASE WHEN verdict IN ('', 'ok') THEN '' ELSE party END AS party,
	CASE verdict WHEN '' THEN '' WHEN 'ok' THEN 'both phones were heard'
		ELSE party || ': ' || coalesce((SELECT words FROM media_words
			WHERE media_words.verdict = side.verdict), '')
	END AS words
FROM (SELECT ticket,
	CASE WHEN caller_media NOT IN ('', 'ok') THEN caller
		ELSE called END AS party,
	CASE WHEN caller_media NOT IN ('', 'ok') THEN caller_media
		WHEN called_media NOT IN ('', 'ok') THEN called_media
		WHEN caller_media = 'ok' AND called_media = 'ok' THEN 'ok'
		ELSE '' END AS verdict
	FROM call) AS side;
