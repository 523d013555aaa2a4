/*
 * Whose packets are learnt: the rules of design.md 7 and the attacks of
 * EnableSecurity ES2025-01 (inject and bleed before the first packet, after
 * latching, on hold, at a re-INVITE, at an SSRC change, at a NAT rebinding),
 * each as a row of packets with what the latch must say and where media must
 * then go.
 */
#include "tests/unit/media/suite.h"

#define PHONE "198.51.100.7:40000"	/* as announced */
#define OTHER "198.51.100.7:61234"	/* the same home, another port */
#define THIRD "198.51.100.7:9"
#define MOVED "198.51.100.99:40000"	/* the same phone, another home */
#define STRANGER "203.0.113.66:40000"
#define PRIVATE "192.168.1.20:40000"
#define NOBODY NULL

#define MAX_STEPS 14

enum doing { END, PACKET, OFFER };

struct step {
	enum doing doing;
	unsigned at_ms;
	const char *from;	/* OFFER: announced */
	uint32_t ssrc;		/* OFFER: relearn */
	uint16_t seq;
	uint8_t payload_type;
	enum latch_said want;
	const char *target;	/* source learnt afterwards, NULL: none */
	const char *phone;	/* OFFER: signals from, NULL: as before */
};

struct row {
	const char *name;
	enum latch_mode mode;
	const char *announced;
	struct step step[MAX_STEPS];
};

#define REFUSED LATCH_REFUSED
#define OK LATCH_ACCEPTED
#define NEW LATCH_NEW
#define P(at, from, ssrc, seq, type, want, then) \
	{ PACKET, at, from, ssrc, seq, type, want, then, NULL }

