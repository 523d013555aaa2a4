/*
 * sigproxy is killed at each step of a call and starts anew with what it
 * saved.
 */
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/checkpoint.h"
#include "tests/unit/sigcall/pair.h"
#include "tests/unit/sigcall/suites.h"

static void
expect_over(void)
{
	const struct ipc_call_note *note = lab_note(lab);

	ck_assert_uint_eq(note->state, CALL_ENDED);
	ck_assert_uint_eq(note->ticket, lab->ticket);
	ck_assert_uint_eq(lab_saved(lab), 0);
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}

/* ---- an answered call ---- */

START_TEST(a_call_goes_on_and_each_side_can_end_it)
{
	struct dlg *by = _i == 0 ? &t.a : &t.b;
	struct phone *other = _i == 0 ? desk : home;
	const char *bye, *ok;

	lab_restart(lab);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	ck_assert_uint_eq(lab_count(lab, "channels"), 1);
	/* Nobody hears anything of it. */
	ck_assert_ptr_null(phone_recv(home));
	ck_assert_ptr_null(phone_recv(desk));
	dlg_send(by, "BYE", NULL, NULL, "");
	ok = phone_expect(by->phone, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	bye = phone_expect(other, "BYE");
	ck_assert_ptr_nonnull(bye);
	ck_assert_str_eq(
	    hdr(bye, "Call-ID"), _i == 0 ? t.b.call_id : t.a.call_id);
	ck_assert_uint_eq(lab_note(lab)->status, 200);
	phone_answer(other, bye, 200, NULL, NULL);
	expect_over();
}
END_TEST

START_TEST(the_relay_is_claimed_with_the_same_ports)
{
	struct ipc_relay_open before[2] = { lab->opens[0], lab->opens[1] };
	unsigned n = lab->n_opens;

	ck_assert_uint_eq(n, 2);
	lab_restart(lab);
	ck_assert_uint_eq(lab->n_opens, 4);
	for (unsigned i = 0; i < 2; i++) {
		const struct ipc_relay_open *o = &lab->opens[n + i];

		ck_assert_uint_eq(o->session, before[i].session);
		ck_assert_uint_eq(o->end, before[i].end);
		ck_assert_uint_eq(o->n_want, 1);
		ck_assert_uint_eq(o->want[0].number, 16384 + 2 * i);
	}
	ck_assert_uint_eq(lab->n_closes, 0);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_uint_eq(lab->n_close_all, 1);
	ck_assert_uint_eq(lab->n_media, 2);
}
END_TEST

START_TEST(hold_and_resume_work_after_it)
{
	const char *inv;

	lab_restart(lab);
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "a=sendonly");
	HAS(inv, "m=audio 16384 ");
	phone_answer(home, inv, 200, NULL, sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	ck_assert_uint_eq(lab_note(lab)->state, CALL_HELD);
	lab_restart(lab);
	dlg_send(
	    &t.b, "INVITE", "application/sdp", sdp_of(desk, 20000, NULL), "");
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	phone_answer(home, inv, 200, NULL, sdp_of(home, 30000, NULL));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	ck_assert_uint_eq(lab_note(lab)->state, CALL_RESUMED);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	expect_over();
}
END_TEST

/* The desk holds; sigproxy dies before the home answered. */
START_TEST(a_reinvite_under_way_is_answered_once)
{
	const char *inv, *again;

	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	lab_restart(lab);
	again = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(hdr(inv, "Via"), hdr(again, "Via"));
	ck_assert_str_eq(hdr(inv, "CSeq"), hdr(again, "CSeq"));
	phone_answer(home, inv, 200, NULL, sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	expect_over();
}
END_TEST

START_TEST(a_repeated_2xx_of_a_running_call_gets_its_ack)
{
	const char *msg;

	lab_restart(lab);
	phone_send(desk,
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.168.10.2:5060;"
	    "branch=z9hG4bKgone;rport=5060;received=192.168.10.2\r\n"
	    "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 2 INVITE\r\n"
	    "Contact: <sip:200@192.168.10.31>\r\nContent-Length: 0\r\n\r\n",
	    t.b.remote, t.b.local, t.b.call_id);
	msg = phone_recv(desk);
	ck_assert_ptr_nonnull(msg);
	ck_assert_msg(strncmp(msg, "ACK ", 4) == 0, "%s", msg);
	ck_assert_ptr_null(phone_recv(desk));
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
}
END_TEST

START_TEST(a_bye_that_was_on_its_way_goes_out_again)
{
	const char *bye;

	lab->stats_mute = true; /* killed while the counters are awaited */
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_restart(lab);
	bye = phone_expect(desk, "BYE");
	ck_assert_ptr_nonnull(bye);
	phone_answer(desk, bye, 200, NULL, NULL);
	lab_pass(lab, 1000);
	ck_assert_uint_eq(lab_note(lab)->status, 200);
	/* Who hung up is not forgotten. */
	ck_assert_str_eq(lab->reasons[(lab->n_notes - 1) % 64],
	    "caller-hung-up");
	ck_assert_uint_eq(lab_note(lab)->ended_by, ENDED_BY_CALLER);
	expect_over();
}
END_TEST

/* ---- a call that rings ---- */

/* A 100 would silence the caller while nothing is saved of the call. */
START_TEST(no_100_before_the_call_is_saved)
{
	struct dlg a;

	lab->relay_mute = true;
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	ck_assert_uint_eq(lab_saved(lab), 0);
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 100"));
	lab->relay_mute = false;
	lab_pass(lab, 2000);
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	ck_assert_uint_eq(lab_saved(lab), 1);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 100"));
}
END_TEST

START_TEST(a_ringing_call_goes_on)
{
	struct dlg a, b;
	const char *inv, *again, *ok;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	dlg_from_invite(&b, desk, inv);
	phone_answer(desk, inv, 180, "d", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 180"));
	lab_restart(lab);
	/* A retransmission, byte for byte. */
	again = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(inv, again);
	phone_answer(desk, inv, 180, "d", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 180"));
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	ok = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	HAS(hdr(ok, "To"), ";tag=d");
	dlg_learn(&a, ok);
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ANSWERED);
	ck_assert_uint_eq(lab_set(lab, 0)->to_end, 1);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	expect_over();
}
END_TEST

START_TEST(a_ringing_call_can_be_cancelled_after_it)
{
	struct dlg a;
	const char *inv;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 180, "d", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 180"));
	lab_restart(lab);
	phone_answer(desk, inv, 180, "d", NULL);
	dlg_cancel(&a);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, inv, 487, "d", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	expect_over();
}
END_TEST

/* Killed between the 200 and its ACK. */
START_TEST(no_call_is_lost_after_its_200)
{
	struct dlg a, b;
	const char *inv, *ok;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	dlg_from_invite(&b, desk, inv);
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	ok = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	dlg_learn(&a, ok);
	lab_restart(lab);
	/* The ACK of the first meets nobody who awaits it. */
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_null(phone_expect(desk, "ACK"));
	/* The desk repeats its 2xx, the home gets it and says ACK again. */
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	lab_restart(lab);
	lab_pass(lab, 60000);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	expect_over();
}
END_TEST

/* ---- what is kept ---- */

START_TEST(before_the_calls_are_told_nothing_is_heard)
{
	struct edge *edge = lab->edge;

	lab->edge = edge_new(&lab->conf);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_null(phone_recv(home));
	ck_assert_uint_eq(lab_count(lab, "too_early"), 1);
	edge_free(lab->edge);
	lab->edge = edge;
}
END_TEST

static const char *
tag_for_options(void)
{
	const char *ok;

	phone_send(home,
	    "OPTIONS sip:sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.77.0.7:5062;branch=z9hG4bKsame;rport\r\n"
	    "From: <sip:168@sip.example.org>;tag=f\r\n"
	    "To: <sip:sip.example.org>\r\nCall-ID: same\r\n"
	    "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
	    "Content-Length: 0\r\n\r\n");
	ok = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	return param(hdr(ok, "To"), "tag");
}

START_TEST(a_retransmission_meets_the_same_tag)
{
	const char *tag = tag_for_options();

	ck_assert_uint_eq(strlen(tag), 16);
	lab_restart(lab);
	ck_assert_str_eq(tag_for_options(), tag);
}
END_TEST

START_TEST(a_call_of_before_that_ended_is_not_made_again)
{
	static char kept[IPC_STATE_MAX];
	size_t len = lab->saves[0].len;

	memcpy(kept, lab->saves[0].state, len);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	expect_over();
	/* registrar-db was away and tells what it knew before. */
	lab->saves[0].ticket = lab->ticket;
	lab->saves[0].len = len;
	memcpy(lab->saves[0].state, kept, len);
	lab_tell_saved(lab);
	lab_expect_empty(lab);
	ck_assert_uint_eq(lab_saved(lab), 0);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
}
END_TEST

/* Its news of the last moments died with it: the record would have no time
 * of answer, or no row at all. */
START_TEST(a_new_registrar_db_is_told_that_the_call_is_answered)
{
	unsigned before = lab->n_notes;

	lab_registrar(lab, false);
	lab_registrar(lab, true);
	ck_assert_uint_eq(lab->n_notes, before + 1);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ANSWERED);
	ck_assert_uint_eq(lab_note(lab)->ticket, lab->ticket);
	ck_assert_uint_gt(lab_note(lab)->caller.len, 0);
}
END_TEST

START_TEST(a_new_registrar_db_is_told_of_calls_that_ended_a_moment_ago)
{
	const struct ipc_relay_quality sound = { .session = lab->session,
		.quality = { .expected = 250,
			.came = { FIGURE_LOSS, 120, 0, 0, 430 } } };
	unsigned before, media;

	lab_quality(lab, &sound);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	before = lab->n_notes;
	media = lab->n_media;
	ck_assert_uint_eq(media, 2);
	lab->n_quality = 0;
	lab_registrar(lab, false);
	lab_registrar(lab, true);
	ck_assert_uint_eq(lab->n_notes, before + 2);
	/* With how it sounded, which may have died too. */
	ck_assert_uint_eq(lab->n_media, media + 2);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(lab->media[i].called,
		    lab->media[media + i].called);
		ck_assert_uint_eq(lab->media[i].counter.packets_in,
		    lab->media[media + i].counter.packets_in);
	}
	ck_assert_uint_eq(lab->n_quality, 1);
	ck_assert_uint_eq(lab->quality.quality.came.mos_centi, 430);
	ck_assert_uint_eq(lab->notes[before % 64].state, CALL_ANSWERED);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_note(lab)->status, 200);
	ck_assert_str_eq(lab->reasons[(lab->n_notes - 1) % 64],
	    "caller-hung-up");
	/* And no longer than needed. */
	lab_pass(lab, 31000);
	before = lab->n_notes;
	lab_registrar(lab, false);
	lab_registrar(lab, true);
	ck_assert_uint_eq(lab->n_notes, before);
}
END_TEST

