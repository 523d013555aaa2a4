#include <errno.h>
#include <sodium.h>

#include "common/base/secret.h"
#include "sigproxy/core/call_priv.h"

#define ROC_SAVE_EVERY 8192

/* The order of our lines: some phones are silent with 256 bits (Yealink 87),
 * and GCM is for those who ask (baresip's key for it is too long). */
static const uint8_t offered[] = { SRTP_AES_CM_128_80, SRTP_AES_CM_128_32,
	SRTP_AES_256_CM_80 };
#define N_OFFERED (sizeof(offered) / sizeof(offered[0]))

static const struct secure_stream *
agreed_of(const struct leg *leg, unsigned nr)
{
	return &leg->end.stream[nr].srtp;
}

static bool
is_secure(const struct media_stream *m)
{
	return m->crypto.suite != SRTP_NONE;
}

static bool
is_agreed(const struct leg *leg, unsigned nr)
{
	return agreed_of(leg, nr)->phone.suite != SRTP_NONE;
}

static enum srtp_policy
policy_of(const struct leg *leg)
{
	uint8_t p = leg_party(leg)->srtp;

	return p == SRTP_POLICY_DEFAULT ? SRTP_POLICY_OPTIONAL
					: (enum srtp_policy)p;
}

void
secure_read(const struct sdp_media *m, struct media_stream *out)
{
	out->way = SECURE_PLAIN;
	out->many_keys = m->n_crypto > 1;
	out->crypto = (struct sdp_crypto){ .suite = SRTP_NONE };
	if (!m->is_rtp)
		return;
	if (sdp_crypto_choose(m, &out->crypto) == 0)
		out->way = SECURE_BEST;
	if (m->is_secure)
		out->way = SECURE_SAVP;
}

/* ---- what may be said ---- */

static bool is_our_key(
    const struct leg *leg, unsigned nr, const struct sdp_crypto *c);

static void
make_plain(struct media_stream *m)
{
	m->way = SECURE_PLAIN;
	m->crypto = (struct sdp_crypto){ .suite = SRTP_NONE };
}

int
secure_check_offer(const struct leg *leg, unsigned nr, struct media_stream *said)
{
	if (said->refused)
		return 0;
	if (policy_of(leg) == SRTP_POLICY_OFF) {
		if (said->way == SECURE_SAVP)
			return -EACCES;
		make_plain(said);
		return 0;
	}
	if (is_secure(said))
		return is_our_key(leg, nr, &said->crypto) ? -EACCES : 0;
	if (said->way == SECURE_SAVP ||
	    policy_of(leg) == SRTP_POLICY_REQUIRED)
		return -EACCES;
	/* Fax (UDPTL) knows no SRTP: going over to it is nothing less. */
	return said->form == STREAM_RTP && is_agreed(leg, nr) ? -EACCES : 0;
}

bool
secure_may_offer(const struct leg *leg, const struct media_stream *said)
{
	return said->refused || said->form == STREAM_RTP ||
	    policy_of(leg) != SRTP_POLICY_REQUIRED;
}

/* Its sound goes in clear, as both said in this call. */
static bool
agreed_plain(const struct leg *leg, unsigned nr)
{
	const struct end_stream *s = &leg->end.stream[nr];

	return s->was_set && !s->off && s->form == STREAM_RTP &&
	    !is_agreed(leg, nr);
}

/* How we say it to this phone when we offer. */
static enum secure_way
offer_way(const struct leg *leg, unsigned nr)
{
	if (is_agreed(leg, nr))
		return (enum secure_way)agreed_of(leg, nr)->way;
	if (agreed_plain(leg, nr))
		return SECURE_PLAIN;
	/* Another line beside one that is secure is to be so, too. */
	for (unsigned i = 0; i < leg->end.n; i++)
		if (is_agreed(leg, i))
			return (enum secure_way)agreed_of(leg, i)->way;
	return (enum secure_way)leg->srtp_way;
}

static bool
was_offered(const struct leg *leg, unsigned nr, uint8_t suite)
{
	if (is_agreed(leg, nr))
		return suite == agreed_of(leg, nr)->phone.suite;
	for (size_t i = 0; i < N_OFFERED; i++)
		if (offered[i] == suite)
			return true;
	return false;
}

