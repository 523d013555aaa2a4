#include "keyd/core/gate.h"

void
gate_init(struct gate *g, struct mono now)
{
	*g = (struct gate){ 0 };
	meter_init(&g->meter, now);
}

static enum sign_refusal
decide(struct gate *g, struct mono now, const struct ipc_sign_ask *ask,
    const struct scheme **scheme_out)
{
	enum form form = form_of(ask->tbs);

	if (form == FORM_NONE)
		return SIGN_FORM;
	*scheme_out = scheme_find(ask->scheme, g->keys[ask->index], form);
	if (*scheme_out == NULL)
		return SIGN_KEY;
	return meter_take(&g->meter, now) ? SIGN_OK : SIGN_BUSY;
}

enum sign_refusal
gate_ask(struct gate *g, struct mono now, const struct ipc_sign_ask *ask,
    const struct scheme **scheme_out)
{
	enum sign_refusal refusal = decide(g, now, ask, scheme_out);

	g->asked++;
	g->refused[refusal] += refusal != SIGN_OK;
	return refusal;
}
