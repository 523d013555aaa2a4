/* Digits by INFO, towards phones that hear events and phones that do not. */
#include <errno.h>
#include <stdio.h>

#include "sigproxy/sip/dtmf.h"
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

/* ---- what a body says ---- */

static const struct {
	const char *name, *type, *body;
	int err;
	uint8_t event;
	uint16_t ms;
} rows[] = {
	{ "as Cisco's", "application/dtmf-relay",
	    "Signal=5\r\nDuration=160\r\n", 0, 5, 160 },
	{ "with spaces, LF alone", "application/dtmf-relay",
	    "Signal= 9\nDuration= 250\n", 0, 9, 250 },
	{ "CR alone", "application/dtmf-relay", "Signal=1\rDuration=80", 0, 1,
	    80 },
	{ "star", "application/dtmf-relay", "Signal=*\r\n", 0, 10, 160 },
	{ "its number", "application/dtmf-relay", "Signal=10\r\n", 0, 10,
	    160 },
	{ "hash", "application/dtmf-relay", "signal=#\r\n", 0, 11, 160 },
	{ "letter", "application/dtmf-relay", "Signal=d\r\n", 0, 15, 160 },
	{ "flash", "application/dtmf-relay", "Signal=hf\r\n", 0, 16, 160 },
	{ "too short to hear", "application/dtmf-relay",
	    "Signal=1\r\nDuration=0\r\n", 0, 1, 40 },
	{ "for ever", "application/dtmf-relay",
	    "Signal=1\r\nDuration=4294967295\r\n", 0, 1, 6000 },
	{ "no number", "application/dtmf-relay",
	    "Signal=1\r\nDuration=long\r\n", 0, 1, 160 },
	{ "the digit alone", "application/dtmf", "7", 0, 7, 160 },
	{ "and a line's end", "application/dtmf", "#\r\n", 0, 11, 160 },
	{ "in lines", "application/dtmf", "Signal=2\r\n", 0, 2, 160 },
	{ "none", "application/dtmf-relay", "Duration=100\r\n", -EBADMSG, 0,
	    0 },
	{ "no digit", "application/dtmf-relay", "Signal=x\r\n", -EBADMSG, 0,
	    0 },
	{ "two", "application/dtmf", "17 18", -EBADMSG, 0, 0 },
	{ "above the flash", "application/dtmf-relay", "Signal=17\r\n",
	    -EBADMSG, 0, 0 },
	{ "empty", "application/dtmf", "", -EBADMSG, 0, 0 },
	{ "another type", "text/plain", "5", -ENOTSUP, 0, 0 },
};

START_TEST(a_body_is_read)
{
	char text[512];
	struct sip_msg msg;
	struct dtmf d = { 99, 99 };
	int err;

	snprintf(text, sizeof(text),
	    "INFO sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: c\r\n"
	    "CSeq: 1 INFO\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "\r\n%s", rows[_i].type, strlen(rows[_i].body), rows[_i].body);
	ck_assert_int_eq(sip_parse(span_str(text), SIP_DATAGRAM, &msg, NULL), 0);
	err = dtmf_read(&msg, &d);
	ck_assert_msg(err == rows[_i].err, "%s: %d", rows[_i].name, err);
	ck_assert_uint_eq(d.event, err == 0 ? rows[_i].event : 99);
	ck_assert_uint_eq(d.duration_ms, err == 0 ? rows[_i].ms : 99);
}
END_TEST

/* ---- who gets it how ---- */

static const struct {
	const char *name;
	bool sender_events, hearer_events, sender_calls, outside;
	bool converted;
} calls[] = {
	{ "of the called one, to a caller with events", false, true, false,
	    true, true },
	{ "of the caller, to a called one with events", false, true, true,
	    true, true },
	{ "neither knows events", false, false, true, true, false },
	{ "both do", true, true, false, true, false },
	{ "only the sender does", true, false, false, true, false },
	{ "nothing is relayed in the office", false, true, false, false,
	    false },
};

static const char digit[] = "Signal=8\r\nDuration=200\r\n";

START_TEST(a_digit_goes_as_the_other_hears_it)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = calls[_i].outside ? lab_home(lab, "168", 7)
					       : lab_office(lab, "168", 30);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t;
	bool converted = calls[_i].converted;

	home->no_events = !calls[_i].sender_events;
	desk->no_events = !calls[_i].hearer_events;
	if (calls[_i].sender_calls)
		talk_begin(&t, home, desk);
	else
		talk_begin(&t, desk, home);
	dlg_send(calls[_i].sender_calls ? &t.a : &t.b, "INFO",
	    "application/dtmf-relay", digit, "");
	ck_assert_msg(lab->n_tones == converted, "%s", calls[_i].name);
	if (converted) {
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
		ck_assert_ptr_null(phone_recv(desk));
		ck_assert_uint_eq(lab->tone.session, lab->session);
		ck_assert_uint_eq(lab->tone.end, calls[_i].sender_calls);
		ck_assert_uint_eq(lab->tone.event, 8);
		ck_assert_uint_eq(lab->tone.duration_ms, 200);
		ck_assert_uint_eq(lab->tone.payload_type, 101);
		ck_assert_uint_eq(lab->tone.rate, 8000);
	} else {
		ck_assert_ptr_nonnull(strstr(phone_expect(desk, "INFO"), digit));
	}
	lab_free(lab);
}
END_TEST