/* The tag says which line of ours is meant (RFC 4568 5.1.3).  What is said
 * once more has that of the first time, or of the phone's own offer. */
static bool
is_tag_of(const struct leg *leg, unsigned nr, const struct sdp_crypto *c)
{
	if (is_agreed(leg, nr) &&
	    (c->tag == 1 || c->tag == agreed_of(leg, nr)->phone.tag))
		return true;
	return c->tag > 0 && c->tag <= N_OFFERED &&
	       offered[c->tag - 1] == c->suite;
}

static bool
may_answer(const struct leg *leg, unsigned nr, const struct media_stream *said)
{
	return !said->many_keys &&
	       was_offered(leg, nr, said->crypto.suite) &&
	       is_tag_of(leg, nr, &said->crypto) &&
	       !is_our_key(leg, nr, &said->crypto);
}

int
secure_check_answer(
    const struct leg *leg, unsigned nr, struct media_stream *said)
{
	enum secure_way way = offer_way(leg, nr);

	if (said->refused)
		return 0;
	if (said->form != STREAM_RTP || way == SECURE_PLAIN) {
		make_plain(said);
		return policy_of(leg) == SRTP_POLICY_REQUIRED ? -EACCES : 0;
	}
	if (is_secure(said))
		return may_answer(leg, nr, said) ? 0 : -EACCES;
	if (way == SECURE_SAVP || said->way == SECURE_SAVP ||
	    policy_of(leg) == SRTP_POLICY_REQUIRED || is_agreed(leg, nr))
		return -EACCES;
	return 0;
}

bool
secure_may_pass(const struct leg *from, const struct leg *to,
    const struct media_stream *said)
{
	return !said->known || said->refused || is_secure(said) ||
	       (policy_of(from) != SRTP_POLICY_REQUIRED &&
		   policy_of(to) != SRTP_POLICY_REQUIRED);
}

/* ---- what a phone did last ---- */

/* Its place; NULL: it has none yet, and *free_out may be taken. */
static struct secure_phone *
place_of(const struct calls *c, const struct leg *leg, uint64_t *hash_out,
    struct secure_phone **free_out)
{
	struct span number = TEXT_SPAN(leg_party(leg)->number);
	struct secure_phones *all = &((struct calls *)c)->phones;
	struct secure_phone *at;
	char mem[32 + sizeof(leg->flow.remote.ip)];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_put(&b, number);
	buf_put(&b, span_make(leg->flow.remote.ip, sizeof(leg->flow.remote.ip)));
	*hash_out = htab_hash(&c->by_token, mem, b.len);
	at = &all->phone[*hash_out % (SECURE_PHONES / SECURE_WAYS) *
	    SECURE_WAYS];
	*free_out = &at[(*hash_out >> 32) % SECURE_WAYS];
	for (unsigned i = 0; i < SECURE_WAYS; i++) {
		if (at[i].hash == *hash_out)
			return &at[i];
		if (at[i].hash == 0)
			*free_out = &at[i];
	}
	return NULL;
}

static void
remember(struct calls *c, const struct leg *leg, uint8_t way)
{
	uint64_t hash;
	struct secure_phone *unused, *at = place_of(c, leg, &hash, &unused);

	if (at == NULL)
		at = unused;
	*at = (struct secure_phone){ hash, way };
}

enum secure_way
secure_first_way(const struct calls *c, const struct leg *leg)
{
	struct secure_phone *at, *unused;
	uint64_t hash;

	if (policy_of(leg) == SRTP_POLICY_OFF)
		return SECURE_PLAIN;
	if (policy_of(leg) == SRTP_POLICY_REQUIRED)
		return SECURE_SAVP;
	at = place_of(c, leg, &hash, &unused);
	return at == NULL ? SECURE_PLAIN : (enum secure_way)at->way;
}

bool
secure_other_way(struct leg *leg, uint16_t status)
{
	if ((status != 488 && status != 415 && status != 606) ||
	    leg->srtp_turned || policy_of(leg) != SRTP_POLICY_OPTIONAL)
		return false;
	leg->srtp_turned = true;
	leg->srtp_way = leg->srtp_way == SECURE_SAVP ? SECURE_PLAIN
						     : SECURE_SAVP;
	return true;
}

/* ---- keys of ours ---- */

