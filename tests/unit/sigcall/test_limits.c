/*
 * Limits and faults: channels (R95-R97, S16), a relay that refuses, is
 * silent or lies, tables that are full, and nothing left after many calls
 * (C24).
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define CALL_RELAY_WAIT_MS 1001


START_TEST(the_61st_call_is_refused_and_harms_nobody)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t, first;
	struct dlg a;
	const char *msg;

	for (unsigned i = 0; i < 60; i++) {
		talk_begin(&t, home, desk);
		if (i == 0)
			first = t;
	}
	ck_assert_uint_eq(lab_count(lab, "channels"), 60);
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(
	    hdr(msg, "Reason"), "SIP;cause=503;text=\"No channel free\"");
	ck_assert_ptr_null(phone_recv(desk));
	ck_assert_str_eq(lab->reasons[(lab->n_notes - 1) % 64], "no-channel");
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_count(lab, "calls"), 60);
	/* The others live, and one that ends makes room. */
	dlg_send(&first.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "INVITE"));
	lab_free(lab);
}
END_TEST

/* Call 200; the status that refuses it, or 0. */
static unsigned
try_call(struct phone *home, struct phone *desk, bool emergency)
{
	struct dlg a;

	home->lab->emergency = emergency;
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	home->lab->emergency = false;
	if (phone_expect(desk, "INVITE") != NULL)
		return 0;
	return phone_expect(home, "SIP/2.0 480") != NULL ? 480 : 999;
}

START_TEST(an_emergency_call_has_what_is_reserved)
{
	struct lab *lab = lab_new(4, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t, urgent;

	lab->conf.reserved = 2;
	/* The first of them takes a reserved one, though others are free. */
	lab->emergency = true;
	talk_begin(&urgent, home, desk);
	lab->emergency = false;
	ck_assert_uint_eq(lab->opens[(lab->n_opens - 1) % 64].emergency, 1);
	for (unsigned i = 0; i < 4; i++)
		talk_begin(&t, home, desk);
	ck_assert_uint_eq(lab->opens[(lab->n_opens - 1) % 64].emergency, 0);
	ck_assert_uint_eq(lab_count(lab, "channels"), 5);
	ck_assert_uint_eq(lab_count(lab, "channels_emergency"), 1);
	ck_assert_uint_eq(try_call(home, desk, false), 480);
	ck_assert_uint_eq(lab_count(lab, "channels_refused"), 1);
	ck_assert_uint_eq(try_call(home, desk, true), 0);
	ck_assert_uint_eq(try_call(home, desk, true), 480);
	/* One ends: its place is again an emergency's, not anybody's. */
	dlg_send(&urgent.a, "BYE", NULL, NULL, "");
	ck_assert_uint_eq(try_call(home, desk, false), 480);
	ck_assert_uint_eq(try_call(home, desk, true), 0);
	/* An ordinary one that ends makes room for either. */
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_uint_eq(try_call(home, desk, false), 0);
	lab_free(lab);
}
END_TEST

START_TEST(emergency_calls_survive_as_such)
{
	struct lab *lab = lab_new(1, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t;

	lab->conf.reserved = 1;
	lab->emergency = true;
	talk_begin(&t, home, desk);
	lab->emergency = false;
	lab_restart(lab);
	ck_assert_uint_eq(lab_count(lab, "channels_emergency"), 1);
	ck_assert_uint_eq(try_call(home, desk, false), 0);
	ck_assert_uint_eq(try_call(home, desk, false), 480);
	lab_free(lab);
}
END_TEST

START_TEST(full_tables_have_room_for_an_emergency)
{
	struct lab *lab = lab_new(1000, 128);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	unsigned n = 0;

	while (n < 128 && try_call(home, desk, false) == 0)
		n++;
	ck_assert_uint_lt(n, 127);
	ck_assert_uint_eq(try_call(home, desk, true), 0);
	lab_free(lab);
}
END_TEST

/* What counts (R96-R100): each side outside counts one. */
static const struct {
	const char *name;
	bool caller_outside, called_outside;
	unsigned want;
} counting[] = {
	{ "two phones in the office", false, false, 0 },
	{ "a remote phone and one in the office", true, false, 1 },
	{ "one in the office and a remote phone", false, true, 1 },
	{ "two remote phones", true, true, 2 },
};

START_TEST(each_side_outside_is_a_channel)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *a = counting[_i].caller_outside
			      ? lab_home(lab, "168", 7)
			      : lab_office(lab, "168", 30);
	struct phone *b = counting[_i].called_outside
			      ? lab_home(lab, "200", 8)
			      : lab_office(lab, "200", 31);
	struct talk t;

	talk_begin(&t, a, b);
	ck_assert_msg(lab_count(lab, "channels") == counting[_i].want, "%s",
	    counting[_i].name);
	ck_assert_uint_eq(lab_count(lab, "channels_max"), 60);
	lab_free(lab);
}
END_TEST

START_TEST(a_lan_call_needs_no_channel)
{
	struct lab *lab = lab_new(0, 100);
	struct phone *a = lab_office(lab, "200", 31);
	struct phone *b = lab_office(lab, "201", 32);
	struct talk t;

	talk_begin(&t, a, b);
	lab_free(lab);
}
END_TEST

START_TEST(without_a_channel_the_office_phones_still_ring)
{
	struct lab *lab = lab_new(0, 100);
	struct phone *a = lab_office(lab, "200", 31);
	struct phone *b = lab_office(lab, "201", 32);
	struct phone *c = lab_home(lab, "201", 9);
	struct dlg d;

	dlg_call(&d, a, "201", sdp_of(a, 30000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(b, "INVITE"));
	ck_assert_ptr_null(phone_recv(c));
	lab_free(lab);
}
END_TEST

START_TEST(many_devices_that_ring_are_one_channel)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *desk = lab_office(lab, "200", 31);
	struct phone *homes[3] = { lab_home(lab, "168", 7),
		lab_home(lab, "168", 8), lab_home(lab, "168", 9) };
	struct dlg d;

	dlg_call(&d, desk, "168", sdp_of(desk, 30000, NULL), "");
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(phone_expect(homes[i], "INVITE"));
	ck_assert_uint_eq(lab_count(lab, "channels"), 1);
	lab_free(lab);
}
END_TEST

START_TEST(a_relay_that_refuses_or_is_silent_means_480)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *msg;
	struct dlg a;

	if (_i == 0)
		lab->refusal = RELAY_FULL;
	else if (_i == 1)
		lab->relay_mute = true;
	else
		edge_peer(
		    lab->edge, lab->now, lab->steps, ROLE_MEDIA, 0, false);
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	if (_i == 1) {
		lab_pass(lab, 999);
		ck_assert_ptr_null(phone_expect(home, "SIP/2.0 480"));
		lab_pass(lab, 2);
	} else if (_i == 2) {
		lab_pass(lab, 499);
		ck_assert_ptr_null(phone_expect(home, "SIP/2.0 480"));
		lab_pass(lab, 2);
	}
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "SIP;cause=503;");
	ck_assert_ptr_null(phone_recv(desk));
	lab_pass(lab, 1000);
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(counters_that_never_come_are_awaited_for_500_ms)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t;

	lab->stats_mute = true;
	talk_begin(&t, home, desk);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_uint_ne(lab_note(lab)->state, CALL_ENDED);
	lab_pass(lab, 499);
	ck_assert_uint_ne(lab_note(lab)->state, CALL_ENDED);
	lab_pass(lab, 2);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

