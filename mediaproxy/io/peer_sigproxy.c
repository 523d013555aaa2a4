#include <errno.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "mediaproxy/io/media.h"

/* A call that ended sooner says nothing about what did not come. */
#define UNHEARD_MS 2000

static void
log_refusal(const struct ipc_relay_say *say)
{
	static const char *const why[] = { "", "no port left",
		"no address for that side", "another zone or family before" };

	log_begin(LOG_WARN_, "relay-refused");
	log_str("why", why[say->refusal]);
	log_u64("session", say->session);
	log_u64("end", say->end);
	log_end();
}

static void
listen_to(struct media *m, const struct ipc_relay_open *open)
{
	for (unsigned i = 0; i < IPC_STREAMS_MAX; i++) {
		uint32_t pair = sessions_pair(&m->sessions, open->session,
		    open->end, (uint8_t)i);

		if (pair != PORT_NONE)
			relay_listen(m, pair);
	}
	relay_wake(m);
}

void
sigproxy_say(struct media *m, const struct ipc_relay_say *say)
{
	char mem[512];
	struct buf b;

	if (say->refusal != RELAY_OK)
		log_refusal(say);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_SAY, relay_say, say);
	door_send(m->sigproxy, buf_span(&b));
}

static int
on_relay_open(struct media *m, struct span payload)
{
	struct ipc_relay_open open;
	struct ipc_relay_say say;
	int err;

	err = get_relay_open(payload, &open);
	if (err)
		return err;
	if (open.family != ADDR_IPV4 && open.family != ADDR_IPV6)
		return -EPROTO;
	if (sessions_open(&m->sessions, &open, clock_mono(), &say)) {
		if (say.refusal == RELAY_OK)
			listen_to(m, &open);
		sigproxy_say(m, &say);
		return 0;
	}
	listen_to(m, &open);
	stunmon_want(m);
	relay_answer(m);
	return 0;
}

static void
mark(struct media *m, const struct ipc_relay_set *set)
{
	uint32_t pair = sessions_pair(&m->sessions, set->session, set->end,
	    set->stream);

	if (pair != PORT_NONE)
		socks_mark(&m->socks, pair,
		    (enum addr_family)m->ports.pair[pair].own.family,
		    set->video ? m->conf.dscp_video : m->conf.dscp_audio);
}

static int
on_relay_set(struct media *m, struct span payload)
{
	struct ipc_relay_set set;
	int err;

	err = get_relay_set(payload, &set);
	if (err == 0)
		err = sessions_set(&m->sessions, &set, clock_mono());
	if (err == 0)
		mark(m, &set);
	/* Closed meanwhile: the two messages crossed. */
	return err == -ENOENT ? 0 : err;
}

static int
on_relay_key(struct media *m, struct span payload)
{
	struct ipc_relay_key key;
	int err;

	err = get_relay_key(payload, &key);
	if (err == 0)
		err = sessions_key(&m->sessions, &key);
	return err == -ENOENT ? 0 : err;
}

static int
on_relay_ice(struct media *m, struct span payload)
{
	struct ipc_relay_ice ice;
	int err;

	err = get_relay_ice(payload, &ice);
	if (err == 0)
		err = sessions_ice(&m->sessions, &ice, clock_mono());
	return err == -ENOENT ? 0 : err;
}

static int
on_relay_tone(struct media *m, struct span payload)
{
	struct ipc_relay_tone tone;
	int err = get_relay_tone(payload, &tone);

	if (err)
		return err;
	/* Closed meanwhile, or more digits than anybody dials. */
	(void)sessions_tone(&m->sessions, &tone, clock_mono());
	return 0;
}

static int
on_relay_events(struct media *m, struct span payload)
{
	struct ipc_relay_events events;
	int err = get_relay_events(payload, &events);

	if (err == 0)
		err = sessions_events(&m->sessions, &events);
	return err == -ENOENT ? 0 : err;
}

