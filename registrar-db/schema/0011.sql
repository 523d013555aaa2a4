-- More of why nothing was heard: by TCP and TLS too, and what other phones of
-- the home, and our own address, have to do with it (docs/media.md).
DROP VIEW media_words;
CREATE VIEW media_words AS
SELECT column1 AS verdict, column2 AS words FROM (VALUES
	('ok', 'both phones were heard'),
	('fell-silent', 'its packets came, then no more'),
	('phone-silent', 'no packet ever came, though nothing of ours stands in the way: the phone sends none, or its own network drops them'),
	('wrong-source', 'packets came, but not from the phone''s address: they were refused'),
	('range-not-forwarded', 'no packet ever came: the office''s router does not forward the RTP range'),
	('symmetric-no-range', 'no packet ever came from the home: its router moves ports although the phone asks STUN (another port to every peer) or the phone sends none, and the office''s RTP range is not forwarded'),
	('ports-changed-no-range', 'no packet ever came from the home: its router changes the phone''s ports, the phone does not ask STUN, and the office''s RTP range is not forwarded'),
	('never-heard', 'no packet ever came: the phone sends none, or its router gave its media another port; forward the RTP range, or let the phone ask STUN'),
	('never-heard-with-stun', 'no packet ever came, although the phone asks STUN: its router gives another port to every peer, or the phone sends none; forward the RTP range'),
	('home-moves-ports', 'no packet ever came from the home: its router changes ports, as another phone at its address shows, this phone does not ask STUN, and the office''s RTP range is not forwarded'),
	('same-port-in-home', 'no packet ever came from the home: another phone in a call there uses the same RTP port, of which its router can keep one only, and this phone does not ask STUN'),
	('address-old', 'no packet ever came, and no STUN server confirms the public address that the phone was told: it may not be ours any more'));
