/* What a subscriber outside may use: codecs and bandwidth (issue of R72). */
#include <errno.h>
#include <stdio.h>

#include "sigproxy/core/codecs.h"
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"                    \
	     "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define SOUND                                                                  \
	"m=audio 4000 RTP/AVP 96 8 0 18 9 13 101 97\r\n"                       \
	"a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"             \
	"a=rtpmap:97 OPUS/48000\r\na=rtpmap:101 telephone-event/8000\r\n"      \
	"a=fmtp:101 0-15\r\n"

static const struct {
	const char *name, *list, *want; /* NULL: none is left */
} rows[] = {
	{ "empty: all", "", "96 8 0 18 9 13 101 97" },
	{ "one, by its number alone", "PCMA", "8 13 101" },
	{ "the list's order", "G722,PCMU, PCMA", "9 0 8 13 101" },
	{ "one name, two formats; no matter how it is written", "Opus",
	    "96 97 13 101" },
	{ "named twice", "PCMA PCMA,pcma", "8 13 101" },
	{ "one that is not there", "G726-32, G729", "18 13 101" },
	{ "none of them", "iLBC", NULL },
	{ "events alone are no sound", "telephone-event, CN", NULL },
	{ "part of a name", "PCM", NULL },
	{ "commas only", ",, ,", NULL },
};

START_TEST(a_list_leaves_formats)
{
	char mem[CODECS_FMTS_MAX];
	struct span out;
	struct sdp sdp;
	int err;

	ck_assert_int_eq(sdp_parse(span_str(HEAD SOUND), &sdp), 0);
	err = codecs_filter(&sdp.media[0], span_str(rows[_i].list),
	    sdp.media[0].fmts, mem, &out);
	if (rows[_i].want == NULL)
		ck_assert_msg(err == -EPROTONOSUPPORT, "%s", rows[_i].name);
	else
		ck_assert_msg(err == 0 &&
			span_eq(out, span_str(rows[_i].want)), "%s: %d %.*s",
		    rows[_i].name, err, (int)out.len, out.p);
}
END_TEST

static const struct {
	const char *name, *list, *want; /* NULL: none is left */
} answers[] = {
	{ "empty: all", "", "96 8 0 18 9 13 101 97" },
	{ "in its own order", "G722,PCMU, PCMA", "8 0 9 13 101" },
	{ "no matter how it is written", "Opus", "96 13 101 97" },
	{ "none of them", "iLBC", NULL },
	{ "events alone are no sound", "telephone-event, CN", NULL },
};

START_TEST(a_list_leaves_formats_of_an_answer)
{
	char mem[CODECS_FMTS_MAX];
	struct span out;
	struct sdp sdp;
	int err;

	ck_assert_int_eq(sdp_parse(span_str(HEAD SOUND), &sdp), 0);
	err = codecs_reduce(&sdp.media[0], span_str(answers[_i].list),
	    sdp.media[0].fmts, mem, &out);
	if (answers[_i].want == NULL)
		ck_assert_msg(err == -EPROTONOSUPPORT, "%s", answers[_i].name);
	else
		ck_assert_msg(err == 0 &&
			span_eq(out, span_str(answers[_i].want)), "%s: %d %.*s",
		    answers[_i].name, err, (int)out.len, out.p);
}
END_TEST

START_TEST(clocks_of_formats_in_turn)
{
	struct span rest;
	struct sdp sdp;

	ck_assert_int_eq(sdp_parse(span_str(HEAD
	    "m=audio 4000 RTP/AVP 101 96 8 97 98 9 13\r\n"
	    "a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 L16/16000\r\n"
	    "a=rtpmap:98 odd\r\na=rtpmap:101 telephone-event/8000\r\n"),
	    &sdp), 0);
	rest = sdp.media[0].fmts;
	ck_assert_uint_eq(codecs_clock(&sdp.media[0], &rest), 48000);
	ck_assert_uint_eq(codecs_clock(&sdp.media[0], &rest), 8000);
	ck_assert_uint_eq(codecs_clock(&sdp.media[0], &rest), 16000);
	ck_assert_uint_eq(codecs_clock(&sdp.media[0], &rest), 0);
	ck_assert_uint_eq(codecs_clock(&sdp.media[0], &rest), 8000);
	ck_assert_uint_eq(codecs_clock(&sdp.media[0], &rest), 0);
	ck_assert_uint_eq(rest.len, 0);
}
END_TEST

/* ---- in calls ---- */


