#include "mediaproxy/core/emodel.h"

enum {
	R_BEST = 93200,		/* all ratings are in thousandths */
	R_WORST_LOSS = 95000,
	DELAY_MAX_MS = 5000,
	GAP_MAX_MILLI = 1000000,
};

struct codec {
	int32_t ie, bpl;	/* thousandths */
};

static struct codec
codec_of(uint8_t payload_type)
{
	switch (payload_type) {
	case 3:			/* GSM; its Bpl is not listed, that of EFR */
		return (struct codec){ 20000, 10000 };
	case 4:			/* G.723.1 at 6.3 kbit/s */
		return (struct codec){ 15000, 16100 };
	case 18:		/* G.729A with VAD */
		return (struct codec){ 11000, 19000 };
	default:		/* G.711 with concealment */
		return (struct codec){ 0, 25100 };
	}
}

/* BurstR: mean gap over what it would be by chance, 1 / (1 - Ppl). */
static int64_t
burst_milli(const struct emodel_in *in)
{
	int64_t gap = in->gap_milli < GAP_MAX_MILLI ? in->gap_milli :
	    GAP_MAX_MILLI, burst = gap * (10000 - in->loss_permyriad) / 10000;

	return burst > 1000 ? burst : 1000;
}

static int64_t
loss_impairment(const struct emodel_in *in)
{
	struct codec c = codec_of(in->payload_type);
	int64_t ppl = 10 * (int64_t)in->loss_permyriad;

	return c.ie + (R_WORST_LOSS - c.ie) * ppl /
		(ppl * 1000 / burst_milli(in) + c.bpl);
}

static int64_t
delay_impairment(uint32_t delay_ms)
{
	int64_t d = delay_ms < DELAY_MAX_MS ? delay_ms : DELAY_MAX_MS;

	return 24 * d + (d > 177 ? 110 * d - 19503 : 0);
}

uint16_t
emodel_mos(const struct emodel_in *in)
{
	int64_t r = R_BEST - delay_impairment(in->delay_ms) -
	    loss_impairment(in);
	int64_t milli;

	if (r <= 0)
		return 100;
	milli = 1000 + 35 * r / 1000 +
	    7 * (r * (r - 60000) / 1000000 * (100000 - r) / 1000000);
	return milli < 1000 ? 100 : (uint16_t)((milli + 5) / 10);
}
