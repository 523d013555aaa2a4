/* REGISTER through the door, the queue, SQLite and back. */
#include <stdio.h>

#include "tests/unit/regdb/lab.h"

#define CONTACT "sip:168@192.168.1.20:5060;line=abc"

START_TEST(a_right_register_is_stored_and_listed)
{
	struct ipc_reg_ask ask;
	struct ipc_reg_say say;

	lab_subscriber();
	ask = lab_reg(CONTACT, 3600);
	say = lab_reg_ask(&ask);
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	assert_span(say.number, "168");
	ck_assert_uint_eq(say.n_bindings, 1);
	assert_span(say.bindings[0].uri, CONTACT);
	ck_assert_uint_eq(say.bindings[0].expires_s, 60);
	ck_assert_str_eq(lab_look("SELECT number || ' ' || contact || ' ' || "
				  "source || ' ' || transport || ' ' || zone "
				  "|| ' ' || user_agent FROM registration"),
	    "168 " CONTACT " " PHONE " udp external test/1.0");
}
END_TEST

START_TEST(it_survives_a_kill_right_after_the_answer)
{
	struct ipc_flow_keep keep;

	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	lab_restart();
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"), "1");
	ck_assert_int_eq(get_flow_keep(lab_take(IPC_FLOW_KEEP), &keep), 0);
	ck_assert_int_eq(keep.flow.remote.port, 4711);
	ck_assert_uint_eq(keep.nated, 1);
	ck_assert_uint_ge(keep.expires_s, 50);
}
END_TEST

START_TEST(a_replayed_answer_is_stale)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	ask = lab_reg(CONTACT, 3600);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ask.cseq++;
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_STALE);
}
END_TEST

START_TEST(nonces_of_an_earlier_life_are_stale)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	ask = lab_reg(CONTACT, 3600);
	lab_restart();
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_STALE);
}
END_TEST

/* What a captured sigproxy, or a stranger, may try. */
enum twist { WRONG_PASSWORD, UNKNOWN_USER, OTHERS_AOR, INVITE_ANSWER,
	ODD_URI, QUOTES };

START_TEST(what_is_not_right_is_not_stored)
{
	static const struct { enum twist twist; enum verdict want; } rows[] = {
		{ WRONG_PASSWORD, VERDICT_FORBIDDEN },
		{ UNKNOWN_USER, VERDICT_FORBIDDEN },
		{ OTHERS_AOR, VERDICT_FORBIDDEN },
		{ INVITE_ANSWER, VERDICT_BAD },
		{ ODD_URI, VERDICT_BAD },
		{ QUOTES, VERDICT_FORBIDDEN },
	};

	lab_subscriber();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipc_reg_ask ask = lab_reg(CONTACT, 3600);

		switch (rows[i].twist) {
		case WRONG_PASSWORD:
			ask.digest = lab_digest("REGISTER",
			    "sip:sip.example.org", lab_nonce(), "wrong-one-99");
			break;
		case UNKNOWN_USER:
			ask.digest.username = S("nobody");
			break;
		case OTHERS_AOR:
			ask.aor_user = S("169");
			break;
		case INVITE_ANSWER:
			ask.digest = lab_digest("INVITE",
			    "sip:sip.example.org", lab_nonce(), PASSWORD);
			break;
		case ODD_URI:
			ask.digest = lab_digest("REGISTER", "/index.html",
			    lab_nonce(), PASSWORD);
			break;
		case QUOTES:
			ask.digest.username = S("';DROP TABLE subscriber;--");
			break;
		}
		ck_assert_msg(lab_reg_ask(&ask).verdict == rows[i].want,
		    "row %zu", i);
	}
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"), "0");
	ck_assert_str_eq(lab_look("SELECT count(*) FROM subscriber"), "1");
}
END_TEST

