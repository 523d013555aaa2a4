/*
 * Several m= lines of a call (RFC 3264 5 to 8): video, fax, what is not
 * relayed, lines that come and go, and what a restart keeps of them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

static struct lab *lab;
static struct phone *home, *desk;

static void
setup(void)
{
	lab = lab_new(60, 100);
	desk = lab_office(lab, "200", 31);
	home = lab_home(lab, "168", 7);
}

static void
teardown(void)
{
	lab_free(lab);
}

/* This phone's SDP with these sections. */
static const char *
lines(const struct phone *p, const char *sections)
{
	static char mem[8][2048];
	static unsigned n;
	char *out = mem[n++ % 8];

	snprintf(out, sizeof(mem[0]),
	    "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n%s",
	    p->host, p->host, sections);
	return out;
}

#define AUDIO(port) "m=audio " port " RTP/AVP 8\r\n"
#define VIDEO(port) "m=video " port " RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
#define FAX(port) "m=image " port " udptl t38\r\na=T38FaxVersion:0\r\n"
#define OTHER(port) "m=application " port " UDP/BFCP *\r\n"

/* Types and whether each has a port: "audio+ video-". */
static const char *
shape(const char *msg)
{
	static char mem[4][256];
	static unsigned n;
	char *out = mem[n++ % 4];
	const char *p = body(msg);

	out[0] = '\0';
	while ((p = strstr(p, "m=")) != NULL) {
		char type[32];
		unsigned port;

		ck_assert_int_eq(sscanf(p, "m=%31s %u", type, &port), 2);
		snprintf(out + strlen(out), 256 - strlen(out), "%s%s%c",
		    out[0] != '\0' ? " " : "", type, port != 0 ? '+' : '-');
		p += 2;
	}
	return out;
}

static unsigned
port_in(const char *msg, const char *type)
{
	char begin[40];
	const char *p;

	snprintf(begin, sizeof(begin), "m=%s ", type);
	p = strstr(body(msg), begin);
	ck_assert_msg(p != NULL, "no %s in\n%s", begin, msg);
	return (unsigned)atoi(p + strlen(begin));
}