START_TEST(an_info_under_way_is_taken_when_it_comes_again)
{
	struct dlg before = t.a;
	const char *info;

	dlg_send(&t.a, "INFO", "application/dtmf-relay", "Signal=1\r\n", "");
	ck_assert_ptr_nonnull(phone_expect(desk, "INFO"));
	lab_restart(lab);
	dlg_send(&before, "INFO", "application/dtmf-relay", "Signal=1\r\n", "");
	info = phone_expect(desk, "INFO");
	ck_assert_ptr_nonnull(info);
	phone_answer(desk, info, 200, NULL, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
}
END_TEST

/* Refused, or a call that can be ended like any other. */
START_TEST(no_changed_byte_does_harm)
{
	static const char to[] = { 0, 1, 127, -1 };
	size_t len = lab->saves[0].len;
	char kept[IPC_STATE_MAX];

	memcpy(kept, lab->saves[0].state, len);
	lab->stolen = true;
	for (unsigned at = (unsigned)_i; at < len; at += 4) {
		memset(lab->saves, 0, sizeof(lab->saves));
		memcpy(lab->saves[0].state, kept, len);
		lab->saves[0].state[at] = to[at / 4 % 4];
		lab->saves[0].version = CHECKPOINT_VERSION;
		lab->saves[0].ticket = lab->ticket;
		lab->saves[0].len = len;
		lab_restart(lab);
		ck_assert_uint_le(lab_count(lab, "calls"), 1);
		dlg_send(&t.a, "BYE", NULL, NULL, "");
		lab_pass(lab, 100);
	}
}
END_TEST

START_TEST(every_cut_is_refused)
{
	struct saved_call saved;
	size_t len = lab->saves[0].len;

	ck_assert_int_eq(checkpoint_get(span_make(lab->saves[0].state, len),
			     &lab->conf, &saved),
	    0);
	for (size_t n = 0; n < len; n++)
		ck_assert_int_ne(
		    checkpoint_get(
			span_make(lab->saves[0].state, n), &lab->conf, &saved),
		    0);
	ck_assert_int_eq(checkpoint_get(span_make(lab->saves[0].state, len + 1),
			     &lab->conf, &saved),
	    -EBADMSG);
}
END_TEST

START_TEST(an_unreadable_one_is_ended_in_the_record)
{
	lab->saves[0].state[0] = 2;
	lab_restart(lab);
	lab_expect_empty(lab);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_note(lab)->ticket, lab->ticket);
	ck_assert_uint_eq(lab_saved(lab), 0);
}
END_TEST