static const struct row rows[] = {
	{ "three packets that agree freeze the announced address",
	    LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(60, PHONE, 1, 13, 0, OK, PHONE) } },
	{ "another port of the signalling IP is learnt (phone without STUN)",
	    LATCH_STRICT, PRIVATE, {
		P(0, OTHER, 1, 10, 0, OK, OTHER),
		P(20, OTHER, 1, 11, 0, OK, OTHER),
		P(40, OTHER, 1, 12, 0, NEW, OTHER) } },
	{ "the announced port is preferred until frozen", LATCH_STRICT, PHONE,
	    {
		P(0, OTHER, 9, 1, 0, OK, OTHER),
		P(5, PHONE, 1, 10, 0, OK, PHONE),
		P(10, OTHER, 9, 2, 0, REFUSED, PHONE),
		P(25, PHONE, 1, 11, 0, OK, PHONE),
		P(45, PHONE, 1, 12, 0, NEW, PHONE),
		P(50, OTHER, 9, 3, 0, REFUSED, PHONE) } },
	{ "a payload type that changes begins the count anew", LATCH_STRICT,
	    PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 101, OK, PHONE),
		P(60, PHONE, 1, 13, 101, OK, PHONE),
		P(80, PHONE, 1, 14, 101, NEW, PHONE) } },
	{ "ES2025-01: spray before the first packet learns nobody",
	    LATCH_STRICT, PHONE, {
		P(0, STRANGER, 7, 1, 0, REFUSED, NOBODY),
		P(1, STRANGER, 7, 2, 0, REFUSED, NOBODY),
		P(2, STRANGER, 7, 3, 0, REFUSED, NOBODY),
		P(20, PHONE, 1, 10, 0, OK, PHONE) } },
	{ "ES2025-01: spray before the phone announced anything",
	    LATCH_STRICT, NULL, {
		P(0, STRANGER, 7, 1, 0, REFUSED, NOBODY),
		P(20, OTHER, 1, 10, 0, OK, OTHER) } },
	{ "ES2025-01: inject after latching, with the right SSRC",
	    LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(41, STRANGER, 1, 13, 0, REFUSED, PHONE),
		P(60, PHONE, 1, 13, 0, OK, PHONE) } },
	{ "ES2025-01: a stranger does not inherit a silent call",
	    LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(9000, STRANGER, 1, 13, 0, REFUSED, PHONE) } },
	{ "ES2025-01: a re-INVITE opens nothing to a stranger", LATCH_STRICT,
	    PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		{ OFFER, 50, PHONE, 1, .target = PHONE },
		P(51, STRANGER, 1, 13, 0, REFUSED, PHONE),
		P(60, PHONE, 1, 13, 0, OK, PHONE),
		P(61, STRANGER, 1, 14, 0, REFUSED, PHONE) } },
	{ "a new port after a re-INVITE is learnt", LATCH_STRICT, PRIVATE, {
		P(0, OTHER, 1, 10, 0, OK, OTHER),
		P(20, OTHER, 1, 11, 0, OK, OTHER),
		P(40, OTHER, 1, 12, 0, NEW, OTHER),
		{ OFFER, 50, PRIVATE, 1, .target = OTHER },
		P(239, THIRD, 5, 899, 0, REFUSED, OTHER),
		P(240, THIRD, 5, 900, 0, OK, THIRD),
		P(260, THIRD, 5, 901, 0, OK, THIRD),
		P(280, THIRD, 5, 902, 0, NEW, THIRD) } },
	{ "ES2025-01: nobody takes a re-INVITE's chance while the phone talks",
	    LATCH_OPEN, PHONE, {
		P(0, OTHER, 1, 10, 0, OK, OTHER),
		P(20, OTHER, 1, 11, 0, OK, OTHER),
		P(40, OTHER, 1, 12, 0, NEW, OTHER),
		{ OFFER, 50, PHONE, 1, .target = OTHER },
		P(51, STRANGER, 1, 13, 0, REFUSED, OTHER),
		P(60, OTHER, 1, 13, 0, OK, OTHER),
		P(61, STRANGER, 1, 14, 0, REFUSED, OTHER),
		P(120, OTHER, 1, 16, 0, OK, OTHER),
		P(140, OTHER, 1, 17, 0, OK, OTHER),
		P(400, STRANGER, 1, 18, 0, REFUSED, OTHER) } },
	{ "a new announced address takes the place of the old source",
	    LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		{ OFFER, 50, OTHER, 0, .target = NOBODY },
		P(60, OTHER, 2, 1, 0, OK, OTHER) } },
	{ "a phone that moved to another home is learnt there",
	    LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		{ OFFER, 50, MOVED, 1, .target = NOBODY, .phone = MOVED },
		P(51, PHONE, 1, 13, 0, REFUSED, NOBODY),
		P(60, MOVED, 1, 14, 0, OK, MOVED) } },
	{ "an SSRC may change at the same source", LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(60, PHONE, 2, 7000, 0, OK, PHONE),
		P(61, STRANGER, 2, 7001, 0, REFUSED, PHONE) } },
	{ "NAT rebinding: silent for a second, SSRC and sequence go on",
	    LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 65534, 0, OK, PHONE),
		P(20, PHONE, 1, 65535, 0, OK, PHONE),
		P(40, PHONE, 1, 0, 0, NEW, PHONE),
		P(1039, OTHER, 1, 50, 0, REFUSED, PHONE),
		P(1040, OTHER, 1, 51, 0, NEW, OTHER),
		P(1060, PHONE, 1, 52, 0, REFUSED, OTHER) } },
	{ "NAT rebinding: another SSRC does not carry on", LATCH_STRICT, PHONE,
	    {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(5000, OTHER, 2, 13, 0, REFUSED, PHONE) } },
	{ "NAT rebinding: an old or far sequence does not carry on",
	    LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(5000, OTHER, 1, 12, 0, REFUSED, PHONE),
		P(5001, OTHER, 1, 3013, 0, REFUSED, PHONE),
		P(5002, OTHER, 1, 3012, 0, NEW, OTHER) } },
	{ "NAT rebinding: it spoke on while its router was away for minutes",
	    LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(90040, OTHER, 1, 9013, 0, REFUSED, PHONE),
		P(90041, OTHER, 2, 4512, 0, REFUSED, PHONE),
		P(90042, OTHER, 1, 4512, 0, NEW, OTHER) } },
	{ "NAT rebinding: a picture has many packets in a second", LATCH_STRICT,
	    PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(1040, PHONE, 1, 512, 0, OK, PHONE),
		P(11040, OTHER, 1, 10513, 0, REFUSED, PHONE),
		P(11041, OTHER, 1, 5512, 0, NEW, OTHER) } },
	{ "NAT rebinding: what begins anew or comes late is no pace",
	    LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(1000, PHONE, 2, 9000, 0, OK, PHONE),
		P(2000, PHONE, 2, 8999, 0, OK, PHONE),
		P(62000, OTHER, 2, 15000, 0, REFUSED, PHONE),
		P(62001, OTHER, 2, 14999, 0, NEW, OTHER) } },
	{ "NAT rebinding: never half the numbers ahead", LATCH_STRICT, PHONE, {
		P(0, PHONE, 1, 10, 0, OK, PHONE),
		P(20, PHONE, 1, 11, 0, OK, PHONE),
		P(40, PHONE, 1, 12, 0, NEW, PHONE),
		P(900040, OTHER, 1, 12 + 0x8000, 0, REFUSED, PHONE),
		P(900041, OTHER, 1, 12 + 0x7fff, 0, NEW, OTHER) } },
	{ "signalled: exactly the announced address", LATCH_SIGNALLED, PHONE, {
		P(0, OTHER, 1, 10, 0, REFUSED, NOBODY),
		P(20, PHONE, 1, 11, 0, OK, PHONE) } },
	{ "signalled: also on another IP than the signalling",
	    LATCH_SIGNALLED, STRANGER, {
		P(0, PHONE, 1, 10, 0, REFUSED, NOBODY),
		P(20, STRANGER, 1, 11, 0, OK, STRANGER) } },
	{ "signalled: nobody before something was announced",
	    LATCH_SIGNALLED, NULL, {
		P(0, PHONE, 1, 10, 0, REFUSED, NOBODY) } },
	{ "open: the first to come, and nobody after him", LATCH_OPEN, PHONE, {
		P(0, MOVED, 1, 10, 0, OK, MOVED),
		P(10, STRANGER, 7, 1, 0, REFUSED, MOVED),
		P(20, MOVED, 1, 11, 0, OK, MOVED),
		P(40, MOVED, 1, 12, 0, NEW, MOVED),
		P(50, STRANGER, 1, 13, 0, REFUSED, MOVED) } },
};

