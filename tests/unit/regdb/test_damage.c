/* The file is damaged, moved away, held open, or the key is another one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/regdb/lab.h"

#define CONTACT "sip:168@192.168.1.20"
#if defined(__has_feature)
#define SLOW __has_feature(address_sanitizer)
#else
#define SLOW 0
#endif
#define ROUNDS (SLOW ? 48 : 120)
#define FILE_MAX (1024 * 1024)

static char other_dir[80], other[96];
static unsigned char whole[FILE_MAX], bad[FILE_MAX];

static size_t
load(const char *path, unsigned char *to)
{
	FILE *f = fopen(path, "rb");
	size_t n = f == NULL ? 0 : fread(to, 1, FILE_MAX, f);

	if (f != NULL)
		fclose(f);
	return n;
}

static void
save(const char *path, const unsigned char *from, size_t n)
{
	FILE *f = fopen(path, "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(from, 1, n, f), n);
	fclose(f);
}

static void
remove_other(void)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-reserve" };
	char path[128];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", other, ends[i]);
		unlink(path);
	}
}

static void
setup(void)
{
	lab_setup();
	snprintf(other_dir, sizeof(other_dir), "%s/other", lab.dir);
	snprintf(other, sizeof(other), "%s/postern.db", other_dir);
	ck_assert_int_eq(mkdir(other_dir, 0700), 0);
}

static void
teardown(void)
{
	remove_other();
	rmdir(other_dir);
	lab_teardown();
}

/* A store with something in every table, and its bytes. */
static size_t
filled(void)
{
	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
	lab_until(queue_waiting(lab.oracle->queue) == 0);
	ck_assert_int_eq(store_truncate_wal(lab.store), 0);
	return load(lab.path, whole);
}

static bool
any_binding(void *arg, const struct binding *b, struct span number)
{
	return true;
}

/* Everything a registrar-db does to a store; only that it comes back counts.
 * Gives: true when nothing was found amiss. */
static bool
use(void)
{
	static struct account_row row;
	static struct binding_rows rows;
	struct walk at = { .slot = 0 };
	struct binding b = { .slot = 2,
		.contact = S("sip:x"),
		.flow = flow_of(ZONE_EXTERNAL, PHONE) };
	struct store *s = NULL;
	int64_t id = 0;
	int err;

	err = store_open(other, true, &s);
	store_close(s);
	if (store_open(other, false, &s) != 0)
		return false;
	err |= watch_credentials(s, &lab.key, S(REALM));
	err |= user_find(s, S("SIP-168"), &id);
	err |= account_read(s, 0, DIGEST_MD5, &row);
	err |= bindings_read(s, ST_TARGETS, S("168"), 0, &rows);
	err |= bindings_walk(s, &at, 100, any_binding, NULL) < 0;
	if (store_begin(s) == 0) {
		err |= binding_put(s, S("168"), &b);
		err |= store_commit(s);
	} else {
		err = -EIO;
	}
	store_close(s);
	return err == 0;
}

START_TEST(flipped_bits_are_survived)
{
	size_t n = filled();
	unsigned found = 0;

	srandom(7);
	for (unsigned i = 0; i < ROUNDS; i++) {
		memcpy(bad, whole, n);
		for (unsigned k = 0; k < 1 + i % 64; k++)
			bad[(size_t)random() % n] ^= 1 << random() % 8;
		save(other, bad, n);
		found += !use();
		remove_other();
	}
	ck_assert_uint_gt(found, ROUNDS / 4);
}
END_TEST

START_TEST(a_cut_file_is_survived_and_found)
{
	size_t n = filled();

	/* The last page is an empty table's: its zero octets cost nothing. */
	for (size_t cut = 1; cut < n - 4096; cut += cut < 200 ? 33 : 4999) {
		save(other, whole, cut);
		ck_assert_msg(!use(), "cut at %zu", cut);
		remove_other();
	}
}
END_TEST