/* ---- lies: well-formed, from a hostile hand ---- */

/* Put one thing in the place of another of the same length, from a place on. */
static unsigned
patch(size_t from, const void *old, const void *new, size_t len)
{
	unsigned n = 0;

	for (size_t at = from; at + len <= lab->saves[0].len; at++) {
		if (memcmp(lab->saves[0].state + at, old, len) != 0)
			continue;
		memcpy(lab->saves[0].state + at, new, len);
		n++;
	}
	return n;
}

/* Where text is in the state for the nth time. */
static size_t
find_in_state(const char *text, unsigned nth)
{
	size_t len = strlen(text);

	for (size_t at = 0; at + len <= lab->saves[0].len; at++)
		if (memcmp(lab->saves[0].state + at, text, len) == 0 &&
		    --nth == 0)
			return at;
	ck_abort_msg("no %s", text);
	return 0;
}

/* As put_flow() writes an IPv4 flow. */
static void
flow_bytes(const struct flow *f, char out[10])
{
	const char bytes[10] = { (char)f->zone, (char)f->transport,
		(char)f->listener, 4, (char)(f->remote.port >> 8),
		(char)f->remote.port, (char)f->remote.ip[0],
		(char)f->remote.ip[1], (char)f->remote.ip[2],
		(char)f->remote.ip[3] };

	memcpy(out, bytes, sizeof(bytes));
}

