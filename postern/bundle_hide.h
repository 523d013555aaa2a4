/*
 * `postern bundle --hide-numbers`: numbers and names of people under words
 * that nobody can turn back, the same word for the same one in all of a
 * bundle, so that a call can still be followed through it.
 */
#ifndef POSTERN_BUNDLE_HIDE_H
#define POSTERN_BUNDLE_HIDE_H

#include <stdio.h>

#include "common/base/span.h"

#define HIDE_KEY_LEN 32

struct hide {
	unsigned char key[HIDE_KEY_LEN];	/* thrown away afterwards */
	struct span *word;			/* sorted */
	size_t n;
	/* Digits of those that are numbers, and the last of the long ones:
	 * they may stand there in any other form.  Sorted. */
	struct span *number, *tail;
	size_t n_numbers, n_tails;
	char *digits;				/* where these lie */
};

/*
 * Take the words that are to be hidden.
 *
 * Takes:   words  JSON rows whose member "w" is one; kept until
 *                 hide_clear().  Those of one letter are left out.
 * Errors:  -ENOMEM.
 */
int hide_init(struct hide *h, struct span words);
void hide_clear(struct hide *h);

/* Write the text, each such word in it replaced: where it stands as a whole
 * word, is no part of an address and no number of JSON.  A number is replaced
 * in other forms too: with country code or without, with separators, with
 * something dialled before it. */
void hide_write(const struct hide *h, FILE *to, struct span text);

#endif
