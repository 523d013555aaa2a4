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

DROP VIEW live_call;
CREATE VIEW live_call AS
SELECT c.ticket, caller, caller_name, called, state,
	datetime(granted_at, 'unixepoch') AS granted,
	datetime(answered_at, 'unixepoch') AS answered,
	from_zone, from_source, called_source, channels, relayed, status,
	reason, call_id, media_way AS media_mode, m.verdict AS media_verdict,
	m.words AS media_words, caller_media, caller_said, called_media,
	called_said
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
WHERE ended_at IS NULL;

DROP VIEW call_record;
CREATE VIEW call_record AS
SELECT c.ticket, caller, caller_name, called, c.verdict, from_zone,
	from_source,
	datetime(granted_at, 'unixepoch') AS granted,
	datetime(answered_at, 'unixepoch') AS answered,
	datetime(ended_at, 'unixepoch') AS ended,
	CASE WHEN answered_at IS NULL THEN 0 ELSE ended_at - answered_at END
		AS duration_s,
	status, reason, channels, relayed, called_source,
	caller_packets_in, caller_bytes_in, caller_packets_out,
	caller_packets_lost, caller_packets_refused, caller_rtcp_in,
	caller_silent_ms, caller_learnt,
	called_packets_in, called_bytes_in, called_packets_out,
	called_packets_lost, called_packets_refused, called_rtcp_in,
	called_silent_ms, called_learnt, call_id,
	media_way AS media_mode, m.verdict AS media_verdict,
	m.words AS media_words, caller_media, caller_said, called_media,
	called_said
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
WHERE ended_at IS NOT NULL;
