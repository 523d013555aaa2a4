/* What is concluded when a phone's media was heard, or was not. */
#include <check.h>
#include <stdlib.h>

#include "sigproxy/core/unheard.h"
#include "common/ipc/proof.h"
#include "sigproxy/core/verdict.h"

static struct addr
addr_of(const char *text)
{
	struct addr a = { 0 };

	if (text != NULL && addr_parse(span_str(text), 1, &a) != 0)
		ck_abort_msg("%s", text);
	return a;
}

static const struct {
	const char *name, *contact;
	uint8_t zone, transport;
	enum home_nat want;
} homes[] = {
	{ "the port passed", "sip:201@192.168.1.10:5060", ZONE_EXTERNAL,
	    TRANSPORT_UDP, HOME_KEEPS },
	{ "another port", "sip:201@192.168.1.10:5070", ZONE_EXTERNAL,
	    TRANSPORT_UDP, HOME_CHANGES },
	{ "another port than STUN told for SIP", "sip:201@198.51.100.7:40000",
	    ZONE_EXTERNAL, TRANSPORT_UDP, HOME_SYMMETRIC },
	{ "a connection's port says nothing", "sip:201@192.168.1.10:5070",
	    ZONE_EXTERNAL, TRANSPORT_TCP, HOME_UNKNOWN },
	{ "the office", "sip:168@10.0.0.9:5070", ZONE_INTERNAL,
	    TRANSPORT_UDP, HOME_UNKNOWN },
	{ "a name", "sip:201@phone.invalid:5070", ZONE_EXTERNAL,
	    TRANSPORT_UDP, HOME_UNKNOWN },
	{ "no URI", "\"\"", ZONE_EXTERNAL, TRANSPORT_UDP, HOME_UNKNOWN },
	{ "the default port", "sip:201@192.168.1.10", ZONE_EXTERNAL,
	    TRANSPORT_UDP, HOME_KEEPS },
};

START_TEST(ports_tell_of_a_homes_router)
{
	const struct flow flow = { .zone = homes[_i].zone,
		.transport = homes[_i].transport,
		.remote = addr_of("198.51.100.7:5060") };

	ck_assert_msg(verdict_home(&flow, span_str(homes[_i].contact)) ==
	    homes[_i].want, "%s", homes[_i].name);
}
END_TEST

