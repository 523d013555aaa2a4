-- How each phone's sound goes: the suite of SRTP agreed with it, or 'RTP'; empty:
-- not relayed, or not known yet.  The views have it from the next step on.
ALTER TABLE call ADD COLUMN caller_srtp TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN called_srtp TEXT NOT NULL DEFAULT '';
