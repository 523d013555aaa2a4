/*
 * A view that is drawn anew each second, until somebody ends it.
 *
 * On a terminal it fills the screen, follows its size, and ends on q, Ctrl-C
 * or Ctrl-D, which leave the terminal as it was.  Into a pipe or a file it
 * writes plain text, one view after the other.
 */
#ifndef POSTERN_WATCH_H
#define POSTERN_WATCH_H

#include <stdio.h>

#include "common/base/span.h"

struct watch {
	/* Write one view, in lines.  Anything but 0 ends it, with that exit
	 * status, after what was wrong has been said. */
	int (*draw)(FILE *to, void *arg);
	void *arg;
	const char *title;
	bool bare;	/* nothing around the view: the draws alone */
};

/* Gives the exit status; 0 when it was ended. */
int watch_run(const struct watch *w);

/*
 * One view for a screen of so many rows and columns: title, clock and how to
 * end it, then what fits of the view; its last row says how much did not.
 *
 * Takes:   view   printable text in lines, UTF-8 of one column each.
 *          clock  for the title's row.
 */
void watch_screen(FILE *to, const char *title, const char *clock,
    struct span view, unsigned rows, unsigned columns);

#endif
