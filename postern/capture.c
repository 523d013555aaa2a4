#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "common/io/clock.h"
#include "postern/capture.h"

static void
become(const char *const argv[], const char *user, int in, int out)
{
	const char *path = getenv("PATH");

	if (user != NULL && geteuid() == 0 && priv_drop_user(user) != 0)
		_exit(126);
	/* root's PATH may lack sbin in a bare shell */
	if (path == NULL || strstr(path, "/usr/sbin") == NULL)
		setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LC_ALL", "C", 1);
	setenv("HOME", "/nonexistent", 1);
	if (chdir("/") != 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    dup2(in, 0) < 0)
		_exit(126);
	execvp(argv[0], (char *const *)(const void *)argv);
	_exit(127);
}

/* Until it ends, or is to be ended. */
static int
listen_to(int fd, int wait_ms, char *mem, size_t size)
{
	struct mono end = mono_add_ms(clock_mono(), (uint64_t)wait_ms);
	char rest[4096];
	size_t len = 0;

	mem[0] = '\0';
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		struct mono now = clock_mono();
		bool full = len + 1 >= size;
		ssize_t n;

		if (mono_due(end, now))
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)mono_ms_between(now, end) + 1) <= 0)
			continue;
		n = full ? read(fd, rest, sizeof(rest)) :
			   read(fd, mem + len, size - 1 - len);
		if (n <= 0)
			return 0;
		if (!full)
			len += (size_t)n;
		mem[len] = '\0';
	}
}

/*
 * What it is to read: in a pipe that holds all of it.
 *
 * Gives:   a descriptor.
 * Errors:  -E2BIG; negative errno.
 */
static int
make_input(struct span input)
{
	int pair[2], err = 0;

	if (input.len == 0) {
		pair[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return pair[0] < 0 ? -errno : pair[0];
	}
	if (input.len > PIPE_BUF)
		return -E2BIG;
	if (pipe2(pair, O_CLOEXEC) != 0)
		return -errno;
	if (write(pair[1], input.p, input.len) != (ssize_t)input.len)
		err = -EIO;
	close(pair[1]);
	if (err == 0)
		return pair[0];
	close(pair[0]);
	return err;
}

static int
run(const char *const argv[], const char *user, int wait_ms, int in,
    char *mem, size_t size)
{
	int pair[2], status = 0, err;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) != 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(argv, user, in, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	err = listen_to(pair[0], wait_ms, mem, size);
	if (err)
		kill(pid, SIGKILL);
	close(pair[0]);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	if (err)
		return err;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int
capture_input(const char *const argv[], const char *user, int wait_ms,
    struct span input, char *mem, size_t size)
{
	int in = make_input(input), rc;

	if (in < 0)
		return in;
	rc = run(argv, user, wait_ms, in, mem, size);
	close(in);
	return rc;
}

int
capture(const char *const argv[], const char *user, int wait_ms, char *mem,
    size_t size)
{
	return capture_input(argv, user, wait_ms, SPAN_NONE, mem, size);
}