static void
relay_says(struct lab *lab, const struct ipc_relay_say *say)
{
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_relay_say(&b, say);
	ck_assert_int_eq(edge_frame(lab->edge, lab->now, lab->steps, ROLE_MEDIA,
			     0, IPC_RELAY_SAY, buf_span(&b)),
	    0);
}

START_TEST(frames_of_a_lying_relay_are_harmless)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct ipc_relay_say say = { .session = 1 };
	struct ipc_relay_stats stats = { .session = 1 };
	struct ipc_relay_news news = { .session = 1, .what = RELAY_SILENT };
	struct ipc_relay_reach reach = { .session = 1, .way = 1,
		.said = { ADDR_IPV4, 16384, { 203, 0, 113, 1 } } };
	struct ipc_relay_quality quality = { .session = 1 };
	struct talk t;
	char mem[512];
	struct buf b;

	lab->relay_mute = true;
	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL), "");
	for (unsigned i = 0; i < 64; i++) {
		/* Sessions that are not, ends that are not, twice. */
		say.session = i % 2 ? lab->session : lab->session + i + 1;
		say.end = (uint8_t)(i < 4 ? 9 : 2 + i % 14);
		say.refusal = (uint8_t)(i % 4);
		relay_says(lab, &say);
		stats.session = say.session;
		stats.counter.end = say.end;
		buf_init(&b, mem, sizeof(mem));
		put_relay_stats(&b, &stats);
		ck_assert_int_eq(
		    edge_frame(lab->edge, lab->now, lab->steps, ROLE_MEDIA, 0,
			IPC_RELAY_STATS, buf_span(&b)),
		    0);
		news.session = say.session;
		news.end = say.end;
		buf_init(&b, mem, sizeof(mem));
		put_relay_news(&b, &news);
		ck_assert_int_eq(
		    edge_frame(lab->edge, lab->now, lab->steps, ROLE_MEDIA, 0,
			IPC_RELAY_NEWS, buf_span(&b)),
		    0);
		reach.session = say.session;
		reach.end = say.end;
		buf_init(&b, mem, sizeof(mem));
		put_relay_reach(&b, &reach);
		ck_assert_int_eq(
		    edge_frame(lab->edge, lab->now, lab->steps, ROLE_MEDIA, 0,
			IPC_RELAY_REACH, buf_span(&b)),
		    0);
		quality.session = say.session;
		quality.end = say.end;
		quality.stream = (uint8_t)(i % 4);
		buf_init(&b, mem, sizeof(mem));
		put_relay_quality(&b, &quality);
		ck_assert_int_eq(
		    edge_frame(lab->edge, lab->now, lab->steps, ROLE_MEDIA, 0,
			IPC_RELAY_QUALITY, buf_span(&b)),
		    0);
	}
	/* One that says yes without a port; another instance. */
	say = (struct ipc_relay_say){ .session = lab->session, .end = 0 };
	ck_assert_int_eq(edge_frame(lab->edge, lab->now, lab->steps, ROLE_MEDIA,
			     0, IPC_RELAY_SAY, SPAN_LIT("short")),
	    -EBADMSG);
	relay_says(lab, &say);
	relay_says(lab, &say);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	say.end = 1;
	relay_says(lab, &say);
	steps_clear(lab->steps);
	lab_pass(lab, 2000);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(full_tables_refuse_and_recover)
{
	struct lab *lab = lab_new(60, 4);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t[4];
	struct dlg a;
	const char *msg;

	for (unsigned i = 0; i < 4; i++)
		talk_begin(&t[i], home, desk);
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "Too many calls");
	for (unsigned i = 0; i < 4; i++)
		dlg_send(&t[i].a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
	talk_begin(&t[0], home, desk);
	lab_free(lab);
}
END_TEST

