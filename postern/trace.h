/*
 * `postern trace`: what is traced, and what came of it.
 *
 *	trace.c		on, off, list
 *	trace_target.c	is there anything that could be traced?
 *	trace_show.c	the ladder of a file
 */
#ifndef POSTERN_TRACE_H
#define POSTERN_TRACE_H

#include <stdint.h>

#include "postern/cmd.h"
#include "postern/state.h"

struct trace_place {
	char door[STATE_PATH_MAX];	/* tracer's, for the admin */
	char dir[STATE_PATH_MAX];	/* its files */
};

/* Of this state directory, or of systemd's units.  Errors: 1, said. */
int trace_find(const struct cmd_opts *o, struct trace_place *out);

/* "30m", "2h", "1d", "90s", "90": seconds.  0: it is none. */
uint32_t trace_duration(const char *text);

/* Which it is, by its looks: enum trace_kind. */
uint8_t trace_kind_of(const char *word);

/* Is there such a number, or call?  A number that is no subscriber's is warned
 * of only.  Errors: 1, said. */
int trace_check_target(const struct cmd_opts *o, uint8_t kind,
    const char *word);

/* `postern trace show WORD`; exit status.  json: of the list of files only. */
int trace_show(const struct trace_place *place, const char *word, bool json);

#endif
