#include "common/io/cert.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "keyd/io/keyd.h"

#define LOOK_MS (3600 * 1000)

static void
look(struct keyd *k)
{
	int64_t now = clock_wall_s();

	for (unsigned i = 0; i < k->n_keys; i++) {
		struct keyd_key *key = &k->key[i];
		int64_t left = cert_days_left(key->until_s, now);

		if (!expiry_due(&key->expiry, key->until_s, now))
			continue;
		log_begin(key->expiry.level >= EXPIRY_DAY ? LOG_ERROR_ :
			LOG_WARN_, key->expiry.level == EXPIRY_OVER ?
			"certificate-expired" : "certificate-expires");
		log_str("file", key->file);
		log_u64("days_left", left > 0 ? (uint64_t)left : 0);
		log_str("remedy", "postern cert install, or postern cert "
		    "create --renew; phones refuse it afterwards");
		log_end();
	}
}

static void
on_hour(uv_timer_t *timer)
{
	look(timer->data);
}

int
warn_start(struct keyd *k)
{
	look(k);
	k->timer.data = k;
	uv_timer_init(&k->loop, &k->timer);
	return uv_timer_start(&k->timer, on_hour, LOOK_MS, LOOK_MS);
}