/* He has no password, but one nonce: each wrong answer is a transaction. */
START_TEST(wrong_answers_do_not_fill_the_tables)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct phone *thief = lab_stranger(lab, "666", 66);
	const char *msg;
	char nonce[33] = "";
	struct talk t;

	lab->verdict = VERDICT_FORBIDDEN;
	for (unsigned i = 0; i < 5000; i++) {
		phone_send(thief,
		    "INVITE sip:200@sip.example.org SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP 10.77.0.66:5060;branch=z9hG4bKx%u;rport"
		    "\r\nFrom: <sip:666@sip.example.org>;tag=f\r\n"
		    "To: <sip:200@sip.example.org>\r\nCall-ID: c%u\r\n"
		    "CSeq: 1 INVITE\r\nContact: <sip:666@10.77.0.66>\r\n"
		    "Authorization: Digest username=\"x\", realm=\"SMO-SIP\", "
		    "nonce=\"%s\", uri=\"sip:200@sip.example.org\", "
		    "response=\"0123456789abcdef0123456789abcdef\"\r\n"
		    "Content-Length: 0\r\n\r\n",
		    i, i, nonce);
		msg = phone_expect(thief, i == 0 ? "SIP/2.0 401" :
						   "SIP/2.0 403");
		ck_assert_msg(msg != NULL, "the %uth", i);
		if (i == 0)
			snprintf(nonce, sizeof(nonce), "%.32s",
			    strstr(msg, "nonce=\"") + 7);
	}
	ck_assert_uint_le(
	    lab_count(lab, "server_transactions"), 4096 / 16);
	lab->verdict = 0;
	talk_begin(&t, home, desk);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	lab_pass(lab, 40000);
	ck_assert_uint_eq(lab_count(lab, "server_transactions"), 0);
	ck_assert_uint_eq(lab_count(lab, "refusals_kept"), 0);
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

/* The oracle has a row for each call it granted: it is told of every end. */
START_TEST(a_call_granted_too_late_or_in_vain_is_noted_as_ended)
{
	struct lab *lab = lab_new(60, 1);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct ipc_auth_say late = { .id = 999, .verdict = VERDICT_OK,
		.ticket = 77 };
	char mem[512];
	struct talk t;
	struct buf b;
	struct dlg a;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, AUTH_SAY, auth_say, &late);
	ck_assert_int_eq(edge_frame(lab->edge, lab->now, lab->steps, ROLE_REG,
			     0, IPC_AUTH_SAY,
			     span_make(mem + IPC_HEADER_LEN,
				 b.len - IPC_HEADER_LEN)),
	    0);
	lab_pass(lab, 1);
	talk_begin(&t, home, desk); /* carries out what waits, too */
	ck_assert_uint_eq(lab->notes[0].ticket, 77);
	ck_assert_uint_eq(lab->notes[0].state, CALL_ENDED);
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 480"));
	ck_assert_uint_eq(lab_note(lab)->ticket, lab->ticket);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_note(lab)->status, 480);
	lab_free(lab);
}
END_TEST

