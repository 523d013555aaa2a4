-- How each phone's sound goes: the suite of SRTP agreed with it, or 'RTP'; empty:
-- not relayed, or not known yet.
ALTER TABLE call ADD COLUMN caller_srtp TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN called_srtp TEXT NOT NULL DEFAULT '';

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
	caller_srtp, called_srtp
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
	caller_srtp, called_srtp
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
LEFT JOIN quality AS a ON a.ticket = c.ticket AND a.side = 'caller'
LEFT JOIN quality AS b ON b.ticket = c.ticket AND b.side = 'called'
WHERE ended_at IS NOT NULL;