/* Refused whole: nothing was sent, nothing stays, the record ends. */
static void
expect_refused(void)
{
	ck_assert_uint_eq(lab_count(lab, "client_transactions"), 0);
	ck_assert_ptr_null(phone_recv(home));
	ck_assert_ptr_null(phone_recv(desk));
	ck_assert_uint_eq(lab_saved(lab), 0);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	lab_expect_empty(lab);
}

static const struct {
	const char *name;
	bool internal;
	uint8_t ip[4];
	uint16_t port;
	bool kept;
} places[] = {
	{ "another host outside is his word", false, { 203, 0, 113, 9 }, 4000,
	    true },
	{ "another phone of the office is his word", true,
	    { 192, 168, 10, 66 }, 5060, true },
	{ "loopback, outside", false, { 127, 0, 0, 1 }, 5060, false },
	{ "loopback, inside", true, { 127, 0, 0, 1 }, 5060, false },
	{ "multicast, outside", false, { 224, 0, 0, 1 }, 5060, false },
	{ "broadcast", false, { 255, 255, 255, 255 }, 5060, false },
	{ "this network", false, { 0, 0, 0, 0 }, 5060, false },
	{ "port 0", false, { 203, 0, 113, 9 }, 0, false },
	{ "our external listener", false, { 192, 168, 10, 2 }, 5070, false },
	{ "our internal listener", true, { 192, 168, 10, 2 }, 5060, false },
	{ "a stranger by the internal listener", true, { 203, 0, 113, 9 },
	    4000, false },
};