/* A stolen password, or a phone gone mad, takes a part and not the whole. */
START_TEST(one_caller_cannot_take_every_call)
{
	struct lab *lab = lab_new(60, 64);
	struct phone *mad = lab_office(lab, "201", 32);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	unsigned begun = 0;
	struct talk t;
	struct dlg a;

	for (unsigned i = 0; i < 70; i++) {
		dlg_call(&a, mad, "200", sdp_of(mad, 30000, NULL), "");
		begun += phone_expect(desk, "INVITE") != NULL;
	}
	ck_assert_uint_eq(begun, 48);
	talk_begin(&t, home, desk);
	lab_free(lab);
}
END_TEST

/* All that came is read. */
static void
drain(struct phone *p)
{
	while (phone_recv(p) != NULL)
		;
}

/* What a phone may say in its own call without a password each time makes a
 * transaction, which lives for 32 s by UDP. */
START_TEST(a_phone_in_a_call_cannot_take_every_transaction)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *mad = lab_home(lab, "168", 7);
	struct phone *friend = lab_office(lab, "201", 32);
	struct phone *home = lab_home(lab, "169", 8);
	struct phone *desk = lab_office(lab, "200", 31);
	static const unsigned sizes[] = { 20, 1500, 3000, 5500 };
	static char line[6000];
	struct talk t, other;
	const char *info;

	talk_begin(&t, mad, friend);
	/* Some small, or few large: memory for messages ends too. */
	memset(line, 'x', sizes[_i]);
	memcpy(line, "X-Long: ", 8);
	strcpy(line + sizes[_i], "\r\n");
	for (unsigned i = 0; i < 5000; i++) {
		dlg_send(&t.a, "INFO", NULL, NULL, line);
		drain(mad);
		drain(friend);
	}
	talk_begin(&other, home, desk);
	dlg_send(&other.a, "INFO", NULL, NULL, line);
	info = phone_expect(desk, "INFO");
	ck_assert_ptr_nonnull(info);
	phone_answer(desk, info, 200, NULL, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	/* He who did it waits, and is served again. */
	lab_pass(lab, 70000);
	ck_assert_uint_eq(lab_count(lab, "server_transactions"), 0);
	lab_free(lab);
}
END_TEST

/* As many devices as a number may have: each call of it takes nine legs. */
START_TEST(one_caller_of_many_devices_cannot_take_every_leg)
{
	struct lab *lab = lab_new(60, 64);
	struct phone *mad = lab_office(lab, "201", 30);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct phone *own[8];
	unsigned begun = 0;
	struct talk t;
	struct dlg a;

	for (uint8_t i = 0; i < 8; i++)
		own[i] = lab_office(lab, "202", (uint8_t)(40 + i));
	for (unsigned i = 0; i < 40; i++) {
		dlg_call(&a, mad, "202", sdp_of(mad, 30000, NULL), "");
		begun += phone_expect(own[0], "INVITE") != NULL;
		for (unsigned k = 0; k < 8; k++)
			drain(own[k]);
		drain(mad);
	}
	ck_assert_uint_ge(begun, 4);
	talk_begin(&t, home, desk);
	lab_free(lab);
}
END_TEST

/* Requests that nobody answers take an exchange each. */
START_TEST(calls_with_many_open_requests_leave_room_for_new_calls)
{
	struct lab *lab = lab_new(60, 64);
	struct phone *mad = lab_office(lab, "201", 30);
	struct phone *friend = lab_office(lab, "202", 33);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	static struct talk t[30];
	struct talk other;
	const char *info;

	for (unsigned i = 0; i < 30; i++)
		talk_begin(&t[i], mad, friend);
	for (unsigned i = 0; i < 30 * 8; i++) {
		dlg_send(&t[i / 8].a, "INFO", NULL, NULL, "");
		drain(mad);
		drain(friend);
	}
	talk_begin(&other, home, desk);
	/* And what they say in them. */
	dlg_send(&other.a, "INFO", NULL, NULL, "");
	info = phone_expect(desk, "INFO");
	ck_assert_ptr_nonnull(info);
	phone_answer(desk, info, 200, NULL, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	lab_free(lab);
}
END_TEST

START_TEST(a_phone_that_answers_without_end_makes_us_send_little)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	char tag[16], inv[LAB_TEXT];
	struct dlg a;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	strcpy(inv, phone_expect(desk, "INVITE"));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		phone_answer(desk, inv, 200, tag, sdp_of(desk, 4000, NULL));
	}
	ck_assert_uint_le(lab_count(lab, "client_transactions"), 64);
	lab_free(lab);
}
END_TEST

