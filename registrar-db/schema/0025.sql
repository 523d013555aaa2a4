-- `ok` is said of one side: the relay had its packets; and of a call only when
-- both sides were so.  Whether a phone heard anything is another question.
DROP VIEW media_words;
CREATE VIEW media_words AS
SELECT column1 AS verdict, column2 AS words FROM (VALUES
	('ok', 'its packets came'),
	('fell-silent', 'its packets came, then no more'),
	('phone-silent', 'no packet ever came, though nothing of ours stands in the way: the phone sends none, or its own network drops them'),
	('wrong-source', 'packets came, but not from the phone''s address: they were refused'),
	('range-not-forwarded', 'no packet ever came: the office''s router does not forward the RTP range'),
	('symmetric-no-range', 'no packet ever came from the home: its router, or its carrier''s, gives each peer another port, so that nobody can know the one it has for us, not even by STUN, and the office''s RTP range is not forwarded'),
	('ports-changed-no-range', 'no packet ever came from the home: its router, or its carrier''s, changes ports, this phone does not ask STUN, and the office''s RTP range is not forwarded; the call was too short to find the port out'),
	('never-heard', 'no packet ever came: the phone sends none, or its router gave its media another port; the call was too short to find out, or the phone would not be asked'),
	('never-heard-with-stun', 'no packet ever came, although the phone asks STUN: its router gives another port to every peer, or the phone sends none; the call was too short to find out, or the phone would not be asked'),
	('home-moves-ports', 'no packet ever came from the home: its sound leaves by another port than the phone announced, as our SIP port saw: its router, or its carrier''s, changes ports; the call ended before it was heard from there'),
	('same-port-in-home', 'no packet ever came from the home: another phone in a call there uses the same RTP port, of which its router can keep one only, and this phone does not ask STUN'),
	('address-old', 'no packet ever came, and no STUN server confirms the public address that the phone was told: it may not be ours any more'),
	('office-router', 'the phone''s sound comes to our SIP port, from the very port that it announced and the relay sends to, but never to the relay: the office''s router loses it, having given the relay another port than STUN saw, or drops it'),
	('stopped-sending', 'its packets came, then no more, not even to our SIP port when it was asked to send them there: the phone stopped sending (muted, say), or its own network drops them'),
	('moved-in-call', 'its packets came, then no more: in mid-call its home''s router gave its sound another port, as our SIP port saw, and the relay was not reached from there; the office''s RTP range is not forwarded'),
	('home-lost', 'its packets came, then no more, and it did not answer any more: its home''s router forgot the way to it, or lost its line; such a phone is looked for as soon as it registers again'));

DROP VIEW call_media;
-- The side that is to blame, and its verdict; '' as long as nothing is known.
CREATE VIEW call_media AS
SELECT ticket, verdict,
	CASE WHEN verdict IN ('', 'ok') THEN '' ELSE party END AS party,
	CASE verdict WHEN '' THEN '' WHEN 'ok' THEN 'packets of both sides came'
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
