/* What questions and requests show of homes' SIP ALGs (alg.h). */
#include "sigproxy/core/keep_priv.h"

#define ADVICE \
	"the router of this home rewrites SIP: switch its SIP ALG off, or " \
	"use TLS"

static uint8_t *
known(const struct kept *kept)
{
	return kept->flow.transport == TRANSPORT_UDP ?
	    &kept->home->udp_alg : &kept->home->stream_alg;
}

/* Once for each flow, and as long as there is one, to see it go.  A phone
 * that does not answer that is asked in plain words next. */
bool
keep_alg_asks(const struct kept *kept)
{
	return kept->tries == 1 && alg_is_possible(&kept->flow) &&
	    (kept->voice == VOICE_NEW || *known(kept) == ALG_ECHO);
}

bool
keep_alg_note(struct keep *k, struct steps *st, struct kept *kept,
    enum alg_sign sign)
{
	uint8_t *was = known(kept);

	/* Of several signs the first one found stays. */
	if (*was == sign || (*was != ALG_NONE && sign != ALG_NONE))
		return false;
	*was = (uint8_t)sign;
	if (sign == ALG_NONE) {
		steps_log(st, STEP_INFO, "sip-alg-gone");
		steps_key_addr(st, "home", &kept->flow.remote);
		return true;
	}
	k->algs++;
	steps_log(st, STEP_WARN, "sip-alg");
	steps_key_addr(st, "home", &kept->flow.remote);
	steps_key_text(st, "transport",
	    kept->flow.transport == TRANSPORT_UDP ? SPAN_LIT("udp") :
						    SPAN_LIT("tcp"));
	steps_key_text(st, "sign", span_str(alg_name(sign)));
	steps_key_text(st, "advice", SPAN_LIT(ADVICE));
	return true;
}

bool
keep_alg_answer(struct keep *k, struct steps *st, struct kept *kept,
    const struct sip_msg *answer)
{
	bool altered;

	if (!kept->is_baited ||
	    alg_echo(answer, &kept->flow.remote, &altered) != 0)
		return false;
	if (altered)
		return keep_alg_note(k, st, kept, ALG_ECHO);
	return *known(kept) == ALG_ECHO &&
	    keep_alg_note(k, st, kept, ALG_NONE);
}
