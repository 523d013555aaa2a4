-- How each phone of a call sounds (docs/quality.md): one row for each side
-- whose sound the relay saw.  NULL: not known.  loss in hundredths of a
-- percent, mos in hundredths.
--	(no prefix)	from the phone, as it came here
--	heard_		to the phone, as its RTCP reports say
--	said_		the same, as the phone judges it itself (RTCP XR,
--			RFC 6035): its word alone
CREATE TABLE quality (
	ticket INTEGER NOT NULL,
	side TEXT NOT NULL CHECK (side IN ('caller', 'called')),
	expected INTEGER NOT NULL DEFAULT 0 CHECK (expected >= 0),
	late INTEGER NOT NULL DEFAULT 0 CHECK (late >= 0),
	twice INTEGER NOT NULL DEFAULT 0 CHECK (twice >= 0),
	gap INTEGER NOT NULL DEFAULT 0 CHECK (gap BETWEEN 0 AND 65535),
	jitter_max_us INTEGER CHECK (jitter_max_us BETWEEN 0 AND 60000000),
	loss INTEGER CHECK (loss BETWEEN 0 AND 10000),
	jitter_us INTEGER CHECK (jitter_us BETWEEN 0 AND 60000000),
	rtt_ms INTEGER CHECK (rtt_ms BETWEEN 0 AND 20000),
	mos INTEGER CHECK (mos BETWEEN 100 AND 450),
	heard_loss INTEGER CHECK (heard_loss BETWEEN 0 AND 10000),
	heard_jitter_us INTEGER CHECK (heard_jitter_us BETWEEN 0 AND 60000000),
	heard_rtt_ms INTEGER CHECK (heard_rtt_ms BETWEEN 0 AND 20000),
	heard_mos INTEGER CHECK (heard_mos BETWEEN 100 AND 450),
	said_loss INTEGER CHECK (said_loss BETWEEN 0 AND 10000),
	said_jitter_us INTEGER CHECK (said_jitter_us BETWEEN 0 AND 60000000),
	said_rtt_ms INTEGER CHECK (said_rtt_ms BETWEEN 0 AND 20000),
	said_mos INTEGER CHECK (said_mos BETWEEN 100 AND 450),
	PRIMARY KEY (ticket, side)
) WITHOUT ROWID;

CREATE TRIGGER call_deleted AFTER DELETE ON call
BEGIN
	DELETE FROM quality WHERE ticket = OLD.ticket;
END;

CREATE VIEW call_quality AS
SELECT q.ticket, datetime(c.granted_at, 'unixepoch') AS granted,
	c.ended_at IS NULL AS live, q.side,
	CASE q.side WHEN 'caller' THEN c.caller ELSE c.called END AS phone,
	CASE q.side WHEN 'caller' THEN c.called ELSE c.caller END AS other,
	nullif(min(coalesce(mos, 999), coalesce(heard_mos, 999),
		coalesce(said_mos, 999)), 999) / 100.0 AS worst_mos,
	mos / 100.0 AS mos, loss / 100.0 AS loss_pct, gap AS longest_gap,
	jitter_us / 1000.0 AS jitter_ms, jitter_max_us / 1000.0 AS jitter_max_ms,
	rtt_ms, expected AS packets, late, twice,
	heard_mos / 100.0 AS heard_mos, heard_loss / 100.0 AS heard_loss_pct,
	heard_jitter_us / 1000.0 AS heard_jitter_ms, heard_rtt_ms,
	said_mos / 100.0 AS said_mos, said_loss / 100.0 AS said_loss_pct,
	said_jitter_us / 1000.0 AS said_jitter_ms, said_rtt_ms
FROM quality AS q JOIN call AS c ON c.ticket = q.ticket;

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
	b.heard_mos / 100.0 AS called_heard_mos
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
	b.said_mos / 100.0 AS called_said_mos
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
LEFT JOIN quality AS a ON a.ticket = c.ticket AND a.side = 'caller'
LEFT JOIN quality AS b ON b.ticket = c.ticket AND b.side = 'called'
WHERE ended_at IS NOT NULL;