/* phone: its key, which ours goes with; NULL: of an offer of ours. */
static void
derive(const struct leg *leg, unsigned nr, uint8_t suite,
    const struct sdp_crypto *phone, uint8_t out[SRTP_KEY_MAX])
{
	uint8_t what[2 + SRTP_KEY_MAX] = { (uint8_t)nr, suite };
	size_t len = 2;

	if (phone != NULL) {
		memcpy(what + 2, phone->key, srtp_key_len(suite));
		len += srtp_key_len(suite);
	}
	crypto_generichash(
	    out, SRTP_KEY_MAX, what, len, leg->seed, sizeof(leg->seed));
	secret_wipe(what, sizeof(what));
}

static bool
is_same_key(const struct sdp_crypto *a, const struct sdp_crypto *b)
{
	return a->suite == b->suite && a->mki_len == b->mki_len &&
	       a->mki == b->mki &&
	       secret_eq(a->key, b->key, srtp_key_len(a->suite));
}

/* What goes with the key that its phone offers. */
static void
answer_key(const struct leg *leg, unsigned nr, const struct sdp_crypto *phone,
    uint8_t out[SRTP_KEY_MAX])
{
	const struct secure_stream *s = agreed_of(leg, nr);

	if (is_same_key(&s->phone, phone))
		memcpy(out, s->ours, SRTP_KEY_MAX);
	else
		derive(leg, nr, phone->suite, phone, out);
}

static void
offer_key(const struct leg *leg, unsigned nr, uint8_t suite,
    uint8_t out[SRTP_KEY_MAX])
{
	const struct secure_stream *s = agreed_of(leg, nr);

	if (s->phone.suite == suite)
		memcpy(out, s->ours, SRTP_KEY_MAX);
	else
		derive(leg, nr, suite, NULL, out);
}

/* Our own key, sent back: two streams by one key are none. */
static bool
is_our_key(const struct leg *leg, unsigned nr, const struct sdp_crypto *c)
{
	uint8_t key[SRTP_KEY_MAX];
	bool same;

	offer_key(leg, nr, c->suite, key);
	same = secret_eq(key, c->key, srtp_key_len(c->suite));
	secret_wipe(key, sizeof(key));
	return same;
}

/* ---- SDP ---- */

static void
put_offered(struct buf *b, const struct leg *leg, unsigned nr)
{
	uint8_t key[SRTP_KEY_MAX];
	uint32_t tag = 1;

	for (size_t i = 0; i < N_OFFERED; i++) {
		if (is_agreed(leg, nr) && !was_offered(leg, nr, offered[i]))
			continue;
		offer_key(leg, nr, offered[i], key);
		sdp_crypto_put(b, tag++, offered[i], key);
	}
	/* Agreed as the phone asked for it. */
	if (tag == 1) {
		uint8_t suite = agreed_of(leg, nr)->phone.suite;

		offer_key(leg, nr, suite, key);
		sdp_crypto_put(b, tag, suite, key);
	}
	secret_wipe(key, sizeof(key));
}

void
secure_edit(struct sdp_media_edit *edit, const struct leg *leg, unsigned nr,
    const struct media_stream *offer, char *mem)
{
	enum secure_way way = offer == NULL ? offer_way(leg, nr)
			      : is_secure(offer)
				  ? (enum secure_way)offer->way
				  : SECURE_PLAIN;
	uint8_t key[SRTP_KEY_MAX];
	struct buf b;

	edit->profile = way == SECURE_SAVP ? SDP_PROFILE_SAVP
					   : SDP_PROFILE_AVP;
	if (way == SECURE_PLAIN)
		return;
	buf_init(&b, mem, SECURE_LINES_MAX);
	if (offer == NULL) {
		put_offered(&b, leg, nr);
	} else {
		answer_key(leg, nr, &offer->crypto, key);
		sdp_crypto_put(&b, offer->crypto.tag, offer->crypto.suite, key);
		secret_wipe(key, sizeof(key));
	}
	edit->crypto = buf_span(&b);
}

/* ---- what is agreed, and the relay ---- */

static void
drop_rocs(struct secure_stream *s, bool out)
{
	uint8_t n = 0;

	for (uint8_t i = 0; i < s->n_rocs; i++)
		if (s->rocs[i].out != out)
			s->rocs[n++] = s->rocs[i];
	s->n_rocs = n;
}