START_TEST(digits_go_on_after_a_restart)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t;

	home->no_events = true;
	talk_begin(&t, desk, home);
	lab_restart(lab);
	dlg_send(&t.b, "INFO", "application/dtmf", "5", "");
	ck_assert_uint_eq(lab->n_tones, 1);
	ck_assert_uint_eq(lab->tone.event, 5);
	/* Without the relay it passes as it is. */
	lab_relay(lab, false);
	dlg_send(&t.b, "INFO", "application/dtmf", "6", "");
	ck_assert_uint_eq(lab->n_tones, 1);
	ck_assert_ptr_nonnull(phone_expect(desk, "INFO"));
	lab_free(lab);
}
END_TEST

/* ---- events for a phone that knows only INFO ---- */

#define EVENTS "telephone-event/8000"
#define INFO_TOO "Allow: INVITE, ACK, BYE, CANCEL, INFO\r\n"

static const struct {
	const char *name;
	bool plain_calls;	/* who has no events is the caller */
	const char *allow;	/* of that phone */
	bool converted;
} plain_phones[] = {
	{ "the offerer has none, and takes INFO", true, INFO_TOO, true },
	{ "the answerer has none, and takes INFO", false, INFO_TOO, true },
	{ "the offerer takes no INFO", true, "Allow: INVITE, ACK, BYE\r\n",
	    false },
	{ "the answerer takes no INFO", false, "Allow: INVITE, ACK, BYE\r\n",
	    false },
};

static struct lab *lab;
static struct phone *plain, *desk;
static struct talk t;
static bool plain_calls;

/* A home without events and a desk with them talk; what each was told. */
static void
talk_of(bool by_plain, const char *allow, bool *plain_told, bool *desk_told)
{
	struct phone *a, *b;
	const char *inv, *ok;

	lab = lab_new(60, 100);
	plain = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	plain->no_events = true;
	plain->can = plain->says = allow;
	plain_calls = by_plain;
	a = by_plain ? plain : desk;
	b = by_plain ? desk : plain;
	t = (struct talk){ .lab = lab };
	dlg_call(&t.a, a, b->number, sdp_of(a, 30000, NULL), "");
	inv = phone_expect(b, "INVITE");
	ck_assert_ptr_nonnull(inv);
	dlg_from_invite(&t.b, b, inv);
	*(by_plain ? desk_told : plain_told) = strstr(inv, EVENTS) != NULL;
	b->no_events = strstr(inv, EVENTS) == NULL || b == plain;
	phone_answer(b, inv, 200, strstr(t.b.local, ";tag=") + 5,
	    sdp_of(b, 20000, NULL));
	ok = phone_expect(a, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	*(by_plain ? plain_told : desk_told) = strstr(ok, EVENTS) != NULL;
	dlg_learn(&t.a, ok);
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(b, "ACK"));
}

static uint8_t
desk_end(void)
{
	return plain_calls;
}

static void
expect_info(const char *signal)
{
	const char *info = phone_expect(plain, "INFO");

	ck_assert_ptr_nonnull(info);
	ck_assert_msg(strstr(info, "Content-Type: application/dtmf-relay\r\n")
	    != NULL && strstr(info, signal) != NULL, "%s", info);
	phone_answer(plain, info, 200, NULL, NULL);
}

