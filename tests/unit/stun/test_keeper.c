/* The file itself: kept, cut short, a trap. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stunmon/io/keeper.h"
#include "tests/unit/stun/suite.h"

static char dir[64], path[96];
static struct keeper keeper;
static struct kept k, got;

static void
setup(void)
{
	strcpy(dir, "/tmp/keeper-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/address", dir);
	k = (struct kept){ .sure_s = 1700000000 };
	k.site = addr_of("198.51.100.1:1");
	k.site.port = 0;
}

static void
teardown(void)
{
	unlink(path);
	rmdir(dir);
}

START_TEST(what_one_life_writes_the_next_one_reads)
{
	ck_assert(!keeper_open(&keeper, dir, &got));
	for (unsigned life = 0; life < 4; life++) {
		k.sure_s++;
		keeper_write(&keeper, &k);
		keeper_write(&keeper, &k);
		ck_assert_uint_eq(keeper.generation, life + 1);
		ck_assert(keeper_open(&keeper, dir, &got));
		ck_assert_int_eq(got.sure_s, k.sure_s);
		ck_assert(addr_same_ip(&got.site, &k.site));
	}
}
END_TEST

START_TEST(it_is_as_long_as_said_and_its_owners_alone)
{
	struct stat st;

	keeper_open(&keeper, dir, &got);
	keeper_write(&keeper, &k);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, KEPT_IMAGE);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_file_cut_short_ends_keeping_and_nothing_else)
{
	keeper_open(&keeper, dir, &got);
	ck_assert_int_eq(truncate(path, 0), 0);
	keeper_write(&keeper, &k);
	ck_assert_ptr_null(keeper.page);
	keeper_write(&keeper, &k);
	/* The next life makes it anew. */
	ck_assert(!keeper_open(&keeper, dir, &got));
	keeper_write(&keeper, &k);
	ck_assert(keeper_open(&keeper, dir, &got));
}
END_TEST

static void
leave_link(void)
{
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
}

static void
leave_pipe(void)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void
leave_garbage(void)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(write(fd, "garbage", 7), 7);
	close(fd);
}

static const struct {
	const char *name;
	void (*leave)(void);
	bool usable;
} found[] = {
	{ "a link elsewhere", leave_link, false },
	{ "a pipe", leave_pipe, false },
	{ "garbage", leave_garbage, true },
};

START_TEST(whatever_lies_there_is_no_trap)
{
	found[_i].leave();
	ck_assert(!keeper_open(&keeper, dir, &got));
	ck_assert_msg((keeper.page != NULL) == found[_i].usable, "%s",
	    found[_i].name);
	keeper_write(&keeper, &k);
}
END_TEST

START_TEST(without_a_folder_nothing_is_kept)
{
	ck_assert(!keeper_open(&keeper, NULL, &got));
	keeper_write(&keeper, &k);
	ck_assert(!keeper_open(&keeper, "/nonexistent", &got));
	ck_assert_ptr_null(keeper.page);
}
END_TEST

void
add_keeper_tests(Suite *s)
{
	TCase *tc = tcase_create("keeper");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_one_life_writes_the_next_one_reads);
	tcase_add_test(tc, it_is_as_long_as_said_and_its_owners_alone);
	tcase_add_test(tc, a_file_cut_short_ends_keeping_and_nothing_else);
	tcase_add_loop_test(tc, whatever_lies_there_is_no_trap, 0,
	    sizeof(found) / sizeof(found[0]));
	tcase_add_test(tc, without_a_folder_nothing_is_kept);
	suite_add_tcase(s, tc);
}