START_TEST(the_wal_of_another_file_or_time_is_survived)
{
	char wal[128], theirs[128];
	size_t n = filled(), n_wal = 0;

	snprintf(wal, sizeof(wal), "%s-wal", other);
	snprintf(theirs, sizeof(theirs), "%s-wal", lab.path);
	/* A WAL that goes on from a later state than the file; the wipe of the
	 * password may empty it just then. */
	for (unsigned i = 0; i < 5 && n_wal == 0; i++) {
		ck_assert_int_eq(
		    lab_register("sip:168@192.168.1.21", 3600), VERDICT_OK);
		lab_until(queue_waiting(lab.oracle->queue) == 0);
		n_wal = load(theirs, bad);
	}
	ck_assert_uint_gt(n_wal, 0);
	save(other, whole, n);
	save(wal, bad, n_wal);
	use();
	remove_other();
	srandom(11);
	for (unsigned i = 0; i < ROUNDS / 3; i++) {
		save(other, whole, n);
		for (unsigned k = 0; k < 8; k++)
			bad[(size_t)random() % n_wal] ^= 1 << random() % 8;
		save(wal, bad, i % 2 ? n_wal : (size_t)random() % n_wal);
		use();
		remove_other();
	}
}
END_TEST

START_TEST(checking_finds_a_damaged_page)
{
	struct store *s = NULL;
	size_t n = filled();

	/* Somewhere in the middle: no header of the file. */
	memset(whole + n / 2, 0xa5, 4096);
	save(other, whole, n);
	ck_assert_int_ne(store_open(other, true, &s), 0);
	ck_assert_ptr_null(s);
}
END_TEST

START_TEST(another_key_does_not_start)
{
	struct secret wrong = { 0 };

	lab_subscriber();
	ck_assert_int_eq(watch_credentials(lab.store, &lab.key, S(REALM)), 0);
	ck_assert_int_eq(secret_new(&wrong, SEAL_KEY_LEN), 0);
	secret_random(wrong.p, wrong.len);
	ck_assert_int_eq(
	    watch_credentials(lab.store, &wrong, S(REALM)), -EKEYREJECTED);
	/* The remedy: new passwords, given while it does not run. */
	lab_ok("BEGIN; UPDATE subscriber SET password = 'another-one-88'");
	lab_ok("COMMIT");
	lab_until(
	    strcmp(lab_look("SELECT password FROM subscriber"), "NULL") == 0);
	ck_assert_int_eq(watch_credentials(lab.store, &lab.key, S(REALM)), 0);
	lab_ok("DELETE FROM subscriber");
	ck_assert_int_eq(watch_credentials(lab.store, &wrong, S(REALM)), 0);
	secret_free(&wrong);
}
END_TEST

START_TEST(nothing_is_stored_in_a_file_that_was_moved_away)
{
	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ck_assert_int_eq(rename(lab.path, other), 0);
	ck_assert_int_eq(store_begin(lab.store), -ESTALE);
	ck_assert_str_eq(store_last_error(lab.store),
	    "the database file was moved or replaced");
	/* Calls go on. */
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
	ck_assert_int_eq(rename(other, lab.path), 0);
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ck_assert_str_eq(store_last_error(lab.store), "");
}
END_TEST

START_TEST(a_long_wal_is_said_and_cut_when_the_reader_ends)
{
	char wal[128];
	struct stat st;
	sqlite3 *reader;

	lab_subscriber();
	/* Else the wiping that waits would cut it. */
	lab_until(!lab_on_disk(PASSWORD));
	ck_assert_int_eq(sqlite3_open(lab.path, &reader), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(reader,
			     "BEGIN; SELECT count(*) FROM "
			     "subscriber",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	lab_ok("INSERT INTO trunk(id, name, address, prefix) VALUES (9, 't', "
	       "'h', '9'); CREATE TABLE big(x); INSERT INTO big VALUES "
	       "(zeroblob(70000000)); DROP TABLE big");
	ck_assert(!store_wal_is_long(lab.store));
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	lab_until(store_wal_is_long(lab.store));
	sqlite3_close(reader);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	lab_until(!store_wal_is_long(lab.store));
	snprintf(wal, sizeof(wal), "%s-wal", lab.path);
	ck_assert_int_eq(stat(wal, &st), 0);
	ck_assert_int_le(st.st_size, 17 * 1024 * 1024);
}
END_TEST

void
add_damage_tests(Suite *s)
{
	TCase *t = tcase_create("damage");

	tcase_set_tags(t, "damage");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, flipped_bits_are_survived);
	tcase_add_test(t, a_cut_file_is_survived_and_found);
	tcase_add_test(t, the_wal_of_another_file_or_time_is_survived);
	tcase_add_test(t, checking_finds_a_damaged_page);
	tcase_add_test(t, another_key_does_not_start);
	tcase_add_test(t, nothing_is_stored_in_a_file_that_was_moved_away);
	tcase_add_test(t, a_long_wal_is_said_and_cut_when_the_reader_ends);
	suite_add_tcase(s, t);
}
