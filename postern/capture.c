#include <errno.h>
#include <fcntl.h>
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
become(const char *const argv[], const char *user, int out)
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
	    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0) < 0)
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

int
capture(const char *const argv[], const char *user, int wait_ms, char *mem,
    size_t size)
{
	int pair[2], status = 0, err;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) != 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(argv, user, pair[1]);
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
