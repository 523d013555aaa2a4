/* Connections to trunks, which stunmon made and handed over. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/io/clock.h"
#include "sigproxy/io/sockaddr.h"
#include "sigproxy/io/tcp_priv.h"

/* Who made it is not trusted: is it what was asked for? */
static bool
is_connection_to(int fd, const struct addr *to)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	struct addr peer;
	int type = 0;

	if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    (sa.ss_family != AF_INET && sa.ss_family != AF_INET6))
		return false;
	peer = addr_of_sockaddr(&sa);
	len = sizeof(type);
	return addr_eq(&peer, to) && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type,
	    &len) == 0 && type == SOCK_STREAM;
}

static int
begin(struct conn *c, const struct edge_dialled *d, struct mono now)
{
	int on = 1;

	c->is_dialled = true;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (c->flow.transport == TRANSPORT_TLS)
		return secure_dial(c, d, now);
	/* We speak first, and perhaps for long alone. */
	c->begun = (struct mono){ 0 };
	c->tcp->ops.ready(c->tcp->ops.arg, &c->flow);
	return 0;
}

int
tcp_adopt(struct tcp *t, int fd, const struct edge_dialled *d)
{
	struct mono now = clock_mono();
	struct flow flow = d->flow;
	struct conn *c;
	int err;

	if (!is_connection_to(fd, &d->flow.remote) ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return -EBADF;
	stream_make_room(t);
	err = stream_enter(t, fd, &flow, now, &c);
	if (err)
		return err;
	t->dialled++;
	stream_sweep(t);
	t->ops.adopted(t->ops.arg, d, &flow);
	if (begin(c, d, now) != 0)
		stream_close(c);
	return 0;
}
