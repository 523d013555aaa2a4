/*
 * New certificates into a running Postern: keyd alone is restarted, and only
 * when it will start.
 */
#ifndef POSTERN_RELOAD_H
#define POSTERN_RELOAD_H

#include <stdbool.h>

/*
 * Let keyd look at the files of this configuration; if it accepts them,
 * restart it and wait until it answers.
 *
 * Takes:   state  NULL: where a Postern runs is looked for.
 *          quiet  nothing is said when none runs.
 * Gives:   exit status: 0 done or nothing runs, 1 refused (said): the old
 *          keyd goes on.
 */
int reload_keyd(const char *config, const char *state, bool quiet);

#endif