START_TEST(a_leg_is_only_where_a_phone_can_be)
{
	struct flow of = (places[_i].internal ? desk : home)->flow;
	char before[10], after[10];

	flow_bytes(&of, before);
	of.remote.port = places[_i].port;
	memcpy(of.remote.ip, places[_i].ip, 4);
	flow_bytes(&of, after);
	ck_assert_uint_eq(patch(0, before, after, sizeof(before)), 1);
	lab_restart(lab);
	ck_assert_uint_eq(lab_count(lab, "calls"), places[_i].kept);
	if (!places[_i].kept)
		expect_refused();
}
END_TEST

START_TEST(a_cseq_without_room_for_our_bye_is_refused)
{
	static const uint32_t least = INT32_MAX - 0x100000;
	struct span state = span_make(lab->saves[0].state, lab->saves[0].len);
	struct saved_call saved;
	uint32_t number = htobe32(least + (uint32_t)_i);
	char *cseq;

	ck_assert_int_eq(checkpoint_get(state, &lab->conf, &saved), 0);
	/* It follows the tag. */
	cseq = lab->saves[0].state + (saved.leg[1].tag.p - state.p) +
	    saved.leg[1].tag.len;
	memcpy(cseq, &number, sizeof(number));
	lab_restart(lab);
	if (_i > 0)
		expect_refused();
	else
		ck_assert_uint_eq(lab_count(lab, "calls"), 1);
}
END_TEST

/* Numbers that are right each, and wrong together. */
static const struct {
	const char *name;
	size_t at;	/* from the relay's session on */
	uint8_t value;
	int want;
} together[] = {
	{ "as it was written", 8, 0, 0 },
	{ "a relay that is not configured", 8, STEPS_RELAYS_MAX - 1,
	    -ERANGE },
	{ "a callee that is no leg", 55, CALL_LEGS_MAX - 1, -EBADMSG },
};

/* Where the relay's session stands. */
static char *
session_at(void)
{
	struct span state = span_make(lab->saves[0].state, lab->saves[0].len);
	struct saved_call saved;
	uint64_t session;

	ck_assert_int_eq(checkpoint_get(state, &lab->conf, &saved), 0);
	ck_assert_uint_eq(saved.map.n, 1);
	ck_assert_uint_eq(saved.diversion.n, 0);
	session = htobe64(saved.session);
	return memmem(state.p, state.len, &session, sizeof(session));
}

START_TEST(what_is_wrong_together_is_refused)
{
	struct saved_call saved;
	char *at = session_at();

	ck_assert_ptr_nonnull(at);
	at[together[_i].at] = (char)together[_i].value;
	ck_assert_msg(checkpoint_get(span_make(lab->saves[0].state,
	    lab->saves[0].len), &lab->conf, &saved) == together[_i].want,
	    "%s", together[_i].name);
	lab_restart(lab);
	if (together[_i].want != 0)
		expect_refused();
	else
		ck_assert_uint_eq(lab_count(lab, "calls"), 1);
}
END_TEST

/* Two streams of one m-line: each would be told what the other is. */
START_TEST(an_m_line_of_two_streams_is_refused)
{
	char *n = session_at() + 8 + 3, *end;

	ck_assert_int_eq(*n, 1);
	end = lab->saves[0].state + lab->saves[0].len;
	memmove(n + 2, n + 1, (size_t)(end - n - 1));
	*n = 2;
	lab->saves[0].len++;
	lab_restart(lab);
	expect_refused();
}
END_TEST

