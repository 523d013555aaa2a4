#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "tracer/io/hep_stream.h"
#include "tracer/io/sockaddr.h"

#define DEADLINE_MS 5000	/* to connect, and to shake hands */
#define WAIT_LEAST_MS 500
#define WAIT_MOST_MS 30000
#define LOOK_MS 200
/* Up for so long, it was worth dialling. */
#define GOOD_MS 10000
/* A host that acknowledges nothing for so long is gone. */
#define SILENT_MS 20000
#define READ_MAX 16384
/* More than a message's octets wait only for one who asks and does not read. */
#define WAITS_MOST ((size_t)HEP_FRAME_MAX * 4)

static void on_timer(uv_timer_t *timer);
static void on_poll(uv_poll_t *poll, int status, int events);

/* ---- what is there ---- */

static void
look(struct hep_stream *s)
{
	int waits;

	memmove(s->seen + 1, s->seen, sizeof(s->seen) - sizeof(s->seen[0]));
	if (ioctl(s->fd, SIOCOUTQ, &waits) == 0 && waits >= 0 &&
	    (uint64_t)waits <= s->written)
		s->seen[0] = s->written - (uint64_t)waits;
}

/* ---- gone ---- */

static void
hang_up(struct hep_stream *s)
{
	if (s->is_polled)
		uv_close((uv_handle_t *)&s->poll, NULL);
	s->is_polled = false;
	if (s->is_tls)
		hep_tls_close(&s->tls);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->out_len = s->out_sent = 0;
}

static void
say_away(struct hep_stream *s)
{
	if (strcmp(s->said, s->why) == 0)
		return;		/* each attempt would say it anew */
	memcpy(s->said, s->why, sizeof(s->said));
	log_begin(LOG_WARN_, "hep-receiver-away");
	log_addr("receiver", &s->conf->hep);
	log_str("why", s->why);
	log_u64("waiting", hep_queue_kept(&s->queue));
	log_end();
}

/* Why is said in s->why. */
static void
lost(struct hep_stream *s, bool has_read_all)
{
	bool was_up = s->state == HEP_UP;

	if (was_up) {
		if (has_read_all) {
			look(s);
			hep_queue_acked(&s->queue, s->seen[0]);
		}
		if (mono_ms_between(s->since, clock_mono()) >= GOOD_MS)
			s->wait_ms = WAIT_LEAST_MS;
		s->said[0] = '\0';
	}
	hep_queue_again(&s->queue);
	hang_up(s);
	s->state = HEP_AWAY;
	say_away(s);
	uv_timer_start(&s->timer, on_timer, s->wait_ms, 0);
	s->wait_ms = s->wait_ms * 2 > WAIT_MOST_MS ? WAIT_MOST_MS :
	    s->wait_ms * 2;
}

static void
set_why(struct hep_stream *s, const struct buf *b)
{
	size_t len = b->len < sizeof(s->why) ? b->len : sizeof(s->why) - 1;

	memmove(s->why, b->p, len);
	s->why[len] = '\0';
}

static void
lost_by(struct hep_stream *s, const char *what, int err)
{
	char mem[HEP_WHY_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_fmt(&b, "%s: %s", what, strerror(err));
	set_why(s, &b);
	lost(s, false);
}

/* ---- out ---- */

static struct span
to_send(const struct hep_stream *s)
{
	return s->is_tls ? hep_tls_out(&s->tls) :
	    span_make(s->out + s->out_sent, s->out_len - s->out_sent);
}

/* 0: all is out; 1: the kernel takes no more now.  Errors: negative errno. */
static int
flush(struct hep_stream *s)
{
	struct span left;
	ssize_t n;

	while ((left = to_send(s)).len > 0) {
		n = write(s->fd, left.p, left.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 1 : -errno;
		s->written += (uint64_t)n;
		if (s->is_tls)
			hep_tls_sent(&s->tls, (size_t)n);
		else
			s->out_sent += (size_t)n;
	}
	return 0;
}

/* Errors: -EPROTO. */
static int
give(struct hep_stream *s, size_t len)
{
	if (!s->is_tls) {
		s->out_len = len;
		s->out_sent = 0;
		hep_queue_given(&s->queue, s->written + len);
		return 0;
	}
	if (hep_tls_write(&s->tls, span_make(s->out, len)) != 0)
		return -EPROTO;
	hep_queue_given(&s->queue, hep_tls_written(&s->tls));
	return 0;
}

/* All that waits, as far as the connection takes it. */
static void
pump(struct hep_stream *s)
{
	int err = flush(s);
	size_t len;

	while (err == 0 && s->state == HEP_UP &&
	    (len = hep_queue_next(&s->queue, s->out)) > 0) {
		err = give(s, len);
		if (err == 0)
			err = flush(s);
	}
	if (err == 1 && to_send(s).len > WAITS_MOST)
		err = -ENOBUFS;
	if (err < 0) {
		lost_by(s, "the connection broke", -err);
		return;
	}
	uv_poll_start(&s->poll, UV_READABLE | (err == 1 ? UV_WRITABLE : 0),
	    on_poll);
}

/* ---- up ---- */

static void
up(struct hep_stream *s)
{
	s->state = HEP_UP;
	s->since = clock_mono();
	s->why[0] = s->said[0] = '\0';
	log_begin(LOG_INFO_, "hep-receiver-there");
	log_addr("receiver", &s->conf->hep);
	log_str("by", s->is_tls ? SSL_get_version(s->tls.ssl) : "TCP");
	log_u64("waiting", hep_queue_kept(&s->queue));
	log_end();
	uv_timer_start(&s->timer, on_timer, LOOK_MS, LOOK_MS);
	pump(s);
}

static void
on_tick(struct hep_stream *s)
{
	look(s);
	if (hep_queue_acked(&s->queue, s->seen[HEP_SEEN - 1]) > 0)
		s->wait_ms = WAIT_LEAST_MS;
	pump(s);
	if (s->state == HEP_UP && hep_queue_kept(&s->queue) == 0)
		uv_timer_stop(&s->timer);
}

/* ---- in ---- */

static void
go_on(struct hep_stream *s)
{
	char mem[HEP_WHY_MAX];
	struct buf b;
	int err;

	buf_init(&b, mem, sizeof(mem));
	err = hep_tls_go_on(&s->tls, &b);
	if (err < 0) {
		flush(s);	/* it is told why not */
		set_why(s, &b);
		lost(s, false);
	} else if (err == 1 && s->state == HEP_SHAKES) {
		up(s);
	} else {
		pump(s);
	}
}

/* What HEP's receiver says means nothing, but that it ends. */
static void
take(struct hep_stream *s)
{
	static const char ended[] = "it ended the connection";
	static char mem[READ_MAX];
	ssize_t n = read(s->fd, mem, sizeof(mem));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		lost_by(s, "the connection broke", errno);
	} else if (n == 0) {
		memcpy(s->why, ended, sizeof(ended));
		lost(s, true);
	} else if (s->is_tls) {
		if (hep_tls_take(&s->tls, span_make(mem, (size_t)n)) == 0)
			go_on(s);
		else
			lost_by(s, "TLS", ENOMEM);
	}
}

/* ---- dialling ---- */

static void
connected(struct hep_stream *s)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	if (err != 0) {
		lost_by(s, "it cannot be reached", err);
		return;
	}
	if (!s->is_tls) {
		up(s);
		return;
	}
	err = hep_tls_open(&s->tls);
	if (err) {
		lost_by(s, "TLS", -err);
		return;
	}
	s->state = HEP_SHAKES;
	go_on(s);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct hep_stream *s = poll->data;

	if (status < 0 && s->state != HEP_DIALS) {
		lost_by(s, "the connection broke", -status);
		return;
	}
	if (s->state == HEP_DIALS) {
		connected(s);
		return;
	}
	if (events & UV_READABLE)
		take(s);
	if ((events & UV_WRITABLE) && s->state >= HEP_SHAKES)
		pump(s);
}