/* Answer anew in another algorithm. */
static struct ipc_digest
answer_in(enum digest_alg alg, struct span nonce)
{
	static char response[DIGEST_HEX_MAX];
	struct digest *d = lab.oracle->verify.digest;
	struct ipc_digest a = lab_digest("REGISTER", "sip:sip.example.org",
	    nonce, PASSWORD);
	const struct digest_in in = { a.method, a.uri, a.nonce, a.nc, a.cnonce,
		a.qop, SPAN_NONE };
	char ha1[DIGEST_HEX_MAX];

	digest_ha1(d, alg, a.username, a.realm, S(PASSWORD), ha1);
	digest_response(d, alg, span_make(ha1, digest_hex_len(alg)), &in,
	    response);
	a.algorithm = span_str(digest_alg_name(alg));
	a.response = span_make(response, digest_hex_len(alg));
	return a;
}

START_TEST(every_algorithm_registers_and_min_digest_is_a_limit)
{
	static const char *const least[] = { "NULL", "'md5'", "'sha256'",
		"'sha512-256'" };
	char sql[80];

	lab_subscriber();
	for (int l = 0; l < 4; l++) {
		snprintf(sql, sizeof(sql), "UPDATE subscriber SET min_digest = "
		    "%s", least[l]);
		lab_ok(sql);
		for (int i = 0; i < DIGEST_ALGS; i++) {
			struct ipc_reg_ask ask = lab_reg(CONTACT, 3600);
			struct ipc_reg_say say;
			bool ok = i >= l - 1;

			ask.digest = answer_in((enum digest_alg)i, lab_nonce());
			say = lab_reg_ask(&ask);
			ck_assert_msg(say.verdict == (ok ? VERDICT_OK :
				VERDICT_FORBIDDEN), "%s %d", least[l], i);
			ck_assert_uint_eq(say.nonce_left_s > 290, ok);
			ck_assert_uint_le(say.nonce_left_s, 300);
		}
	}
}
END_TEST

START_TEST(without_the_internet_flag_only_the_office_registers)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	lab_ok("UPDATE subscriber SET internet = 0");
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_FORBIDDEN);
	ask = lab_reg(CONTACT, 3600);
	ask.flow = flow_of(ZONE_INTERNAL, "10.0.0.9:5060");
	ask.nated = 0;
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
}
END_TEST

START_TEST(too_brief_names_the_least)
{
	struct ipc_reg_ask ask;
	struct ipc_reg_say say;

	lab_subscriber();
	ask = lab_reg(CONTACT, 5);
	say = lab_reg_ask(&ask);
	ck_assert_uint_eq(say.verdict, VERDICT_BRIEF);
	ck_assert_uint_eq(say.min_expires_s, 30);
	ck_assert_uint_eq(say.n_bindings, 0);
}
END_TEST

START_TEST(asking_lists_without_writing)
{
	struct ipc_reg_ask ask;
	struct ipc_reg_say say;
	uint64_t commits;

	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	commits = queue_commits(lab.oracle->queue);
	ask = lab_reg(NULL, 0);
	say = lab_reg_ask(&ask);
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	ck_assert_uint_eq(say.n_bindings, 1);
	ck_assert_uint_eq(queue_commits(lab.oracle->queue), commits);
}
END_TEST

START_TEST(asking_for_another_ones_bindings_is_refused)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	ask = lab_reg(NULL, 0);
	ask.aor_user = S("169");
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_FORBIDDEN);
}
END_TEST

START_TEST(the_last_binding_takes_its_flow_along)
{
	struct ipc_flow_gone gone;

	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ck_assert(!lab_has(IPC_FLOW_GONE));
	ck_assert_int_eq(lab_register(CONTACT, 0), VERDICT_OK);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"), "0");
	ck_assert_int_eq(get_flow_gone(lab_take(IPC_FLOW_GONE), &gone), 0);
	ck_assert_int_eq(gone.flow.remote.port, 4711);
}
END_TEST

START_TEST(a_moved_phone_leaves_its_old_flow)
{
	struct ipc_reg_ask ask;
	struct ipc_flow_gone gone;

	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ask = lab_reg(CONTACT, 3600);
	ask.flow = flow_of(ZONE_EXTERNAL, "198.51.100.7:5999");
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ck_assert_int_eq(get_flow_gone(lab_take(IPC_FLOW_GONE), &gone), 0);
	ck_assert_int_eq(gone.flow.remote.port, 4711);
	ck_assert_str_eq(lab_look("SELECT source FROM registration"),
	    "198.51.100.7:5999");
}
END_TEST

