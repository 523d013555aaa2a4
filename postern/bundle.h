/*
 * `postern bundle FILE.tar.gz`: what somebody who helps needs to know, and no
 * secret.
 *
 *	bundle.c	what is gathered, and the archive
 *	bundle_scrub.c	what is crossed out of each file
 *	bundle_hide.c	numbers and names under other words, if asked for
 */
#ifndef POSTERN_BUNDLE_H
#define POSTERN_BUNDLE_H

#include <stddef.h>

/*
 * Cross out what could be a secret, in place: passwords, digests and nonces,
 * keys of media, PEM.
 *
 * The sources hold none in the first place; this is the second net.
 */
void bundle_scrub(char *text, size_t len);

/*
 * Keep of a configuration file only sections and keys that are known, without
 * comments: in these people write anything.
 *
 * Takes:   text  changed in place; there is room for one byte more.
 * Gives:   how much of it is left.
 */
size_t bundle_config(char *text, size_t len);

#endif
