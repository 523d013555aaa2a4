/*
 * SIP ALGs (alg.h): what betrays a router that rewrites, and above all what
 * does not.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "sigproxy/core/alg.h"

static struct flow
flow_of(const char *text, uint8_t zone, uint8_t transport)
{
	struct flow f = { .zone = zone, .transport = transport };

	ck_assert_int_eq(addr_parse(span_str(text), 0, &f.remote), 0);
	return f;
}

/* ---- requests ---- */

#define SDP "v=0\r\nc=IN IP4 198.51.100.10\r\n"	/* 29 bytes */

struct look {
	const char *name;
	const char *from;
	const char *via, *contact;
	const char *length;
	const char *tail;	/* after the body */
	enum alg_sign sign;
};

static const struct look looks[] = {
	{ "a phone without STUN, nothing between", "198.51.100.10:5060",
	    "192.168.1.10:5060;rport", "192.168.1.10:5060", "29", "",
	    ALG_NONE },
	{ "the same without rport", "198.51.100.10:5060",
	    "192.168.1.10:5060", "192.168.1.10:5060", "29", "", ALG_NONE },
	{ "STUN: it knows its address in both", "198.51.100.10:5060",
	    "198.51.100.10:5060", "198.51.100.10:5060", "29", "", ALG_NONE },
	{ "STUN that a symmetric router fooled", "198.51.100.10:40000",
	    "198.51.100.10:30000", "198.51.100.10:30000", "29", "",
	    ALG_NONE },
	{ "learnt by rport, in Contact only", "198.51.100.10:5060",
	    "192.168.1.10:5060;rport", "198.51.100.10:5060", "29", "",
	    ALG_NONE },
	{ "learnt by rport, in Via first", "198.51.100.10:5060",
	    "198.51.100.10:5060;rport", "192.168.1.10:5060", "29", "",
	    ALG_NONE },
	{ "a phone with a public address of its own", "198.51.100.10:5060",
	    "198.51.100.10:5060", "198.51.100.10:5060", "29", "", ALG_NONE },
	{ "only its Via was rewritten", "198.51.100.10:5060",
	    "198.51.100.10:5060", "192.168.1.10:5060", "29", "", ALG_VIA },
	{ "the same, default ports", "198.51.100.10:5060", "198.51.100.10",
	    "192.168.1.10", "29", "", ALG_VIA },
	{ "another port than its packets have", "198.51.100.10:5062",
	    "198.51.100.10:5060", "192.168.1.10:5060", "29", "", ALG_NONE },
	{ "a name as Contact", "198.51.100.10:5060", "198.51.100.10:5060",
	    "phone.example.org", "29", "", ALG_NONE },
	{ "the body grew, its length did not", "198.51.100.10:5060",
	    "192.168.1.10:5060", "192.168.1.10:5060", "27", "", ALG_NONE },
	{ "it grew by more than an end of line", "198.51.100.10:5060",
	    "192.168.1.10:5060", "192.168.1.10:5060", "26", "", ALG_LENGTH },
	{ "it became shorter", "198.51.100.10:5060", "192.168.1.10:5060",
	    "192.168.1.10:5060", "30", "", ALG_LENGTH },
	{ "an empty line at the end", "198.51.100.10:5060",
	    "192.168.1.10:5060", "192.168.1.10:5060", "29", "\r\n", ALG_NONE },
	{ "a length that is no number", "198.51.100.10:5060",
	    "192.168.1.10:5060", "192.168.1.10:5060", "x", "", ALG_NONE },
	{ "beyond every datagram", "198.51.100.10:5060", "192.168.1.10:5060",
	    "192.168.1.10:5060", "4294967295", "", ALG_LENGTH },
};