START_TEST(events_become_info_where_they_are_not_known)
{
	bool plain_told, desk_told, converted = plain_phones[_i].converted;
	/* An offer with events passes as it is; what is said to a phone
	 * without INFO is as before. */
	bool offered = !plain_phones[_i].plain_calls;

	talk_of(plain_phones[_i].plain_calls, plain_phones[_i].allow,
	    &plain_told, &desk_told);
	ck_assert_msg(desk_told == converted, "%s", plain_phones[_i].name);
	ck_assert_int_eq(plain_told, offered);
	ck_assert_uint_eq(lab->n_events, converted);
	if (converted) {
		ck_assert_uint_eq(lab->events[0].session, lab->session);
		ck_assert_uint_eq(lab->events[0].end, desk_end());
		ck_assert_uint_eq(lab->events[0].payload_type, 101);
		ck_assert_uint_eq(lab->events[0].rate, 8000);
		lab_digit(lab, desk_end(), 11);
		expect_info("\r\n\r\nSignal=#\r\nDuration=120\r\n");
		/* And its own digits go the other way. */
		dlg_send(plain_calls ? &t.a : &t.b, "INFO",
		    "application/dtmf", "5", "");
		ck_assert_uint_eq(lab->n_tones, 1);
		ck_assert_ptr_nonnull(phone_expect(plain, "SIP/2.0 200"));
	} else {
		lab_digit(lab, desk_end(), 11);	/* a relay that lies */
	}
	ck_assert_ptr_null(phone_recv(plain));
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(t.b.phone, "BYE"));
	lab_free(lab);
}
END_TEST

START_TEST(digits_as_fast_as_a_relay_can_lie)
{
	bool a, b;
	unsigned n = 0;

	talk_of(true, INFO_TOO, &a, &b);
	for (int i = 0; i < 100; i++)
		lab_digit(lab, desk_end(), 1);
	lab_digit(lab, !desk_end(), 1);		/* that one sends none */
	lab_digit(lab, 9, 1);
	while (phone_expect(plain, "INFO") != NULL)
		n++;
	ck_assert_uint_gt(n, 8);
	ck_assert_uint_lt(n, 16);
	ck_assert_ptr_null(phone_recv(desk));
	lab_free(lab);
}
END_TEST

START_TEST(events_stay_caught_after_restarts)
{
	bool a, b;

	talk_of(true, INFO_TOO, &a, &b);
	lab_restart(lab);
	lab_digit(lab, desk_end(), 3);
	expect_info("Signal=3\r\n");
	lab->n_events = 0;
	lab_relay(lab, false);
	lab_relay(lab, true);
	ck_assert_uint_eq(lab->n_events, 1);
	ck_assert_uint_eq(lab->events[0].end, desk_end());
	ck_assert_uint_eq(lab->events[0].rate, 8000);
	lab_free(lab);
}
END_TEST

/* A re-INVITE without Allow changes nothing; one with events does. */
START_TEST(an_offer_later_is_treated_as_the_first_one)
{
	const char *inv;
	bool a, b;

	talk_of(true, INFO_TOO, &a, &b);
	for (int with = 0; with <= 1; with++) {
		plain->no_events = !with;
		dlg_send(&t.a, "INVITE", "application/sdp",
		    sdp_of(plain, 30000, NULL), "");
		inv = phone_expect(desk, "INVITE");
		ck_assert_ptr_nonnull(inv);
		ck_assert_ptr_nonnull(strstr(inv, EVENTS));
		phone_answer(desk, inv, 200, NULL, sdp_of(desk, 20000, NULL));
		inv = phone_expect(plain, "SIP/2.0 200");
		ck_assert_ptr_nonnull(inv);
		ck_assert_int_eq(strstr(inv, EVENTS) != NULL, with);
		dlg_ack(&t.a, t.a.cseq, NULL);
		ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	}
	ck_assert_uint_eq(lab->events[(lab->n_events - 1) % 8].rate, 0);
	lab_digit(lab, desk_end(), 3);
	ck_assert_ptr_null(phone_recv(plain));
	lab_free(lab);
}
END_TEST

/* ---- codecs of several clocks ---- */

#define OPUS "a=rtpmap:96 opus/48000/2\r\n"
#define BOTH                                                                   \
	"a=rtpmap:101 telephone-event/8000\r\n"                                \
	"a=rtpmap:102 telephone-event/48000\r\n"

static const char *
sdp_with(const struct phone *p, unsigned port, const char *fmts,
    const char *lines)
{
	static char mem[2][1024];
	static unsigned n;
	char *to = mem[n++ % 2];

	snprintf(to, sizeof(mem[0]),
	    "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
	    "m=audio %u RTP/AVP %s\r\n%s", p->host, p->host, port, fmts, lines);
	return to;
}

static const struct {
	const char *name, *answer, *told;
	unsigned pt, rate;
} clocks[] = {
	{ "opus is chosen", "96 8", " RTP/AVP 96 8 102\r\n", 102, 48000 },
	{ "PCMA is", "8 96", " RTP/AVP 8 96 101\r\n", 101, 8000 },
	{ "by its name for another number", "97",
	    " RTP/AVP 97 102\r\n", 102, 48000 },
};