static int
dial(struct hep_stream *s)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&s->conf->hep, &sa);
	int ms = SILENT_MS, err;

	s->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
		SOCK_NONBLOCK, IPPROTO_TCP);
	if (s->fd < 0)
		return -errno;
	setsockopt(s->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	if (connect(s->fd, (struct sockaddr *)&sa, len) != 0 &&
	    errno != EINPROGRESS)
		return -errno;
	err = uv_poll_init(s->loop, &s->poll, s->fd);
	if (err)
		return err;
	s->is_polled = true;
	s->poll.data = s;
	return uv_poll_start(&s->poll, UV_WRITABLE, on_poll);
}

static void
begin(struct hep_stream *s)
{
	int err;

	s->written = 0;
	memset(s->seen, 0, sizeof(s->seen));
	s->state = HEP_DIALS;
	uv_timer_start(&s->timer, on_timer, DEADLINE_MS, 0);
	err = dial(s);
	if (err)
		lost_by(s, "it cannot be reached", -err);
}

static void
on_timer(uv_timer_t *timer)
{
	struct hep_stream *s = timer->data;

	switch (s->state) {
	case HEP_AWAY:
		begin(s);
		break;
	case HEP_UP:
		on_tick(s);
		break;
	case HEP_DIALS:
		lost_by(s, "it cannot be reached", ETIMEDOUT);
		break;
	case HEP_SHAKES:
		lost_by(s, "it takes the connection, but shakes no hands",
		    ETIMEDOUT);
		break;
	}
}

/* ---- outwards ---- */

/* 1: there is nobody to believe, so nobody is dialled. */
static int
init_tls(struct hep_stream *s)
{
	char mem[HEP_WHY_MAX];
	struct buf b;
	int err;

	buf_init(&b, mem, sizeof(mem));
	err = hep_tls_init(&s->tls, s->conf, &b);
	if (err || s->tls.ctx != NULL)
		return err;
	set_why(s, &b);
	say_away(s);
	return 1;
}

int
hep_stream_init(struct hep_stream *s, const struct conf *c, uv_loop_t *loop)
{
	int err = uv_timer_init(loop, &s->timer);

	s->conf = c;
	s->loop = loop;
	s->fd = -1;
	s->timer.data = s;
	s->wait_ms = WAIT_LEAST_MS;
	s->is_tls = c->hep_transport == TRANSPORT_TLS;
	hep_queue_init(&s->queue, s->mem, sizeof(s->mem));
	if (err == 0 && s->is_tls)
		err = init_tls(s);
	if (err)
		return err < 0 ? err : 0;
	return uv_timer_start(&s->timer, on_timer, 0, 0);
}

int
hep_stream_put(struct hep_stream *s, struct span frame)
{
	int err = hep_queue_put(&s->queue, frame);

	if (err || s->state != HEP_UP)
		return err;
	if (!uv_is_active((uv_handle_t *)&s->timer))
		uv_timer_start(&s->timer, on_timer, LOOK_MS, LOOK_MS);
	pump(s);
	return 0;
}

const char *
hep_stream_state(const struct hep_stream *s)
{
	return s->state == HEP_UP ? "connected" :
	    s->state == HEP_AWAY ? "away" : "dialling";
}
