-- The deciding fact behind what is concluded about each phone's media, with
-- its addresses and ports; and what became of a phone that was heard before
-- (docs/media.md).
ALTER TABLE call ADD COLUMN caller_evidence TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN called_evidence TEXT NOT NULL DEFAULT '';

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
	('office-router', 'the phone''s sound comes to our SIP port, from the very port that it announced and the relay sends to, but never to the relay: the office''s router loses it, having given the relay another port than STUN saw, or drops it'),
	('stopped-sending', 'its packets came, then no more, not even to our SIP port when it was asked to send them there: the phone stopped sending (muted, say), or its own network drops them'),
	('moved-in-call', 'its packets came, then no more: in mid-call its home''s router gave its sound another port, as our SIP port saw, and the relay was not reached from there; the office''s RTP range is not forwarded'),
	('home-lost', 'its packets came, then no more, and it did not answer any more: its home''s router forgot the way to it, or lost its line; such a phone is looked for as soon as it registers again'));

DROP VIEW live_call;
CREATE VIEW live_call AS
SELECT c.ticket, caller, caller_name, called, redirected_to,
	state,
	datetime(granted_at, 'unixepoch') AS granted,
	datetime(answered_at, 'unixepoch') AS answered,
	from_zone, from_source, called_source, channels, relayed, status,
	reason, call_id, media_way AS media_mode, m.verdict AS media_verdict,
	m.words AS media_words, caller_media, caller_said, called_media,
	called_said,
	CASE WHEN caller_media = '' OR called_media = '' THEN ''
		WHEN caller_media = 'ok' AND called_media = 'ok' THEN 'two-way'
		WHEN caller_media = 'ok' OR called_media = 'ok' THEN 'one-way'
		ELSE 'silent' END AS media_state,
	a.mos / 100.0 AS caller_mos, a.loss / 100.0 AS caller_loss_pct,
	a.jitter_us / 1000.0 AS caller_jitter_ms, a.rtt_ms AS caller_rtt_ms,
	a.heard_mos / 100.0 AS caller_heard_mos,
	b.mos / 100.0 AS called_mos, b.loss / 100.0 AS called_loss_pct,
	b.jitter_us / 1000.0 AS called_jitter_ms, b.rtt_ms AS called_rtt_ms,
	b.heard_mos / 100.0 AS called_heard_mos,
	number_class, pattern, rule, payer, stop, trunk, route, sent,
	caller_srtp, called_srtp, caller_evidence, called_evidence,
	CASE caller_evidence WHEN '' THEN '' ELSE
		caller || ': ' || caller_evidence END ||
	CASE WHEN caller_evidence = '' OR called_evidence = '' THEN ''
		ELSE '; ' END ||
	CASE called_evidence WHEN '' THEN '' ELSE
		called || ': ' || called_evidence END AS media_evidence
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
LEFT JOIN quality AS a ON a.ticket = c.ticket AND a.side = 'caller'
LEFT JOIN quality AS b ON b.ticket = c.ticket AND b.side = 'called'
WHERE ended_at IS NULL;

DROP VIEW call_record;
CREATE VIEW call_record AS
SELECT c.ticket, caller, caller_name, called, redirected_to,
	c.verdict, from_zone, from_source,
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
	called_said,
	a.mos / 100.0 AS caller_mos, a.loss / 100.0 AS caller_loss_pct,
	a.jitter_us / 1000.0 AS caller_jitter_ms, a.rtt_ms AS caller_rtt_ms,
	a.heard_mos / 100.0 AS caller_heard_mos,
	a.said_mos / 100.0 AS caller_said_mos,
	b.mos / 100.0 AS called_mos, b.loss / 100.0 AS called_loss_pct,
	b.jitter_us / 1000.0 AS called_jitter_ms, b.rtt_ms AS called_rtt_ms,
	b.heard_mos / 100.0 AS called_heard_mos,
	b.said_mos / 100.0 AS called_said_mos,
	via, number_class, pattern, rule, payer,
	CASE WHEN answered_at IS NULL OR payer = '' THEN 0.0 ELSE
		(ended_at - answered_at + 59) / 60 * cost_minute / 10000.0 END
		AS cost,
	CASE stop WHEN '' THEN ended_by ELSE 'policy' END AS ended_by, stop,
	trunk, route, sent,
	caller_srtp, called_srtp, caller_evidence, called_evidence,
	CASE caller_evidence WHEN '' THEN '' ELSE
		caller || ': ' || caller_evidence END ||
	CASE WHEN caller_evidence = '' OR called_evidence = '' THEN ''
		ELSE '; ' END ||
	CASE called_evidence WHEN '' THEN '' ELSE
		called || ': ' || called_evidence END AS media_evidence
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
LEFT JOIN quality AS a ON a.ticket = c.ticket AND a.side = 'caller'
LEFT JOIN quality AS b ON b.ticket = c.ticket AND b.side = 'called'
WHERE ended_at IS NOT NULL;
