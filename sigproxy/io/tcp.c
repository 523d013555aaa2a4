#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/secret.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "sigproxy/io/sockaddr.h"
#include "sigproxy/io/tcp_priv.h"

#define ACCEPT_ROUNDS 16	/* then other events have their turn */
#define SWEEP_MS 250

static void on_listener(uv_poll_t *poll, int status, int events);
static void on_conn(uv_poll_t *poll, int status, int events);
static void on_sweep(uv_timer_t *timer);

/* ---- the table ---- */

static int
table(struct tcp *t, uint32_t max)
{
	t->n = max;
	t->conns = calloc(max, sizeof(*t->conns));
	/* Untouched until used: who says nothing costs next to nothing. */
	t->mem_in = malloc((size_t)max * FRAME_MAX);
	t->mem_out = malloc((size_t)max * TCP_OUT_MAX);
	t->scratch = malloc(FRAME_MAX + READ_MAX);
	if (t->conns == NULL || t->mem_in == NULL || t->mem_out == NULL ||
	    t->scratch == NULL || htab_init(&t->hasher, 1) != 0)
		return -ENOMEM;
	for (uint32_t i = max; i-- > 0;) {
		struct conn *c = &t->conns[i];

		c->tcp = t;
		c->fd = -1;
		c->in = t->mem_in + (size_t)i * FRAME_MAX;
		c->out = t->mem_out + (size_t)i * TCP_OUT_MAX;
		c->next_free = t->free;
		t->free = c;
	}
	return 0;
}

struct tcp *
tcp_new(uv_loop_t *loop, const struct edge_conf *conf, uint32_t max,
    uint64_t first, const struct tcp_ops *ops)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (t == NULL || table(t, max) != 0 ||
	    uv_timer_init(loop, &t->sweep) != 0)
		return NULL;	/* only at start: the process ends NOLINT */
	t->loop = loop;
	t->conf = conf;
	t->ops = *ops;
	t->sweep.data = t;
	/* A number says its place: number % n. */
	t->next_conn = first - first % max + max;
	for (size_t i = 0; i < EDGE_LISTENERS_MAX; i++)
		t->listeners[i].fd = -1;
	return secure_new(t) == 0 ? t : NULL;
}

static struct conn *
find(const struct tcp *t, uint64_t number)
{
	struct conn *c = &t->conns[number % t->n];

	return c->state != CONN_FREE && c->flow.conn == number ? c : NULL;
}

static struct source *
source_of(struct tcp *t, const struct addr *a)
{
	uint64_t h = htab_hash(&t->hasher, a->ip,
	    a->family == ADDR_IPV6 ? 8 : 4);

	return &t->sources[h % SOURCE_SLOTS];
}

/* ---- closing ---- */

/* Without a certificate nobody is served by TLS. */
static bool
may_listen(const struct tcp *t, const struct listening *l)
{
	return l->fd >= 0 && !l->is_held &&
	    (!l->is_tls || tls_has_certificate(t->tls));
}

static void
listen_again(struct tcp *t)
{
	if (!t->is_accepting || !t->is_paused)
		return;
	t->is_paused = false;
	for (size_t i = 0; i < EDGE_LISTENERS_MAX; i++) {
		if (may_listen(t, &t->listeners[i]))
			uv_poll_start(&t->listeners[i].poll, UV_READABLE,
			    on_listener);
	}
}

/* No room: connections wait in the kernel, and nothing spins. */
static void
pause_listening(struct tcp *t)
{
	t->is_paused = true;
	for (size_t i = 0; i < EDGE_LISTENERS_MAX; i++) {
		if (t->listeners[i].fd >= 0)
			uv_poll_stop(&t->listeners[i].poll);
	}
}

static void
on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct tcp *t = c->tcp;

	c->state = CONN_FREE;
	c->next_free = t->free;
	t->free = c;
	t->used--;
	listen_again(t);
}

void
stream_close(struct conn *c)
{
	struct tcp *t = c->tcp;
	bool was_told = c->state == CONN_OPEN || c->state == CONN_LINGERS;

	if (!was_told)
		return;
	secure_end(c);
	c->state = CONN_CLOSING;
	c->of_source->open--;
	uv_close((uv_handle_t *)&c->poll, on_closed);
	close(c->fd);
	c->fd = -1;
	t->ops.closed(t->ops.arg, &c->flow);
}

void
stream_linger(struct conn *c, struct mono now)
{
	secure_end(c);
	c->state = CONN_LINGERS;
	c->look = mono_add_ms(now, TCP_LINGER_MS);
	c->n_in = 0;
	c->tcp->garbage++;
}

/* ---- sending ---- */

