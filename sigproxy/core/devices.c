#include "sigproxy/core/devices.h"

#define MD5 DEVICE_DIGEST(DIGEST_MD5)
#define SHA256 DEVICE_DIGEST(DIGEST_SHA256)
#define ONE false
#define SEVERAL true

static const struct device devices[] = {
#define ROW(holds, digests, how_many) { holds, digests, how_many },
	DEVICES(ROW)
#undef ROW
};

static bool
holds(struct span s, struct span part)
{
	for (size_t i = 0; i + part.len <= s.len; i++) {
		if (span_caseeq(span_sub(s, i, part.len), part))
			return true;
	}
	return false;
}

/* So much of a User-Agent is looked at: a stranger may send kilobytes. */
#define LOOK_MAX 64

const struct device *
device_of(struct span user_agent)
{
	struct span begin = span_sub(user_agent, 0, LOOK_MAX);

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		if (holds(begin, span_str(devices[i].holds)))
			return &devices[i];
	}
	return NULL;
}

/* Nothing weaker than the weakest that the site offers. */
static unsigned
not_weaker(unsigned digests, unsigned site)
{
	return digests & ~((site & (~site + 1)) - 1);
}

unsigned
device_challenges(const struct device *device, unsigned digests,
    enum digest_alg out[DIGEST_ALGS])
{
	bool one = device != NULL && !device->several;
	unsigned offer = digests, n = 0;

	if (device != NULL) {
		offer = not_weaker(device->digests, digests);
		if (offer == 0) {
			offer = device->digests;
			one = true;
		}
	}
	for (int alg = DIGEST_ALGS - 1; alg >= 0; alg--) {
		if ((offer & DEVICE_DIGEST(alg)) == 0)
			continue;
		out[n++] = (enum digest_alg)alg;
		if (one)
			break;
	}
	return n;
}
