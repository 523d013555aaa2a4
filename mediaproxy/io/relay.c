#include <errno.h>
#include <stdlib.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "mediaproxy/io/media.h"

#define BATCH 16
/* One socket's flood must not starve the others: then the loop goes on. */
#define ROUNDS_MAX 4
#define DRAIN_MAX 256		/* more than a socket holds: a flood */
#define BUSY_TICK_MS 100
#define IDLE_TICK_MS 1000

/* Where datagrams are received; packets leave from the same bytes. */
struct relay_batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage from[BATCH];
	uint8_t data[BATCH][RTP_PACKET_MAX + SRTP_TRAILER_MAX];
};

static void
batch_init(struct relay_batch *b)
{
	for (int i = 0; i < BATCH; i++) {
		b->iov[i].iov_base = b->data[i];
		b->iov[i].iov_len = RTP_PACKET_MAX;
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
		b->msg[i].msg_hdr.msg_name = &b->from[i];
	}
}

static int
batch_receive(struct relay_batch *b, int fd)
{
	for (int i = 0; i < BATCH; i++)
		b->msg[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
	return recvmmsg(fd, b->msg, BATCH, MSG_DONTWAIT, NULL);
}

/* ---- one packet ---- */

static const struct sock *
sock_of(const struct socks *s, const struct session_hop *hop)
{
	const struct sock *direct = &s->sock[socks_direct(s, hop->pair)];

	if (hop->which == PORT_RTP && addr_eq(&direct->peer, &hop->to))
		return direct;
	return &s->sock[2 * hop->pair + (unsigned)hop->which];
}

static void
send_hop(struct media *m, const struct session_hop *hop, const void *data)
{
	if (sock_send(sock_of(&m->socks, hop), &hop->to, data, hop->len) != 0)
		m->n_send_failed++;
	if (m->sessions.n_traced > 0)
		tap_packet(m, hop->pair, hop->which, &hop->to, data, hop->len,
		    true);
}

/* A check of ICE, or an answer to a question of ours. */
static void
handle_stun(struct media *m, uint32_t pair, enum port_which which,
    const struct addr *source, struct span packet, struct mono now)
{
	const struct port_pair *p = &m->ports.pair[pair];
	const struct session_hop hop = { pair, which, *source, 0 };
	uint8_t mem[STUN_CHECK_MAX];
	struct buf answer;

	buf_init(&answer, mem, sizeof(mem));
	if (sessions_stun(&m->sessions, pair, which, source, packet, now,
		&answer)) {
		m->n_send_failed += sock_send(sock_of(&m->socks, &hop), source,
		    mem, answer.len) != 0;
	} else if (m->ports.group[p->group].mapped) {
		stunmon_heard(m, port_own(p, which).port, source, packet,
		    now);
	}
}

static void
handle(struct media *m, uint32_t sock, const struct addr *source,
    uint8_t *data, size_t len, struct mono now)
{
	enum port_which which;
	uint32_t pair = socks_pair(&m->socks, sock, &which);
	struct session_hop hop;

	m->n_in++;
	if (m->window.open && window_takes(&m->window, pair, which, source,
		span_make(data, len))) {
		sessions_unasked(&m->sessions, pair, which, source, now);
		return;
	}
	if (rtp_kind(span_make(data, len)) == RTP_KIND_STUN &&
	    !(sessions_is_fax(&m->sessions, pair) &&
		!stun_is(span_make(data, len)))) {
		handle_stun(m, pair, which, source, span_make(data, len),
		    now);
		return;
	}
	if (m->sessions.n_traced > 0)
		tap_packet(m, pair, which, source, data, len, false);
	if (sessions_packet(&m->sessions, pair, which, source, data, len, now,
		&hop))
		send_hop(m, &hop, data);
}

/* What one socket has, up to a batch; how much came. */
static unsigned
receive_batch(struct media *m, uint32_t sock, struct mono now)
{
	struct relay_batch *b = m->batch;
	int n = batch_receive(b, m->socks.sock[sock].fd);

	for (int i = 0; i < n; i++) {
		struct addr source = sock_addr_from(&b->from[i]);

		/* Too long for us: half a packet is none. */
		if (b->msg[i].msg_hdr.msg_flags & MSG_TRUNC)
			continue;
		handle(m, sock, &source, b->data[i], b->msg[i].msg_len, now);
	}
	return n < 0 ? 0 : (unsigned)n;
}

/* One packet: mostly there are no more, and so it costs less. */
static unsigned
receive_one(struct media *m, uint32_t sock, struct mono now)
{
	struct relay_batch *b = m->batch;
	socklen_t from_len = sizeof(b->from[0]);
	struct addr source;
	ssize_t n;

	n = recvfrom(m->socks.sock[sock].fd, b->data[0], RTP_PACKET_MAX,
	    MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&b->from[0],
	    &from_len);
	if (n < 0)
		return 0;
	source = sock_addr_from(&b->from[0]);
	if (n <= RTP_PACKET_MAX)
		handle(m, sock, &source, b->data[0], (size_t)n, now);
	return 1;
}

/* Who was ready the last time, too, has more than a phone's one packet; so
 * has everybody when we are late. */
static unsigned
receive(struct media *m, uint32_t sock, bool late, struct mono now)
{
	struct sock *s = &m->socks.sock[sock];
	bool again = s->round + 1 == m->round;

	s->round = m->round;
	return again || late ? receive_batch(m, sock, now) :
		       receive_one(m, sock, now);
}

/* One turn of each socket that is ready; more is set if some are left. */
static unsigned
receive_round(struct media *m, struct mono now, bool *more)
{
	uint32_t sock[READY_MAX];
	unsigned n = ready_take(&m->ready, sock), packets = 0;
	bool late = n == READY_MAX;

	*more = late;
	m->round++;
	for (unsigned i = 0; i < n; i++) {
		unsigned got = receive(m, sock[i], late, now);

		packets += got;
		*more = *more || got == BATCH;
	}
	return packets;
}

static void
on_ready(void *arg)
{
	struct media *m = arg;
	struct mono now = clock_mono();
	unsigned packets = 0;
	bool more = true;

	for (int round = 0; more && round < ROUNDS_MAX; round++)
		packets += receive_round(m, now, &more);
	/* What is left does not wait for the next tick. */
	ready_tick(&m->ready, pace_woke(&m->pace, packets, now) && !more);
}

/* ---- which sockets are listened to ---- */

static void
set_polled(struct media *m, uint32_t sock, bool on)
{
	struct sock *s = &m->socks.sock[sock];

	if (s->polled == on)
		return;
	if (on)
		s->polled = ready_add(&m->ready, s->fd, sock) == 0;
	else
		s->polled = ready_del(&m->ready, s->fd) != 0;
}

/* What lies there was meant for nobody.  When it came nobody knows: it may
 * be the end of a call of long ago, so it is no evidence of anything. */
static void
drain(struct media *m, uint32_t sock)
{
	for (int i = 0; i < DRAIN_MAX; i++) {
		if (batch_receive(m->batch, m->socks.sock[sock].fd) < BATCH)
			return;
	}
}

static void
listen_at(struct media *m, uint32_t sock)
{
	if (m->socks.sock[sock].polled)
		return;
	drain(m, sock);
	set_polled(m, sock, true);
}

void
relay_listen(struct media *m, uint32_t pair)
{
	listen_at(m, 2 * pair);
	listen_at(m, 2 * pair + 1);
	listen_at(m, socks_direct(&m->socks, pair));
}

static void
connect_direct(struct media *m, uint32_t pair, const struct addr *phone)
{
	struct sock *s = &m->socks.sock[socks_direct(&m->socks, pair)];
	struct addr own = port_own(&m->ports.pair[pair], PORT_RTP);

	/* Where that fails, the first socket does all. */
	if (!addr_eq(&s->peer, phone))
		sock_connect(s, phone->family == ADDR_NONE ? &own : phone,
		    &own);
}

void
relay_ignore(struct media *m, uint32_t pair)
{
	const struct addr nobody = { 0 };

	connect_direct(m, pair, &nobody);
	set_polled(m, 2 * pair, false);
	set_polled(m, 2 * pair + 1, false);
	set_polled(m, socks_direct(&m->socks, pair), false);
}

/* Each direct socket follows the phone whose sound is relayed there. */
static void
follow_phones(struct media *m)
{
	for (uint32_t pair = 0; pair < m->ports.n; pair++) {
		const struct addr *phone = sessions_phone(&m->sessions, pair);

		if (phone != NULL)
			connect_direct(m, pair, phone);
	}
}

void
relay_window(struct media *m, bool open)
{
	for (unsigned i = 0; i < m->window.n; i++) {
		uint32_t pair = m->window.port[i].pair;

		if (m->ports.pair[pair].state != PORT_FREE)
			continue;
		if (open)
			relay_listen(m, pair);
		else
			relay_ignore(m, pair);
	}
}

/* ---- time ---- */

static void
end_window(struct media *m, struct mono now)
{
	if (!m->window.open || !mono_due(m->window.until, now))
		return;
	relay_window(m, false);
	window_close(&m->window);
}

static void
keep_spares(struct media *m, struct mono now)
{
	if (!site_wants_mapping(&m->site) ||
	    !ports_keep_spares(&m->ports, now))
		return;
	for (unsigned i = 0; i < m->ports.n_spares; i++)
		relay_listen(m, m->ports.spare[i]);
}

static void
take_steps(struct media *m, struct mono now)
{
	struct session_step step;

	sessions_tick(&m->sessions);
	while (sessions_next(&m->sessions, now, &step)) {
		if (step.what == SESSION_NEWS)
			sigproxy_news(m, &step.news);
		else if (step.what == SESSION_REACH)
			sigproxy_reach(m, &step.reach);
		else if (step.what == SESSION_ROC)
			sigproxy_roc(m, &step.roc);
		else if (step.what == SESSION_QUALITY)
			sigproxy_quality(m, &step.quality);
		else if (step.what == SESSION_NOMINATED)
			sigproxy_nominated(m, &step.nominated);
		else if (step.what == SESSION_DIGIT)
			sigproxy_digit(m, &step.digit);
		else
			send_hop(m, &step.hop, step.bytes);
	}
}

/* Said once for each thing found out. */
static void
log_evidence(struct media *m)
{
	const char *evidence = site_evidence(&m->site);

	if (evidence == m->evidence)
		return;
	m->evidence = evidence;
	log_begin(LOG_INFO_, "media-mode");
	log_str("mode", site_mode_name(&m->site));
	log_str("used", site_way_name(site_way(&m->site, ZONE_EXTERNAL)));
	log_str("why", evidence);
	log_end();
}

static void
on_tick(uv_timer_t *timer)
{
	struct media *m = timer->data;
	struct mono now = clock_mono();
	bool busy;

	take_steps(m, now);
	tap_flush(m);
	follow_phones(m);
	sessions_expire(&m->sessions, now, sigproxy_ended, m);
	end_window(m, now);
	keep_spares(m, now);
	stunmon_want(m);
	log_evidence(m);
	busy = sessions_count(&m->sessions) > 0;
	uv_timer_start(&m->timer, on_tick, busy ? BUSY_TICK_MS : IDLE_TICK_MS,
	    0);
}

static void
on_answers(uv_timer_t *timer)
{
	relay_answer(timer->data);
}

void
relay_answer(struct media *m)
{
	struct mono now = clock_mono(), due;
	struct ipc_relay_say say;

	while (sessions_answer(&m->sessions, now, &say))
		sigproxy_say(m, &say);
	due = sessions_answer_due(&m->sessions);
	if (due.us == MONO_NEVER.us)
		uv_timer_stop(&m->answers);
	else
		uv_timer_start(&m->answers, on_answers,
		    mono_ms_between(now, due) + 1, 0);
}

void
relay_wake(struct media *m)
{
	if (uv_timer_get_due_in(&m->timer) > BUSY_TICK_MS)
		uv_timer_start(&m->timer, on_tick, BUSY_TICK_MS, 0);
}

int
relay_start(struct media *m)
{
	int err;

	m->batch = calloc(1, sizeof(*m->batch));
	if (m->batch == NULL)
		return -ENOMEM;
	batch_init(m->batch);
	err = ready_init(&m->ready, m->loop, on_ready, m);
	if (err)
		return err;
	err = uv_timer_init(m->loop, &m->timer);
	if (err == 0)
		err = uv_timer_init(m->loop, &m->answers);
	m->timer.data = m->answers.data = m;
	return err ? err : uv_timer_start(&m->timer, on_tick, 0, 0);
}
