/*
 * What systemd must know of the configuration: drop-ins over the shipped
 * units (etc/systemd) with the listeners' addresses, the further relays and
 * the store's place.  docs/systemd.md shows them.
 */
#ifndef POSTERN_UNITS_H
#define POSTERN_UNITS_H

#include "common/io/conf.h"

#define UNITS_DIR "/etc/systemd/system"

/*
 * Write all of them, over those of an earlier configuration.
 *
 * Takes:   dir  made when missing.
 * Errors:  negative errno, after saying it; -EINVAL a path of the store
 *          holds what a unit cannot say.
 */
int units_write(const struct conf *c, const char *dir);

#endif