static void
run_step(const struct row *row, struct latch *l, const struct step *s,
    struct addr *phone)
{
	struct mono now = at_ms(s->at_ms);
	struct addr from = addr_of(s->from), target = addr_of(s->target);

	if (s->doing == OFFER) {
		if (s->phone != NULL)
			*phone = addr_of(s->phone);
		latch_announce(l, phone, &from, s->ssrc != 0);
	} else {
		const struct latch_packet p = { s->ssrc, s->seq,
			s->payload_type, false };
		enum latch_said said = latch_input(l, &from, &p, now);

		ck_assert_msg(said == s->want, "%s: at %u ms: %d, not %d",
		    row->name, s->at_ms, (int)said, (int)s->want);
	}
	ck_assert_msg(l->source.family == target.family &&
		(target.family == ADDR_NONE || addr_eq(&l->source, &target)),
	    "%s: at %u ms another source is learnt", row->name, s->at_ms);
}

START_TEST(learns_only_whom_the_rule_allows)
{
	const struct row *row = &rows[_i];
	struct addr phone = addr_of("198.51.100.7:5060");
	struct addr announced = addr_of(row->announced);
	struct latch l;

	latch_init(&l, row->mode, &phone, false);
	latch_announce(&l, &phone, &announced, true);
	for (const struct step *s = row->step; s->doing != END; s++)
		run_step(row, &l, s, &phone);
}
END_TEST

static const struct {
	const char *name;
	enum latch_mode mode;
	const char *announced, *guess, *probe;
} targets[] = {
	{ "strict: announced public address of the phone itself",
	    LATCH_STRICT, PHONE, PHONE, NULL },
	{ "strict: private announced: its port at the signalling IP",
	    LATCH_STRICT, PRIVATE, PHONE, NULL },
	{ "strict: never anything to another IP", LATCH_STRICT, STRANGER,
	    PHONE, NULL },
	{ "signalled: another IP gets probes, no media", LATCH_SIGNALLED,
	    STRANGER, NULL, STRANGER },
	{ "open: both", LATCH_OPEN, STRANGER, PHONE, STRANGER },
	{ "nothing announced, nothing guessed", LATCH_STRICT, NULL, NULL,
	    NULL },
};

