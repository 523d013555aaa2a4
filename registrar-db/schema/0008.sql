-- To whom a call was redirected by the phone that was called (3xx): numbers,
-- in order, as granted here; and how often that was asked for.  The views show
-- them, and what the step before added.
ALTER TABLE call ADD COLUMN redirected_to TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN redirects INTEGER NOT NULL DEFAULT 0;

DROP VIEW live_call;
CREATE VIEW live_call AS
SELECT c.ticket, caller, caller_name, called, redirected_to,
	state,
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
	called_said
FROM call AS c JOIN call_media AS m ON m.ticket = c.ticket
WHERE ended_at IS NOT NULL;
