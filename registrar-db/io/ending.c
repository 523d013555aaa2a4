#include "registrar-db/io/ending.h"

#include <signal.h>

#include "common/io/clock.h"

#define LAST_MS 1000
#define TICK_MS 10

static void
on_tick(uv_timer_t *timer)
{
	struct ending *e = timer->data;
	const struct oracle *o = e->oracle;
	bool heard_out = !door_is_up(o->sig) && queue_waiting(o->queue) == 0;

	if (heard_out || mono_ms_between(e->begun, clock_mono()) >= LAST_MS)
		uv_stop(o->loop);
}

static void
on_term(uv_signal_t *term, int signal)
{
	struct ending *e = term->data;

	if (e->begun.us != 0)
		return;
	e->begun = clock_mono();
	/* Not at once: its door's last bytes are read in between. */
	uv_timer_start(&e->tick, on_tick, TICK_MS, TICK_MS);
}

int
priv_ending_watch(struct ending *e, struct oracle *o)
{
	int err;

	*e = (struct ending){ .oracle = o };
	e->term.data = e;
	e->tick.data = e;
	err = uv_timer_init(o->loop, &e->tick);
	if (err == 0)
		err = uv_signal_init(o->loop, &e->term);
	if (err == 0)
		err = uv_signal_start(&e->term, on_term, SIGTERM);
	return err;
}