START_TEST(expired_bindings_go_by_themselves)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	lab_ok("UPDATE registration SET expires_at = 1000");
	ask = lab_reg(NULL, 0);
	ck_assert_uint_eq(lab_reg_ask(&ask).n_bindings, 0);
	lab_until(lab_has(IPC_FLOW_GONE));
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"), "0");
}
END_TEST

START_TEST(many_at_once_share_a_commit)
{
	char mem[64 * 1024];
	struct buf b;
	uint64_t commits;

	lab_subscriber();
	buf_init(&b, mem, sizeof(mem));
	commits = queue_commits(lab.oracle->queue);
	for (int i = 0; i < 40; i++) {
		struct ipc_reg_ask ask = lab_reg(CONTACT, 3600);

		ask.id = (uint32_t)i;
		IPC_FRAME(&b, REG_ASK, reg_ask, &ask);
	}
	lab_send(&b);
	for (uint32_t i = 0; i < 40; i++) {
		struct ipc_reg_say say;

		ck_assert_int_eq(get_reg_say(lab_take(IPC_REG_SAY), &say), 0);
		ck_assert_uint_eq(say.id, i);
		ck_assert_uint_eq(say.verdict, VERDICT_OK);
	}
	/* Theirs, and perhaps one that the new subscriber brought about. */
	ck_assert_uint_ge(queue_commits(lab.oracle->queue), commits + 1);
	ck_assert_uint_le(queue_commits(lab.oracle->queue), commits + 2);
}
END_TEST

START_TEST(one_bad_of_many_undoes_only_itself)
{
	char mem[16 * 1024];
	struct ipc_reg_ask first, late;
	struct ipc_reg_say say;
	struct buf b;

	lab_subscriber();
	buf_init(&b, mem, sizeof(mem));
	first = lab_reg(CONTACT, 3600);
	first.id = 1;
	IPC_FRAME(&b, REG_ASK, reg_ask, &first);
	late = lab_reg(CONTACT, 3600);
	late.id = 2;
	late.cseq = first.cseq;
	IPC_FRAME(&b, REG_ASK, reg_ask, &late);
	lab_send(&b);
	ck_assert_int_eq(get_reg_say(lab_take(IPC_REG_SAY), &say), 0);
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	ck_assert_int_eq(get_reg_say(lab_take(IPC_REG_SAY), &say), 0);
	ck_assert_uint_eq(say.id, 2);
	ck_assert_uint_eq(say.verdict, VERDICT_BAD);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"), "1");
}
END_TEST

START_TEST(a_broken_frame_closes_the_door_and_nothing_else)
{
	char mem[16];
	struct buf b;

	lab_subscriber();
	buf_init(&b, mem, sizeof(mem));
	ipc_end(&b, ipc_begin(&b, IPC_REG_ASK));
	lab_send(&b);
	lab_until(!door_is_up(lab.oracle->sig));
	lab_new_sigproxy();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
}
END_TEST

void
add_register_tests(Suite *s)
{
	TCase *t = tcase_create("register");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, a_right_register_is_stored_and_listed);
	tcase_add_test(t, it_survives_a_kill_right_after_the_answer);
	tcase_add_test(t, a_replayed_answer_is_stale);
	tcase_add_test(t, nonces_of_an_earlier_life_are_stale);
	tcase_add_test(t, what_is_not_right_is_not_stored);
	tcase_add_test(t, every_algorithm_registers_and_min_digest_is_a_limit);
	tcase_add_test(t, without_the_internet_flag_only_the_office_registers);
	tcase_add_test(t, too_brief_names_the_least);
	tcase_add_test(t, asking_lists_without_writing);
	tcase_add_test(t, asking_for_another_ones_bindings_is_refused);
	tcase_add_test(t, the_last_binding_takes_its_flow_along);
	tcase_add_test(t, a_moved_phone_leaves_its_old_flow);
	tcase_add_test(t, expired_bindings_go_by_themselves);
	tcase_add_test(t, many_at_once_share_a_commit);
	tcase_add_test(t, one_bad_of_many_undoes_only_itself);
	tcase_add_test(t, a_broken_frame_closes_the_door_and_nothing_else);
	suite_add_tcase(s, t);
}