/* RFC 2543 knew no From tag: both sides must yet be able to hang up. */
START_TEST(a_caller_without_a_tag_can_be_hung_up_on_and_hang_up)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *old = lab_office(lab, "201", 32);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *msg, *auth = "";
	char line[512];
	struct dlg a, b;

	for (unsigned i = 0; i < 2; i++) {
		phone_send(old,
		    "INVITE sip:200@sip.example.org SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP 192.168.10.32:5060;branch=z9hG4bKo%u%u"
		    "\r\nFrom: <sip:201@sip.example.org>\r\n"
		    "To: <sip:200@sip.example.org>\r\nCall-ID: old%u\r\n"
		    "CSeq: %u INVITE\r\nContact: <sip:201@192.168.10.32>\r\n"
		    "%sContent-Length: 0\r\n\r\n",
		    _i, i, _i, i + 1, auth);
		if (i == 1)
			break;
		msg = phone_expect(old, "SIP/2.0 401");
		snprintf(line, sizeof(line),
		    "Authorization: Digest username=\"x\", realm=\"SMO-SIP\", "
		    "nonce=\"%.32s\", uri=\"sip:200@sip.example.org\", "
		    "response=\"0123456789abcdef0123456789abcdef\"\r\n",
		    strstr(msg, "nonce=\"") + 7);
		auth = line;
	}
	msg = phone_expect(desk, "INVITE");
	dlg_from_invite(&b, desk, msg);
	phone_answer(desk, msg, 200, "t200", sdp_of(desk, 4000, NULL));
	memset(&a, 0, sizeof(a));
	a.phone = old;
	a.cseq = 2;
	snprintf(a.call_id, sizeof(a.call_id), "old%u", _i);
	strcpy(a.local, "<sip:201@sip.example.org>");
	dlg_learn(&a, phone_expect(old, "SIP/2.0 200"));
	dlg_ack(&a, 2, sdp_of(old, 30000, NULL));
	dlg_send(_i == 0 ? &a : &b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(_i == 0 ? desk : old, "BYE "));
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(a_bye_too_large_to_pass_ends_the_call_all_the_same)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	char fill[8000];
	struct talk t;
	size_t at = 0;

	talk_begin(&t, home, desk);
	while (at < 7500)
		at += (size_t)snprintf(fill + at, sizeof(fill) - at,
		    "j:*;a=%070d\r\n", 1);
	ck_assert_uint_lt(at, sizeof(fill));
	dlg_send(&t.a, "BYE", NULL, NULL, fill);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE "));
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

/* RFC 3261 8.1.1.5: below 2**31; ours count on from the phone's. */
START_TEST(a_caller_with_the_largest_cseq_can_be_hung_up_on)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *msg;
	struct talk t;

	talk_begin(&t, home, desk);
	t.a.cseq = 2147483646;
	dlg_send(&t.a, "INFO", NULL, NULL, "");
	phone_answer(desk, phone_expect(desk, "INFO"), 200, NULL, NULL);
	dlg_send(&t.b, "INFO", NULL, NULL, "");
	phone_answer(home, phone_expect(home, "INFO"), 481, NULL, NULL);
	msg = phone_expect(desk, "BYE ");
	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_le(strtoull(hdr(msg, "CSeq"), NULL, 10), 2147483647);
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(calls_are_spread_over_the_relays)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t[4];

	lab_second_relay(lab);
	for (unsigned i = 0; i < 4; i++)
		talk_begin(&t[i], home, desk);
	ck_assert_uint_eq(lab->opens_of[0], 4);
	ck_assert_uint_eq(lab->opens_of[1], 4);
	/* One that got calls back is the emptier one. */
	dlg_send(&t[1].a, "BYE", NULL, NULL, "");
	dlg_send(&t[3].a, "BYE", NULL, NULL, "");
	talk_begin(&t[1], home, desk);
	ck_assert_uint_eq(lab->opens_of[1], 6);
	lab_free(lab);
}
END_TEST

START_TEST(a_relay_without_room_is_not_the_only_one)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t;
	struct dlg a;

	lab_second_relay(lab);
	if (_i == 0)
		lab->full = 1;
	else
		lab->mute = 1;
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	lab_pass(lab, _i == 0 ? 0 : CALL_RELAY_WAIT_MS);
	phone_answer(desk, phone_expect(desk, "INVITE"), 486, "d", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 486"));
	ck_assert_uint_ge(lab->opens_of[1], 2);
	lab->full = lab->mute = 0;
	/* What both had given is given back. */
	lab_pass(lab, 1000);
	lab_expect_empty(lab);
	ck_assert_uint_eq(lab->n_close_all, 2);
	talk_begin(&t, home, desk);
	ck_assert_uint_gt(lab->opens_of[0], 2);
	lab_free(lab);
}
END_TEST

