/* `postern class`, beside what is plain SQL. */
#ifndef POSTERN_CLASS_H
#define POSTERN_CLASS_H

#include "postern/cmd.h"

/*
 * class test: what would be decided if `number` dialled that now, from the
 * office and from the internet.
 *
 * Gives:   the exit status: 0 both are allowed, 1 not, or it could not be
 *          asked.
 */
int class_test(const struct cmd_opts *o, const char *number,
    const char *dialled);

#endif