static int
on_relay_trace(struct media *m, struct span payload)
{
	struct ipc_relay_trace trace;
	int err = get_relay_trace(payload, &trace);

	if (err)
		return err;
	/* Closed meanwhile. */
	(void)sessions_trace(&m->sessions, &trace);
	return 0;
}

static int
on_relay_close(struct media *m, struct span payload)
{
	struct ipc_relay_close close;
	int err;

	err = get_relay_close(payload, &close);
	if (err)
		return err;
	if (close.end >= SESSION_ENDS_MAX && close.end != RELAY_ALL_ENDS)
		return -EPROTO;
	sessions_close(&m->sessions, close.session, close.end, clock_mono(),
	    sigproxy_ended, m);
	return 0;
}

int
on_sigproxy_frame(struct media *m, uint16_t type, struct span payload)
{
	switch (type) {
	case IPC_RELAY_OPEN:
		return on_relay_open(m, payload);
	case IPC_RELAY_SET:
		return on_relay_set(m, payload);
	case IPC_RELAY_KEY:
		return on_relay_key(m, payload);
	case IPC_RELAY_ICE:
		return on_relay_ice(m, payload);
	case IPC_RELAY_TONE:
		return on_relay_tone(m, payload);
	case IPC_RELAY_EVENTS:
		return on_relay_events(m, payload);
	case IPC_RELAY_TRACE:
		return on_relay_trace(m, payload);
	case IPC_RELAY_CLOSE:
		return on_relay_close(m, payload);
	default:
		return -EPROTO;
	}
}

void
on_sigproxy_state(struct media *m, bool up)
{
	if (!up)
		sessions_orphan(&m->sessions, clock_mono());
}

void
sigproxy_news(struct media *m, const struct ipc_relay_news *news)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_NEWS, relay_news, news);
	door_send(m->sigproxy, buf_span(&b));
}

void
sigproxy_reach(struct media *m, const struct ipc_relay_reach *reach)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_REACH, relay_reach, reach);
	door_send(m->sigproxy, buf_span(&b));
}

void
sigproxy_roc(struct media *m, const struct ipc_relay_roc *roc)
{
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_ROC, relay_roc, roc);
	door_send(m->sigproxy, buf_span(&b));
}

void
sigproxy_quality(struct media *m, const struct ipc_relay_quality *quality)
{
	char mem[192];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_QUALITY, relay_quality, quality);
	door_send(m->sigproxy, buf_span(&b));
}

void
sigproxy_nominated(struct media *m, const struct ipc_relay_nominated *nominated)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_NOMINATED, relay_nominated, nominated);
	door_send(m->sigproxy, buf_span(&b));
}

void
sigproxy_digit(struct media *m, const struct ipc_relay_digit *digit)
{
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_DIGIT, relay_digit, digit);
	door_send(m->sigproxy, buf_span(&b));
}

static void
quality_ended(struct media *m, uint32_t pair)
{
	struct ipc_relay_quality quality;

	if (m->sessions.stream[pair].packets_in == 0)
		return;
	sessions_quality(&m->sessions, pair, &quality);
	sigproxy_quality(m, &quality);
}

/* Its last word, if it had time enough to be heard. */
static void
reach_ended(struct media *m, uint32_t pair)
{
	const struct stream *st = &m->sessions.stream[pair];
	struct mono now = clock_mono();
	struct ipc_relay_reach reach;

	if (!st->was_set || (stream_heard(st) == MEDIA_NEVER &&
	    (st->held || st->off ||
		mono_ms_between(st->quiet_from, now) < UNHEARD_MS)))
		return;
	sessions_reach(&m->sessions, pair, now, &reach);
	sigproxy_reach(m, &reach);
}

void
sigproxy_ended(void *arg, uint32_t pair, const struct ipc_relay_stats *stats)
{
	struct media *m = arg;
	char mem[192];
	struct buf b;

	relay_ignore(m, pair);
	reach_ended(m, pair);
	quality_ended(m, pair);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_STATS, relay_stats, stats);
	door_send(m->sigproxy, buf_span(&b));
}
