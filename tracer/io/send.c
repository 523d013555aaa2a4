#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/io/log.h"
#include "tracer/core/hep.h"
#include "tracer/io/sockaddr.h"
#include "tracer/io/tracer.h"

/* Some bursts of a busy office. */
#define SEND_BYTES (1024 * 1024)

/* Gives a descriptor, or negative errno. */
static int
connected(const struct addr *to)
{
	struct sockaddr_storage sa;
	int bytes = SEND_BYTES, err;
	socklen_t len = addr_to_sockaddr(to, &sa);
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

static int
begin(struct tracer *t)
{
	if (conf_hep_dials(&t->conf))
		return hep_stream_init(&t->stream, &t->conf, t->loop);
	t->hep = connected(&t->conf.hep);
	return t->hep < 0 ? t->hep : 0;
}

void
hep_open(struct tracer *t)
{
	int err;

	t->hep = -1;
	if (t->conf.hep.family == ADDR_NONE)
		return;
	err = begin(t);
	t->has_hep = err == 0;
	if (err == 0)
		return;
	log_begin(LOG_WARN_, "hep-receiver-not-reachable");
	log_addr("receiver", &t->conf.hep);
	log_err("why", err);
	log_str("remedy", "start tracer anew when there is a way to it");
	log_end();
}

const struct addr *
hep_dials(const struct tracer *t)
{
	return t->has_hep && conf_hep_dials(&t->conf) ? &t->conf.hep : NULL;
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

	if (!t->has_hep)
		return;
	buf_init(&b, mem, sizeof(mem));
	if (hep_put(&b, p, t->conf.hep_id, call_id) != 0)
		t->hep_lost++;
	else if (conf_hep_dials(&t->conf))
		hep_stream_put(&t->stream, buf_span(&b));
	else if (put_out(t->hep, buf_span(&b)))
		t->hep_sent++;
	else
		t->hep_lost++;
}

static void
put_stream(const struct hep_stream *s, struct buf *b)
{
	const struct hep_queue *q = &s->queue;

	buf_fmt(b, ",\"hep_sent\":%llu,\"hep_lost\":%llu,"
	    "\"hep_waiting\":%u,\"hep_again\":%llu,\"hep_state\":\"%s\"",
	    (unsigned long long)q->done,
	    (unsigned long long)q->lost, hep_queue_kept(q),
	    (unsigned long long)q->again, hep_stream_state(s));
	buf_puts(b, ",\"hep_why\":");
	text_put_json(b, span_str(s->why));
}

void
hep_put_status(const struct tracer *t, struct buf *b)
{
	char text[ADDR_TEXT_MAX + 1];

	if (t->conf.hep.family != ADDR_NONE)
		buf_fmt(b, ",\"hep\":\"%s%s\"",
		    conf_hep_way(t->conf.hep_transport),
		    addr_text(&t->conf.hep, text));
	if (hep_dials(t) != NULL)
		put_stream(&t->stream, b);
	else
		buf_fmt(b, ",\"hep_sent\":%llu,\"hep_lost\":%llu",
		    (unsigned long long)t->hep_sent,
		    (unsigned long long)t->hep_lost);
}
