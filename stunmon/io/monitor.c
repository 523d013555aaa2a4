#include "common/io/clock.h"
#include "common/io/log.h"
#include "stunmon/io/monitor.h"

static void
send_ask(struct monitor *m, const struct mapping_step *step)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STUN_SEND, stun_send, &step->ask);
	door_send(m->owner[step->owner], buf_span(&b));
}

static void
send_told(struct monitor *m, const struct mapping_step *step)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, PUBLIC_ADDR, public_addr, &step->told);
	door_send(m->owner[step->owner], buf_span(&b));
}

static void
log_news(const struct monitor *m)
{
	static const char *const state[] = {
		[PUBLIC_UNKNOWN] = "unknown",
		[PUBLIC_KNOWN] = "known",
		[PUBLIC_OLD] = "old",
	};
	const struct mappings *v = m->mappings;
	bool lost = v->site_state == PUBLIC_OLD;
	char mem[ADDR_TEXT_MAX];
	struct buf ip;

	buf_init(&ip, mem, sizeof(mem));
	addr_put_ip(&ip, &v->site);
	log_begin(lost ? LOG_WARN_ : LOG_INFO_, "public-address");
	log_str("state", state[v->site_state]);
	if (v->site.family != ADDR_NONE)
		log_span("address", buf_span(&ip));
	if (lost)
		log_str("why", "no STUN server answers; the last good address "
		    "stays in use");
	log_end();
}

static void
on_timer(uv_timer_t *timer)
{
	monitor_run(timer->data);
}

static void
sleep_until(struct monitor *m, struct mono due, struct mono now)
{
	if (due.us == MONO_NEVER.us) {
		uv_timer_stop(&m->timer);
		return;
	}
	/* One more: never a moment too early, for then nothing is due. */
	uv_timer_start(&m->timer, on_timer, mono_ms_between(now, due) + 1, 0);
}

void
monitor_run(struct monitor *m)
{
	struct mono now = clock_mono();
	struct mapping_step step;

	while (mapping_next(m->mappings, now, &step)) {
		switch (step.what) {
		case MAPPING_ASK:
			send_ask(m, &step);
			break;
		case MAPPING_TELL:
			send_told(m, &step);
			break;
		case MAPPING_NEWS:
			log_news(m);
			break;
		}
	}
	sleep_until(m, mapping_due(m->mappings), now);
}

int
monitor_start(struct monitor *m)
{
	m->timer.data = m;
	return uv_timer_init(m->loop, &m->timer);
}
