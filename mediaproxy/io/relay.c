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
	uint8_t data[BATCH][RTP_PACKET_MAX];
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

static void
send_hop(struct media *m, const struct session_hop *hop, const void *data)
{
	const struct sock *s =
	    &m->socks.sock[2 * hop->pair + (unsigned)hop->which];

	if (sock_send(s, &hop->to, data, hop->len) != 0)
		m->n_send_failed++;
}

static void
handle(struct media *m, uint32_t sock, const struct addr *source,
    uint8_t *data, size_t len, struct mono now)
{
	uint32_t pair = sock / 2;
	enum port_which which = (enum port_which)(sock % 2);
	struct session_hop hop;

	m->n_in++;
	if (m->window.open && window_takes(&m->window, pair, which, source,
		span_make(data, len))) {
		sessions_unasked(&m->sessions, pair, which, source, now);
		return;
	}
	if (rtp_kind(span_make(data, len)) == RTP_KIND_STUN) {
		const struct port_pair *p = &m->ports.pair[pair];

		if (m->ports.group[p->group].mapped)
			stunmon_heard(m, port_own(p, which).port, source,
			    span_make(data, len), now);
		return;
	}
	if (sessions_packet(&m->sessions, pair, which, source, data, len, now,
		&hop))
		send_hop(m, &hop, data);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct media *m = poll->data;
	struct sock *s = (struct sock *)(void *)poll;
	struct relay_batch *b = m->batch;
	struct mono now = clock_mono();

	for (int round = 0; round < ROUNDS_MAX; round++) {
		int n = batch_receive(b, s->fd);

		for (int i = 0; i < n; i++) {
			struct addr source = sock_addr_from(&b->from[i]);

			/* Too long for us: half a packet is none. */
			if (b->msg[i].msg_hdr.msg_flags & MSG_TRUNC)
				continue;
			handle(m, (uint32_t)(s - m->socks.sock), &source,
			    b->data[i], b->msg[i].msg_len, now);
		}
		if (n < BATCH)
			return;
	}
}

/* ---- which sockets are listened to ---- */

static void
set_polled(struct media *m, uint32_t sock, bool on)
{
	struct sock *s = &m->socks.sock[sock];

	if (s->polled == on)
		return;
	if (on)
		s->polled = uv_poll_start(&s->poll, UV_READABLE,
		    on_readable) == 0;
	else
		s->polled = uv_poll_stop(&s->poll) != 0;
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

void
relay_listen(struct media *m, uint32_t pair)
{
	for (uint32_t sock = 2 * pair; sock < 2 * pair + 2; sock++) {
		if (m->socks.sock[sock].polled)
			continue;
		drain(m, sock);
		set_polled(m, sock, true);
	}
}

void
relay_ignore(struct media *m, uint32_t pair)
{
	set_polled(m, 2 * pair, false);
	set_polled(m, 2 * pair + 1, false);
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
		else if (step.what == SESSION_QUALITY)
			sigproxy_quality(m, &step.quality);
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
	err = socks_attach(&m->socks, m->loop, m);
	if (err)
		return err;
	err = uv_timer_init(m->loop, &m->timer);
	if (err == 0)
		err = uv_timer_init(m->loop, &m->answers);
	m->timer.data = m->answers.data = m;
	return err ? err : uv_timer_start(&m->timer, on_tick, 0, 0);
}