void
stream_poll(struct conn *c)
{
	int events = c->is_waiting ? 0 : UV_READABLE;

	c->is_writing = c->n_out > 0;
	if (c->is_writing)
		events |= UV_WRITABLE;
	if (events != 0)
		uv_poll_start(&c->poll, events, on_conn);
	else
		uv_poll_stop(&c->poll);
}

static void
mark_broken(struct conn *c)
{
	c->is_broken = true;
	c->tcp->any_broken = true;
}

/* What the kernel takes; negative: broken. */
static ssize_t
give(const struct conn *c, const char *p, size_t len)
{
	ssize_t n = send(c->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
}

void
stream_send_raw(struct conn *c, struct span bytes)
{
	ssize_t n = 0;

	if (c->n_out == 0)
		n = give(c, bytes.p, bytes.len);
	if (n < 0) {
		mark_broken(c);
		return;
	}
	bytes = span_sub(bytes, (size_t)n, bytes.len);
	if (bytes.len == 0)
		return;
	/* It does not read what it asked for. */
	if (bytes.len > TCP_OUT_MAX - c->n_out) {
		c->tcp->stuck++;
		mark_broken(c);
		return;
	}
	memcpy(c->out + c->n_out, bytes.p, bytes.len);
	c->n_out += bytes.len;
	if (!c->is_writing)
		stream_poll(c);
}

static void
conn_send(struct conn *c, struct span bytes)
{
	if (c->flow.transport != TRANSPORT_TLS)
		stream_send_raw(c, bytes);
	else if (c->tls == NULL || !tls_is_up(c->tls))
		c->tcp->unsent++;
	else if (!tls_write(c->tls, bytes))
		mark_broken(c);
}

void
tcp_send(struct tcp *t, const struct flow *to, struct span bytes)
{
	struct conn *c = find(t, to->conn);

	if (c == NULL || c->is_broken ||
	    (c->state != CONN_OPEN && c->state != CONN_LINGERS))
		t->unsent++;
	else
		conn_send(c, bytes);
}

void
tcp_close(struct tcp *t, const struct flow *flow)
{
	struct conn *c = find(t, flow->conn);

	if (c != NULL)
		mark_broken(c);
}

static void
conn_writable(struct conn *c)
{
	ssize_t n = give(c, c->out, c->n_out);

	if (n < 0) {
		mark_broken(c);
		return;
	}
	memmove(c->out, c->out + n, c->n_out - (size_t)n);
	c->n_out -= (size_t)n;
	if (c->n_out == 0)
		stream_poll(c);
}

bool
tcp_settle(struct tcp *t)
{
	bool any = t->any_broken;

	t->any_broken = false;
	for (uint32_t i = 0; any && i < t->n; i++) {
		if (t->conns[i].is_broken)
			stream_close(&t->conns[i]);
		t->conns[i].is_broken = false;
	}
	return any;
}

/* ---- reading ---- */

/* Quick: or a peer that waits for our ACK before its next small segment
 * (Nagle) adds the kernel's delay of 40 ms to each call. */
void
stream_ack_at_once(const struct conn *c)
{
	int on = 1;

	setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

void
stream_take(struct conn *c, struct mono now, struct span in)
{
	struct tcp *t = c->tcp;
	enum frame_kind kind;
	bool was_pinged = false;
	struct span got;

	while (c->state == CONN_OPEN && !c->is_broken) {
		kind = frame_next(&c->frame, &t->msg, &in, &got);
		if (kind == FRAME_MORE)
			break;
		if (kind == FRAME_PING) {
			was_pinged = true;
			continue;
		}
		c->since = now;
		c->begun = (struct mono){ 0 };
		t->ops.message(t->ops.arg, &c->flow, got, kind == FRAME_LOST);
		if (kind == FRAME_LOST) {
			stream_linger(c, now);
			return;
		}
	}
	/* One for all that came together: 16 KiB of pings are not to become
	 * 4,096 packets. */
	if (was_pinged && !c->is_broken)
		conn_send(c, SPAN_LIT("\r\n"));
	if (c->state != CONN_OPEN || c->is_broken)
		return;
	if (c->n_in > in.len)
		secret_wipe(c->in + in.len, c->n_in - in.len);
	c->n_in = in.len;
	c->is_part = false;
	memcpy(c->in, in.p, in.len);
	if (in.len == 0)
		c->begun = (struct mono){ 0 };
	else if (c->begun.us == 0)
		c->begun = now;
}

static void
conn_readable(struct conn *c, struct mono now)
{
	struct tcp *t = c->tcp;
	size_t len;
	ssize_t n;

	if (c->tls != NULL) {
		secure_readable(c, now);
		return;
	}
	memcpy(t->scratch, c->in, c->n_in);
	n = recv(c->fd, t->scratch + c->n_in, READ_MAX, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		stream_close(c);
		return;
	}
	stream_ack_at_once(c);
	len = c->n_in + (size_t)n;
	if (c->state == CONN_OPEN)
		stream_take(c, now, span_make(t->scratch, len));
	secret_wipe(t->scratch, len); /* keys in SDP */
}

static void
on_conn(uv_poll_t *poll, int status, int events)
{
	struct conn *c = poll->data;
	struct tcp *t = c->tcp;

	if (status < 0) {
		/* What came before a reset may say why. */
		if ((c->is_shaking || (c->is_dialled && c->tls != NULL)) &&
		    !c->is_waiting)
			secure_readable(c, clock_mono());
		stream_close(c);
	} else {
		if (events & UV_WRITABLE)
			conn_writable(c);
		if ((events & UV_READABLE) && !c->is_broken)
			conn_readable(c, clock_mono());
	}
	t->ops.drained(t->ops.arg);
}

/* ---- accepting ---- */

/* The oldest that carries nothing; NULL: all do. */
static struct conn *
least_needed(const struct tcp *t)
{
	struct conn *oldest = NULL;

	for (uint32_t i = 0; i < t->n; i++) {
		struct conn *c = &t->conns[i];

		if (c->state == CONN_OPEN && !c->is_broken &&
		    (oldest == NULL ||
			mono_before(c->since, oldest->since)) &&
		    !t->ops.carries(t->ops.arg, &c->flow))
			oldest = c;
	}
	return oldest;
}

/* Before the table is full, so that a place is free when it is needed: a
 * closed one comes free in the loop's next turn only. */
void
stream_make_room(struct tcp *t)
{
	struct conn *c;

	if (t->n - t->used > 1 + t->n / 64)
		return;
	c = least_needed(t);
	if (c != NULL) {
		t->evicted++;
		stream_close(c);
	}
}

static void
conn_begin(struct conn *c, int fd, const struct flow *flow, struct mono now)
{
	c->poll.data = c;
	c->fd = fd;
	c->state = CONN_OPEN;
	c->is_broken = false;
	c->flow = *flow;
	c->since = now;
	c->begun = now;
	c->look = now;
	c->frame = (struct frame){ .seen = 0 };
	c->n_in = c->n_out = 0;
	c->tls = NULL;
	c->is_shaking = c->is_waiting = c->is_part = c->is_dialled = false;
}

int
stream_enter(struct tcp *t, int fd, struct flow *flow, struct mono now,
    struct conn **out)
{
	struct conn *c = t->free;

	if (c == NULL)
		return -EMFILE;
	/* The next number that says this place. */
	flow->conn = t->next_conn + (uint64_t)(c - t->conns);
	t->next_conn += t->n;
	if (!t->ops.opened(t->ops.arg, flow))
		return -EACCES;
	if (uv_poll_init(t->loop, &c->poll, fd) != 0) {
		t->ops.closed(t->ops.arg, flow);
		return -EMFILE;
	}
	t->free = c->next_free;
	t->used++;
	conn_begin(c, fd, flow, now);
	c->of_source = source_of(t, &flow->remote);
	c->of_source->open++;
	stream_poll(c);
	stream_ack_at_once(c);
	*out = c;
	return 0;
}

static int
conn_open(struct tcp *t, const struct listening *l, int fd,
    const struct addr *remote, struct mono now)
{
	const struct edge_listener *el = &t->conf->listeners[l->number];
	uint16_t most = el->zone == ZONE_EXTERNAL ? TCP_SOURCE_EXTERNAL :
						    TCP_SOURCE_INTERNAL;
	struct source *of_source = source_of(t, remote);
	struct conn *c;
	struct flow flow = {
		.zone = el->zone,
		.transport = el->transport,
		.listener = l->number,
		.remote = *remote,
	};

	int err;

	if (t->free == NULL || of_source->open >= most ||
	    (l->is_tls && !secure_may_open(t, &flow, of_source, now)))
		return -EMFILE;
	err = stream_enter(t, fd, &flow, now, &c);
	if (err)
		return err;
	if (l->is_tls && secure_open(c) != 0)
		stream_close(c);
	return 0;
}

void
stream_sweep(struct tcp *t)
{
	if (!uv_is_active((uv_handle_t *)&t->sweep))
		uv_timer_start(&t->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* Until the sweep; those who wait wait in the kernel. */
static void
hold(struct tcp *t, struct listening *l)
{
	l->is_held = true;
	t->tls_held++;
	uv_poll_stop(&l->poll);
	stream_sweep(t);
}

static bool
accept_one(struct tcp *t, struct listening *l, struct mono now)
{
	uint8_t zone = t->conf->listeners[l->number].zone;
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	struct addr remote;
	int fd;

	if (l->is_tls && !secure_may_accept(t, zone, now)) {
		hold(t, l);
		return false;
	}
	stream_make_room(t);
	if (t->free == NULL) {
		pause_listening(t);
		return false;
	}
	fd = accept4(l->fd, (struct sockaddr *)&sa, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		/* Of this process or of the machine: the sweep tries again. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			pause_listening(t);
		return errno == EINTR || errno == ECONNABORTED ||
		    errno == EPROTO;
	}
	t->accepted++;
	remote = addr_of_sockaddr(&sa);
	if (conn_open(t, l, fd, &remote, now) != 0) {
		t->refused++;
		close(fd);
	} else {
		stream_sweep(t);
	}
	return true;
}

static void
on_listener(uv_poll_t *poll, int status, int events)
{
	struct listening *l = poll->data;
	struct tcp *t = l->tcp;
	struct mono now = clock_mono();

	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_listener);
	for (int i = 0; i < ACCEPT_ROUNDS && accept_one(t, l, now); i++)
		;
	/* Paused for want of descriptors with no connection that could end
	 * that by closing. */
	if (t->is_paused)
		stream_sweep(t);
	t->ops.drained(t->ops.arg);
}

int
tcp_add(struct tcp *t, uint8_t listener, int fd)
{
	struct listening *l;
	int err;

	if (listener >= EDGE_LISTENERS_MAX || t->listeners[listener].fd >= 0)
		return -EINVAL;
	l = &t->listeners[listener];
	err = uv_poll_init(t->loop, &l->poll, fd);
	if (err)
		return err;
	l->poll.data = l;
	l->tcp = t;
	l->fd = fd;
	l->number = listener;
	l->is_tls = t->conf->listeners[listener].transport == TRANSPORT_TLS;
	return 0;
}

void
tcp_accept(struct tcp *t)
{
	if (t->is_accepting)
		return;
	t->is_accepting = t->is_paused = true;
	listen_again(t);
}

void
tcp_has_certificate(struct tcp *t)
{
	if (t->is_accepting && !t->is_paused) {
		t->is_paused = true;
		listen_again(t);
	}
}

struct tls *
tcp_tls(struct tcp *t)
{
	return t->tls;
}

/* ---- who is too slow ---- */

static void
look_at(struct conn *c, struct mono now)
{
	struct tcp *t = c->tcp;

	if (c->state == CONN_LINGERS) {
		if (mono_due(c->look, now))
			stream_close(c);
		return;
	}
	if (c->state != CONN_OPEN)
		return;
	if (c->begun.us != 0 &&
	    mono_due(mono_add_ms(c->begun, TCP_WHOLE_MS), now)) {
		t->slow++;
		stream_close(c);
		return;
	}
	if (!mono_due(mono_add_ms(c->since, TCP_IDLE_MS), now) ||
	    !mono_due(c->look, now))
		return;
	if (t->ops.carries(t->ops.arg, &c->flow)) {
		c->look = mono_add_ms(now, TCP_CARRIES_MS);
		return;
	}
	t->idle++;
	stream_close(c);
}

static void
on_sweep(uv_timer_t *timer)
{
	struct tcp *t = timer->data;
	struct mono now = clock_mono();

	for (uint32_t i = 0; i < t->n && t->used > 0; i++)
		look_at(&t->conns[i], now);
	if (t->tls != NULL)
		tls_tick(t->tls, now);
	for (size_t i = 0; i < EDGE_LISTENERS_MAX; i++) {
		t->is_paused = t->is_paused || t->listeners[i].is_held;
		t->listeners[i].is_held = false;
	}
	if (t->free != NULL)
		listen_again(t);
	if (t->used == 0 && !t->is_paused)
		uv_timer_stop(timer);
	t->ops.drained(t->ops.arg);
}

void
tcp_status(const struct tcp *t, struct buf *json)
{
	const struct {
		const char *name;
		uint64_t n;
	} all[] = {
		{ "tcp_open", t->used }, { "tcp_accepted", t->accepted },
		{ "tcp_dialled", t->dialled },
		{ "tcp_refused", t->refused }, { "tcp_evicted", t->evicted },
		{ "tcp_slow", t->slow }, { "tcp_idle", t->idle },
		{ "tcp_not_reading", t->stuck },
		{ "tcp_garbage", t->garbage }, { "tcp_unsent", t->unsent },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_fmt(json, "%s\"%s\":%llu", i > 0 ? "," : "", all[i].name,
		    (unsigned long long)all[i].n);
	if (t->tls != NULL)
		secure_status(t, json);
}
