/*
 * The runit service directories under DIR/service: for each process a run
 * script of one line, and a log service that writes DIR/log/ROLE/current; and
 * the watchdog.
 */
#ifndef POSTERN_SERVICE_H
#define POSTERN_SERVICE_H

#include "common/base/buf.h"
#include "postern/plan.h"
#include "postern/state.h"

/*
 * Write all of them.
 *
 * Takes:   self    path of this program, for the scripts.
 *          config  absolute path.
 *          as_root logs belong to the role's user.
 * Errors:  negative errno, after saying it.
 */
int service_write(const struct plan *p, const struct state *s, const char *self,
    const char *config, bool as_root);

/* Write text as one word of sh(1). */
void service_quote(struct buf *b, const char *text);

/* DIR/service/NAME into mem of STATE_PATH_MAX; returns mem. */
const char *service_path(const struct state *s, const char *name, char *mem);

#endif
