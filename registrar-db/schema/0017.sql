-- Why nothing was heard, exactly: what came to our SIP port when the phone was
-- asked to send its sound there (docs/media.md).
DROP VIEW media_words;
CREATE VIEW media_words AS
SELECT column1 AS verdict, column2 AS words FROM (VALUES
	('ok', 'both phones were heard'),
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
	('office-router', 'the phone''s sound comes to our SIP port, from the very port that it announced and the relay sends to, but never to the relay: the office''s router loses it, having given the relay another port than STUN saw, or drops it'));
