/* The key file and the directory, before the cage. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/log.h"
#include "registrar-db/io/key.h"
#include "registrar-db/core/seal.h"
#include "tests/unit/regdb/suite.h"

static char dir[64], key_path[96], store_path[96];
static struct secret key;

static void
setup(void)
{
	log_open("test", LOG_ERROR_ + 1);
	snprintf(dir, sizeof(dir), "/tmp/postern-key-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(key_path, sizeof(key_path), "%s/store.key", dir);
	snprintf(store_path, sizeof(store_path), "%s/db/postern.db", dir);
}

static void
teardown(void)
{
	char sub[96];

	secret_free(&key);
	snprintf(sub, sizeof(sub), "%s/db", dir);
	unlink(store_path);
	rmdir(sub);
	unlink(key_path);
	rmdir(dir);
}

static void
write_file(const char *path, size_t len, mode_t mode)
{
	char bytes[64] = "0123456789abcdef0123456789abcdef";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	fchmod(fd, mode);
	close(fd);
}

static int
read_key(bool may_make)
{
	secret_free(&key);
	return priv_key_read(key_path, store_path, may_make, &key);
}

START_TEST(a_credential_of_systemd_goes_before_the_file)
{
	char cred[96];

	snprintf(cred, sizeof(cred), "%s/cred", dir);
	ck_assert_int_eq(mkdir(cred, 0700), 0);
	setenv("CREDENTIALS_DIRECTORY", cred, 1);
	write_file(key_path, SEAL_KEY_LEN, 0400);
	/* none of that name: the file */
	ck_assert_int_eq(read_key(false), 0);
	snprintf(cred, sizeof(cred), "%s/cred/store.key", dir);
	write_file(cred, SEAL_KEY_LEN - 1, 0400);
	ck_assert_int_eq(read_key(true), -EBADMSG);
	/* systemd's ACL for our user shows as the group's right to read */
	write_file(cred, SEAL_KEY_LEN, 0440);
	ck_assert_int_eq(read_key(false), 0);
	write_file(cred, SEAL_KEY_LEN, 0444);
	ck_assert_int_eq(read_key(false), -EPERM);
	write_file(cred, SEAL_KEY_LEN, 0460);
	ck_assert_int_eq(read_key(false), -EPERM);
	unsetenv("CREDENTIALS_DIRECTORY");
	unlink(cred);
	snprintf(cred, sizeof(cred), "%s/cred", dir);
	rmdir(cred);
}
END_TEST

START_TEST(a_first_start_makes_a_key_and_keeps_it)
{
	unsigned char first[SEAL_KEY_LEN];
	struct stat st;

	ck_assert_int_eq(read_key(true), 0);
	ck_assert_uint_eq(key.len, SEAL_KEY_LEN);
	memcpy(first, key.p, key.len);
	ck_assert_int_eq(stat(key_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0400);
	ck_assert_int_eq(read_key(true), 0);
	ck_assert_int_eq(memcmp(first, key.p, key.len), 0);
}
END_TEST

START_TEST(looking_makes_nothing)
{
	ck_assert_int_eq(read_key(false), 0);
	ck_assert_int_ne(access(key_path, F_OK), 0);
}
END_TEST

START_TEST(a_lost_key_is_not_replaced_silently)
{
	ck_assert_int_eq(priv_store_directory(store_path, geteuid(),
			     getegid()), 0);
	write_file(store_path, 1, 0600);
	ck_assert_int_eq(read_key(true), -ENOENT);
	ck_assert_int_ne(access(key_path, F_OK), 0);
}
END_TEST

START_TEST(an_unsafe_or_broken_key_is_refused)
{
	write_file(key_path, 32, 0440);
	ck_assert_int_eq(read_key(true), -EPERM);
	write_file(key_path, 31, 0400);
	ck_assert_int_eq(read_key(true), -EBADMSG);
	write_file(key_path, 33, 0400);
	ck_assert_int_eq(read_key(true), -EBADMSG);
	write_file(key_path, 32, 0400);
	ck_assert_int_eq(read_key(true), 0);
}
END_TEST

START_TEST(a_link_in_place_of_the_key_is_refused)
{
	ck_assert_int_eq(symlink("/dev/zero", key_path), 0);
	ck_assert_int_eq(read_key(true), -ELOOP);
}
END_TEST

START_TEST(the_directory_is_made_private_or_refused)
{
	char sub[96];
	struct stat st;

	ck_assert_int_eq(priv_store_directory(store_path, geteuid(),
			     getegid()), 0);
	snprintf(sub, sizeof(sub), "%s/db", dir);
	ck_assert_int_eq(stat(sub, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	chmod(sub, 0750);
	ck_assert_int_eq(priv_store_directory(store_path, geteuid(),
			     getegid()), -EPERM);
	chmod(sub, 0700);
	ck_assert_int_eq(priv_store_directory(store_path, geteuid() + 1,
			     getegid()), -EPERM);
	ck_assert_int_eq(priv_store_directory("postern.db", geteuid(),
			     getegid()), -EINVAL);
}
END_TEST

void
add_key_tests(Suite *s)
{
	TCase *t = tcase_create("key");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_first_start_makes_a_key_and_keeps_it);
	tcase_add_test(t, a_credential_of_systemd_goes_before_the_file);
	tcase_add_test(t, looking_makes_nothing);
	tcase_add_test(t, a_lost_key_is_not_replaced_silently);
	tcase_add_test(t, an_unsafe_or_broken_key_is_refused);
	tcase_add_test(t, a_link_in_place_of_the_key_is_refused);
	tcase_add_test(t, the_directory_is_made_private_or_refused);
	suite_add_tcase(s, t);
}
