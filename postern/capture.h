/* Run a program to its end and keep what it says. */
#ifndef POSTERN_CAPTURE_H
#define POSTERN_CAPTURE_H

#include "common/base/span.h"

/*
 * Takes:   argv     its name is looked for in PATH and in the sbin folders.
 *          user     whom it runs as, when we are root; NULL: as we do.
 *          wait_ms  after that it is killed.
 * Gives:   its exit status (127: not installed), and in mem what it wrote to
 *          stdout and stderr, ended with NUL, what does not fit left out.
 * Errors:  negative errno; -ETIMEDOUT.
 */
int capture(const char *const argv[], const char *user, int wait_ms,
    char *mem, size_t size);

/*
 * The same, with something to read at its stdin, where no `ps` shows it.
 *
 * Takes:   input  at most 4,096 bytes.
 * Errors:  also -E2BIG.
 */
int capture_input(const char *const argv[], const char *user, int wait_ms,
    struct span input, char *mem, size_t size);

#endif
