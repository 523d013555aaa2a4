/*
 * The parent of runit's runsvdir: starts it, hands signals on, gathers what
 * it leaves behind, and ends when everything has ended.
 */
#ifndef POSTERN_SUPERVISE_H
#define POSTERN_SUPERVISE_H

#include "postern/plan.h"
#include "postern/state.h"

/*
 * Become the supervisor's parent until SIGTERM, SIGINT or SIGHUP.
 *
 * Gives:   0 after an orderly end.
 * Errors:  negative errno when runsvdir cannot be started.
 */
int supervise(const struct plan *p, const struct state *s);

/* Ask every service to end for good, then kill what is left.  For `down`
 * too, when no supervisor is there to ask. */
void supervise_stop_services(const struct state *s, const char *letters);

#endif
