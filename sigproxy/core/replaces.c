/*
 * The Replaces header (RFC 3891): which of our calls it names, as either side
 * knows that call, and the same dialog as the asked phone knows it.
 *
 * Tags go through a call unchanged, so they are alike on both sides; the
 * Call-ID may be masked on one.
 */
#include <errno.h>

#include "sigproxy/core/call_priv.h"

static bool
is_known_as(const struct leg *a, const struct leg *b, struct span call_id)
{
	return span_eq(TEXT_SPAN(a->call_id), call_id) ||
	       span_eq(TEXT_SPAN(b->call_id), call_id);
}

static bool
is_party(const struct leg *leg, struct span number)
{
	return number.len == 0 ||
	       span_eq(TEXT_SPAN(leg_party(leg)->number), number);
}

/* Does this pair of legs make that dialog, seen from `leg`? */
static bool
is_dialog(const struct leg *leg, const struct leg *peer,
    const struct sip_replaces *r, struct span number, struct span peer_number)
{
	return leg != NULL && peer != NULL && leg->tag.len > 0 &&
	       peer->tag.len > 0 && span_eq(TEXT_SPAN(leg->tag), r->to_tag) &&
	       span_eq(TEXT_SPAN(peer->tag), r->from_tag) &&
	       is_known_as(leg, peer, r->call_id) && is_party(leg, number) &&
	       is_party(peer, peer_number);
}

struct leg *
replaces_find(const struct edge *e, const struct sip_replaces *r,
    struct span number, struct span peer)
{
	const struct calls *c = e->calls;
	uint32_t left = c->pool.used;

	for (uint32_t i = 0; i < c->pool.n && left > 0; i++) {
		const struct call *call = pool_at(&c->pool, i);

		if (call->ticket == 0)
			continue;
		left--;
		for (unsigned k = 1; k < call->n_legs; k++) {
			struct leg *a = call->leg[0], *b = call->leg[k];

			if (call->callee != NULL && call->callee != b)
				continue;
			if (is_dialog(a, b, r, number, peer))
				return a;
			if (is_dialog(b, a, r, number, peer))
				return b;
		}
	}
	return NULL;
}

static int
read_replaces(const struct sip_msg *msg, struct sip_replaces *out)
{
	return sip_replaces_parse(sip_value(msg, SIP_H_REPLACES), out);
}

unsigned
replaces_check(const struct edge *e, const struct sip_msg *msg,
    struct span number, struct leg **out)
{
	struct sip_replaces r;
	struct leg *leg;

	*out = NULL;
	if (!sip_has(msg, SIP_H_REPLACES))
		return 0;
	if (read_replaces(msg, &r) != 0 || sip_has(msg, SIP_H_JOIN))
		return 400;
	leg = replaces_find(e, &r, number, SPAN_NONE);
	if (leg == NULL)
		return 481;
	switch (leg->call->phase) {
	case CALL_TALKING:
		if (r.early_only)
			return 486;
		break;
	case CALL_INVITING:
		/* Only a phone that called can be taken out of ringing. */
		if (leg->index != 0)
			return 481;
		break;
	case CALL_ENDING:
		return 603;
	default:
		return 481;
	}
	*out = leg;
	return 0;
}

int
replaces_put(const struct edge *e, struct buf *b, const struct leg *branch,
    const struct sip_msg *msg)
{
	struct sip_replaces r;
	struct leg *leg = NULL;

	if (read_replaces(msg, &r) == 0)
		leg = replaces_find(e, &r,
		    TEXT_SPAN(branch->call->called.number), SPAN_NONE);
	if (leg == NULL)
		return -ENOENT;
	build_open(b, SIP_H_REPLACES);
	build_value(b, TEXT_SPAN(leg->call_id));
	buf_puts(b, ";to-tag=");
	build_value(b, r.to_tag);
	buf_puts(b, ";from-tag=");
	build_value(b, r.from_tag);
	if (r.early_only)
		buf_puts(b, ";early-only");
	build_close(b);
	return 0;
}

static struct call *
replaced_by(const struct edge *e, const struct call *call)
{
	const struct calls *c = e->calls;

	for (uint32_t i = 0; call->replaces != 0 && i < c->pool.n; i++) {
		struct call *other = pool_at(&c->pool, i);

		if (other->ticket == call->replaces && other != call)
			return other;
	}
	return NULL;
}

void
replaces_settled(const struct ctx *x, const struct call *call, bool answered)
{
	struct call *other = replaced_by(x->e, call);

	if (other == NULL)
		return;
	other->transferred = answered;
	call_changed(x->e, other);
	steps_log(x->st, STEP_INFO,
	    answered ? "call-replaced" : "call-not-replaced");
	steps_key_number(x->st, "call", other->ticket);
	steps_key_number(x->st, "by_call", call->ticket);
}
