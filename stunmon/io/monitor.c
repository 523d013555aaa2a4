#include <stdlib.h>

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

/* ---- what kind of NAT ---- */

static void
tell_port_open(struct monitor *m)
{
	struct ipc_port_open open = { m->nat.socket, m->nat.port_open };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, PORT_OPEN, port_open, &open);
	door_send(m->owner[MAPPING_SIP], buf_span(&b));
	m->port_open_told = open.open;
}

static void
send_nat(struct monitor *m, const struct nat_step *step)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (step->what == NAT_DO_TEST)
		IPC_FRAME(&b, STUN_TEST, stun_test, &step->test);
	else
		IPC_FRAME(&b, STUN_HAIRPIN, stun_hairpin, &step->hairpin);
	door_send(m->owner[step->owner], buf_span(&b));
}

static void
take_nat(struct monitor *m, struct mono now)
{
	struct nat_step step;

	while (nat_next(&m->nat, m->mappings, now, &step)) {
		if (step.what == NAT_DO_NEWS)
			news_nat(m);
		else
			send_nat(m, &step);
	}
	if (m->nat.port_open != m->port_open_told &&
	    door_is_up(m->owner[MAPPING_SIP]))
		tell_port_open(m);
}

static bool
is_symmetric(const struct nat *n)
{
	return n->mapping == NAT_ADDRESS || n->mapping == NAT_PORT;
}

/* A mapping that nobody was seen to come in by, and not the listener's. */
static bool
is_port_doubtful(const struct monitor *m)
{
	const struct nat *n = &m->nat;

	return n->tested && n->ended_at.us != 0 && !n->port_preserving &&
	    n->filtering != NAT_ENDPOINT && n->mapping == NAT_ENDPOINT &&
	    m->conf.external_udp_advertised == 0;
}

static void
take_alarms(struct monitor *m, struct mono now)
{
	enum alarm_id id;

	names_compare(m, now);
	alarm_look(&m->alarms, m->mappings, now);
	alarm_hold(&m->alarms, ALARM_SYMMETRIC,
	    m->alarms.alarm[ALARM_SYMMETRIC].holds || is_symmetric(&m->nat),
	    0, now);
	alarm_hold(&m->alarms, ALARM_PORT, is_port_doubtful(m), 0, now);
	alarm_hold(&m->alarms, ALARM_DNS_DIFFERS, dynname_differs(&m->dynname),
	    dynname_patience_ms(&m->dynname), now);
	alarm_hold(&m->alarms, ALARM_DNS_GONE, dynname_gone(&m->dynname),
	    DYNNAME_PATIENCE_MS, now);
	while (alarm_next(&m->alarms, now, &id))
		news_alarm(m, id, now);
}

/* ---- what is kept ---- */

void
monitor_recall(struct monitor *m)
{
	const struct conf *c = &m->conf;
	struct kept k;

	m->second.family = names_stun_family(c);
	m->recall = (struct recall){ m->mappings, &m->nat, &m->dynname,
		&m->second, c->external, c->n_external, 0 };
	if (keeper_open(&m->keeper, getenv("STATE_DIRECTORY"), &k))
		recall_give(&m->recall, &k, c->public_how == PUBLIC_STUN ||
		    c->public_how == PUBLIC_NAME, m->started, clock_wall_s());
}

static void
keep(struct monitor *m, struct mono now)
{
	struct kept k;

	recall_tick(&m->recall, now, clock_wall_s());
	recall_take(&m->recall, &k);
	keeper_write(&m->keeper, &k);
}

/* ---- running ---- */

static void
take_mappings(struct monitor *m, struct mono now)
{
	struct mapping_step step;

	second_look(&m->second, m->mappings, &m->dynname, now);
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
}

void
monitor_run(struct monitor *m)
{
	struct mono now = clock_mono(), due;

	take_mappings(m, now);
	take_nat(m, now);
	take_alarms(m, now);
	keep(m, now);
	due = mono_min(mapping_due(m->mappings), nat_due(&m->nat, now));
	due = mono_min(due, alarm_due(&m->alarms));
	sleep_until(m, mono_min(due, second_due(m->mappings, now)), now);
}

int
monitor_start(struct monitor *m)
{
	m->timer.data = m;
	return uv_timer_init(m->loop, &m->timer);
}
