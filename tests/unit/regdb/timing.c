/*
 * How long registrar-db takes for each kind of no, with every answer really
 * looked at: the clock goes on, so that no budget is spent.  Prints medians
 * and Welch's t against a wrong password; asserts that each is the same 403.
 *
 *	regdb-timing [ROUNDS]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/regdb/lab.h"

enum { KINDS = 7, ROUNDS = 2000 };

static const char *const kinds[KINDS] = { "wrong password", "disabled",
	"no internet flag", "missing", "missing, its decoy's row deleted",
	"digest too weak, password right", "digest too weak, password wrong" };
static char names[KINDS][16] = { "SIP-168", "SIP-169", "SIP-170",
	[5] = "SIP-176", [6] = "SIP-177" };
static unsigned rounds = ROUNDS;
static double *took_us[KINDS];

/* Ten subscribers, of which four are deleted: gaps between the numbers. */
static void
fill(void)
{
	lab_subscriber();
	lab_ok("INSERT INTO subscriber(number, name, username, password, "
	       "internet, enabled) VALUES "
	       "('169','a','SIP-169','" PASSWORD "',1,0),"
	       "('170','a','SIP-170','" PASSWORD "',0,1),"
	       "('171','a','SIP-171','" PASSWORD "',1,1),"
	       "('172','a','SIP-172','" PASSWORD "',1,1),"
	       "('173','a','SIP-173','" PASSWORD "',1,1),"
	       "('174','a','SIP-174','" PASSWORD "',1,1),"
	       "('175','a','SIP-175','" PASSWORD "',1,1),"
	       "('176','a','SIP-176','" PASSWORD "',1,1),"
	       "('177','a','SIP-177','" PASSWORD "',1,1);");
	lab_until(strcmp(lab_look("SELECT count(*) FROM subscriber WHERE "
				  "realm IS NOT NULL"), "10") == 0);
	lab_ok("UPDATE subscriber SET min_digest = 'sha256' "
	       "WHERE number IN (176, 177)");
	lab_ok("DELETE FROM subscriber WHERE number IN (171,172,173,174);");
	lab_until(lab.oracle->last_id == 10);
}

/* A name that nobody has, with a decoy that is there or is not. */
static void
find_missing(char out[16], bool gone)
{
	for (unsigned i = 700; i < 1000; i++) {
		uint64_t id;

		snprintf(out, 16, "SIP-%u", i);
		id = 1 + meter_hash(lab.oracle->verify.meter, span_str(out)) %
			10;
		if ((id >= 4 && id <= 7) == gone)
			return;
	}
	ck_abort_msg("no such name");
}

/* An MD5 answer as somebody with this password gives it. */
static void
answer(struct ipc_digest *a, const char *password)
{
	static char response[DIGEST_HEX_MAX];
	struct digest *d = lab.oracle->verify.digest;
	const struct digest_in in = { a->method, a->uri, a->nonce, a->nc,
		a->cnonce, a->qop, SPAN_NONE };
	char ha1[DIGEST_HEX_MAX];

	digest_ha1(d, DIGEST_MD5, a->username, a->realm, span_str(password),
	    ha1);
	digest_response(d, DIGEST_MD5, span_make(ha1, 32), &in, response);
	a->response = span_make(response, 32);
}

static double
ask_once(const char *username, const char *password)
{
	struct ipc_reg_ask ask = lab_reg("<sip:168@192.0.2.1>", 60);
	uint64_t began;

	ask.flow = flow_of(ZONE_EXTERNAL, "203.0.113.66:5060");
	ask.aor_user = span_str(username + 4);
	ask.digest.username = span_str(username);
	answer(&ask.digest, password);
	began = uv_hrtime();
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_FORBIDDEN);
	return (double)(uv_hrtime() - began) / 1000;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Of the fastest nine tenths: the rest is the machine's other work. */
static void
moments(const double *x, double *mean_out, double *var_out)
{
	unsigned n = rounds * 9 / 10;
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < n; i++)
		sum += x[i];
	for (unsigned i = 0; i < n; i++)
		squares += (x[i] - sum / n) * (x[i] - sum / n);
	*mean_out = sum / n;
	*var_out = squares / (n - 1) / n;
}

static void
print(void)
{
	double mean0 = 0, var0 = 0;

	for (unsigned k = 0; k < KINDS; k++) {
		double mean, var;

		qsort(took_us[k], rounds, sizeof(double), by_value);
		moments(took_us[k], &mean, &var);
		if (k == 0) {
			mean0 = mean;
			var0 = var;
		}
		printf("%s: %u answers, median %.2f us, %+.2f us, t %+.2f\n",
		    kinds[k], rounds, took_us[k][rounds / 2],
		    took_us[k][rounds / 2] - took_us[0][rounds / 2],
		    (mean - mean0) / sqrt(var + var0));
	}
}

START_TEST(every_no_takes_as_long)
{
	fill();
	find_missing(names[3], false);
	find_missing(names[4], true);
	for (unsigned k = 0; k < KINDS; k++)
		took_us[k] = calloc(rounds, sizeof(double));
	for (unsigned i = 0; i < rounds; i++) {
		lab_later(21000);
		for (unsigned k = 0; k < KINDS; k++) {
			unsigned kind = (k + i) % KINDS;

			took_us[kind][i] = ask_once(names[kind],
			    kind == 5 ? PASSWORD : "something-else-99");
		}
	}
	ck_assert_uint_eq(lab.oracle->wrong, 5 * (uint64_t)rounds);
	print();
}
END_TEST

int
main(int argc, char *argv[])
{
	Suite *s = suite_create("timing");
	TCase *t = tcase_create("timing");
	SRunner *r = srunner_create(s);
	int failed;

	if (argc > 1)
		rounds = (unsigned)strtoul(argv[1], NULL, 10);
	tcase_add_unchecked_fixture(t, lab_setup, lab_teardown);
	tcase_set_timeout(t, 0);
	tcase_add_test(t, every_no_takes_as_long);
	suite_add_tcase(s, t);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
