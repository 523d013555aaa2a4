/* application/vq-rtcpxr (RFC 6035 4.6). */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "sigproxy/sip/vqreport.h"
#include "tests/unit/sip/lab.h"

#define HEAD "VQSessionReport: CallTerm\r\nCallID: a1@10.0.0.5\r\n"
#define LOCAL HEAD "LocalMetrics:\r\n"

/* Written as RFC 6035 4.6.2 has it. */
static const char full[] =
    "VQSessionReport: CallTerm\r\n"
    "CallID: 6dg37f1890463\r\n"
    "LocalID: Alice <sip:alice@example.org>\r\n"
    "RemoteID: Bill <sip:bill@example.net>\r\n"
    "OrigID: Alice <sip:alice@example.org>\r\n"
    "LocalGroup: example-phone-55671\r\n"
    "LocalAddr: IP=10.10.1.100 PORT=5000 SSRC=1a3b5c7d\r\n"
    "LocalMAC: 00:1f:5b:cc:21:0f\r\n"
    "RemoteAddr: IP=11.1.1.150 PORT=5002 SSRC=0x2468abcd\r\n"
    "LocalMetrics:\r\n"
    "Timestamps:START=2004-10-10T18:23:43Z STOP=2004-10-01T18:26:02Z\r\n"
    "SessionDesc:PT=18 PD=G729 SR=8000 FD=20 FO=20 FPP=2 PPS=50 "
    "FMTP=\"annexb=no\" PLC=3 SSUP=on\r\n"
    "JitterBuffer:JBA=3 JBR=2 JBN=40 JBM=80 JBX=120\r\n"
    "PacketLoss:NLR=5.0 JDR=2.0\r\n"
    "BurstGapLoss:BLD=0 BD=0 GLD=2.0 GD=500 GMIN=16\r\n"
    "Delay:RTD=200 ESD=140 SOWD=200 IAJ=2 MAJ=10\r\n"
    "Signal:SL=-18 NL=-50 RERL=55\r\n"
    "QualityEst:RLQ=90 RCQ=85 EXTRI=90 MOSLQ=4.2 MOSCQ=4.3 "
    "QoEEstAlg=P.564\r\n"
    "RemoteMetrics:\r\n"
    "PacketLoss:NLR=50.0 JDR=50.0\r\n"
    "Delay:RTD=9999 IAJ=9999\r\n"
    "QualityEst:MOSLQ=1.0\r\n"
    "DialogID:38419823470834;to-tag=8472761;from-tag=9123dh311\r\n";

static const struct {
	const char *name, *text;
	struct vqreport want;
} good[] = {
	{ "the RFC's form, its own ear alone", full, { SPAN_LIT(
	    "6dg37f1890463"), true, true, true, true, 700, 2000, 200, 420 } },
	{ "an interval, other case, bare LF, blanks",
	    "vqintervalreport\n: \ncallid : x\n", { .call_id = SPAN_LIT("x") } },
	{ "an alert", "VQAlertReport: Type=NLR Severity=Critical Dir=local\r\n"
	    "CallID: x\r\nLocalMetrics:\r\nPacketLoss:NLR=12.34 JDR=0\r\n",
	    { .call_id = SPAN_LIT("x"), .has_loss = true,
	    .loss_permyriad = 1234 } },
	{ "no discards told", LOCAL "PacketLoss: NLR=1\r\n",
	    { .call_id = SPAN_LIT("a1@10.0.0.5"), .has_loss = true,
	    .loss_permyriad = 100 } },
	{ "all lost and discarded", LOCAL "PacketLoss: NLR=100 JDR=100.00\r\n",
	    { .call_id = SPAN_LIT("a1@10.0.0.5"), .has_loss = true,
	    .loss_permyriad = 10000 } },
	{ "a wideband score ends at our scale", LOCAL "QualityEst: MOSLQ=4.9",
	    { .call_id = SPAN_LIT("a1@10.0.0.5"), .has_mos = true,
	    .mos_centi = 450 } },
	{ "three digits behind the point", LOCAL "QualityEst: MOSLQ=3.999",
	    { .call_id = SPAN_LIT("a1@10.0.0.5"), .has_mos = true,
	    .mos_centi = 399 } },
	{ "figures that are none", LOCAL "PacketLoss:NLR=x JDR=1\r\n"
	    "Delay:RTD=0 IAJ=-1\r\nQualityEst:MOSLQ=127 MOSCQ=4\r\n"
	    "QualityEst:MOSLQ=0.9\r\nDelay:RTD=20001 IAJ=60001\r\n"
	    "PacketLoss:NLR=100.01\r\nPacketLoss:NLR=\r\n",
	    { .call_id = SPAN_LIT("a1@10.0.0.5") } },
	{ "metrics before LocalMetrics are nobody's", HEAD
	    "PacketLoss:NLR=5\r\n", { .call_id = SPAN_LIT("a1@10.0.0.5") } },
};

