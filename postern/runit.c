#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postern/runit.h"
#include "postern/state.h"

/* runsv(8), file supervise/status: TAI64N of the last change, pid (little
 * endian), paused, wanted, got TERM, state. */
#define STATUS_LEN 20
#define TAI64_AT_1970 4611686018427387914u

int
runit_parse(const uint8_t *bytes, size_t len, struct runit_status *out)
{
	uint64_t tai = 0;
	uint32_t pid = 0;

	if (len != STATUS_LEN)
		return -EBADMSG;
	for (int i = 0; i < 8; i++)
		tai = tai << 8 | bytes[i];
	for (int i = 3; i >= 0; i--)
		pid = pid << 8 | bytes[12 + i];
	if (tai < TAI64_AT_1970 || pid > INT32_MAX)
		return -EBADMSG;
	out->pid = (pid_t)pid;
	out->since_s = (int64_t)(tai - TAI64_AT_1970);
	return 0;
}

int
runit_read(const char *service_dir, struct runit_status *out)
{
	char path[STATE_PATH_MAX + 32];
	uint8_t bytes[STATUS_LEN + 1];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/supervise/status", service_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	return n < 0 ? -EIO : runit_parse(bytes, (size_t)n, out);
}

int
runit_control(const char *service_dir, const char *letters)
{
	char path[STATE_PATH_MAX + 32];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/supervise/control", service_dir);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, letters, strlen(letters)) < 0)
		err = -errno;
	close(fd);
	return err;
}
