/* Descriptors that go along with frames (unix(7), SCM_RIGHTS). */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/door_parts.h"

/* What the kernel hands over at once; the surplus is closed by us, and what
 * is more than that by itself (MSG_CTRUNC). */
#define FDS_READ 8

union control {
	struct cmsghdr align;
	char mem[CMSG_SPACE(FDS_READ * sizeof(int))];
};

void
conn_drop_fd(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* Keep the first if none is kept; how many there were. */
static unsigned
keep_fds(struct conn *c, const struct cmsghdr *h)
{
	unsigned n = 0;
	int fd;

	for (size_t at = CMSG_LEN(0); at + sizeof(fd) <= h->cmsg_len;
	     at += sizeof(fd), n++) {
		memcpy(&fd, (const char *)h + at, sizeof(fd));
		if (c->fd < 0)
			c->fd = fd;
		else
			close(fd);
	}
	return n;
}

ssize_t
conn_read(struct conn *c, int from)
{
	struct iovec to = { c->in + c->in_len, CONN_IN_MAX - c->in_len };
	union control control;
	struct msghdr m = { .msg_iov = &to, .msg_iovlen = 1,
		.msg_control = control.mem,
		.msg_controllen = sizeof(control.mem) };
	unsigned had = c->fd >= 0;
	ssize_t n;

	if (!c->door->takes_fds)
		return read(from, to.iov_base, to.iov_len);
	n = recvmsg(from, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return n;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h != NULL;
	     h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			had += keep_fds(c, h);
	if (had > 1) {
		errno = EBADMSG;
		return -1;
	}
	return n;
}

ssize_t
conn_fd_write(int to, struct span frame, int fd)
{
	struct iovec from = { (void *)(uintptr_t)frame.p, frame.len };
	union control control = { .mem = { 0 } };
	struct msghdr m = { .msg_iov = &from, .msg_iovlen = 1,
		.msg_control = control.mem,
		.msg_controllen = CMSG_SPACE(sizeof(fd)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	ssize_t n;

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	do
		n = sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

void
door_takes_fds(struct door *p)
{
	p->takes_fds = true;
}

int
door_take_fd(struct door *p)
{
	struct conn *c = p->handling;
	int fd = c == NULL ? -1 : c->fd;

	if (c != NULL)
		c->fd = -1;
	return fd;
}

int
door_send_fd(struct door *p, struct span frame, int fd)
{
	struct conn *c = p->used;

	if (c == NULL || c->state == CONN_CLOSING)
		return -ENOTCONN;
	return conn_send_fd(c, frame, fd);
}