static const struct {
	const char *name, *text;
	int want;
} bad[] = {
	{ "empty", "", -EBADMSG },
	{ "no report", "CallID: x\r\nVQSessionReport: CallTerm\r\n",
	    -EBADMSG },
	{ "no Call-ID", "VQSessionReport: CallTerm\r\nLocalMetrics:\r\n",
	    -EBADMSG },
	{ "an empty Call-ID", "VQSessionReport: CallTerm\r\nCallID: \r\n",
	    -EBADMSG },
	{ "an escape sequence", HEAD "LocalID: \033[2J\r\n", -EBADMSG },
	{ "DEL", HEAD "LocalID: \177\r\n", -EBADMSG },
};

START_TEST(good_ones_are_read)
{
	const struct vqreport *w = &good[_i].want;
	struct vqreport r;

	ck_assert_msg(vqreport_parse(lab_guarded(span_str(good[_i].text)),
	    &r) == 0, "%s", good[_i].name);
	ck_assert_msg(span_eq(r.call_id, w->call_id) &&
		r.has_loss == w->has_loss && r.has_jitter == w->has_jitter &&
		r.has_rtt == w->has_rtt && r.has_mos == w->has_mos &&
		r.loss_permyriad == w->loss_permyriad &&
		r.jitter_us == w->jitter_us && r.rtt_ms == w->rtt_ms &&
		r.mos_centi == w->mos_centi,
	    "%s: %.*s loss %u jitter %u rtt %u mos %u", good[_i].name,
	    (int)r.call_id.len, r.call_id.p, r.loss_permyriad, r.jitter_us,
	    r.rtt_ms, r.mos_centi);
}
END_TEST

START_TEST(bad_ones_are_refused_and_leave_no_trace)
{
	struct vqreport r = { .rtt_ms = 4711 };

	ck_assert_msg(vqreport_parse(lab_guarded(span_str(bad[_i].text)),
	    &r) == bad[_i].want, "%s", bad[_i].name);
	ck_assert_uint_eq(r.rtt_ms, 4711);
}
END_TEST

START_TEST(every_beginning_of_one_is_bounded)
{
	struct vqreport r;

	for (size_t len = 0; len < sizeof(full); len++)
		(void)vqreport_parse(lab_guarded(span_make(full, len)), &r);
}
END_TEST

START_TEST(too_much_is_refused)
{
	static char text[VQREPORT_BYTES_MAX + 1];
	struct vqreport r;
	size_t len = sizeof(HEAD) - 1;

	memset(text, 'x', sizeof(text));
	memcpy(text, HEAD, len);
	ck_assert_int_eq(vqreport_parse(span_make(text, sizeof(text)), &r),
	    -E2BIG);
	ck_assert_int_eq(vqreport_parse(span_make(text, VQREPORT_BYTES_MAX),
			     &r), 0);
	memset(text + len, '\n', VQREPORT_LINES_MAX - 2);
	ck_assert_int_eq(vqreport_parse(span_make(text,
			     len + VQREPORT_LINES_MAX - 2), &r), 0);
	text[len + VQREPORT_LINES_MAX - 2] = '\n';
	ck_assert_int_eq(vqreport_parse(span_make(text,
			     len + VQREPORT_LINES_MAX - 1), &r), -E2BIG);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("quality reports");
	TCase *c = tcase_create("RFC 6035");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(c, good_ones_are_read, 0,
	    (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(c, bad_ones_are_refused_and_leave_no_trace, 0,
	    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(c, every_beginning_of_one_is_bounded);
	tcase_add_test(c, too_much_is_refused);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
