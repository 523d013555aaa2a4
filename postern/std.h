/* stdin, stdout and stderr, which whoever starts us may have closed. */
#ifndef POSTERN_STD_H
#define POSTERN_STD_H

/*
 * Hold each of the three that is closed with /dev/null: the next file opened
 * would be it, and have what we print in it; and what a program of ours is to
 * read would be closed when it begins.  Before anything else.
 *
 * Gives:   0, or -1 and errno.
 */
int std_hold(void);

#endif