START_TEST(when_no_relay_has_room_the_call_is_refused)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *msg;
	struct dlg a;

	lab_second_relay(lab);
	lab->full = 3;
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "No media port free");
	ck_assert_ptr_null(phone_recv(desk));
	ck_assert_uint_eq(lab->opens_of[0], 2);
	ck_assert_uint_eq(lab->opens_of[1], 2);
	lab_pass(lab, 1000);
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(large_messages_pass_up_to_the_limit)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	static char line[9000];
	const char *inv;
	struct dlg d;

	for (unsigned len = 500; len < 8000; len += 500) {
		memset(line, 'a', sizeof(line));
		memcpy(line, "X-Long: ", 8);
		strcpy(line + len, "\r\n");
		dlg_call(&d, home, "200", sdp_of(home, 30000, NULL), line);
		inv = phone_expect(desk, "INVITE");
		if (inv == NULL) {
			ck_assert_uint_gt(len, 6000);
			ck_assert_ptr_nonnull(
			    phone_expect(home, "SIP/2.0 513"));
		} else {
			ck_assert_uint_eq(strlen(hdr(inv, "X-Long")), len - 8);
			phone_answer(desk, inv, 486, "d", NULL);
		}
		lab_expect_empty(lab);
	}
	lab_free(lab);
}
END_TEST

/* ---- a walk without a plan ---- */