static const struct {
	const char *code;
	struct verdict_in in;
} verdicts[] = {
	{ "ok", { MEDIA_HEARD, true, MEDIA_PUNCHED, RANGE_CLOSED,
	    .home = HOME_SYMMETRIC } },
	{ "fell-silent", { MEDIA_SILENT, false, MEDIA_RANGE, RANGE_OPEN,
	    .home = HOME_KEEPS } },
	{ "wrong-source", { MEDIA_NEVER, true, MEDIA_PUNCHED, RANGE_CLOSED,
	    .home = HOME_SYMMETRIC } },
	{ "phone-silent", { MEDIA_NEVER, false, MEDIA_INTERNAL,
	    RANGE_UNKNOWN, .home = HOME_UNKNOWN } },
	{ "phone-silent", { MEDIA_NEVER, false, MEDIA_PUBLIC, RANGE_UNKNOWN,
	    .home = HOME_SYMMETRIC } },
	{ "phone-silent", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_OPEN,
	    .home = HOME_SYMMETRIC } },
	{ "range-not-forwarded", { MEDIA_NEVER, false, MEDIA_RANGE,
	    RANGE_UNKNOWN, .home = HOME_SYMMETRIC } },
	{ "range-not-forwarded", { MEDIA_NEVER, false, MEDIA_RANGE,
	    RANGE_CLOSED, .home = HOME_KEEPS } },
	{ "symmetric-no-range", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_UNKNOWN, .home = HOME_SYMMETRIC } },
	{ "ports-changed-no-range", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, .home = HOME_CHANGES } },
	{ "never-heard", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    .home = HOME_KEEPS } },
	{ "never-heard", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_UNKNOWN,
	    .home = HOME_UNKNOWN } },
	/* By TCP and TLS: what SDP and other phones tell. */
	/* By TCP and TLS: what SDP and other phones tell. */
	{ "never-heard-with-stun", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_UNKNOWN, .asks_stun = true,
	    .others = HOME_CHANGES } },
	{ "never-heard-with-stun", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_CHANGES, .asks_stun = true } },
	{ "symmetric-no-range", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_UNKNOWN, .asks_stun = true,
	    .others = HOME_SYMMETRIC } },
	{ "symmetric-no-range", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_UNKNOWN, .others = HOME_SYMMETRIC } },
	{ "ports-changed-no-range", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_UNKNOWN, .others = HOME_CHANGES } },
	{ "never-heard", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    HOME_UNKNOWN, .others = HOME_KEEPS } },
	{ "never-heard", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    HOME_KEEPS, .others = HOME_CHANGES } },
	/* Two phones with the SIP port 5060: the router moved one. */
	{ "never-heard", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    HOME_CHANGES, .others = HOME_KEEPS } },
	{ "same-port-in-home", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_KEEPS, .same_port = true } },
	{ "same-port-in-home", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_CHANGES, .same_port = true,
	    .others = HOME_KEEPS } },
	{ "ports-changed-no-range", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_CHANGES, .same_port = true,
	    .others = HOME_CHANGES } },
	/* Heard, then not. */
	{ "fell-silent", { MEDIA_SILENT, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, .home = HOME_UNKNOWN } },
	{ "stopped-sending", { MEDIA_SILENT, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, .sight = SEEN_SILENT } },
	{ "moved-in-call", { MEDIA_SILENT, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, .sight = SEEN_MOVED } },
	{ "moved-in-call", { MEDIA_SILENT, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, .sight = SEEN_EACH_PEER } },
	{ "home-lost", { MEDIA_SILENT, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, .sight = SEEN_LOST } },
	{ "fell-silent", { MEDIA_SILENT, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, .sight = SEEN_AS_SAID } },
	{ "ok", { MEDIA_PAUSED, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    .sight = SEEN_LOST } },
	/* What came to our SIP port is certain, whatever the signs. */
	{ "symmetric-no-range", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_KEEPS, .sight = SEEN_EACH_PEER } },
	{ "home-moves-ports", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_UNKNOWN, .sight = SEEN_MOVED } },
	{ "office-router", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    HOME_CHANGES, .sight = SEEN_AS_SAID } },
	{ "phone-silent", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    HOME_SYMMETRIC, .asks_stun = true, .sight = SEEN_SILENT } },
	{ "symmetric-no-range", { MEDIA_NEVER, false, MEDIA_PUNCHED,
	    RANGE_CLOSED, HOME_UNKNOWN, .sight = SEEN_EACH_PEER,
	    .address_old = true } },
	{ "wrong-source", { MEDIA_NEVER, true, MEDIA_PUNCHED, RANGE_CLOSED,
	    HOME_UNKNOWN, .sight = SEEN_SILENT } },
	{ "ok", { MEDIA_HEARD, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    HOME_UNKNOWN, .sight = SEEN_MOVED } },
	{ "phone-silent", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_OPEN,
	    HOME_UNKNOWN, .same_port = true, .others = HOME_CHANGES } },
	{ "address-old", { MEDIA_NEVER, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    HOME_SYMMETRIC, .address_old = true } },
	{ "address-old", { MEDIA_NEVER, false, MEDIA_RANGE, RANGE_OPEN,
	    HOME_UNKNOWN, .address_old = true } },
	{ "phone-silent", { MEDIA_NEVER, false, MEDIA_PUBLIC, RANGE_UNKNOWN,
	    HOME_UNKNOWN, .address_old = true } },
	{ "ok", { MEDIA_HEARD, false, MEDIA_PUNCHED, RANGE_CLOSED,
	    HOME_UNKNOWN, .address_old = true, .same_port = true } },
};

