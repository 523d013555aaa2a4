#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/base/secret.h"
#include "sigproxy/io/sockaddr.h"
#include "sigproxy/io/udp.h"

/* Wake-ups that find more than this go back to the loop for other events. */
#define UDP_ROUNDS_MAX 8

struct udp_socket {
	struct udp *udp;
	uv_poll_t poll;
	int fd;			/* -1: not in use */
	uint8_t listener;
};

struct udp_out {
	struct mmsghdr msg[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	struct sockaddr_storage to[UDP_BATCH];
	unsigned n;
	uint8_t listener;
};

struct udp {
	uv_loop_t *loop;
	udp_message_cb *on_message;
	udp_batch_cb *on_batch;
	void *arg;
	struct udp_socket sockets[EDGE_LISTENERS_MAX];
	struct mmsghdr msg[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	struct sockaddr_storage from[UDP_BATCH];
	char *mem;		/* UDP_BATCH datagrams of the largest size */
	struct udp_out out;
	bool is_receiving;
	uint64_t lost;
};

struct udp *
udp_new(uv_loop_t *loop, udp_message_cb *on_message, udp_batch_cb *on_batch,
    void *arg)
{
	struct udp *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->mem = malloc((size_t)UDP_BATCH * UDP_DATAGRAM_MAX);
	if (u->mem == NULL) {
		free(u);
		return NULL;
	}
	u->loop = loop;
	u->on_message = on_message;
	u->on_batch = on_batch;
	u->arg = arg;
	for (size_t i = 0; i < EDGE_LISTENERS_MAX; i++)
		u->sockets[i].fd = -1;
	return u;
}

static socklen_t
to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in4 = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	if (a->family == ADDR_IPV4) {
		*in4 = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_port = htons(a->port) };
		memcpy(&in4->sin_addr, a->ip, 4);
		return sizeof(*in4);
	}
	*in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		.sin6_port = htons(a->port) };
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof(*in6);
}

static int
receive_batch(struct udp *u, int fd)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		u->iov[i].iov_base = u->mem + i * UDP_DATAGRAM_MAX;
		u->iov[i].iov_len = UDP_DATAGRAM_MAX;
		u->msg[i].msg_hdr = (struct msghdr){
			.msg_name = &u->from[i],
			.msg_namelen = sizeof(u->from[i]),
			.msg_iov = &u->iov[i],
			.msg_iovlen = 1,
		};
	}
	return recvmmsg(fd, u->msg, UDP_BATCH, MSG_DONTWAIT, NULL);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct udp_socket *sock = poll->data;
	struct udp *u = sock->udp;
	int n = UDP_BATCH;

	/* libuv stops polling at an error on the socket: read it away. */
	if (status < 0) {
		uv_poll_start(poll, UV_READABLE, on_readable);
		events |= UV_READABLE;
	}
	if (!(events & UV_READABLE))
		return;
	for (int round = 0; round < UDP_ROUNDS_MAX && n == UDP_BATCH; round++) {
		n = receive_batch(u, sock->fd);
		for (int i = 0; i < n; i++) {
			struct addr remote = addr_of_sockaddr(&u->from[i]);

			if (remote.port == 0)
				continue;
			u->on_message(u->arg, sock->listener, &remote,
			    span_make(u->iov[i].iov_base, u->msg[i].msg_len));
		}
		u->on_batch(u->arg);
		/* A short one after it would leave most of a key in SDP. */
		for (int i = 0; i < n; i++)
			secret_wipe(u->iov[i].iov_base, u->msg[i].msg_len);
	}
}

int
udp_add(struct udp *u, uint8_t listener, int fd)
{
	struct udp_socket *sock;
	int err;

	if (listener >= EDGE_LISTENERS_MAX || u->sockets[listener].fd >= 0)
		return -EINVAL;
	sock = &u->sockets[listener];
	err = uv_poll_init(u->loop, &sock->poll, fd);
	if (err)
		return err;
	sock->udp = u;
	sock->fd = fd;
	sock->listener = listener;
	sock->poll.data = sock;
	return 0;
}

void
udp_receive(struct udp *u)
{
	if (u->is_receiving)
		return;
	u->is_receiving = true;
	for (size_t i = 0; i < EDGE_LISTENERS_MAX; i++) {
		if (u->sockets[i].fd >= 0)
			uv_poll_start(&u->sockets[i].poll, UV_READABLE,
			    on_readable);
	}
}

void
udp_flush(struct udp *u)
{
	struct udp_out *o = &u->out;
	unsigned done = 0;

	while (done < o->n) {
		int n = sendmmsg(u->sockets[o->listener].fd, o->msg + done,
		    o->n - done, MSG_DONTWAIT);

		if (n > 0) {
			done += (unsigned)n;
			continue;
		}
		/*
		 * One that cannot be sent (no route, refused by the packet
		 * filter, buffer full) is lost as on any network.
		 */
		u->lost++;
		done++;
	}
	o->n = 0;
}

void
udp_send(struct udp *u, uint8_t listener, const struct addr *to,
    struct span bytes)
{
	struct udp_out *o = &u->out;
	unsigned i;

	if (listener >= EDGE_LISTENERS_MAX || u->sockets[listener].fd < 0) {
		u->lost++;
		return;
	}
	if (o->n == UDP_BATCH || (o->n > 0 && o->listener != listener))
		udp_flush(u);
	i = o->n++;
	o->listener = listener;
	o->iov[i].iov_base = (void *)(uintptr_t)bytes.p;
	o->iov[i].iov_len = bytes.len;
	o->msg[i].msg_hdr = (struct msghdr){
		.msg_name = &o->to[i],
		.msg_namelen = to_sockaddr(to, &o->to[i]),
		.msg_iov = &o->iov[i],
		.msg_iovlen = 1,
	};
}

uint64_t
udp_lost(const struct udp *u)
{
	return u->lost;
}