START_TEST(an_offer_from_outside_is_limited)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *inv;
	struct dlg a;

	lab->codecs_of_caller = "PCMU";
	/* Of a phone in the office it says nothing. */
	lab->codecs_of_called = "opus";
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, " RTP/AVP 0 101\r\n");
	HAS(inv, "a=rtpmap:0 PCMU/8000\r\n");
	HAS(inv, "a=rtpmap:101 telephone-event/8000\r\n");
	LACKS(inv, "PCMA");
	lab_free(lab);
}
END_TEST

static const struct {
	const char *name, *list, *want; /* NULL: 488 */
} answered[] = {
	{ "more than was offered", "PCMU, G722", " RTP/AVP 0 101\r\n" },
	{ "all that was offered", "PCMU, PCMA", " RTP/AVP 8 0 101\r\n" },
	{ "nothing that was", "G722", NULL },
};

/* The desk answers as if it had not been told what the home may have. */
START_TEST(an_answer_is_limited_too)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *inv, *ok;
	struct dlg a, b;
	char sdp[1024];

	lab->codecs_of_caller = answered[_i].list;
	snprintf(sdp, sizeof(sdp), "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\n"
	    "c=IN IP4 %s\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8 0 9 101\r\n"
	    "a=rtpmap:101 telephone-event/8000\r\n", home->host, home->host);
	dlg_call(&a, home, "200", sdp, "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	dlg_from_invite(&b, desk, inv);
	phone_answer(desk, inv, 200, strstr(b.local, ";tag=") + 5,
	    sdp_of(desk, 20000, NULL));
	ok = phone_expect(home, answered[_i].want ? "SIP/2.0 200" :
	    "SIP/2.0 488");
	ck_assert_msg(ok != NULL, "%s", answered[_i].name);
	if (answered[_i].want != NULL) {
		HAS(ok, answered[_i].want);
		ck_assert_ptr_eq(strstr(answered[_i].want, " 8 ") == NULL ?
			strstr(ok, "PCMA") : NULL, NULL);
	} else {
		ck_assert_str_eq(hdr(ok, "Reason"),
		    "SIP;cause=488;text=\"No codec allowed\"");
		ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
		ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	}
	lab_free(lab);
}
END_TEST

START_TEST(both_lists_count_and_the_hearers_order)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *other = lab_home(lab, "200", 8);
	const char *inv;
	struct dlg a;

	lab->codecs_of_caller = "PCMA, PCMU, opus";
	lab->codecs_of_called = "PCMU, PCMA";
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(other, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, " RTP/AVP 0 8 101\r\n");
	lab_free(lab);
}
END_TEST

START_TEST(without_any_codec_left_it_is_488)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *desk = lab_office(lab, "200", 31);
	struct phone *home = lab_home(lab, "168", 7);
	const char *msg;
	struct dlg a;

	lab->codecs_of_called = "G722, opus";
	dlg_call(&a, desk, "168", sdp_of(desk, 30000, NULL), "");
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	msg = phone_expect(desk, "SIP/2.0 488");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(
	    hdr(msg, "Reason"), "SIP;cause=488;text=\"No codec allowed\"");
	lab_pass(lab, 1000);
	ck_assert_str_eq(lab->reasons[(lab->n_notes - 1) % 64], "no-codec");
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(a_later_offer_is_limited_too)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t;
	const char *msg;

	lab->codecs_of_caller = "PCMA";
	talk_begin(&t, home, desk);
	lab_restart(lab);
	dlg_send(&t.b, "INVITE", "application/sdp", sdp_of(desk, 30000, NULL),
	    "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/AVP 8 101\r\n");
	lab_free(lab);
}
END_TEST

static const struct {
	const char *name, *b; /* what the offer says */
	uint32_t caller, called;
	const char *want; /* NULL: the picture is refused */
} pictures[] = {
	{ "no limit", "b=AS:2000\r\nb=TIAS:1900000\r\n", 0, 0,
	    "b=AS:2000\r\nb=TIAS:1900000\r\n" },
	{ "lowered", "b=AS:2000\r\nb=TIAS:1900000\r\n", 592, 0,
	    "b=AS:512\r\n" },
	{ "written", "", 0, 592, "b=AS:512\r\n" },
	{ "the smaller one", "", 592, 336, "b=AS:256\r\n" },
	{ "it wants less", "b=TIAS:128000\r\n", 592, 0, "b=AS:128\r\n" },
	{ "another modifier stays", "b=RS:100\r\n", 592, 0,
	    "b=AS:512\r\nb=RS:100\r\n" },
	{ "it does not fit", "", 128, 0, NULL },
};