static enum alg_sign
look(const struct look *l, const struct flow *from)
{
	static struct sip_msg m;
	char text[1024];
	int n = snprintf(text, sizeof(text),
	    "INVITE sip:168@sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s;branch=z9hG4bKa\r\n"
	    "From: <sip:201@sip.example.org>;tag=a\r\n"
	    "To: <sip:168@sip.example.org>\r\n"
	    "Call-ID: 0_1234@192.168.1.10\r\nCSeq: 1 INVITE\r\n"
	    "Contact: <sip:201@%s>\r\nContent-Type: application/sdp\r\n"
	    "Content-Length: %s\r\n\r\n" SDP "%s", l->via, l->contact,
	    l->length, l->tail);
	struct span raw = span_make(text, (size_t)n);
	int err = sip_parse(raw, SIP_DATAGRAM, &m, NULL);

	ck_assert_msg(err == 0 || err == -EPROTO, "%s: %d", l->name, err);
	return alg_look(&m, from, raw);
}

START_TEST(test_requests)
{
	const struct look *l = &looks[_i];
	struct flow from = flow_of(l->from, ZONE_EXTERNAL, TRANSPORT_UDP);

	ck_assert_msg(look(l, &from) == l->sign, "%s", l->name);
	/* Nobody rewrites TLS, and the office has no router between. */
	from.transport = TRANSPORT_TLS;
	ck_assert_int_eq(look(l, &from), ALG_NONE);
	from = flow_of(l->from, ZONE_INTERNAL, TRANSPORT_UDP);
	ck_assert_int_eq(look(l, &from), ALG_NONE);
}
END_TEST

/* ---- the bait ---- */

struct echo {
	const char *name, *home, *to;
	int err;
	bool altered;
};

static const struct echo echoes[] = {
	{ "repeated letter by letter", "198.51.100.10:5060",
	    "\"sip:198.051.100.010:05060\" <sip:198.51.100.10:5060>;tag=b", 0,
	    false },
	{ "exchanged and put back", "198.51.100.10:5060",
	    "\"sip:198.51.100.10:5060\" <sip:198.51.100.10:5060>;tag=b", 0,
	    true },
	{ "exchanged and left so", "198.51.100.10:5060",
	    "\"sip:192.168.1.10:5060\" <sip:198.51.100.10:5060>;tag=b", 0,
	    true },
	{ "no display name", "198.51.100.10:5060",
	    "<sip:198.51.100.10:5060>;tag=b", -ENODATA, false },
	{ "an empty one", "198.51.100.10:5060",
	    "\"\" <sip:198.51.100.10:5060>;tag=b", -ENODATA, false },
	{ "the phone's own name", "198.51.100.10:5060",
	    "\"Anna\" <sip:198.51.100.10:5060>;tag=b", -ENODATA, false },
	{ "of an address that has no other form", "203.113.200.150:50600",
	    "\"sip:203.113.200.150:50600\" <sip:a>;tag=b", 0, false },
};

START_TEST(test_echoes)
{
	static struct sip_msg m;
	const struct echo *c = &echoes[_i];
	struct flow home = flow_of(c->home, ZONE_EXTERNAL, TRANSPORT_UDP);
	bool altered = !c->altered;
	char text[512];
	int n = snprintf(text, sizeof(text), "SIP/2.0 200 OK\r\n"
	    "Via: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bKk1\r\n"
	    "From: <sip:sip.example.org>;tag=a\r\nTo: %s\r\n"
	    "Call-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
	    c->to);

	ck_assert_int_eq(sip_parse(span_make(text, (size_t)n), SIP_DATAGRAM,
	    &m, NULL), 0);
	ck_assert_msg(alg_echo(&m, &home.remote, &altered) == c->err, "%s",
	    c->name);
	if (c->err == 0)
		ck_assert_msg(altered == c->altered, "%s", c->name);
}
END_TEST

START_TEST(test_bait_is_a_quoted_string)
{
	struct flow home = flow_of("198.51.100.10:5060", ZONE_EXTERNAL,
	    TRANSPORT_UDP);
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	alg_put_bait(&b, &home.remote);
	ck_assert(span_eq(buf_span(&b),
	    SPAN_LIT("\"sip:198.051.100.010:05060\"")));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("alg");
	TCase *t = tcase_create("alg");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, test_requests, 0,
	    sizeof(looks) / sizeof(looks[0]));
	tcase_add_loop_test(t, test_echoes, 0,
	    sizeof(echoes) / sizeof(echoes[0]));
	tcase_add_test(t, test_bait_is_a_quoted_string);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
