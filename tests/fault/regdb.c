/*
 * One write, sync or allocation of SQLite's fails; then what registrar-db
 * answered must be true: OK means stored, anything else changed nothing, and
 * afterwards all goes on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/regdb/lab.h"

/* Allocations are many; each of the first ones, then every so many. */
#define DENSE 40
#define STRIDE 23

/* ---- what fails ---- */

static struct {
	bool memory;		/* else: the disk */
	unsigned at;		/* 0: nothing; else the n-th from now */
	unsigned seen;
	bool hit;
} fault;

static bool
fails(bool memory)
{
	if (fault.at == 0 || fault.memory != memory || ++fault.seen != fault.at)
		return false;
	fault.hit = true;
	return true;
}

static sqlite3_mem_methods real_mem;

static void *
faulty_malloc(int n)
{
	return fails(true) ? NULL : real_mem.xMalloc(n);
}

static void *
faulty_realloc(void *p, int n)
{
	return fails(true) ? NULL : real_mem.xRealloc(p, n);
}

/* Files: the real methods, with three in front of them.  A database and its
 * WAL have different ones; which is found by where the copy lies. */
#define KINDS 4

static sqlite3_vfs disk;
static struct {
	sqlite3_io_methods faulty;
	const sqlite3_io_methods *real;
} kinds[KINDS];
static int (*real_open)(sqlite3_vfs *, const char *, sqlite3_file *, int,
    int *);

static const sqlite3_io_methods *
real_of(const sqlite3_file *f)
{
	for (int i = 0; i < KINDS; i++) {
		if (f->pMethods == &kinds[i].faulty)
			return kinds[i].real;
	}
	abort();
}

static int
faulty_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	return fails(false) ? SQLITE_IOERR_WRITE :
			      real_of(f)->xWrite(f, p, n, at);
}

static int
faulty_sync(sqlite3_file *f, int flags)
{
	return fails(false) ? SQLITE_IOERR_FSYNC : real_of(f)->xSync(f, flags);
}

static int
faulty_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return fails(false) ? SQLITE_IOERR_TRUNCATE :
			      real_of(f)->xTruncate(f, n);
}

static int
faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *out)
{
	int rc = real_open(vfs, name, f, flags, out), i = 0;

	if (f->pMethods == NULL)
		return rc;
	while (i < KINDS && kinds[i].real != NULL &&
	    kinds[i].real != f->pMethods)
		i++;
	ck_assert_int_lt(i, KINDS);
	if (kinds[i].real == NULL) {
		kinds[i].real = f->pMethods;
		kinds[i].faulty = *f->pMethods;
		kinds[i].faulty.xWrite = faulty_write;
		kinds[i].faulty.xSync = faulty_sync;
		kinds[i].faulty.xTruncate = faulty_truncate;
	}
	f->pMethods = &kinds[i].faulty;
	return rc;
}

static void
install(void)
{
	sqlite3_mem_methods mine;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_mem);
	mine = real_mem;
	mine.xMalloc = faulty_malloc;
	mine.xRealloc = faulty_realloc;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &mine);
	sqlite3_initialize();
	disk = *sqlite3_vfs_find(NULL);
	real_open = disk.xOpen;
	disk.xOpen = faulty_open;
	disk.zName = "faulty";
	sqlite3_vfs_register(&disk, 1);
}

/* ---- what is done ---- */

static enum verdict
reg(const char *contact, const char *instance, uint32_t expires_s)
{
	struct ipc_reg_ask ask = lab_reg(contact, expires_s);

	ask.contacts[0].instance = span_str(instance);
	return lab_reg_ask(&ask).verdict;
}

static void
assert_honest(const char *what, enum verdict v)
{
	ck_assert_msg(v == VERDICT_OK || v == VERDICT_BUSY,
	    "%s, fault %u: verdict %d", what, fault.at, v);
}

static void
assert_there(const char *contact, bool want)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM registration WHERE "
				   "contact = '%s'", contact);
	ck_assert_msg(strcmp(lab_look(sql), want ? "1" : "0") == 0,
	    "%s, fault %u", contact, fault.at);
}

/* False when the n-th came no more. */
static bool
scenario(bool memory, unsigned n)
{
	enum verdict a, b, gone, call;
	bool hit;

	fault.memory = memory;
	fault.seen = 0;
	fault.hit = false;
	fault.at = n;
	a = reg("sip:a", "<urn:uuid:a>", 3600);
	b = reg("sip:b", "<urn:uuid:b>", 3600);
	call = lab_call("99").verdict;
	gone = reg("sip:a", "<urn:uuid:a>", 0);
	hit = fault.hit;
	fault.at = 0;
	assert_honest("first", a);
	assert_honest("second", b);
	assert_honest("removal", gone);
	ck_assert(call == VERDICT_NOT_FOUND || call == VERDICT_BUSY);
	assert_there("sip:a", a == VERDICT_OK && gone != VERDICT_OK);
	assert_there("sip:b", b == VERDICT_OK);
	/* It goes on, and cleans up for the next round. */
	ck_assert_int_eq(reg("sip:a", "<urn:uuid:a>", 0), VERDICT_OK);
	ck_assert_int_eq(reg("sip:b", "<urn:uuid:b>", 0), VERDICT_OK);
	assert_there("sip:b", false);
	lab.n_got = 0;
	return hit;
}

START_TEST(every_write_fails_once)
{
	unsigned n;

	lab_subscriber();
	for (n = 1; scenario(false, n); n++)
		;
	ck_assert_uint_gt(n, 8);
}
END_TEST

START_TEST(allocations_fail_once)
{
	unsigned n = 1, runs = 0;

	lab_subscriber();
	while (scenario(true, n)) {
		n += n < DENSE ? 1 : STRIDE;
		runs++;
	}
	ck_assert_uint_gt(runs, DENSE);
}
END_TEST

START_TEST(a_write_that_fails_at_start_is_said_not_survived_silently)
{
	struct store *s;
	unsigned n, refused = 0;
	int err = -EIO;
	char path[128];

	snprintf(path, sizeof(path), "%s/other", lab.dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/other/postern.db", lab.dir);
	for (n = 1; err != 0; n++) {
		fault.memory = false;
		fault.seen = 0;
		fault.hit = false;
		fault.at = n;
		s = NULL;
		err = store_open(path, false, &s);
		ck_assert(err == 0 || s == NULL);
		ck_assert(err != 0 || !fault.hit || n > 1);
		refused += err != 0;
		fault.at = 0;
		store_close(s);
		unlink(path);
	}
	ck_assert_uint_gt(refused, 0);
	snprintf(path, sizeof(path), "%s/other/postern.db-wal", lab.dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/other/postern.db-shm", lab.dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/other/postern.db-reserve", lab.dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/other", lab.dir);
	rmdir(path);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("registrar-db faults");
	TCase *t = tcase_create("once each");
	SRunner *sr;
	int failed;

	install();
	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, every_write_fails_once);
	tcase_add_test(t, allocations_fail_once);
	tcase_add_test(t,
	    a_write_that_fails_at_start_is_said_not_survived_silently);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