static void
take_keys(struct secure_stream *s, const struct sdp_crypto *phone,
    const uint8_t *ours)
{
	if (!is_same_key(&s->phone, phone)) {
		drop_rocs(s, false);
		s->told = s->deaf = false;
	}
	if (s->phone.suite != phone->suite ||
	    !secret_eq(s->ours, ours, srtp_key_len(phone->suite))) {
		drop_rocs(s, true);
		s->told = false;
	}
	s->phone = *phone;
	memcpy(s->ours, ours, SRTP_KEY_MAX);
}

static void
tell(struct steps *st, struct leg *leg, unsigned nr, uint8_t suite)
{
	struct secure_stream *s = &leg->end.stream[nr].srtp;
	size_t len = srtp_key_len(suite);
	struct ipc_relay_key key = {
		.session = leg->call->session,
		.end = leg->index,
		.stream = (uint8_t)nr,
		.suite_in = suite,
		.key_in = span_make(s->phone.key, len),
		.mki_len = s->phone.mki_len,
		.mki = s->phone.mki,
		.suite_out = suite,
		.key_out = span_make(s->ours, len),
		.n_rocs = s->n_rocs,
	};

	memcpy(key.rocs, s->rocs, sizeof(key.rocs));
	s->told = suite != SRTP_NONE;
	STEPS_ASK(st, &st->relay[leg->call->instance], RELAY_KEY, relay_key,
	    &key);
}

void
secure_tell(struct steps *st, struct leg *leg, unsigned nr)
{
	tell(st, leg, nr, leg->end.stream[nr].srtp.phone.suite);
}

void
secure_settle(const struct ctx *x, struct leg *leg, unsigned nr,
    const struct media_stream *said, bool it_offered)
{
	struct secure_stream *s = &leg->end.stream[nr].srtp;
	uint8_t ours[SRTP_KEY_MAX] = { 0 };

	if (nr >= leg->end.n)
		return;
	/* A fax (UDPTL) has no keys; they come back with the sound. */
	if (said->form != STREAM_RTP) {
		if (s->told)
			tell(x->st, leg, nr, SRTP_NONE);
		return;
	}
	remember(x->e->calls, leg, said->way);
	leg->srtp_way = said->way;
	if (!is_secure(said) && !is_agreed(leg, nr))
		return;
	if (is_secure(said) && it_offered)
		answer_key(leg, nr, &said->crypto, ours);
	else if (is_secure(said))
		offer_key(leg, nr, said->crypto.suite, ours);
	take_keys(s, &said->crypto, ours);
	s->way = said->way;
	secret_wipe(ours, sizeof(ours));
	if (!s->told)
		secure_tell(x->st, leg, nr);
}

/*
 * Must the checkpoint know?  While sound flows, a relay tells each second; for
 * one that resumes it is enough to be less than 2^15 behind.
 */
static bool
is_far(const struct secure_stream *s, const struct ipc_relay_roc *roc)
{
	if (s->n_rocs != roc->n_rocs)
		return true;
	for (unsigned i = 0; i < roc->n_rocs; i++) {
		const struct ipc_roc *a = &s->rocs[i], *b = &roc->rocs[i];

		if (a->out != b->out || a->ssrc != b->ssrc ||
		    a->rtp != b->rtp || a->rtcp != b->rtcp ||
		    a->index / ROC_SAVE_EVERY != b->index / ROC_SAVE_EVERY ||
		    a->rtcp_index / ROC_SAVE_EVERY !=
			b->rtcp_index / ROC_SAVE_EVERY)
			return true;
	}
	return false;
}

void
secure_roc(const struct ctx *x, struct leg *leg, const struct ipc_relay_roc *roc)
{
	struct secure_stream *s = &leg->end.stream[roc->stream].srtp;

	if (s->phone.suite == SRTP_NONE)
		return;
	if (is_far(s, roc))
		call_changed(x->e, leg->call);
	s->n_rocs = (uint8_t)roc->n_rocs;
	memcpy(s->rocs, roc->rocs, sizeof(s->rocs));
	if (roc->bad == 0 || roc->n_rocs > 0 || s->deaf)
		return;
	s->deaf = true;
	steps_log(x->st, STEP_WARN, "srtp-wrong-key");
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	steps_key_text(
	    x->st, "suite", span_str(srtp_params(s->phone.suite)->name));
}