START_TEST(the_verdict_follows_from_what_was_seen)
{
	enum media_verdict v = verdict_media(&verdicts[_i].in);

	ck_assert_str_eq(media_verdict_code(v), verdicts[_i].code);
	ck_assert_uint_gt(strlen(verdict_words(v)), 10);
}
END_TEST

static void
unheard(struct unheard *u, struct span number, enum media_verdict verdict,
    const char *seen)
{
	struct addr at = addr_of("198.51.100.7:5060"), from = addr_of(seen);
	const struct ipc_call_reach reach = { .verdict = (uint8_t)verdict,
		.said = addr_of("203.0.113.10:16384"),
		.announced = addr_of("192.168.1.10:10000"), .seen = from,
		.proof = seen == NULL ? PROOF_NONE : PROOF_SEEN_SENT };
	const struct unheard_phone phone = { number, &at, &reach };

	unheard_note(u, &phone, (struct mono){ 5000000 });
}

START_TEST(the_last_eight_unheard_are_remembered_until_they_are_heard)
{
	struct mono now = { 5000000 };
	struct unheard u = { 0 };
	char number[] = "200", mem[4096];
	struct buf b;

	for (unsigned i = 0; i < UNHEARD_MAX + 2; i++) {
		number[2] = (char)('0' + i);
		unheard(&u, span_str(number), VERDICT_MEDIA_NEVER_HEARD, NULL);
	}
	unheard(&u, SPAN_LIT("203"), VERDICT_MEDIA_OK, NULL);
	unheard(&u, SPAN_LIT("2\",\"x\\"), VERDICT_MEDIA_NEVER_HEARD, NULL);
	unheard(&u, SPAN_LIT("204"), VERDICT_MEDIA_SYMMETRIC_NO_RANGE,
	    "198.51.100.7:41000");
	unheard(&u, SPAN_NONE, VERDICT_MEDIA_NEVER_HEARD, NULL);
	buf_init(&b, mem, sizeof(mem) - 1);
	unheard_status(&u, mono_add_ms(now, 9000), &b);
	ck_assert_int_eq(buf_err(&b), 0);
	mem[b.len] = '\0';
	ck_assert_ptr_nonnull(strstr(mem, "{\"number\":\"209\",\"at\":"
	    "\"198.51.100.7\",\"announced\":\"192.168.1.10:10000\","
	    "\"evidence\":\"\",\"verdict\":\"never-heard\",\"words\":\""));
	ck_assert_ptr_nonnull(strstr(mem, "\"204\",\"at\":\"198.51.100.7\","
	    "\"announced\":\"192.168.1.10:10000\","
	    "\"came_from\":\"198.51.100.7:41000\",\"evidence\":\"it announced "
	    "192.168.1.10:10000; its sound came to our SIP port from "
	    "198.51.100.7:41000; the relay (203.0.113.10:16384) sent first to "
	    "there, too, and nothing came\",\"verdict\":\"symmetric-no-range\""));
	ck_assert_ptr_nonnull(strstr(mem,
	    "{\"number\":\"2\\\",\\\"x\\\\\",\"at\":"));
	ck_assert_ptr_nonnull(strstr(mem, "\"ago_s\":9}"));
	ck_assert_ptr_null(strstr(mem, "\"200\""));
	ck_assert_ptr_null(strstr(mem, "\"203\""));
	ck_assert_uint_lt(b.len, 3900);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("verdict");
	TCase *tc = tcase_create("verdict");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, ports_tell_of_a_homes_router, 0,
	    sizeof(homes) / sizeof(homes[0]));
	tcase_add_loop_test(tc, the_verdict_follows_from_what_was_seen, 0,
	    sizeof(verdicts) / sizeof(verdicts[0]));
	tcase_add_test(tc,
	    the_last_eight_unheard_are_remembered_until_they_are_heard);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
