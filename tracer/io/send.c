#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/log.h"
#include "tracer/core/hep.h"
#include "tracer/io/tracer.h"

/* Some bursts of a busy office. */
#define SEND_BYTES (1024 * 1024)

static socklen_t
to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	*out = (struct sockaddr_storage){ 0 };
	if (a->family == ADDR_IPV4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(a->port);
		memcpy(&v4->sin_addr, a->ip, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(a->port);
	memcpy(&v6->sin6_addr, a->ip, 16);
	return sizeof(*v6);
}

/* Gives a descriptor, or negative errno. */
static int
connected(const struct addr *to)
{
	struct sockaddr_storage sa;
	int bytes = SEND_BYTES, err;
	socklen_t len = to_sockaddr(to, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC |
		SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (connect(fd, (struct sockaddr *)&sa, len) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void
hep_open(struct tracer *t)
{
	t->hep = -1;
	if (t->conf.hep.family == ADDR_NONE)
		return;
	t->hep = connected(&t->conf.hep);
	if (t->hep >= 0)
		return;
	log_begin(LOG_WARN_, "hep-receiver-not-reachable");
	log_addr("receiver", &t->conf.hep);
	log_err("why", t->hep);
	log_str("remedy", "start tracer anew when there is a way to it");
	log_end();
}

/* A receiver that is not there answers by ICMP, which the next write() tells:
 * then the message itself has not been sent. */
static bool
put_out(int fd, struct span bytes)
{
	ssize_t n = write(fd, bytes.p, bytes.len);

	if (n < 0 && errno == ECONNREFUSED)
		n = write(fd, bytes.p, bytes.len);
	return n == (ssize_t)bytes.len;
}

void
hep_send(struct tracer *t, const struct packet *p, struct span call_id)
{
	static char mem[IPC_TRACE_SIP_MAX + HEP_AROUND_MAX];
	struct buf b;

	if (t->hep < 0)
		return;
	buf_init(&b, mem, sizeof(mem));
	if (hep_put(&b, p, t->conf.hep_id, call_id) == 0 &&
	    put_out(t->hep, buf_span(&b)))
		t->hep_sent++;
	else
		t->hep_lost++;
}
