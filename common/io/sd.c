#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/span.h"
#include "common/io/sd.h"

#define FIRST_FD 3

static int
read_number(const char *name, uint64_t max, uint64_t *out)
{
	const char *text = getenv(name);

	if (text == NULL)
		return -ENOENT;
	return span_to_u64(span_str(text), max, out) == 0 ? 0 : -EINVAL;
}

static int
prepare_fd(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -EINVAL;		/* counted, but not open */
	return 0;
}

static int
take_names(struct sd *s)
{
	struct span left = span_str(getenv("LISTEN_FDNAMES"));
	bool named = getenv("LISTEN_FDNAMES") != NULL;

	for (unsigned i = 0; i < s->n_fds; i++) {
		ptrdiff_t colon = span_find(left, ':');
		bool last = i + 1 == s->n_fds;
		struct span name = colon < 0 ? left :
		    span_sub(left, 0, (size_t)colon);

		if (!named)
			name = SPAN_LIT("unknown");
		if (named && (last != (colon < 0)))
			return -EINVAL;		/* not as many as fds */
		if (name.len >= SD_NAME_MAX)
			return -EINVAL;
		if (name.len > 0)
			memcpy(s->fds[i].name, name.p, name.len);
		if (colon >= 0)
			left = span_sub(left, (size_t)colon + 1, left.len);
	}
	return 0;
}

static int
take_fds(struct sd *s)
{
	uint64_t n, pid;
	int err;

	err = read_number("LISTEN_FDS", INT32_MAX, &n);
	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	err = read_number("LISTEN_PID", INT32_MAX, &pid);
	if (err == -EINVAL)
		return err;
	if (err == 0 && pid != (uint64_t)getpid())
		return 0;	/* meant for a process before us */
	if (n > SD_FDS_MAX)
		return -E2BIG;
	s->n_fds = (unsigned)n;
	for (unsigned i = 0; i < s->n_fds; i++) {
		s->fds[i].fd = FIRST_FD + (int)i;
		err = prepare_fd(s->fds[i].fd);
		if (err)
			return err;
	}
	return take_names(s);
}

/* Quiet on failure: notes are a service to the supervisor, not to us. */
static int
connect_notify(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path == NULL ? 0 : strlen(path);
	int fd;

	if (len < 2 || len >= sizeof(to.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return -1;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
take_watchdog(struct sd *s)
{
	uint64_t us, pid;
	int err;

	err = read_number("WATCHDOG_USEC", UINT64_MAX / 2, &us);
	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	err = read_number("WATCHDOG_PID", INT32_MAX, &pid);
	if (err == -EINVAL)
		return err;
	if (err == -ENOENT || pid == (uint64_t)getpid())
		s->watchdog_us = us;
	return 0;
}

int
sd_take(struct sd *out)
{
	static const char *const names[] = { "LISTEN_FDS", "LISTEN_PID",
		"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC",
		"WATCHDOG_PID" };
	struct sd s = { .notify_fd = -1 };
	int err;

	err = take_fds(&s);
	if (err == 0)
		err = take_watchdog(&s);
	if (err == 0)
		s.notify_fd = connect_notify();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	if (err == 0)
		*out = s;
	return err;
}

int
sd_fd(const struct sd *s, const char *name, unsigned n)
{
	for (unsigned i = 0; i < s->n_fds; i++) {
		if (strcmp(s->fds[i].name, name) == 0 && n-- == 0)
			return s->fds[i].fd;
	}
	return -1;
}

void
sd_note(const struct sd *s, const char *text)
{
	ssize_t n;

	if (s->notify_fd < 0)
		return;
	/* write, not send: the cage has it for every role */
	do {
		n = write(s->notify_fd, text, strlen(text));
	} while (n < 0 && errno == EINTR);
}
