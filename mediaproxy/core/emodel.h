/*
 * How a call sounds, estimated: the E-model of ITU-T G.107 with its default
 * values, and its rating as a mean opinion score.
 *
 *	R   = 93.2 - Id - Ie_eff
 *	Id  = 0.024 d + 0.11 (d - 177.3) when d > 177.3		(d in ms)
 *	Ie_eff = Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl)	(Ppl in %)
 *	MOS = 1 + 0.035 R + 7e-6 R (R - 60) (100 - R)
 *
 * Ie and Bpl are those of ITU-T G.113 appendix I.  All in whole numbers.
 */
#ifndef MEDIAPROXY_CORE_EMODEL_H
#define MEDIAPROXY_CORE_EMODEL_H

#include <stdint.h>

struct emodel_in {
	uint8_t payload_type;	/* a dynamic one is taken for G.711 */
	uint16_t loss_permyriad;	/* at most 10000 */
	/* Mean length of a gap times 1000; 1000 or less: as by chance. */
	uint32_t gap_milli;
	uint32_t delay_ms;	/* one way */
};

/* 100 to 450: MOS times 100. */
uint16_t emodel_mos(const struct emodel_in *in);

#endif