/* The phone at home calls with these lines; the desk answers with those. */
static void
call(struct talk *t, const char *offer, const char *answer,
    const char **offered, const char **answered)
{
	const char *msg;

	t->lab = lab;
	dlg_call(&t->a, home, "200", lines(home, offer), "");
	*offered = msg = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(msg);
	dlg_from_invite(&t->b, desk, msg);
	phone_answer(desk, msg, 200, strstr(t->b.local, ";tag=") + 5,
	    lines(desk, answer));
	*answered = msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(&t->a, msg);
	dlg_ack(&t->a, t->a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
}

/* The same for a re-INVITE of the desk's or the home's. */
static void
again(struct dlg *who, const char *offer, const char *answer,
    const char **offered, const char **answered)
{
	struct phone *other = who->phone == home ? desk : home;
	const char *msg;

	dlg_send(who, "INVITE", "application/sdp", lines(who->phone, offer),
	    "");
	*offered = msg = phone_expect(other, "INVITE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(other, msg, 200, "", lines(other, answer));
	*answered = msg = phone_expect(who->phone, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	dlg_ack(who, who->cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(other, "ACK"));
}

static void
hang_up(struct talk *t)
{
	dlg_send(&t->a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}

/* Where a stream of that end is to go; 0: nowhere. */
static unsigned
target(uint8_t end, uint8_t stream)
{
	return lab_set_of(lab, end, stream)->rtp.port;
}

/* ---- one offer, one answer ---- */

static const struct {
	const char *name, *offer, *answer, *offered, *answered;
	unsigned streams; /* asked of the relay */
} shapes[] = {
	{ "audio and video, each with its own ports",
	    AUDIO("30000") VIDEO("30002"), AUDIO("20000") VIDEO("20002"),
	    "audio+ video+", "audio+ video+", 2 },
	{ "audio survives when video is refused",
	    AUDIO("30000") VIDEO("30002"), AUDIO("20000") VIDEO("0"),
	    "audio+ video+", "audio+ video-", 2 },
	{ "video alone", VIDEO("30002"), VIDEO("20002"), "video+", "video+",
	    1 },
	{ "two of one type", AUDIO("30000") AUDIO("30002"),
	    AUDIO("0") AUDIO("20002"), "audio+ audio+", "audio- audio+", 2 },
	{ "application is refused, the call goes on",
	    OTHER("30010") AUDIO("30000"), OTHER("0") AUDIO("20000"),
	    "application- audio+", "application- audio+", 1 },
	{ "so is a type nobody knows",
	    AUDIO("30000") "m=hologram 30010 RTP/AVP 99\r\n",
	    AUDIO("20000") "m=hologram 0 RTP/AVP 99\r\n", "audio+ hologram-",
	    "audio+ hologram-", 1 },
	{ "and fax over TCP", AUDIO("30000") "m=image 30010 tcp t38\r\n",
	    AUDIO("20000") "m=image 0 tcp t38\r\n", "audio+ image-",
	    "audio+ image-", 1 },
	{ "four are relayed, the fifth is refused",
	    VIDEO("30002") VIDEO("30004") AUDIO("30000") VIDEO("30006")
		VIDEO("30008"),
	    VIDEO("20002") VIDEO("20004") AUDIO("20000") VIDEO("20006")
		VIDEO("0"),
	    "video+ video+ audio+ video+ video-",
	    "video+ video+ audio+ video+ video-", 4 },
	{ "audio has a stream wherever it stands",
	    VIDEO("30002") VIDEO("30004") VIDEO("30006") VIDEO("30008")
		AUDIO("30000"),
	    VIDEO("20002") VIDEO("20004") VIDEO("20006") VIDEO("0")
		AUDIO("20000"),
	    "video+ video+ video+ video- audio+",
	    "video+ video+ video+ video- audio+", 4 },
	{ "an answer that leaves out the refused line gets it back",
	    AUDIO("30000") VIDEO("30002"), AUDIO("20000"), "audio+ video+",
	    "audio+ video-", 2 },
	{ "also when the first one is missing", VIDEO("30002") AUDIO("30000"),
	    AUDIO("20000"), "video+ audio+", "video- audio+", 2 },
	{ "an answer in another order is put right",
	    AUDIO("30000") VIDEO("30002"), VIDEO("20002") AUDIO("20000"),
	    "audio+ video+", "audio+ video+", 2 },
	{ "what an answer adds is left out", AUDIO("30000"),
	    AUDIO("20000") VIDEO("20002"), "audio+", "audio+", 1 },
	{ "an answer of another type is a refusal",
	    AUDIO("30000") VIDEO("30002"), AUDIO("20000") FAX("20002"),
	    "audio+ video+", "audio+ video-", 2 },
	{ "a line offered with port 0 stays refused",
	    AUDIO("30000") VIDEO("0"), AUDIO("20000") VIDEO("20002"),
	    "audio+ video-", "audio+ video-", 1 },
	{ "fax from the first INVITE on", FAX("30000"), FAX("20000"),
	    "image+", "image+", 1 },
	{ "UDPTL in capitals", "m=image 30000 UDPTL t38\r\n",
	    "m=image 20000 UDPTL t38\r\n", "image+", "image+", 1 },
};

START_TEST(lines_of_offer_and_answer)
{
	const char *offered, *answered;
	struct talk t;

	call(&t, shapes[_i].offer, shapes[_i].answer, &offered, &answered);
	ck_assert_msg(strcmp(shape(offered), shapes[_i].offered) == 0,
	    "%s: offered %s", shapes[_i].name, shape(offered));
	ck_assert_msg(strcmp(shape(answered), shapes[_i].answered) == 0,
	    "%s: answered %s", shapes[_i].name, shape(answered));
	ck_assert_msg(lab->opens[0].streams == shapes[_i].streams,
	    "%s: %u streams", shapes[_i].name, lab->opens[0].streams);
	ck_assert_uint_eq(lab->n_opens, 2);
	LACKS(offered, "10.77.0.7");
	LACKS(answered, "192.168.10.31");
	hang_up(&t);
}
END_TEST

START_TEST(each_stream_goes_to_its_own_port)
{
	const char *offered, *answered;
	struct talk t;

	call(&t,
	    AUDIO("30000") "a=rtcp:30009\r\n" VIDEO("30002") "a=sendonly\r\n",
	    AUDIO("20000") VIDEO("20002") "a=recvonly\r\n", &offered,
	    &answered);
	ck_assert_uint_ne(
	    port_in(offered, "audio"), port_in(offered, "video"));
	ck_assert_uint_eq(target(0, 0), 30000);
	ck_assert_uint_eq(target(0, 1), 30002);
	ck_assert_uint_eq(target(1, 0), 20000);
	ck_assert_uint_eq(target(1, 1), 20002);
	ck_assert_uint_eq(lab_set_of(lab, 0, 0)->rtcp.port, 30009);
	ck_assert_uint_eq(lab_set_of(lab, 0, 1)->rtcp.port, 30003);
	/* One-way video is no silence to be told of; the call is not held. */
	ck_assert_uint_eq(lab_set_of(lab, 0, 1)->held, 1);
	ck_assert_uint_eq(lab_set_of(lab, 0, 0)->held, 0);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ANSWERED);
	hang_up(&t);
}
END_TEST

/* What the record counts is sound, wherever it stands. */
START_TEST(records_are_about_the_audio_that_was_accepted)
{
	const char *offered, *answered;
	struct talk t;

	call(&t, AUDIO("30000") AUDIO("30002"), AUDIO("0") AUDIO("20002"),
	    &offered, &answered);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	ck_assert_uint_eq(lab->n_media, 2);
	ck_assert_uint_eq(lab->media[0].counter.stream, 1);
	ck_assert_uint_eq(lab->media[0].counter.packets_in, 200);
	ck_assert_uint_eq(lab->media[1].counter.packets_in, 201);
}
END_TEST

START_TEST(when_ports_are_short_sound_is_relayed_alone)
{
	const char *offered, *answered;
	struct talk t;

	lab->streams_max = 1;
	call(&t, VIDEO("30002") AUDIO("30000"), VIDEO("0") AUDIO("20000"),
	    &offered, &answered);
	ck_assert_str_eq(shape(offered), "video- audio+");
	ck_assert_str_eq(shape(answered), "video- audio+");
	ck_assert_uint_eq(target(0, 0), 30000);
	hang_up(&t);
}
END_TEST

/* ---- later offers ---- */

START_TEST(a_stream_is_added_refused_removed_and_used_again)
{
	const char *offered, *answered;
	unsigned video, audio;
	struct talk t;

	call(&t, AUDIO("30000"), AUDIO("20000"), &offered, &answered);
	audio = port_in(offered, "audio");
	again(&t.a, AUDIO("30000") VIDEO("30002"), AUDIO("20000") VIDEO("0"),
	    &offered, &answered);
	ck_assert_str_eq(shape(offered), "audio+ video+");
	ck_assert_str_eq(shape(answered), "audio+ video-");
	video = port_in(offered, "video");
	ck_assert_uint_eq(lab->n_opens, 4); /* both ends have ports now */
	/* The desk adds it; then it goes, audio stays as it is. */
	again(&t.b, AUDIO("20000") VIDEO("20002"), AUDIO("30000") VIDEO("30002"),
	    &offered, &answered);
	ck_assert_uint_eq(lab->n_opens, 4);
	ck_assert_uint_eq(port_in(answered, "video"), video);
	ck_assert_uint_eq(port_in(answered, "audio"), audio);
	ck_assert_uint_eq(target(0, 1), 30002);
	ck_assert_uint_eq(target(1, 1), 20002);
	again(&t.b, AUDIO("20000") VIDEO("0"), AUDIO("30000") VIDEO("0"),
	    &offered, &answered);
	ck_assert_uint_eq(target(0, 1), 0);
	ck_assert_uint_eq(lab_set_of(lab, 1, 1)->to_end, 255);
	ck_assert_uint_eq(target(0, 0), 30000);
	/* The line takes another type (RFC 3264 8.2), by the same ports. */
	again(&t.a, AUDIO("30000") FAX("30004"), AUDIO("20000") FAX("20004"),
	    &offered, &answered);
	ck_assert_uint_eq(port_in(offered, "image"), video);
	ck_assert_uint_eq(lab_set_of(lab, 0, 1)->form, STREAM_UDPTL);
	ck_assert_uint_eq(target(0, 1), 30004);
	hang_up(&t);
}
END_TEST

START_TEST(without_ports_for_it_an_added_line_is_refused)
{
	const char *offered, *answered;
	struct talk t;

	call(&t, AUDIO("30000"), AUDIO("20000"), &offered, &answered);
	lab->streams_max = 1;
	again(&t.a, AUDIO("30000") VIDEO("30002"), AUDIO("20000") VIDEO("0"),
	    &offered, &answered);
	ck_assert_str_eq(shape(offered), "audio+ video-");
	ck_assert_str_eq(shape(answered), "audio+ video-");
	hang_up(&t);
}
END_TEST

START_TEST(a_relay_that_is_silent_delays_an_added_line_by_a_second)
{
	const char *offered, *answered;
	struct talk t;

	call(&t, AUDIO("30000"), AUDIO("20000"), &offered, &answered);
	lab->relay_mute = true;
	dlg_send(&t.a, "INVITE", "application/sdp",
	    lines(home, AUDIO("30000") VIDEO("30002")), "");
	lab_pass(lab, 900);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	lab_pass(lab, 200);
	offered = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(offered);
	ck_assert_str_eq(shape(offered), "audio+ video-");
	phone_answer(desk, offered, 200, "",
	    lines(desk, AUDIO("20000") VIDEO("0")));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	hang_up(&t);
}
END_TEST

START_TEST(an_offer_that_waits_for_ports_may_be_cancelled)
{
	const char *offered, *answered;
	struct talk t;

	call(&t, AUDIO("30000"), AUDIO("20000"), &offered, &answered);
	lab->relay_mute = true;
	dlg_send(&t.a, "INVITE", "application/sdp",
	    lines(home, AUDIO("30000") VIDEO("30002")), "");
	/* Another offer meets it. */
	dlg_send(&t.b, "INVITE", "application/sdp",
	    lines(desk, AUDIO("20000")), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 491"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	dlg_cancel_inside(&t.a);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	lab_pass(lab, 2000);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	hang_up(&t);
}
END_TEST

START_TEST(hold_is_of_all_streams)
{
	const char *offered, *answered;
	struct talk t;

	call(&t, AUDIO("30000") VIDEO("30002"), AUDIO("20000") VIDEO("20002"),
	    &offered, &answered);
	again(&t.b, AUDIO("20000") "a=sendonly\r\n" VIDEO("20002") "a=inactive\r\n",
	    AUDIO("30000") "a=recvonly\r\n" VIDEO("30002") "a=inactive\r\n",
	    &offered, &answered);
	HAS(strstr(offered, "m=audio"), "a=sendonly\r\n");
	HAS(strstr(offered, "m=video"), "a=inactive\r\n");
	ck_assert_uint_eq(lab_note(lab)->state, CALL_HELD);
	for (uint8_t end = 0; end < 2; end++)
		for (uint8_t nr = 0; nr < 2; nr++)
			ck_assert_uint_eq(lab_set_of(lab, end, nr)->held, 1);
	again(&t.b, AUDIO("20000") VIDEO("20002"),
	    AUDIO("30000") VIDEO("30002"), &offered, &answered);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_RESUMED);
	ck_assert_uint_eq(lab_set_of(lab, 0, 1)->held, 0);
	hang_up(&t);
}
END_TEST

/* ---- who offers, and how many ring ---- */

START_TEST(a_late_offer_may_have_a_picture)
{
	const char *inv, *msg;
	struct dlg a;

	dlg_call(&a, home, "200", NULL, "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 200, "d",
	    lines(desk, AUDIO("20000") VIDEO("20002") VIDEO("20004")));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(shape(msg), "audio+ video+ video-");
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq,
	    lines(home, AUDIO("30000") VIDEO("30002") VIDEO("0")));
	msg = phone_expect(desk, "ACK");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(shape(msg), "audio+ video+ video-");
	ck_assert_uint_eq(target(0, 1), 30002);
	ck_assert_uint_eq(target(1, 1), 20002);
}
END_TEST

START_TEST(each_phone_that_rings_has_its_own_ports)
{
	struct phone *other = lab_home(lab, "200", 9);
	const char *one, *two, *msg;
	struct dlg a;

	dlg_call(&a, home, "200", lines(home, AUDIO("30000") VIDEO("30002")),
	    "");
	one = phone_expect(desk, "INVITE");
	two = phone_expect(other, "INVITE");
	ck_assert(one != NULL && two != NULL);
	ck_assert_uint_ne(port_in(one, "video"), port_in(two, "video"));
	ck_assert_uint_ne(port_in(one, "audio"), port_in(two, "audio"));
	phone_answer(other, two, 200, "o",
	    lines(other, AUDIO("20000") VIDEO("20002")));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(shape(msg), "audio+ video+");
	ck_assert_uint_eq(target(2, 1), 20002);
	ck_assert_uint_eq(lab_set_of(lab, 0, 1)->to_end, 2);
}
END_TEST

/* Two phones of the office: not a byte is changed, and no port is taken. */
START_TEST(a_direct_call_keeps_its_lines)
{
	struct phone *caller = lab_office(lab, "201", 32);
	const char *inv;
	struct dlg a;

	dlg_call(&a, caller, "200",
	    lines(caller, AUDIO("30000") VIDEO("30002") OTHER("30004")), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(body(inv), "m=video 30002 ");
	HAS(body(inv), "m=application 30004 ");
	HAS(body(inv), "c=IN IP4 192.168.10.32\r\n");
	ck_assert_uint_eq(lab->n_opens, 0);
}
END_TEST

START_TEST(bundle_is_refused_and_each_line_has_its_port)
{
	const char *offered, *answered;
	struct talk t;

	call(&t,
	    AUDIO("30000") "a=mid:1\r\na=rtcp-mux\r\n" VIDEO("30002")
		"a=mid:2\r\na=rtcp-mux\r\na=group:BUNDLE 1 2\r\n",
	    AUDIO("20000") "a=rtcp-mux\r\na=rtcp:20000\r\n" VIDEO("20002"),
	    &offered, &answered);
	LACKS(offered, "BUNDLE");
	LACKS(offered, "a=mid");
	LACKS(offered, "rtcp-mux");
	HAS(answered, "a=rtcp-mux\r\n");
	LACKS(answered, "a=rtcp:");
	/* Who names the same port for both can do no other way. */
	ck_assert_uint_eq(lab_set_of(lab, 1, 0)->mux, 1);
	ck_assert_uint_eq(lab_set_of(lab, 0, 0)->mux, 1);
	hang_up(&t);
}
END_TEST

/* ---- RTCP by the RTP port (RFC 5761) ---- */

static const struct {
	const char *name, *offer, *answer;
	unsigned caller, called; /* whose RTCP is muxed */
	unsigned rtcp; /* where the caller's goes */
} muxes[] = {
	{ "offered", "a=rtcp-mux\r\n", "", 1, 0, 30000 },
	{ "beside a port for who cannot", "a=rtcp:30009\r\na=rtcp-mux\r\n", "",
	    1, 0, 30000 },
	{ "no other way (RFC 8858)", "a=rtcp-mux-only\r\n", "", 1, 0, 30000 },
	{ "the same, as it is to be written",
	    "a=rtcp-mux\r\na=rtcp-mux-only\r\n", "", 1, 0, 30000 },
	{ "answered, which was not offered", "", "a=rtcp-mux\r\n", 0, 0,
	    30001 },
	{ "neither", "", "", 0, 0, 30001 },
};

START_TEST(each_side_has_its_rtcp_where_it_can)
{
	char offer[128], answer[128];
	const char *offered, *answered;
	struct talk t;

	snprintf(offer, sizeof(offer), AUDIO("30000") "%s", muxes[_i].offer);
	snprintf(answer, sizeof(answer), AUDIO("20000") "%s",
	    muxes[_i].answer);
	call(&t, offer, answer, &offered, &answered);
	LACKS(offered, "rtcp-mux");
	ck_assert_msg((strstr(answered, "a=rtcp-mux\r\n") != NULL) ==
	    muxes[_i].caller, "%s", muxes[_i].name);
	LACKS(answered, "rtcp-mux-only");
	ck_assert_uint_eq(lab_set_of(lab, 0, 0)->mux, muxes[_i].caller);
	ck_assert_uint_eq(lab_set_of(lab, 1, 0)->mux, muxes[_i].called);
	if (muxes[_i].caller)
		ck_assert_uint_eq(lab_set_of(lab, 0, 0)->rtcp.port,
		    muxes[_i].rtcp);
	hang_up(&t);
}
END_TEST

/* Offered by us it is to a phone that did it before; which may stop. */
START_TEST(rtcp_stays_at_one_port_until_its_phone_stops)
{
	const char *offered, *answered, *msg;
	struct talk t;

	call(&t, AUDIO("30000") "a=rtcp-mux\r\n", AUDIO("20000"), &offered,
	    &answered);
	for (int round = 0; round < 3; round++) {
		if (round == 1)
			lab_restart(lab);
		dlg_send(&t.b, "INVITE", "application/sdp",
		    lines(t.b.phone, AUDIO("20000")), "");
		msg = phone_expect(t.a.phone, "INVITE");
		ck_assert_ptr_nonnull(msg);
		HAS(msg, "a=rtcp-mux\r\n");
		phone_answer(t.a.phone, msg, 200, NULL, lines(t.a.phone,
		    round < 2 ? AUDIO("30000") "a=rtcp-mux\r\n" :
				AUDIO("30000")));
		msg = phone_expect(t.b.phone, "SIP/2.0 200");
		ck_assert_ptr_nonnull(msg);
		LACKS(msg, "rtcp-mux");
		dlg_ack(&t.b, t.b.cseq, NULL);
		ck_assert_ptr_nonnull(phone_expect(t.a.phone, "ACK"));
		ck_assert_uint_eq(lab_set_of(lab, 0, 0)->mux, round < 2);
	}
	dlg_send(&t.b, "INVITE", "application/sdp",
	    lines(t.b.phone, AUDIO("20000")), "");
	msg = phone_expect(t.a.phone, "INVITE");
	ck_assert_ptr_nonnull(msg);
	LACKS(msg, "rtcp-mux");
}
END_TEST

/* ---- restarts ---- */

START_TEST(a_restart_keeps_every_stream)
{
	const char *offered, *answered;
	struct talk t;
	unsigned sets;

	call(&t, AUDIO("30000") VIDEO("30002"), AUDIO("20000") VIDEO("20002"),
	    &offered, &answered);
	lab_restart(lab);
	ck_assert_uint_eq(lab->opens[2].n_want, 2);
	ck_assert_uint_eq(lab->opens[2].want[1].number,
	    port_in(answered, "video"));
	ck_assert_uint_eq(target(0, 1), 30002);
	sets = lab->n_sets;
	ck_assert_uint_eq(sets, 8);
	/* And the relay's: it gets all of them again. */
	lab_relay(lab, false);
	lab_relay(lab, true);
	ck_assert_uint_eq(lab->n_sets, sets + 4);
	again(&t.b, AUDIO("20000") VIDEO("0"), AUDIO("30000") VIDEO("0"),
	    &offered, &answered);
	ck_assert_str_eq(shape(answered), "audio+ video-");
	hang_up(&t);
}
END_TEST

#define N(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

Suite *
suite_streams(void)
{
	Suite *s = suite_create("streams");
	TCase *c = tcase_create("lines");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, lines_of_offer_and_answer, 0, N(shapes));
	tcase_add_test(c, each_stream_goes_to_its_own_port);
	tcase_add_test(c, records_are_about_the_audio_that_was_accepted);
	tcase_add_test(c, when_ports_are_short_sound_is_relayed_alone);
	tcase_add_test(c, a_stream_is_added_refused_removed_and_used_again);
	tcase_add_test(c, without_ports_for_it_an_added_line_is_refused);
	tcase_add_test(
	    c, a_relay_that_is_silent_delays_an_added_line_by_a_second);
	tcase_add_test(c, an_offer_that_waits_for_ports_may_be_cancelled);
	tcase_add_test(c, hold_is_of_all_streams);
	tcase_add_test(c, a_late_offer_may_have_a_picture);
	tcase_add_test(c, each_phone_that_rings_has_its_own_ports);
	tcase_add_test(c, a_direct_call_keeps_its_lines);
	tcase_add_test(c, bundle_is_refused_and_each_line_has_its_port);
	tcase_add_loop_test(c, each_side_has_its_rtcp_where_it_can, 0,
	    sizeof(muxes) / sizeof(muxes[0]));
	tcase_add_test(c, rtcp_stays_at_one_port_until_its_phone_stops);
	tcase_add_test(c, a_restart_keeps_every_stream);
	suite_add_tcase(s, c);
	return s;
}
