/* Registrations of our own: which are wanted, and digests for nothing else. */
#include <stdio.h>

#include "registrar-db/io/accounts.h"
#include "tests/unit/regdb/lab.h"

#define CONTACT "sip:168@192.168.1.20:5060;line=abc"
#define WORD "Their-word-for-us-5"
#define ITSP                                                               \
	"INSERT INTO trunk(name, address, transport, prefix, username, "   \
	"auth_username, password, register, from_domain, expires_s) "      \
	"VALUES ('itsp', '198.51.100.20:5062', 'udp', '0', 'office', "     \
	"'auth-office', '" WORD "', 1, '', 300)"
#define PBX                                                                \
	"INSERT INTO trunk(name, address, transport, prefix, mirror, "     \
	"realm) VALUES ('pbx', 'pbx.example:5060', 'udp', '', 1, 'pbx');"  \
	"INSERT INTO mirror(number, trunk, username, password) "           \
	"VALUES ('168', 'pbx', 'ext168', '" WORD "')"

static struct ipc_account_want want;
static char texts[3][256];

static const char *
text(unsigned i, struct span s)
{
	snprintf(texts[i], sizeof(texts[i]), "%.*s", (int)s.len,
	    s.p == NULL ? "" : s.p);
	return texts[i];
}

/* The next one of this kind. */
static void
take(enum account_kind kind)
{
	do
		ck_assert_int_eq(get_account_want(lab_take(IPC_ACCOUNT_WANT),
			&want), 0);
	while (want.kind != kind);
}

static struct ipc_account_say
ask_for(uint64_t id, const char *realm, const char *algorithm)
{
	struct ipc_account_ask ask = { .id = id, .question = 9,
		.realm = span_str(realm), .nonce = SPAN_LIT("n1"),
		.algorithm = span_str(algorithm), .qop = SPAN_LIT("auth"),
		.nc = SPAN_LIT("00000001"), .cnonce = SPAN_LIT("c1") };
	struct ipc_account_say say;
	char mem[1024];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, ACCOUNT_ASK, account_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_account_say(lab_take(IPC_ACCOUNT_SAY), &say), 0);
	ck_assert_uint_eq(say.id, id);
	ck_assert_uint_eq(say.question, 9);
	return say;
}

static void
tell(uint64_t id, uint8_t state, uint32_t expires_s, const char *why)
{
	struct ipc_account_note note = { .id = id, .state = state,
		.status = state == ACCOUNT_REGISTERED ? 200 : 403,
		.expires_s = expires_s, .why = span_str(why) };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, ACCOUNT_NOTE, account_note, &note);
	lab_send(&b);
}

/* The response that this user, uri and method make. */
static void
is_right(const struct ipc_account_say *say, enum digest_alg alg,
    const char *user, const char *realm, const char *uri)
{
	const struct digest_in in = { .method = SPAN_LIT("REGISTER"),
		.uri = span_str(uri), .nonce = SPAN_LIT("n1"),
		.nc = SPAN_LIT("00000001"), .cnonce = SPAN_LIT("c1"),
		.qop = SPAN_LIT("auth") };
	char ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];
	struct digest *d = digest_new();
	size_t n = digest_hex_len(alg);

	ck_assert_uint_eq(say->refusal, ACCOUNT_OK);
	ck_assert_int_eq(digest_ha1(d, alg, span_str(user), span_str(realm),
		span_str(WORD), ha1), 0);
	ck_assert_int_eq(digest_response(d, alg, span_make(ha1, n), &in,
		response), 0);
	ck_assert(span_eq(say->response, span_make(response, n)));
	ck_assert(span_eq(say->username, span_str(user)));
	ck_assert(span_eq(say->uri, span_str(uri)));
	digest_free(d);
}

START_TEST(a_trunk_that_registers)
{
	struct ipc_account_say say;
	uint64_t id, stamp;

	lab_ok(ITSP);
	take(ACCOUNT_TRUNK);
	id = want.id;
	ck_assert_uint_eq(want.trunk, id);
	ck_assert_str_eq(text(0, want.user), "office");
	ck_assert_str_eq(text(1, want.host), "198.51.100.20");
	ck_assert_uint_eq(want.expires_s, 300);
	ck_assert_uint_eq(want.left_s, 0);
	stamp = want.stamp;
	say = ask_for(id, "anything", "");
	is_right(&say, DIGEST_MD5, "auth-office", "anything",
	    "sip:198.51.100.20");
	say = ask_for(id, "r", "SHA-256");
	is_right(&say, DIGEST_SHA256, "auth-office", "r",
	    "sip:198.51.100.20");
	lab_until(!lab_on_disk(WORD));
	/* Only what an admin changed of it makes it another one. */
	lab_ok("UPDATE trunk SET ping_s = 10");
	lab_ok("UPDATE trunk SET expires_s = 600");
	take(ACCOUNT_TRUNK);
	ck_assert_uint_ne(want.stamp, stamp);
	lab_ok("UPDATE trunk SET enabled = 0");
	take(ACCOUNT_GONE);
	ck_assert_uint_eq(want.id, id);
	/* To tell the registrar so takes one digest more. */
	say = ask_for(id, "r", "MD5");
	ck_assert_uint_eq(say.refusal, ACCOUNT_OK);
}
END_TEST

