#include "common/io/clock.h"
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

static void
take_alarms(struct monitor *m, struct mono now)
{
	enum alarm_id id;

	names_compare(m, now);
	alarm_look(&m->alarms, m->mappings, now);
	alarm_hold(&m->alarms, ALARM_DNS_DIFFERS, dynname_differs(&m->dynname),
	    dynname_patience_ms(&m->dynname), now);
	alarm_hold(&m->alarms, ALARM_DNS_GONE, dynname_gone(&m->dynname),
	    DYNNAME_PATIENCE_MS, now);
	while (alarm_next(&m->alarms, now, &id))
		news_alarm(m, id, now);
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
			news_site(m);
			break;
		}
	}
	take_alarms(m, now);
	sleep_until(m, mono_min(mapping_due(m->mappings),
	    alarm_due(&m->alarms)), now);
}

int
monitor_start(struct monitor *m)
{
	m->timer.data = m;
	return uv_timer_init(m->loop, &m->timer);
}
