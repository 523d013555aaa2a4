#include "registrar-db/io/wall.h"
#include "common/io/clock.h"

static int64_t
mono_ms(void)
{
	return (int64_t)(clock_mono().us / 1000);
}

void
wall_start(struct wall *w)
{
	w->ahead_ms = clock_wall_ms() - mono_ms();
}

int64_t
wall_s(const struct wall *w)
{
	return (mono_ms() + w->ahead_ms) / 1000;
}

int64_t
wall_step_s(const struct wall *w)
{
	int64_t s = (clock_wall_ms() - mono_ms() - w->ahead_ms) / 1000;

	return s >= WALL_STEP_MIN_S || s <= -WALL_STEP_MIN_S ? s : 0;
}

void
wall_follow(struct wall *w, int64_t step_s)
{
	w->ahead_ms += step_s * 1000;
}
