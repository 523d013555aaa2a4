/* `postern trunk status`: how trunks are just now. */
#ifndef POSTERN_TRUNK_STATUS_H
#define POSTERN_TRUNK_STATUS_H

#include "common/io/conf.h"
#include "postern/cmd.h"

/* Takes:   name  of one, or NULL: all.
 * Errors:  1 after saying what is wrong. */
int trunk_status(const struct conf *c, const struct cmd_opts *o,
    const char *name);

#endif