START_TEST(what_gets_no_digest)
{
	uint64_t id;
	unsigned n = 0;

	lab_ok(ITSP);
	take(ACCOUNT_TRUNK);
	id = want.id;
	ck_assert_uint_eq(ask_for(id + 1, "r", "MD5").refusal,
	    ACCOUNT_UNKNOWN);
	ck_assert_uint_eq(ask_for(ACCOUNT_MIRROR_BASE + 1, "r", "MD5").refusal,
	    ACCOUNT_UNKNOWN);
	ck_assert_uint_eq(ask_for(id, "r", "AKAv1-MD5").refusal,
	    ACCOUNT_UNKNOWN);
	/* A captured sigproxy has a dozen, then one each five seconds. */
	while (ask_for(id, "r", "MD5").refusal == ACCOUNT_OK)
		n++;
	ck_assert_uint_le(n, 12);
	ck_assert_uint_ge(n, 8);
	ck_assert_uint_eq(ask_for(id, "r", "MD5").refusal, ACCOUNT_BUSY);
	lab_later(5000);
	ck_assert_uint_eq(ask_for(id, "r", "MD5").refusal, ACCOUNT_OK);
	ck_assert_uint_eq(ask_for(id, "r", "MD5").refusal, ACCOUNT_BUSY);
}
END_TEST

START_TEST(a_mirror_follows_the_phones)
{
	struct ipc_account_say say;
	uint64_t id;

	lab_subscriber();
	lab_ok(PBX);
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	take(ACCOUNT_MIRROR);
	id = want.id;
	ck_assert_uint_gt(id, ACCOUNT_MIRROR_BASE);
	ck_assert_str_eq(text(0, want.user), "ext168");
	ck_assert_str_eq(text(1, want.host), "pbx.example");
	ck_assert_str_eq(text(2, want.number), "168");
	say = ask_for(id, "pbx", "MD5");
	is_right(&say, DIGEST_MD5, "ext168", "pbx", "sip:pbx.example");
	/* The admin said which realm it is. */
	ck_assert_uint_eq(ask_for(id, "other", "MD5").refusal,
	    ACCOUNT_REALM);
	ck_assert_str_eq(lab_look("SELECT state FROM mirror_registration"),
	    "waiting");
	ck_assert_int_eq(lab_register(CONTACT, 0), VERDICT_OK);
	take(ACCOUNT_GONE);
	ck_assert_uint_eq(want.id, id);
	ck_assert_str_eq(lab_look("SELECT state FROM mirror_registration"),
	    "no phone");
}
END_TEST

START_TEST(what_was_registered_is_not_registered_anew)
{
	uint64_t id;

	lab_ok(ITSP);
	take(ACCOUNT_TRUNK);
	id = want.id;
	tell(id, ACCOUNT_REGISTERED, 300, "");
	lab_until(strcmp(lab_look("SELECT state FROM trunk_registration"),
	    "registered") == 0);
	lab_new_sigproxy();
	take(ACCOUNT_TRUNK);
	ck_assert_uint_ge(want.left_s, 290);
	ck_assert_uint_le(want.left_s, 300);
	take(ACCOUNT_ALL);
	/* Another password: another registration. */
	lab_ok("UPDATE trunk SET password = 'Their-new-word-6'");
	take(ACCOUNT_TRUNK);
	ck_assert_uint_eq(want.left_s, 0);
	tell(id, ACCOUNT_FAILED, 0, "the registrar forbids it");
	lab_until(strcmp(lab_look("SELECT why FROM trunk_registration"),
	    "the registrar forbids it") == 0);
	lab_restart();
	take(ACCOUNT_TRUNK);
	ck_assert_uint_eq(want.left_s, 0);
	tell(id, ACCOUNT_ENDED, 0, "");
	lab_until(strcmp(lab_look("SELECT state FROM trunk_registration"),
	    "waiting") == 0);
	/* Of what nobody wants nothing is kept. */
	tell(id + 77, ACCOUNT_REGISTERED, 300, "");
	tell(id, ACCOUNT_REGISTERED, 300, "");
	lab_until(strcmp(lab_look("SELECT state FROM trunk_registration"),
	    "registered") == 0);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM account"), "1");
}
END_TEST

static void
with_id(const char *id, const char *name)
{
	char sql[512];

	snprintf(sql, sizeof(sql), "INSERT INTO trunk(id, name, address, "
	    "transport, prefix, username, password, register) VALUES (%s, "
	    "'%s', '198.51.100.21', 'udp', '', 'u', '" WORD "', 1)", id, name);
	lab_ok(sql);
}

START_TEST(an_id_that_no_message_can_say_is_passed_over)
{
	with_id("1000000", "the-last");
	take(ACCOUNT_TRUNK);
	ck_assert_uint_eq(want.id, 1000000);
	/* To the schema both look like an id that was left out. */
	with_id("NULL", "above");
	with_id("-1", "below");
	ck_assert_str_eq(lab_look("SELECT min(id) || max(id) FROM trunk"),
	    "-11000001");
	lab_ok("UPDATE trunk SET expires_s = 700");
	take(ACCOUNT_TRUNK);
	ck_assert_uint_eq(want.id, 1000000);
	lab_restart();
	take(ACCOUNT_TRUNK);
	ck_assert_uint_eq(want.id, 1000000);
}
END_TEST

void
add_account_tests(Suite *s)
{
	TCase *t = tcase_create("accounts");

	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, a_trunk_that_registers);
	tcase_add_test(t, what_gets_no_digest);
	tcase_add_test(t, a_mirror_follows_the_phones);
	tcase_add_test(t, what_was_registered_is_not_registered_anew);
	tcase_add_test(t, an_id_that_no_message_can_say_is_passed_over);
	suite_add_tcase(s, t);
}
