#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/secret.h"
#include "postern/cmd.h"
#include "postern/put.h"

static int
write_all(int fd, BIO *from)
{
	char part[4096];
	int n, err = 0;

	while (err == 0 && (n = BIO_read(from, part, sizeof(part))) > 0) {
		for (int at = 0; at < n && err == 0;) {
			ssize_t put = write(fd, part + at, (size_t)(n - at));

			if (put < 0)
				err = -errno;
			else
				at += (int)put;
		}
	}
	secret_wipe(part, sizeof(part));
	return err;
}

/* The new name must be on disk too. */
static int
sync_dir(const char *path)
{
	char dir[PATH_MAX];
	char *slash;
	int fd, err = 0;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		snprintf(dir, sizeof(dir), ".");
	else
		slash[slash == dir] = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		err = -errno;
	close(fd);
	return err;
}

static int
new_name(const char *path, char mem[PATH_MAX])
{
	if ((size_t)snprintf(mem, PATH_MAX, "%s.new-%d", path, getpid()) <
	    PATH_MAX)
		return 0;
	cmd_fail("%s: too long", path);
	return -ENAMETOOLONG;
}

int
put_write(const char *path, BIO *from, mode_t mode)
{
	char new[PATH_MAX];
	int fd, err = new_name(path, new);

	if (err)
		return err;
	unlink(new);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    mode);
	if (fd < 0) {
		err = -errno;
		cmd_fail("%s: %s", new, strerror(-err));
		return err;
	}
	err = write_all(fd, from);
	if (err == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
		err = -errno;
	close(fd);
	if (err) {
		cmd_fail("%s: %s", new, strerror(-err));
		unlink(new);
	}
	return err;
}

int
put_place(const char *path)
{
	char new[PATH_MAX];
	int err = new_name(path, new);

	if (err == 0 && rename(new, path) != 0) {
		err = -errno;
		unlink(new);
	}
	if (err == 0)
		err = sync_dir(path);
	if (err)
		cmd_fail("%s: %s", path, strerror(-err));
	return err;
}

void
put_drop(const char *path)
{
	char new[PATH_MAX];

	if (new_name(path, new) == 0)
		unlink(new);
}

int
put_file(const char *path, BIO *from, mode_t mode)
{
	int err = put_write(path, from, mode);

	return err ? err : put_place(path);
}
