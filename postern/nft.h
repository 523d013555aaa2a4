/*
 * The nftables table `inet postern`: where packets of our processes may not
 * go, whatever runs inside them.  Neither Landlock nor seccomp sees the
 * address an inherited UDP socket sends to.
 */
#ifndef POSTERN_NFT_H
#define POSTERN_NFT_H

#include <stdio.h>

#include "common/io/conf.h"
#include "postern/outer.h"
#include "postern/state.h"

/* Was loopback asked for?  Then packets to it and to ourselves may go. */
bool nft_on_loopback(const struct conf *c);

/*
 * Write the table for `nft -f`, replacing an older one in one step.
 *
 * Takes:   outer      interfaces by which nobody of the office comes.
 *          resolvers  what stunmon may ask names of.
 */
void nft_write(FILE *to, const struct conf *c, const struct outer *outer,
    const struct addr *resolvers, unsigned n_resolvers);

/* The nameservers of a resolv.conf; at most max.  Gives their number. */
unsigned nft_resolvers(const char *path, struct addr *out, unsigned max);

/*
 * Load the table for this configuration.
 *
 * Errors:  negative errno, after saying what is lost.
 */
int nft_load(const struct conf *c, const struct state *s);
/* Remove the table if this state loaded it. */
void nft_unload(const struct state *s);

#endif