/* A desk with events of both clocks calls a phone without any. */
START_TEST(events_of_the_clock_of_the_chosen_codec)
{
	const char *msg, *name = clocks[_i / 2].name;

	lab = lab_new(60, 100);
	plain = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	plain->says = INFO_TOO;
	t = (struct talk){ .lab = lab };
	dlg_call(&t.a, desk, "168", sdp_with(desk, 30000, "96 8 101 102",
	    OPUS BOTH), "");
	msg = phone_expect(plain, "INVITE");
	ck_assert_ptr_nonnull(msg);
	dlg_from_invite(&t.b, plain, msg);
	if (_i % 2 == 1) { /* sigproxy dies while it rings */
		phone_answer(plain, msg, 180,
		    strstr(t.b.local, ";tag=") + 5, NULL);
		lab_restart(lab);
		msg = phone_expect(plain, "INVITE");
		ck_assert_ptr_nonnull(msg);
	}
	phone_answer(plain, msg, 200, strstr(t.b.local, ";tag=") + 5,
	    sdp_with(plain, 20000, clocks[_i / 2].answer,
		OPUS "a=rtpmap:97 OPUS/48000/2\r\n"));
	msg = phone_expect(desk, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, clocks[_i / 2].told);
	dlg_learn(&t.a, msg);
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(plain, "ACK"));
	/* What the desk presses is taken out, and it gets what is pressed
	 * there: after a restart, too. */
	for (int again = 0; again < 2; again++) {
		ck_assert_msg(lab->events[0].payload_type == clocks[_i / 2].pt &&
		    lab->events[0].rate == clocks[_i / 2].rate, "%s: %u %u", name,
		    lab->events[0].payload_type, lab->events[0].rate);
		dlg_send(&t.b, "INFO", "application/dtmf", "5", "");
		ck_assert_uint_eq(lab->n_tones, 1 + again);
		ck_assert_msg(lab->tone.payload_type == clocks[_i / 2].pt &&
		    lab->tone.rate == clocks[_i / 2].rate, "%s: %u %u", name,
		    lab->tone.payload_type, lab->tone.rate);
		lab_restart(lab);
	}
	lab_free(lab);
}
END_TEST

/* A phone without events offers two clocks: the desk may choose. */
START_TEST(events_of_each_clock_are_offered)
{
	const char *msg;

	lab = lab_new(60, 100);
	plain = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	plain->can = INFO_TOO;
	t = (struct talk){ .lab = lab };
	dlg_call(&t.a, plain, "200", sdp_with(plain, 30000, "96 8 9", OPUS),
	    "");
	msg = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/AVP 96 8 9 101 127\r\n");
	HAS(msg, "a=rtpmap:101 telephone-event/48000\r\n");
	HAS(msg, "a=rtpmap:127 telephone-event/8000\r\n");
	dlg_from_invite(&t.b, desk, msg);
	phone_answer(desk, msg, 200, strstr(t.b.local, ";tag=") + 5,
	    sdp_with(desk, 20000, "8 101 127",
		"a=rtpmap:101 telephone-event/48000\r\n"
		"a=rtpmap:127 telephone-event/8000\r\n"));
	msg = phone_expect(plain, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/AVP 8\r\n");
	LACKS(msg, "telephone-event");
	ck_assert_uint_eq(lab->events[0].payload_type, 127);
	ck_assert_uint_eq(lab->events[0].rate, 8000);
	lab_free(lab);
}
END_TEST

Suite *
suite_dtmf(void)
{
	Suite *s = suite_create("dtmf");
	TCase *c = tcase_create("digits");

	tcase_add_loop_test(
	    c, a_body_is_read, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(c, a_digit_goes_as_the_other_hears_it, 0,
	    sizeof(calls) / sizeof(calls[0]));
	tcase_add_test(c, digits_go_on_after_a_restart);
	tcase_add_loop_test(c, events_become_info_where_they_are_not_known, 0,
	    sizeof(plain_phones) / sizeof(plain_phones[0]));
	tcase_add_test(c, digits_as_fast_as_a_relay_can_lie);
	tcase_add_test(c, events_stay_caught_after_restarts);
	tcase_add_test(c, an_offer_later_is_treated_as_the_first_one);
	tcase_add_loop_test(c, events_of_the_clock_of_the_chosen_codec, 0,
	    2 * sizeof(clocks) / sizeof(clocks[0]));
	tcase_add_test(c, events_of_each_clock_are_offered);
	suite_add_tcase(s, c);
	return s;
}
