-- Does the phone speak ICE, by its Contact's +sip.ice (RFC 5768)?  Then it is
-- offered ICE-lite candidates (docs/media.md).
ALTER TABLE registration ADD COLUMN ice INTEGER NOT NULL DEFAULT 0;
