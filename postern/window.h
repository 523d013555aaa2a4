/*
 * `postern check --window`: for a moment the relays count what `postern
 * probe`, outside, sends to some RTP ports; nothing is answered.
 */
#ifndef POSTERN_WINDOW_H
#define POSTERN_WINDOW_H

#include "postern/check.h"

#define WINDOW_SECONDS 120

/*
 * Open it at every relay that runs, say on stderr what to run outside, and
 * wait until all has arrived or the time is over; then add what was found.
 *
 * Errors:  negative errno after saying it: no relay runs, or none opened.
 */
int window_run(struct check *k, uint32_t seconds);

/* The numbers to try: at most max even ones, spread over first to last. */
unsigned window_spread(uint16_t first, uint16_t last, unsigned max,
    uint16_t *out);

/* What was counted, as findings. */
struct window_count {
	unsigned tried, arrived, wrong, inside;
	char missing[160];	/* "16384, 16420" */
};
void window_judge(struct findings *fs, const struct conf *c,
    const struct window_count *n);

#endif
