/* Connections by TLS: who may begin, handshakes, what is read. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/base/secret.h"
#include "common/io/clock.h"
#include "sigproxy/io/tcp_priv.h"

#define PEEK_MAX 256	/* of what is no TLS */

/* ---- beneath ---- */

/* One read in one turn, so that nobody keeps the loop to himself. */
static ssize_t
on_recv(void *conn, void *mem, size_t room)
{
	struct conn *c = conn;
	ssize_t n;

	if (c->recvs == 0)
		return -EAGAIN;
	c->recvs--;
	n = recv(c->fd, mem, room, MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	stream_ack_at_once(c);
	return n;
}

static bool
on_send(void *conn, struct span bytes)
{
	struct conn *c = conn;

	if (!c->is_broken)
		stream_send_raw(c, bytes);
	return !c->is_broken;
}

/* ---- who may begin ---- */

struct pace {
	uint64_t per_s, burst;
};

static const struct pace everybody = { TCP_SHAKES_ALL, TCP_SHAKES_ALL_BURST };
static const struct pace all_outside = { TCP_SHAKES_OUTSIDE,
	TCP_SHAKES_OUTSIDE_BURST };
static const struct pace outside = { TCP_SHAKES_EXTERNAL,
	TCP_SHAKES_EXTERNAL_BURST };
static const struct pace inside = { TCP_SHAKES_INTERNAL,
	TCP_SHAKES_INTERNAL_BURST };

/* Would one more still be within the burst? */
static bool
within(const struct shake_rate *r, struct mono now, const struct pace *p)
{
	return mono_before(r->due, mono_add_ms(now,
		p->burst * 1000 / p->per_s));
}

static void
pay(struct shake_rate *r, struct mono now, const struct pace *p)
{
	if (mono_before(r->due, now))
		r->due = now;
	r->due.us += 1000000 / p->per_s;
}

static bool
is_outside(const struct conn *c)
{
	return c->flow.zone == ZONE_EXTERNAL;
}

/* Of those outside, or of all. */
static struct conn *
oldest_shaking(const struct tcp *t, bool only_outside)
{
	struct conn *oldest = NULL;

	for (uint32_t i = 0; i < t->n; i++) {
		struct conn *c = &t->conns[i];

		if (c->state == CONN_OPEN && c->is_shaking &&
		    (is_outside(c) || !only_outside) &&
		    (oldest == NULL || mono_before(c->since, oldest->since)))
			oldest = c;
	}
	return oldest;
}

/* An honest one is soon done: the oldest is the least so. */
static bool
make_room(struct tcp *t, bool for_outside, struct mono now)
{
	bool is_full = for_outside && t->shaking_outside >= TCP_SHAKING_OUTSIDE;
	struct conn *c;

	if (!is_full && tls_shaking(t->tls) < TLS_SHAKING_MAX)
		return true;
	c = oldest_shaking(t, for_outside);
	if (c == NULL || !mono_due(mono_add_ms(c->since, TCP_SHAKE_FAIR_MS),
		now))
		return false;
	t->tls_evicted++;
	stream_close(c);
	return true;
}

/* Who floods from the internet does not shut out the office. */
bool
secure_may_accept(struct tcp *t, uint8_t zone, struct mono now)
{
	bool external = zone == ZONE_EXTERNAL;

	return within(&t->shake_rate, now, &everybody) &&
	    (!external || within(&t->outside_rate, now, &all_outside)) &&
	    make_room(t, external, now);
}

bool
secure_may_open(struct tcp *t, const struct flow *flow,
    struct source *of_source, struct mono now)
{
	bool external = flow->zone == ZONE_EXTERNAL;
	const struct pace *p = external ? &outside : &inside;

	if (of_source->shaking >= (external ? TCP_SHAKING_EXTERNAL :
					      TCP_SHAKING_INTERNAL) ||
	    !within(&of_source->rate, now, p)) {
		t->tls_refused++;
		return false;
	}
	pay(&of_source->rate, now, p);
	pay(&t->shake_rate, now, &everybody);
	if (external)
		pay(&t->outside_rate, now, &all_outside);
	return true;
}

int
secure_open(struct conn *c)
{
	int on = 1;

	c->tls = tls_open(c->tcp->tls, c);
	if (c->tls == NULL)
		return -EMFILE;
	c->is_shaking = true;
	c->of_source->shaking++;
	c->tcp->shaking_outside += is_outside(c);
	/* A ticket and an answer behind it are two segments: the second is
	 * not to wait until the first is acknowledged. */
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

/* ---- handshakes ---- */

static void go_on(struct conn *c, struct mono now);

int
secure_dial(struct conn *c, const struct edge_dialled *d, struct mono now)
{
	c->tls = tls_dial(c->tcp->tls, c, d->name, d->verify);
	if (c->tls == NULL)
		return -EMFILE;
	c->recvs = 1;
	go_on(c, now);
	return 0;
}

static void
shaken(struct conn *c)
{
	if (c->is_shaking) {
		c->of_source->shaking--;
		c->tcp->shaking_outside -= is_outside(c);
	}
	c->is_shaking = false;
}

void
secure_end(struct conn *c)
{
	shaken(c);
	tls_close(c->tls, !c->is_broken);
	c->tls = NULL;
	c->is_waiting = false;
}

static void
dial_failed(struct conn *c)
{
	char words[TLS_WORDS_MAX];
	struct tcp *t = c->tcp;
	struct buf b;

	buf_init(&b, words, sizeof(words));
	tls_dial_words(c->tls, &b);
	t->ops.not_ready(t->ops.arg, &c->flow, buf_span(&b));
}

static void
failed(struct conn *c, struct mono now, enum tls_why why,
    const struct tls_hello *hello)
{
	struct tcp *t = c->tcp;

	t->tls_why[why]++;
	if (c->is_dialled)
		dial_failed(c);
	else if (tls_why_event(why) != NULL)
		t->ops.no_tls(t->ops.arg, &c->flow, why, hello);
	if (c->is_broken)
		stream_close(c);
	else
		stream_linger(c, now);	/* for the alert */
}

static void
up(struct conn *c, struct mono now)
{
	struct tcp *t = c->tcp;

	shaken(c);
	t->tls_up++;
	t->tls_1_3 += tls_is_1_3(c->tls);
	t->tls_resumed += tls_is_resumed(c->tls);
	c->since = now;
	c->begun = now;
	if (c->is_dialled) {
		/* We speak first, and perhaps for long alone. */
		c->begun = (struct mono){ 0 };
		t->ops.ready(t->ops.arg, &c->flow);
	}
}

static void
shake(struct conn *c, struct mono now)
{
	struct tls_hello hello;
	enum tls_why why;
	bool was_waiting = c->is_waiting;

	c->is_waiting = false;
	switch (tls_shake(c->tls)) {
	case TLS_UP:
		up(c, now);
		break;
	case TLS_READS:
		break;
	case TLS_ASKS:
		c->is_waiting = true;
		break;
	case TLS_FAILED:
		why = tls_failure(c->tls, &hello);
		failed(c, now, why, &hello);
		break;
	}
	if (c->state != CONN_CLOSING && was_waiting != c->is_waiting)
		stream_poll(c);
}

/* Who speaks something else is told apart before OpenSSL sees it. */
static bool
begins_tls(struct conn *c, struct mono now)
{
	struct tls_hello none = { 0 };
	char mem[PEEK_MAX];
	ssize_t n = recv(c->fd, mem, sizeof(mem), MSG_DONTWAIT | MSG_PEEK);
	struct span first = span_make(mem, n > 0 ? (size_t)n : 0);

	if (n <= 0 || tls_is_record(first))
		return true;
	failed(c, now, tls_why_of_octets(first), &none);
	return false;
}

static void read_all(struct conn *c, struct mono now);

static void
go_on(struct conn *c, struct mono now)
{
	shake(c, now);
	if (c->state == CONN_OPEN && tls_is_up(c->tls))
		read_all(c, now);
}

static void
on_go_on(void *conn)
{
	struct conn *c = conn;

	if (c->state != CONN_OPEN)
		return;
	c->recvs = 1;
	go_on(c, clock_mono());
}

/* ---- what is read ---- */

/* A record that is not whole holds memory, as a message does. */
static void
note_part(struct conn *c, struct mono now)
{
	bool part = tls_has_part(c->tls);

	if (part && c->begun.us == 0) {
		c->begun = now;
		c->is_part = true;
	} else if (!part && c->is_part) {
		c->begun = (struct mono){ 0 };
		c->is_part = false;
	}
}

/* The peer ended it; some look at our certificate only then. */
static void
read_ended(struct conn *c, struct mono now)
{
	struct tls_hello hello;
	enum tls_why why = tls_failure(c->tls, &hello);

	if (why != TLS_WHY_CLOSED)
		failed(c, now, why, &hello);
	else
		stream_close(c);
}

static void
read_all(struct conn *c, struct mono now)
{
	struct tcp *t = c->tcp;
	ssize_t got = 1;
	size_t n, had;

	while (got > 0 && c->state == CONN_OPEN && !c->is_broken) {
		had = c->n_in;
		memcpy(t->scratch, c->in, had);
		for (n = 0; n < READ_MAX; n += (size_t)got) {
			got = tls_read(c->tls, t->scratch + c->n_in + n,
			    READ_MAX - n);
			if (got <= 0)
				break;
		}
		if (n > 0)
			stream_take(c, now, span_make(t->scratch, had + n));
		secret_wipe(t->scratch, had + n); /* keys in SDP */
	}
	if (c->state != CONN_OPEN || c->is_broken)
		return;
	if (got < 0)
		read_ended(c, now);
	else
		note_part(c, now);
}

void
secure_readable(struct conn *c, struct mono now)
{
	c->recvs = 1;
	if (tls_is_up(c->tls))
		read_all(c, now);
	else if (c->is_dialled || tls_has_begun(c->tls) ||
	    begins_tls(c, now))
		go_on(c, now);
}

/* ---- the whole ---- */

int
secure_new(struct tcp *t)
{
	struct tls_ops ops = { on_recv, on_send, on_go_on, t->ops.ask_key,
		t->ops.arg };

	/* Also without a listener for it: trunks are dialled. */
	t->tls = tls_new(&ops);
	return t->tls == NULL ? -ENOMEM : 0;
}

void
secure_status(const struct tcp *t, struct buf *json)
{
	const struct {
		const char *name;
		uint64_t n;
	} all[] = {
		{ "tls_shaking", tls_shaking(t->tls) },
		{ "tls_up", t->tls_up }, { "tls_1_3", t->tls_1_3 },
		{ "tls_resumed", t->tls_resumed },
		{ "tls_refused", t->tls_refused },
		{ "tls_evicted", t->tls_evicted },
		{ "tls_held", t->tls_held },
		{ "tls_closed", t->tls_why[TLS_WHY_CLOSED] },
		{ "tls_too_old", t->tls_why[TLS_WHY_OLD] },
		{ "tls_nothing_in_common", t->tls_why[TLS_WHY_CIPHER] },
		{ "tls_not_trusted", t->tls_why[TLS_WHY_NOT_TRUSTED] },
		{ "tls_expired", t->tls_why[TLS_WHY_EXPIRED] },
		{ "tls_no_signature", t->tls_why[TLS_WHY_KEY] },
		{ "tls_plain_sip", t->tls_why[TLS_WHY_NOT_TLS_SIP] },
		{ "tls_http", t->tls_why[TLS_WHY_NOT_TLS_HTTP] },
		{ "tls_not_tls", t->tls_why[TLS_WHY_NOT_TLS] },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_fmt(json, ",\"%s\":%llu", all[i].name,
		    (unsigned long long)all[i].n);
}