START_TEST(a_picture_has_what_is_left)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *other = lab_home(lab, "200", 8);
	char sdp[1024];
	const char *inv, *line;
	struct dlg a;

	lab->kbps_of_caller = pictures[_i].caller;
	lab->kbps_of_called = pictures[_i].called;
	snprintf(sdp, sizeof(sdp),
	    "%sm=video 30010 RTP/AVP 97\r\n%sa=rtpmap:97 VP8/90000\r\n",
	    sdp_of(home, 30000, NULL), pictures[_i].b);
	dlg_call(&a, home, "200", sdp, "");
	inv = phone_expect(other, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, " RTP/AVP 8 0 101\r\n");
	line = strstr(inv, "m=video ");
	ck_assert_ptr_nonnull(line);
	if (pictures[_i].want == NULL) {
		HAS(line, "m=video 0 RTP/AVP 97\r\n");
		LACKS(line, "VP8");
	} else {
		LACKS(line, "m=video 0 ");
		line = strchr(line, '\n') + 1;
		ck_assert_msg(strncmp(line, pictures[_i].want,
				  strlen(pictures[_i].want)) == 0 &&
			strncmp(line + strlen(pictures[_i].want), "a=", 2) == 0,
		    "%s:\n%s", pictures[_i].name, inv);
	}
	lab_free(lab);
}
END_TEST

static const struct {
	const char *name, *b; /* of the session */
	uint32_t caller, called;
	const char *want;
} sessions[] = {
	{ "no limit", "b=AS:2000\r\n", 0, 0, "b=AS:2000\r\n" },
	{ "lowered, each as it is counted",
	    "b=AS:2000\r\nb=TIAS:1900000\r\n", 592, 0,
	    "b=AS:592\r\nb=TIAS:592000\r\n" },
	{ "the smaller one", "b=AS:2000\r\n", 592, 336, "b=AS:336\r\n" },
	{ "it wants less", "b=AS:128\r\n", 592, 0, "b=AS:128\r\n" },
	{ "more than can be read", "b=AS:99999999999\r\n", 592, 0,
	    "b=AS:592\r\n" },
	{ "another modifier stays", "b=RS:100\r\n", 592, 0, "b=RS:100\r\n" },
	{ "none is put in", "", 592, 0, "" },
};

START_TEST(the_session_has_no_more_than_the_line)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *other = lab_home(lab, "200", 8);
	char sdp[1024], want[128];
	const char *inv;
	struct dlg a;

	lab->kbps_of_caller = sessions[_i].caller;
	lab->kbps_of_called = sessions[_i].called;
	snprintf(sdp, sizeof(sdp), "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\n"
	    "c=IN IP4 %s\r\n%st=0 0\r\nm=audio 30000 RTP/AVP 8\r\n",
	    home->host, home->host, sessions[_i].b);
	dlg_call(&a, home, "200", sdp, "");
	inv = phone_expect(other, "INVITE");
	ck_assert_ptr_nonnull(inv);
	snprintf(want, sizeof(want), "\r\n%st=0 0\r\nm=", sessions[_i].want);
	HAS(strstr(inv, "\r\nc="), want);
	lab_free(lab);
}
END_TEST

Suite *
suite_codecs(void)
{
	Suite *s = suite_create("codecs");
	TCase *c = tcase_create("codecs and bandwidth");

	tcase_add_loop_test(
	    c, a_list_leaves_formats, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(c, a_list_leaves_formats_of_an_answer, 0,
	    sizeof(answers) / sizeof(answers[0]));
	tcase_add_test(c, clocks_of_formats_in_turn);
	tcase_add_test(c, an_offer_from_outside_is_limited);
	tcase_add_loop_test(c, an_answer_is_limited_too, 0,
	    sizeof(answered) / sizeof(answered[0]));
	tcase_add_loop_test(c, the_session_has_no_more_than_the_line, 0,
	    sizeof(sessions) / sizeof(sessions[0]));
	tcase_add_test(c, both_lists_count_and_the_hearers_order);
	tcase_add_test(c, without_any_codec_left_it_is_488);
	tcase_add_test(c, a_later_offer_is_limited_too);
	tcase_add_loop_test(c, a_picture_has_what_is_left, 0,
	    sizeof(pictures) / sizeof(pictures[0]));
	suite_add_tcase(s, c);
	return s;
}