/* Only a connection may be another transport's than its listener. */
START_TEST(a_datagram_does_not_leave_by_a_listener_of_tcp)
{
	struct flow of = home->flow;
	char before[10], after[10];

	flow_bytes(&of, before);
	of.listener = 2;
	flow_bytes(&of, after);
	ck_assert_uint_eq(patch(0, before, after, sizeof(before)), 1);
	lab_restart(lab);
	expect_refused();
}
END_TEST

/* The second says it is of the same legs, or of the same relay session. */
START_TEST(a_call_told_twice_is_one_call)
{
	lab->saves[1] = lab->saves[0];
	lab->saves[1].ticket = lab->ticket + 1;
	lab_restart(lab);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	ck_assert_uint_eq(lab_count(lab, "channels"), 1);
	ck_assert_uint_eq(lab_saved(lab), 1);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
}
END_TEST

/* What goes out again is an INVITE of that very leg, or nothing does. */
START_TEST(only_invites_of_the_leg_go_out_again)
{
	struct dlg a;
	const char *inv;
	char call_id[256];
	size_t at;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	snprintf(call_id, sizeof(call_id), "%s", hdr(inv, "Call-ID"));
	phone_answer(desk, inv, 180, "d", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 180"));
	ck_assert_ptr_null(phone_recv(home));
	at = find_in_state("INVITE sip:", 2);
	switch (_i) {
	case 0: /* another method */
		ck_assert_uint_ge(patch(at, "INVITE", "NOTIFY", 6), 2);
		break;
	case 1: /* another dialog */
		at = find_in_state("Call-ID: ", 2) + 9;
		ck_assert_mem_eq(
		    lab->saves[0].state + at, call_id, strlen(call_id));
		lab->saves[0].state[at] ^= 1;
		break;
	case 2: /* not even a request */
		memcpy(lab->saves[0].state + at, "SIP/2.0 200", 11);
		break;
	case 3: /* another number */
		at = find_in_state("CSeq: ", 2) + 6;
		lab->saves[0].state[at] ^= 1;
		break;
	}
	lab_restart(lab);
	expect_refused();
	ck_assert_uint_eq(lab_count(lab, "server_transactions"), 0);
}
END_TEST

static void
tell(uint64_t ticket, struct span state)
{
	static char mem[IPC_STATE_MAX + 64];
	struct ipc_call_restore m = { .ticket = ticket, .lives = 1,
		.version = CHECKPOINT_VERSION,
		.state = state };
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_call_restore(&b, &m);
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert_int_eq(edge_frame(lab->edge, lab->now, lab->steps, ROLE_REG,
			     0, IPC_CALL_RESTORE, buf_span(&b)),
	    0);
}

/* Eight octets of the state that are these, as a place to write to. */
static char *
place_of(char *state, size_t len, const void *what, size_t what_len)
{
	char *p = memmem(state, len, what, what_len);

	ck_assert_ptr_nonnull(p);
	return p;
}

static unsigned
tell_many(char *state, size_t len, uint64_t n_calls)
{
	struct saved_call saved;
	char *token[2], *session, number[9];
	uint64_t be;
	unsigned sent = 0;

	ck_assert_int_eq(
	    checkpoint_get(span_make(state, len), &lab->conf, &saved), 0);
	be = htobe64(saved.session);
	session = place_of(state, len, &be, sizeof(be));
	for (unsigned k = 0; k < 2; k++)
		token[k] = place_of(
		    state, len, saved.leg[k].token, LEG_TOKEN_LEN);
	for (uint64_t n = 1; n <= n_calls; n++) {
		be = htobe64(n << 32);
		memcpy(session, &be, sizeof(be));
		snprintf(number, sizeof(number), "%08u", (unsigned)n);
		memcpy(token[0], number, 8);
		memcpy(token[1], number, 8);
		tell(n, span_make(state, len));
		for (unsigned i = 0; i < lab->steps->n; i++)
			sent += lab->steps->step[i].kind == STEP_SEND;
		ck_assert_uint_eq(lab->steps->dropped, 0);
		steps_clear(lab->steps);
	}
	return sent;
}

/*
 * As many as registrar-db can keep and more.  _i 1: all were about to end, so
 * each sends two BYEs at once: as many as the table of calls has room for.
 */
START_TEST(thousands_of_them_fit_or_are_refused)
{
	char state[IPC_STATE_MAX];
	size_t len = lab->saves[0].len;
	unsigned sent;

	memcpy(state, lab->saves[0].state, len);
	memset(lab->saves, 0, sizeof(lab->saves));
	state[1] = (char)_i; /* ending */
	edge_free(lab->edge);
	lab->edge = edge_new(&lab->conf);
	edge_peer(lab->edge, lab->now, lab->steps, ROLE_REG, 0, true);
	steps_clear(lab->steps);
	sent = tell_many(state, len, 5000);
	ck_assert_uint_eq(lab_count(lab, "calls"), 100);
	ck_assert_uint_eq(sent, _i == 0 ? 0 : 200);
	if (_i == 0)
		return;
	lab->stats_mute = true;
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
	ck_assert_uint_eq(lab_count(lab, "client_transactions"), 0);
}
END_TEST

Suite *
suite_restore(void)
{
	Suite *s = suite_create("restore");
	TCase *c = tcase_create("talking");

	tcase_add_checked_fixture(c, pair_setup_talk, pair_teardown);
	tcase_add_loop_test(c, a_call_goes_on_and_each_side_can_end_it, 0, 2);
	tcase_add_test(c, the_relay_is_claimed_with_the_same_ports);
	tcase_add_test(c, hold_and_resume_work_after_it);
	tcase_add_test(c, a_reinvite_under_way_is_answered_once);
	tcase_add_test(c, a_repeated_2xx_of_a_running_call_gets_its_ack);
	tcase_add_test(c, a_bye_that_was_on_its_way_goes_out_again);
	tcase_add_test(c, before_the_calls_are_told_nothing_is_heard);
	tcase_add_test(c, a_retransmission_meets_the_same_tag);
	tcase_add_test(c, an_info_under_way_is_taken_when_it_comes_again);
	tcase_add_test(c, a_call_of_before_that_ended_is_not_made_again);
	tcase_add_test(c, a_new_registrar_db_is_told_that_the_call_is_answered);
	tcase_add_test(c, a_new_registrar_db_is_told_of_calls_that_ended_a_moment_ago);
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, no_changed_byte_does_harm, 0, 4);
	tcase_add_test(c, every_cut_is_refused);
	tcase_add_test(c, an_unreadable_one_is_ended_in_the_record);
	tcase_add_loop_test(c, a_leg_is_only_where_a_phone_can_be, 0,
	    sizeof(places) / sizeof(places[0]));
	tcase_add_loop_test(c, what_is_wrong_together_is_refused, 0,
	    sizeof(together) / sizeof(together[0]));
	tcase_add_test(c, an_m_line_of_two_streams_is_refused);
	tcase_add_test(c, a_datagram_does_not_leave_by_a_listener_of_tcp);
	tcase_add_loop_test(
	    c, a_cseq_without_room_for_our_bye_is_refused, 0, 2);
	tcase_add_test(c, a_call_told_twice_is_one_call);
	tcase_add_loop_test(c, thousands_of_them_fit_or_are_refused, 0, 2);
	suite_add_tcase(s, c);
	c = tcase_create("ringing");
	tcase_add_checked_fixture(c, pair_setup, pair_teardown);
	tcase_add_test(c, no_100_before_the_call_is_saved);
	tcase_add_test(c, a_ringing_call_goes_on);
	tcase_add_test(c, a_ringing_call_can_be_cancelled_after_it);
	tcase_add_test(c, no_call_is_lost_after_its_200);
	tcase_add_loop_test(c, only_invites_of_the_leg_go_out_again, 0, 4);
	suite_add_tcase(s, c);
	return s;
}
