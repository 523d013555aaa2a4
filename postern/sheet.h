/* The checklist of the three parties: this system, the office's router, each
 * phone, with the configuration's real values filled in. */
#ifndef POSTERN_SHEET_H
#define POSTERN_SHEET_H

#include <stdio.h>

#include "common/io/conf.h"

/*
 * Takes:   seen  the public address as stunmon sees it now, or NULL.
 * Gives:   how many warnings are in it: of external addresses that the
 *          internet cannot reach, while `public = none` says that it can.
 */
unsigned sheet_print(FILE *to, const struct conf *c, const char *seen);

/* The number that phones outside use for a SIP port of ours; 0: it is off. */
static inline uint16_t
sheet_outside(uint16_t advertised, uint16_t port)
{
	return port != 0 && advertised != 0 ? advertised : port;
}

/*
 * The router's part alone, to be typed into one: a table of what to forward,
 * rules for nftables on a Linux router and for this machine's own firewall,
 * and the lines of the DNS zone that lead phones here.
 *
 * Takes:   public  our public address, or family ADDR_NONE.
 */
void sheet_router(FILE *to, const struct conf *c, const struct addr *public);

/* The same as one JSON object: "forward", and "text", its lines. */
void sheet_router_json(FILE *to, const struct conf *c,
    const struct addr *public);

#endif
