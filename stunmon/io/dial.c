/*
 * Connections to trunks: dialled here, used by sigproxy, which can make none.
 *
 * sigproxy says when, not where to: an address is dialled only if this very
 * trunk, as registrar-db tells it, has it written or is resolved to it.  What
 * comes of it is handed over as it is; TLS is sigproxy's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "stunmon/io/monitor.h"

/* What was sent and is not acknowledged for so long: it is lost, and another
 * connection is made. */
#define LOST_AFTER_MS 15000

struct dial {
	struct monitor *m;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles;	/* not closed yet; 0: free */
	int fd;
	struct ipc_trunk_conn say;
};

struct dials {
	struct dial dial[DIALS_MAX];
	uint64_t asked, made, failed, refused;
};

int
dials_new(struct monitor *m)
{
	m->dials = calloc(1, sizeof(*m->dials));
	return m->dials == NULL ? -ENOMEM : 0;
}

/* ---- what came of it ---- */

static void
answer(struct monitor *m, const struct ipc_trunk_conn *say, int fd)
{
	char mem[96];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK_CONN, trunk_conn, say);
	if (buf_err(&b))
		return;
	/* One that gets lost is asked for again. */
	if (fd >= 0)
		(void)door_send_fd(m->owner[MAPPING_SIP], buf_span(&b), fd);
	else
		(void)door_send(m->owner[MAPPING_SIP], buf_span(&b));
}

static void
on_closed(uv_handle_t *handle)
{
	struct dial *d = handle->data;

	d->handles--;
}

static void
end(struct dial *d)
{
	if (d->fd < 0)
		return;
	uv_close((uv_handle_t *)&d->poll, on_closed);
	uv_close((uv_handle_t *)&d->timer, on_closed);
	close(d->fd);
	d->fd = -1;
}

static uint8_t
refusal_of(int err)
{
	switch (err) {
	case 0:
		return DIAL_OK;
	case ECONNREFUSED:
	case ECONNRESET:
		return DIAL_REFUSED;
	case ETIMEDOUT:
		return DIAL_SILENT;
	case EPERM:
	case EACCES:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
		return DIAL_NO_WAY;
	default:
		return DIAL_BROKEN;
	}
}

static void
done(struct dial *d, int err)
{
	struct monitor *m = d->m;
	unsigned ms = LOST_AFTER_MS;

	d->say.refusal = refusal_of(err);
	if (err == 0) {
		(void)setsockopt(d->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms,
		    sizeof(ms));
		m->dials->made++;
	} else {
		m->dials->failed++;
	}
	/* libuv forgets it before another process has it. */
	uv_poll_stop(&d->poll);
	answer(m, &d->say, err == 0 ? d->fd : -1);
	end(d);
}

static void
on_writable(uv_poll_t *poll, int status, int events)
{
	struct dial *d = poll->data;
	int err = 0;
	socklen_t len = sizeof(err);

	(void)events;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	done(d, err == 0 && status < 0 ? EIO : err);
}

static void
on_late(uv_timer_t *timer)
{
	done(timer->data, ETIMEDOUT);
}

/* ---- making one ---- */