static uint32_t
draw(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

#define WALK_CALLS 6

struct walk {
	struct lab *lab;
	struct phone *phone[5];
	struct dlg dlg[2 * WALK_CALLS];
	unsigned n_dlgs;
	uint32_t seed;
};

/* A phone that got something does anything with it. */
static void
react(struct walk *w, struct phone *p, const char *msg)
{
	static const unsigned finals[] = { 200, 200, 200, 486, 480, 603, 500,
		404, 302, 401, 481, 408, 491, 200, 422, 420 };
	static const char *const says[] = { NULL, NULL,
		"Require: 100rel\r\nRSeq: 1\r\n",
		"Require: 100rel\r\nRSeq: 2\r\n",
		"Session-Expires: 90;refresher=uac\r\nAllow: UPDATE\r\n",
		"Session-Expires: 90;refresher=uac\r\nAllow: INVITE\r\n",
		"Session-Expires: 100;refresher=uas\r\n",
		"Min-SE: 2000\r\n" };
	const char *method;
	struct dlg *d;
	bool sdp;

	if (strncmp(msg, "SIP/2.0 ", 8) == 0) {
		for (unsigned i = 0; i < w->n_dlgs; i++) {
			d = &w->dlg[i];
			if (d->phone != p ||
			    strcmp(d->call_id, hdr(msg, "Call-ID")) != 0)
				continue;
			if (strstr(hdr(msg, "To"), ";tag=") != NULL &&
			    strncmp(msg, "SIP/2.0 4", 9) < 0)
				dlg_learn(d, msg);
			if (strncmp(msg, "SIP/2.0 2", 9) == 0 &&
			    strstr(hdr(msg, "CSeq"), "INVITE") != NULL &&
			    draw(&w->seed, 4) != 0)
				dlg_ack(d, (unsigned)atoi(hdr(msg, "CSeq")),
				    draw(&w->seed, 2) ? sdp_of(p, 30000, NULL)
						      : NULL);
		}
		return;
	}
	method = hdr(msg, "CSeq");
	if (strstr(method, "ACK") != NULL || draw(&w->seed, 6) == 0)
		return;
	if (strstr(method, "INVITE") != NULL &&
	    strstr(hdr(msg, "To"), ";tag=") == NULL &&
	    w->n_dlgs < 2 * WALK_CALLS) {
		d = &w->dlg[w->n_dlgs++];
		dlg_from_invite(d, p, msg);
		strcpy(strstr(d->local, ";tag="), ";tag=w");
	}
	sdp = draw(&w->seed, 4) != 0;
	p->says = says[draw(&w->seed, 8)];
	if (draw(&w->seed, 3) == 0)
		phone_answer(p, msg, 180 + draw(&w->seed, 4), "w",
		    sdp ? sdp_of(p, 20000, NULL) : NULL);
	if (draw(&w->seed, 3) != 0)
		phone_answer(p, msg, finals[draw(&w->seed, 16)], "w",
		    sdp ? sdp_of(p, 20000, NULL) : NULL);
}

static const char *
tag_in(const char *name)
{
	const char *at = strstr(name, ";tag=");

	return at == NULL ? "none" : at + 5;
}

/* REFER to a number or in place of another dialog; NOTIFY of that. */
static void
transfer(struct walk *w, struct dlg *d, const struct dlg *other,
    const char *method)
{
	char line[1024], id[256];

	snprintf(id, sizeof(id), "%s", other->call_id);
	for (char *at; (at = strchr(id, '@')) != NULL;)
		*at = '!'; /* not that one, then; or it was masked */
	if (method[0] == 'R' && draw(&w->seed, 2) == 0)
		snprintf(line, sizeof(line),
		    "Refer-To: <sip:201@sip.example.org>\r\n");
	else if (method[0] == 'R')
		snprintf(line, sizeof(line),
		    "Refer-To: <%s?Replaces=%s%%3Bto-tag%%3D%s%%3B"
		    "from-tag%%3D%s>\r\n",
		    other->target, id, tag_in(other->remote),
		    tag_in(other->local));
	else
		snprintf(line, sizeof(line),
		    "Event: refer\r\nSubscription-State: %s\r\n",
		    draw(&w->seed, 2) ? "active" : "terminated");
	dlg_send(d, method, method[0] == 'N' ? "message/sipfrag" : NULL,
	    method[0] == 'N' ? "SIP/2.0 200 OK\r\n" : NULL, line);
}

/* A call in place of one that there is or was. */
static void
call_instead(struct walk *w, struct phone *p, const char *number)
{
	const struct dlg *d = &w->dlg[draw(&w->seed, w->n_dlgs)];
	char line[1024];

	snprintf(line, sizeof(line), "Replaces: %s;to-tag=%s;from-tag=%s\r\n",
	    d->call_id, tag_in(d->remote), tag_in(d->local));
	dlg_call(&w->dlg[w->n_dlgs++], p, number, sdp_of(p, 30000, NULL), line);
}

static void
act(struct walk *w)
{
	static const char *const methods[] = { "BYE", "INVITE", "UPDATE",
		"INFO", "OPTIONS", "CANCEL", "ACK", "REFER", "NOTIFY",
		"PRACK", "UPDATE" };
	struct dlg *d = &w->dlg[draw(&w->seed, w->n_dlgs)];
	const struct dlg *other = &w->dlg[draw(&w->seed, w->n_dlgs)];
	const char *method = methods[draw(&w->seed, 11)];
	bool sdp = draw(&w->seed, 2) == 0;

	if (method[0] == 'C')
		dlg_cancel(d);
	else if (method[0] == 'A')
		dlg_ack(d, d->cseq, NULL);
	else if (method[0] == 'R' || method[0] == 'N')
		transfer(w, d, other, method);
	else
		dlg_send(d, method, sdp ? "application/sdp" : NULL,
		    sdp ? sdp_of(d->phone, 20000,
			      draw(&w->seed, 2) ? "sendonly" : NULL)
			: NULL,
		    method[0] == 'P' ? "RAck: 1 2 INVITE\r\n"
		    : draw(&w->seed, 2)
			? "Supported: timer\r\nSession-Expires: 95\r\n"
			: "");
}

static void
walk(uint32_t seed)
{
	struct walk w = { .lab = lab_new(4, 3), .seed = seed };

	w.phone[0] = lab_home(w.lab, "168", 7);
	w.phone[1] = lab_office(w.lab, "200", 31);
	w.phone[2] = lab_home(w.lab, "200", 8);
	w.phone[3] = lab_office(w.lab, "201", 32);
	w.phone[4] = lab_home(w.lab, "169", 9);
	w.lab->stolen = true; /* identifiers are mixed up on purpose */
	for (unsigned n = 0; n < 120; n++) {
		static const char *const to[] = { "200", "201", "168", "169" };
		const char *msg;
		struct phone *p = w.phone[draw(&w.seed, 5)];

		if (draw(&w.seed, 10) == 0)
			w.lab->relay_mute = !w.lab->relay_mute;
		w.lab->refusal = draw(&w.seed, 8) == 0 ? RELAY_FULL : RELAY_OK;
		w.lab->stats_mute = draw(&w.seed, 3) == 0;
		if (draw(&w.seed, 60) == 0)
			lab_restart(w.lab);
		if (w.n_dlgs > 0 && w.n_dlgs < WALK_CALLS &&
		    draw(&w.seed, 12) == 0)
			call_instead(&w, p, to[draw(&w.seed, 4)]);
		else if (w.n_dlgs < WALK_CALLS && draw(&w.seed, 6) == 0)
			dlg_call(&w.dlg[w.n_dlgs++], p, to[draw(&w.seed, 4)],
			    draw(&w.seed, 4) ? sdp_of(p, 30000, NULL) : NULL,
			    "");
		else if (w.n_dlgs > 0 && draw(&w.seed, 3) == 0)
			act(&w);
		if ((msg = phone_recv(p)) != NULL)
			react(&w, p, msg);
		lab_pass(w.lab, draw(&w.seed, 8) == 0 ? 40000 : 100);
	}
	/* Everybody hangs up, then time passes. */
	for (unsigned i = 0; i < w.n_dlgs; i++) {
		w.dlg[i].cseq += 1000;
		dlg_send(&w.dlg[i], "BYE", NULL, NULL, "");
	}
	lab_pass(w.lab, 700000);
	ck_assert_msg(lab_count(w.lab, "legs") <= 9 * lab_count(w.lab, "calls"),
	    "seed %u", seed);
	ck_assert_uint_le(lab_count(w.lab, "channels"), 4);
	lab_free(w.lab);
}

START_TEST(whatever_phones_do_in_any_order_tables_stay_sound)
{
	for (uint32_t i = 0; i < 20; i++)
		walk((uint32_t)_i * 1000 + i);
}
END_TEST

/* Every way a call can go, again and again. */
static void
one_call(struct phone *home, struct phone *desk, unsigned i)
{
	struct phone *from = i % 2 ? home : desk, *to = i % 2 ? desk : home;
	struct talk t;
	const char *inv;

	if (i % 5 < 2) {
		talk_begin(&t, from, to);
		dlg_send(i % 3 ? &t.a : &t.b, "BYE", NULL, NULL, "");
		return;
	}
	dlg_call(&t.a, from, to->number, sdp_of(from, 30000, NULL), "");
	inv = phone_expect(to, "INVITE");
	ck_assert_ptr_nonnull(inv);
	if (i % 5 == 2) {
		phone_answer(to, inv, 486, "b", NULL);
	} else if (i % 5 == 3) {
		phone_answer(to, inv, 180, "b", NULL);
		dlg_cancel(&t.a);
		phone_answer(to, inv, 487, "b", NULL);
	} /* else nobody answers at all */
}

#ifdef POSTERN_SANITIZE
#define MANY_CALLS 2000 /* slower by ten */
#else
#define MANY_CALLS 10000
#endif

START_TEST(ten_thousand_calls_leave_nothing)
{
	struct lab *lab = lab_new(60, 400);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);

	for (unsigned i = 0; i < MANY_CALLS; i++) {
		one_call(home, desk, i);
		lab_pass(lab, 700);
	}
	lab_pass(lab, 100000);
	lab_expect_empty(lab);
	ck_assert_uint_eq(lab_count(lab, "calls_begun"), MANY_CALLS);
	lab_free(lab);
}
END_TEST