START_TEST(guesses_where_media_goes_before_anything_was_heard)
{
	struct addr phone = addr_of("198.51.100.7:5060");
	struct addr announced = addr_of(targets[_i].announced);
	struct latch l;
	struct addr guess, probe;

	latch_init(&l, targets[_i].mode, &phone, false);
	latch_announce(&l, &phone, &announced, true);
	guess = latch_guess(&l);
	probe = latch_probe(&l);
	assert_addr(targets[_i].name, &guess, targets[_i].guess);
	assert_addr(targets[_i].name, &probe, targets[_i].probe);
}
END_TEST

START_TEST(rtcp_moves_only_after_two_silent_intervals)
{
	struct addr phone = addr_of("198.51.100.7:5060");
	struct addr first = addr_of("198.51.100.7:40001");
	struct addr second = addr_of("198.51.100.7:61235");
	const struct latch_packet p = { .ssrc = 5, .rtcp = true };
	const struct latch_packet other = { .ssrc = 6, .rtcp = true };
	struct latch l;

	latch_init(&l, LATCH_STRICT, &phone, true);
	latch_announce(&l, &phone, &first, true);
	ck_assert_int_eq(latch_input(&l, &first, &p, at_ms(0)), OK);
	ck_assert_int_eq(latch_input(&l, &first, &p, at_ms(5000)), NEW);
	ck_assert_int_eq(latch_input(&l, &second, &p, at_ms(14999)), REFUSED);
	ck_assert_int_eq(latch_input(&l, &second, &other, at_ms(15000)),
	    REFUSED);
	ck_assert_int_eq(latch_input(&l, &second, &p, at_ms(15000)), NEW);
}
END_TEST

/*
 * A stranger who knows ports, SSRC and sequence but cannot send from the
 * phone's address: whatever he interleaves with the phone's life, he is
 * refused and never becomes the destination.
 */
START_TEST(a_stranger_never_gets_in_whatever_the_phone_does)
{
	struct addr phone = addr_of("198.51.100.7:5060");
	struct addr announced = addr_of(PHONE), other = addr_of(OTHER);
	struct addr stranger = addr_of(STRANGER);
	uint32_t state = 12345;
	uint16_t seq = 0;
	struct latch l;

	latch_init(&l, LATCH_STRICT, &phone, false);
	for (unsigned ms = 0; ms < 300000; ms++) {
		struct latch_packet p = { 1, ++seq, 0, false };

		state = state * 1664525u + 1013904223u;
		switch (state >> 28) {
		case 0:
			latch_input(&l, &announced, &p, at_ms(ms));
			break;
		case 1:
			latch_input(&l, &other, &p, at_ms(ms));
			break;
		case 2:
			if (state >> 18 & 1)
				latch_announce(&l, &phone, &announced, true);
			break;
		case 3:
			ms += state >> 20 & 2047;
			break;
		default:
			if (latch_input(&l, &stranger, &p, at_ms(ms)) !=
			    LATCH_REFUSED)
				ck_abort_msg("let in at %u ms", ms);
			break;
		}
		if (addr_same_ip(&l.source, &stranger))
			ck_abort_msg("learnt at %u ms", ms);
	}
}
END_TEST

void
add_latch_tests(Suite *s)
{
	TCase *tc = tcase_create("latch");

	tcase_add_loop_test(tc, learns_only_whom_the_rule_allows, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc,
	    guesses_where_media_goes_before_anything_was_heard, 0,
	    sizeof(targets) / sizeof(targets[0]));
	tcase_add_test(tc, rtcp_moves_only_after_two_silent_intervals);
	tcase_add_test(tc, a_stranger_never_gets_in_whatever_the_phone_does);
	suite_add_tcase(s, tc);
}