static int
connect_to(const struct addr *to)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET,
		.sin_port = htons(to->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(to->port) };
	bool is_6 = to->family == ADDR_IPV6;
	int fd = socket(is_6 ? AF_INET6 : AF_INET,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int err;

	if (fd < 0)
		return -errno;
	memcpy(&in4.sin_addr, to->ip, 4);
	memcpy(&in6.sin6_addr, to->ip, 16);
	if (connect(fd, is_6 ? (struct sockaddr *)&in6 :
		(struct sockaddr *)&in4, is_6 ? sizeof(in6) : sizeof(in4)) ==
		0 || errno == EINPROGRESS)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static struct dial *
find_free(struct dials *all)
{
	for (unsigned i = 0; i < DIALS_MAX; i++) {
		if (all->dial[i].handles == 0)
			return &all->dial[i];
	}
	return NULL;
}

static int
begin(struct monitor *m, struct dial *d, const struct ipc_trunk_conn *say)
{
	int fd = connect_to(&say->address);

	if (fd < 0)
		return fd;
	if (uv_poll_init(m->loop, &d->poll, fd) != 0) {
		close(fd);
		return -EMFILE;
	}
	uv_timer_init(m->loop, &d->timer);
	d->m = m;
	d->poll.data = d->timer.data = d;
	d->handles = 2;
	d->fd = fd;
	d->say = *say;
	uv_poll_start(&d->poll, UV_WRITABLE, on_writable);
	uv_timer_start(&d->timer, on_late, DIAL_DEADLINE_MS, 0);
	return 0;
}

/* ---- who may be dialled ---- */

static struct trunk_host *
find_trunk(struct monitor *m, uint32_t id)
{
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		struct trunk_host *t = &m->trunks.list[i];

		if (t->id == id && t->transport != TRANSPORT_UDP)
			return t;
	}
	return NULL;
}

/* What a name leads to is somebody else's word: not this host, nor all of
 * them.  What an admin wrote as an address is his. */
static bool
is_unfit(const struct trunk_host *t, const struct addr *a)
{
	enum addr_class of = addr_classify(a);

	return a->port == 0 || of == ADDR_MULTICAST || of == ADDR_UNUSABLE ||
	    (t->is_name && of == ADDR_LOOPBACK);
}

/* Gives: its place among the trunk's, or -1. */
static int
place_of(const struct trunk_host *t, const struct addr *a)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (addr_eq(&t->addr[i], a))
			return is_unfit(t, a) ? -1 : (int)i;
	}
	return -1;
}

static uint8_t
try_dial(struct monitor *m, const struct ipc_trunk_conn *say)
{
	struct trunk_host *t = find_trunk(m, say->trunk);
	int i = t == NULL ? -1 : place_of(t, &say->address);
	struct dial *d = find_free(m->dials);
	struct mono now = clock_mono();
	int err;

	if (t == NULL || i < 0)
		return DIAL_UNKNOWN;
	if (d == NULL || (t->dialled[i].us != 0 &&
		!mono_due(mono_add_ms(t->dialled[i], DIAL_EACH_MS), now)))
		return DIAL_BUSY;
	t->dialled[i] = now;
	err = begin(m, d, say);
	return err == 0 ? DIAL_OK : refusal_of(-err);
}

static void
log_unknown(const struct ipc_trunk_conn *say)
{
	log_begin(LOG_WARN_, "dial-not-allowed");
	log_u64("trunk", say->trunk);
	log_addr("address", &say->address);
	log_str("why", "not an address of this trunk");
	log_end();
}

int
dials_frame(struct monitor *m, struct span payload)
{
	struct ipc_trunk_dial ask;
	struct ipc_trunk_conn say;
	int err = get_trunk_dial(payload, &ask);

	if (err)
		return err;
	say = (struct ipc_trunk_conn){ .id = ask.id, .trunk = ask.trunk,
		.address = ask.address };
	m->dials->asked++;
	say.refusal = try_dial(m, &say);
	if (say.refusal == DIAL_OK)
		return 0;
	/* Once is a name that has changed meanwhile. */
	if (say.refusal == DIAL_UNKNOWN && m->dials->refused++ % 64 == 0)
		log_unknown(&say);
	answer(m, &say, -1);
	return 0;
}

void
dials_stop(struct monitor *m)
{
	for (unsigned i = 0; i < DIALS_MAX; i++) {
		if (m->dials->dial[i].handles == 2)
			end(&m->dials->dial[i]);
	}
}

void
dials_status(const struct monitor *m, struct buf *b)
{
	const struct dials *d = m->dials;

	buf_fmt(b, "\"dials_asked\":%llu,\"dials_made\":%llu,"
	    "\"dials_failed\":%llu,\"dials_refused\":%llu",
	    (unsigned long long)d->asked, (unsigned long long)d->made,
	    (unsigned long long)d->failed, (unsigned long long)d->refused);
}