Suite *
suite_limits(void)
{
	Suite *s = suite_create("limits");
	TCase *c = tcase_create("clean refusals");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, the_61st_call_is_refused_and_harms_nobody);
	tcase_add_test(c, an_emergency_call_has_what_is_reserved);
	tcase_add_test(c, emergency_calls_survive_as_such);
	tcase_add_test(c, full_tables_have_room_for_an_emergency);
	tcase_add_loop_test(c, each_side_outside_is_a_channel, 0,
	    sizeof(counting) / sizeof(counting[0]));
	tcase_add_test(c, a_lan_call_needs_no_channel);
	tcase_add_test(c, without_a_channel_the_office_phones_still_ring);
	tcase_add_test(c, many_devices_that_ring_are_one_channel);
	tcase_add_loop_test(
	    c, a_relay_that_refuses_or_is_silent_means_480, 0, 3);
	tcase_add_test(c, counters_that_never_come_are_awaited_for_500_ms);
	tcase_add_test(c, frames_of_a_lying_relay_are_harmless);
	tcase_add_test(c, full_tables_refuse_and_recover);
	tcase_add_test(c, wrong_answers_do_not_fill_the_tables);
	tcase_add_test(
	    c, a_call_granted_too_late_or_in_vain_is_noted_as_ended);
	tcase_add_test(c, one_caller_cannot_take_every_call);
	tcase_add_loop_test(
	    c, a_phone_in_a_call_cannot_take_every_transaction, 0, 4);
	tcase_add_test(c, one_caller_of_many_devices_cannot_take_every_leg);
	tcase_add_test(
	    c, calls_with_many_open_requests_leave_room_for_new_calls);
	tcase_add_test(
	    c, a_phone_that_answers_without_end_makes_us_send_little);
	tcase_add_loop_test(c,
	    a_caller_without_a_tag_can_be_hung_up_on_and_hang_up, 0, 2);
	tcase_add_test(c, a_bye_too_large_to_pass_ends_the_call_all_the_same);
	tcase_add_test(c, a_caller_with_the_largest_cseq_can_be_hung_up_on);
	tcase_add_test(c, calls_are_spread_over_the_relays);
	tcase_add_loop_test(c, a_relay_without_room_is_not_the_only_one, 0, 2);
	tcase_add_test(c, when_no_relay_has_room_the_call_is_refused);
	tcase_add_test(c, large_messages_pass_up_to_the_limit);
	tcase_add_loop_test(
	    c, whatever_phones_do_in_any_order_tables_stay_sound, 0, 10);
	tcase_add_test(c, ten_thousand_calls_leave_nothing);
	suite_add_tcase(s, c);
	return s;
}
