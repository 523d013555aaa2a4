#include <sodium.h>

#include "common/base/secret.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/sip/sdp_ice.h"

/* 48 and 144 bits (RFC 8839 5.4: 24 and 128 at least). */
enum { UFRAG_LEN = 8, PWD_LEN = 24 };

struct credential {
	char ufrag[UFRAG_LEN], pwd[PWD_LEN];
};

static struct ice_stream *
ice_of(struct leg *leg, unsigned nr)
{
	return &leg->end.stream[nr].ice;
}

static bool
is_spoken(const struct media_stream *m)
{
	return m->ice == ICE_RTP || m->ice == ICE_BOTH;
}

/* ---- what a phone says ---- */

/* Never 0. */
static uint64_t
hash_of(const struct sdp_ice *ice)
{
	crypto_generichash_state st;
	uint8_t out[crypto_generichash_BYTES];
	uint64_t hash;

	crypto_generichash_init(&st, NULL, 0, sizeof(out));
	crypto_generichash_update(&st, (const uint8_t *)ice->ufrag.p,
	    ice->ufrag.len);
	crypto_generichash_update(&st, (const uint8_t *)" ", 1);
	crypto_generichash_update(&st, (const uint8_t *)ice->pwd.p,
	    ice->pwd.len);
	crypto_generichash_final(&st, out, sizeof(out));
	memcpy(&hash, out, sizeof(hash));
	return hash | 1;
}

void
ice_read(const struct sdp *s, const struct sdp_media *m,
    struct media_stream *out)
{
	struct sdp_ice ice;

	out->ice = ICE_NOT;
	out->ice_peer = 0;
	if (!m->is_rtp || m->port == 0)
		return;
	sdp_ice_read(s, m, &ice);
	if (ice.ufrag.len == 0 || ice.is_mismatched)
		return;
	out->ice_peer = hash_of(&ice);
	out->ice = !ice.fits ? ICE_MISMATCH :
	    ice.has_rtcp     ? ICE_BOTH :
			       ICE_RTP;
}

/* ---- what it is told ---- */

/* Whose phone's credential has changed restarts, and we with it. */
static uint32_t
generation_for(const struct ice_stream *ice, const struct media_stream *offer)
{
	bool again = offer != NULL && ice->peer != 0 &&
	    ice->peer != offer->ice_peer;

	return (ice->generation + again) % ICE_GENERATIONS_MAX;
}

static void
derive(const struct leg *leg, unsigned nr, uint32_t generation,
    struct credential *out)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t what[] = { 'i', 'c', 'e', (uint8_t)nr,
		(uint8_t)(generation >> 16), (uint8_t)(generation >> 8),
		(uint8_t)generation };
	uint8_t bytes[UFRAG_LEN + PWD_LEN];

	crypto_generichash(bytes, sizeof(bytes), what, sizeof(what), leg->seed,
	    sizeof(leg->seed));
	for (unsigned i = 0; i < UFRAG_LEN; i++)
		out->ufrag[i] = chars[bytes[i] & 63];
	for (unsigned i = 0; i < PWD_LEN; i++)
		out->pwd[i] = chars[bytes[UFRAG_LEN + i] & 63];
	secret_wipe(bytes, sizeof(bytes));
}

/* RFC 8445 5.1.2.1: a host's, of one address. */
static void
put_candidate(struct buf *b, unsigned component, const struct addr *at)
{
	buf_puts(b, "a=candidate:1 ");
	buf_put_u64(b, component);
	buf_puts(b, " UDP ");
	buf_put_u64(b, (126u << 24) + (65535u << 8) + 256 - component);
	buf_putc(b, ' ');
	addr_put_ip(b, at);
	buf_putc(b, ' ');
	buf_put_u64(b, at->port);
	buf_puts(b, " typ host\r\n");
}

static struct addr
rtcp_of(const struct sdp_media_edit *edit)
{
	struct addr a = edit->rtcp.family != ADDR_NONE ? edit->rtcp : edit->rtp;

	a.port = edit->rtcp_port;
	return a;
}

