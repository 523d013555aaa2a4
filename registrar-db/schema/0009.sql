-- Does this home's router rewrite SIP (a SIP ALG), and what shows it:
-- "echo"    it changed what it took for an address in a question of ours
-- "length"  messages whose Content-Length is wrong
-- "via"     a Via with the public address, which the phone's Contact lacks
ALTER TABLE home ADD COLUMN sip_alg TEXT NOT NULL DEFAULT ''
	CONSTRAINT "home: written by registrar-db; to have one learnt anew, DELETE its row" CHECK (
		sip_alg IN ('', 'echo', 'length', 'via'));
ALTER TABLE home ADD COLUMN advice TEXT AS (CASE sip_alg WHEN '' THEN ''
	ELSE 'the router of this home rewrites SIP: switch its SIP ALG off, or use TLS'
	END) VIRTUAL;