static void
put_ours(struct buf *b, const struct sdp_media_edit *edit,
    const struct credential *c, bool with_rtcp)
{
	struct addr rtcp = rtcp_of(edit);

	buf_puts(b, "a=ice-ufrag:");
	buf_put(b, span_make(c->ufrag, UFRAG_LEN));
	buf_puts(b, "\r\na=ice-pwd:");
	buf_put(b, span_make(c->pwd, PWD_LEN));
	buf_puts(b, "\r\n");
	put_candidate(b, 1, &edit->rtp);
	if (with_rtcp)
		put_candidate(b, 2, &rtcp);
}

void
ice_edit(struct sdp_edit *edit, unsigned line, const struct leg *leg,
    unsigned nr, const struct media_stream *offer, char *mem)
{
	struct sdp_media_edit *m = &edit->media[line];
	struct credential c;
	struct buf b;

	buf_init(&b, mem, ICE_LINES_MAX);
	if (offer == NULL ? !leg->ice : !is_spoken(offer)) {
		if (offer != NULL && offer->ice == ICE_MISMATCH)
			m->ice = SPAN_LIT("a=ice-mismatch\r\n");
		return;
	}
	derive(leg, nr, generation_for(&leg->end.stream[nr].ice, offer), &c);
	put_ours(&b, m, &c, m->rtcp_port != 0 &&
		(offer == NULL || offer->ice == ICE_BOTH));
	secret_wipe(&c, sizeof(c));
	m->ice = buf_span(&b);
	edit->ice_lite = true;
}

/* ---- what is agreed, and the relay ---- */

void
ice_tell(struct steps *st, struct leg *leg, unsigned nr)
{
	struct ice_stream *ice = ice_of(leg, nr);
	struct ipc_relay_ice say = {
		.session = leg->call->session,
		.end = leg->index,
		.stream = (uint8_t)nr,
	};
	struct credential c;

	derive(leg, nr, ice->generation, &c);
	if (ice->on) {
		say.ufrag = span_make(c.ufrag, UFRAG_LEN);
		say.pwd = span_make(c.pwd, PWD_LEN);
		say.rtp = ice->nominated[0];
		say.rtcp = ice->nominated[1];
	}
	ice->told = true;
	STEPS_ASK(st, &st->relay[leg->call->instance], RELAY_ICE, relay_ice,
	    &say);
	secret_wipe(&c, sizeof(c));
}

void
ice_settle(const struct ctx *x, struct leg *leg, unsigned nr,
    const struct media_stream *said, bool it_offered)
{
	struct ice_stream *ice = ice_of(leg, nr);
	bool on = is_spoken(said) && (it_offered || leg->ice);
	uint32_t generation;

	if (nr >= leg->end.n || (!on && !ice->on))
		return;
	leg->ice |= on;
	if (!on) {
		*ice = (struct ice_stream){ .generation = ice->generation,
			.peer = ice->peer };
		ice_tell(x->st, leg, nr);
		return;
	}
	generation = generation_for(ice, it_offered ? said : NULL);
	if (!ice->on || generation != ice->generation)
		ice->told = false;
	ice->on = true;
	ice->generation = generation;
	ice->peer = said->ice_peer;
	if (!ice->told)
		ice_tell(x->st, leg, nr);
}

void
ice_restart(struct leg *leg)
{
	for (unsigned nr = 0; nr < leg->end.n; nr++) {
		struct ice_stream *ice = ice_of(leg, nr);

		ice->generation = (ice->generation + 1) % ICE_GENERATIONS_MAX;
		ice->told = false;
	}
}

bool
ice_is_used(const struct leg *leg)
{
	for (unsigned nr = 0; nr < leg->end.n; nr++)
		if (leg->end.stream[nr].ice.on)
			return true;
	return false;
}

void
ice_nominated(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_nominated *m)
{
	struct ice_stream *ice = ice_of(leg, m->stream);

	if (!ice->on)
		return;
	ice->nominated[0] = m->rtp;
	ice->nominated[1] = m->rtcp;
	call_changed(x->e, leg->call);
	steps_log(x->st, STEP_INFO, "media-nominated");
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	if (m->rtp.family != ADDR_NONE)
		steps_key_addr(x->st, "address", &m->rtp);
}
