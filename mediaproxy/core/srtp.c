#include <errno.h>

#include "common/base/secret.h"
#include "mediaproxy/core/srtp.h"

#define RTP_HEADER 12
#define RTCP_HEADER 8		/* stays in clear: RFC 3711 3.4 */
#define WINDOW 64
#define RTP_INDEX_MAX (((uint64_t)1 << 48) - 1)	/* RFC 3711 9.2 */
#define RTCP_INDEX_MAX 0x7fffffffu
#define RTCP_E 0x80000000u
#define RTCP_TAG_MIN 10		/* RFC 4568 6.2: 80 bits in every suite */

/* ---- the key ---- */

void
srtp_wipe(struct srtp *s)
{
	secret_wipe(s, sizeof(*s));
}

static bool
is_same(const struct srtp *s, const struct srtp_key *key)
{
	return s->suite == key->suite && s->mki_len == key->mki_len &&
	    s->mki == key->mki &&
	    secret_eq(s->master, key->bytes.p, key->bytes.len);
}

int
srtp_set_key(struct srtp *s, struct srtp_engine *e, const struct srtp_key *key)
{
	int err;

	if (key->bytes.len != srtp_key_len(key->suite) ||
	    key->suite >= SRTP_SUITES || key->mki_len > SRTP_MKI_MAX) {
		srtp_wipe(s);
		return -EINVAL;
	}
	if (is_same(s, key))
		return 0;
	srtp_wipe(s);
	if (key->suite == SRTP_NONE)
		return 0;
	s->suite = key->suite;
	s->mki_len = key->mki_len;
	s->mki = key->mki;
	memcpy(s->master, key->bytes.p, key->bytes.len);
	err = srtp_derive(e, (enum srtp_suite)s->suite, s->master,
	    SRTP_LABEL_RTP, &s->rtp);
	if (err == 0)
		err = srtp_derive(e, (enum srtp_suite)s->suite, s->master,
		    SRTP_LABEL_RTCP, &s->rtcp);
	if (err)
		srtp_wipe(s);
	return err;
}

/* ---- sources and their indices ---- */

static const struct srtp_source *
find(const struct srtp *s, uint32_t ssrc)
{
	for (int i = 0; i < SRTP_SOURCES_MAX; i++) {
		if (s->source[i].used && s->source[i].ssrc == ssrc)
			return &s->source[i];
	}
	return NULL;
}

static bool
is_older(const struct srtp *s, const struct srtp_source *a,
    const struct srtp_source *b)
{
	return s->turn - a->turn > s->turn - b->turn;
}

/* The source, or the place of the one silent longest. */
static struct srtp_source *
take(struct srtp *s, uint32_t ssrc)
{
	struct srtp_source *best = &s->source[0];

	for (int i = 0; i < SRTP_SOURCES_MAX; i++) {
		struct srtp_source *so = &s->source[i];

		if (so->used && so->ssrc == ssrc) {
			so->turn = ++s->turn;
			return so;
		}
		if (best->used && (!so->used || is_older(s, so, best)))
			best = so;
	}
	*best = (struct srtp_source){ .used = true, .ssrc = ssrc,
		.turn = ++s->turn };
	return best;
}

/*
 * The whole index of a sequence number (RFC 3711 3.3.1, appendix A).
 *
 * Errors:  -EALREADY it would be before the first one.
 */
static int
guess(const struct srtp_window *w, uint16_t seq, uint64_t *out)
{
	uint64_t roc = w->top >> 16;
	int ahead = (int)seq - (int)(w->top & 0xffff);

	if (!w->used) {
		*out = seq;
		return 0;
	}
	if (ahead > INT16_MAX + 1) {
		if (roc == 0)
			return -EALREADY;
		roc--;
	} else if (ahead < -INT16_MAX - 1) {
		roc++;
	}
	*out = roc << 16 | seq;
	return *out > RTP_INDEX_MAX ? -EALREADY : 0;
}

/* Errors: -EALREADY. */
static int
check_new(const struct srtp_window *w, uint64_t index)
{
	uint64_t behind = w->top - index;

	if (!w->used || index > w->top)
		return 0;
	return behind >= WINDOW || (w->seen >> behind & 1) ? -EALREADY : 0;
}

static void
note(struct srtp_window *w, uint64_t index)
{
	uint64_t ahead = index - w->top;

	if (!w->used) {
		*w = (struct srtp_window){ true, false, index, 1 };
	} else if (w->resumed) {
		/* Between the two lies what was heard and not told. */
		*w = (struct srtp_window){ true, false, index, UINT64_MAX };
	} else if (index > w->top) {
		w->seen = ahead >= WINDOW ? 1 : w->seen << ahead | 1;
		w->top = index;
	} else {
		w->seen |= (uint64_t)1 << (w->top - index);
	}
}

static const struct srtp_window *
window_of(const struct srtp *s, uint32_t ssrc, bool rtcp)
{
	static const struct srtp_window none;
	const struct srtp_source *so = find(s, ssrc);

	if (so == NULL)
		return &none;
	return rtcp ? &so->rtcp : &so->rtp;
}

void
srtp_accept(struct srtp *s, const struct srtp_mark *mark)
{
	struct srtp_source *so = take(s, mark->ssrc);

	note(mark->rtcp ? &so->rtcp : &so->rtp, mark->index);
}

bool
srtp_is_fresh(const struct srtp *s, const struct srtp_mark *mark)
{
	const struct srtp_window *w = window_of(s, mark->ssrc, mark->rtcp);

	return !w->resumed || mark->index > w->top +
	    (mark->rtcp ? SRTCP_LEAP_IN : SRTP_LEAP);
}

/* ---- bytes ---- */

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static void
put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* Where the payload of RTP begins (RFC 3550 5.1); 0: malformed. */
static size_t
payload_at(const uint8_t *p, size_t len)
{
	size_t at;

	if (len < RTP_HEADER || p[0] >> 6 != 2)
		return 0;
	at = RTP_HEADER + 4 * (size_t)(p[0] & 15);
	if (p[0] & 0x10) {
		if (len < at + 4)
			return 0;
		at += 4 + 4 * ((size_t)p[at + 2] << 8 | p[at + 3]);
	}
	return at <= len ? at : 0;
}

static bool
is_rtcp(const uint8_t *p, size_t len)
{
	return len >= RTCP_HEADER && p[0] >> 6 == 2;
}

static size_t
tag_len(const struct srtp *s, bool rtcp)
{
	size_t n = srtp_params(s->suite)->tag_len;

	return rtcp && n < RTCP_TAG_MIN ? RTCP_TAG_MIN : n;
}

static bool
has_mki(const struct srtp *s, const uint8_t *p)
{
	uint32_t v = 0;

	for (uint8_t i = 0; i < s->mki_len; i++)
		v = v << 8 | p[i];
	return v == s->mki;
}

/* ---- one packet ---- */

/* A packet taken apart.  What is authenticated besides its bytes is a word:
 * the rollover counter, or E and SRTCP's index. */
struct packet {
	const struct srtp_keys *keys;
	uint8_t *p;
	size_t head, len;	/* bytes in clear; bytes in all, no trailer */
	uint32_t ssrc, word;
	uint64_t index;
	bool rtcp;
};

static struct srtp_aead
aead_of(const struct packet *k, const uint8_t *word)
{
	return (struct srtp_aead){ k->keys, k->ssrc, k->index, k->p, word,
		k->head, k->p + k->head, k->len - k->head };
}

static int
decrypt(const struct srtp *s, struct srtp_engine *e, const struct packet *k,
    const uint8_t *tag)
{
	enum srtp_suite suite = (enum srtp_suite)s->suite;
	size_t n = tag_len(s, k->rtcp);
	uint8_t right[SRTP_TAG_MAX], word[4];

	if (srtp_params(suite)->aead) {
		struct srtp_aead a;

		put_u32(word, k->word);
		a = aead_of(k, k->rtcp ? word : NULL);
		return srtp_aead_open(e, suite, &a, tag);
	}
	srtp_hmac(k->keys, k->p, k->len, k->word, right, n);
	if (!secret_eq(tag, right, n))
		return -EACCES;
	return srtp_counter(e, suite, k->keys, k->ssrc, k->index,
	    k->p + k->head, k->len - k->head);
}

static int
encrypt(const struct srtp *s, struct srtp_engine *e, const struct packet *k,
    uint8_t *tag)
{
	enum srtp_suite suite = (enum srtp_suite)s->suite;
	uint8_t word[4];
	int err;

	if (srtp_params(suite)->aead) {
		struct srtp_aead a;

		put_u32(word, k->word);
		a = aead_of(k, k->rtcp ? word : NULL);
		return srtp_aead_seal(e, suite, &a, tag);
	}
	err = srtp_counter(e, suite, k->keys, k->ssrc, k->index,
	    k->p + k->head, k->len - k->head);
	if (err == 0)
		srtp_hmac(k->keys, k->p, k->len, k->word, tag,
		    tag_len(s, k->rtcp));
	return err;
}

/* The header, SSRC and place in the sequence of RTP.  Errors: as open. */
static int
read_rtp(const struct srtp *s, struct packet *k)
{
	const struct srtp_window *w;
	int err;

	k->keys = &s->rtp;
	k->head = payload_at(k->p, k->len);
	if (k->head == 0)
		return -EBADMSG;
	k->ssrc = get_u32(k->p + 8);
	w = window_of(s, k->ssrc, false);
	err = guess(w, (uint16_t)(k->p[2] << 8 | k->p[3]), &k->index);
	if (err == 0)
		err = check_new(w, k->index);
	k->word = (uint32_t)(k->index >> 16);
	return err;
}

/* Its index must be in k->word already. */
static int
read_rtcp(const struct srtp *s, struct packet *k)
{
	if (!is_rtcp(k->p, k->len))
		return -EBADMSG;
	k->keys = &s->rtcp;
	k->head = RTCP_HEADER;
	k->ssrc = get_u32(k->p + 4);
	k->index = k->word & ~RTCP_E;
	return check_new(window_of(s, k->ssrc, true), k->index);
}

/*
 * Take the trailer off.  MKI and tag change places with SRTCP's word and
 * AEAD's tag: payload, tag of AEAD, word, MKI, tag of HMAC (RFC 3711 3.1,
 * 3.4; 7714 8.2, 9.2).
 */
static int
take_trailer(const struct srtp *s, struct packet *k, const uint8_t **tag)
{
	size_t n = tag_len(s, k->rtcp), word = k->rtcp ? 4 : 0;
	bool aead = srtp_params(s->suite)->aead;
	const uint8_t *at;

	if (k->len < n + word + s->mki_len)
		return -EBADMSG;
	k->len -= n + word + s->mki_len;
	at = k->p + k->len;
	if (aead) {
		*tag = at;
		at += n;
	}
	if (k->rtcp) {
		k->word = get_u32(at);
		at += word;
		if (!(k->word & RTCP_E))
			return -EBADMSG;
	}
	if (!has_mki(s, at))
		return -EACCES;
	if (!aead)
		*tag = at + s->mki_len;
	return 0;
}

int
srtp_open(const struct srtp *s, struct srtp_engine *e, bool rtcp,
    uint8_t *data, size_t *len, struct srtp_mark *out)
{
	struct packet k = { .p = data, .len = *len, .rtcp = rtcp };
	const uint8_t *tag = NULL;
	int err;

	err = take_trailer(s, &k, &tag);
	if (err == 0)
		err = rtcp ? read_rtcp(s, &k) : read_rtp(s, &k);
	if (err == 0)
		err = decrypt(s, e, &k, tag);
	if (err)
		return err;
	*len = k.len;
	*out = (struct srtp_mark){ rtcp, k.ssrc, k.index };
	return 0;
}

/* ---- seal ---- */

/* Behind the payload: tag and SRTCP's word, in the order of the suite. */
static void
put_trailer(const struct srtp *s, const struct packet *k, const uint8_t *tag)
{
	uint8_t *at = k->p + k->len;
	size_t n = tag_len(s, k->rtcp);

	if (srtp_params(s->suite)->aead) {
		memcpy(at, tag, n);
		if (k->rtcp)
			put_u32(at + n, k->word);
	} else {
		if (k->rtcp)
			put_u32(at, k->word);
		memcpy(at + (k->rtcp ? 4 : 0), tag, n);
	}
}

int
srtp_seal(struct srtp *s, struct srtp_engine *e, bool rtcp, uint8_t *data,
    size_t *len, size_t cap)
{
	struct packet k = { .p = data, .len = *len, .rtcp = rtcp,
		.word = s->rtcp_next | RTCP_E };
	size_t more = tag_len(s, rtcp) + (rtcp ? 4 : 0);
	uint8_t tag[SRTP_TAG_MAX];
	int err;

	if (*len > cap || cap - *len < more)
		return -EMSGSIZE;
	if (rtcp && s->rtcp_next > RTCP_INDEX_MAX)
		return -EALREADY;
	err = rtcp ? read_rtcp(s, &k) : read_rtp(s, &k);
	if (err == 0)
		err = encrypt(s, e, &k, tag);
	if (err)
		return err;
	put_trailer(s, &k, tag);
	*len += more;
	s->rtcp_next += rtcp;
	srtp_accept(s, &(struct srtp_mark){ rtcp, k.ssrc, k.index });
	return 0;
}

/* ---- from one relay to the next ---- */

void
srtp_own(struct srtp *s, uint32_t ssrc)
{
	for (int i = 0; i < SRTP_SOURCES_MAX; i++) {
		if (s->source[i].used && s->source[i].ssrc == ssrc)
			s->source[i].own = true;
	}
}

void
srtp_resume(struct srtp *s, const struct ipc_roc *roc, bool sends)
{
	struct srtp_source *so;
	uint32_t rtcp_next;

	if (!srtp_is_on(s) || find(s, roc->ssrc) != NULL)
		return;
	so = take(s, roc->ssrc);
	/* What was seen before is not to be heard again. */
	if (roc->rtp)
		so->rtp = (struct srtp_window){ true, !sends, roc->index,
			UINT64_MAX };
	if (roc->rtcp)
		so->rtcp = (struct srtp_window){ true, !sends,
			roc->rtcp_index, UINT64_MAX };
	so->told = true;
	so->told_rtp = so->rtp.top;
	so->told_rtcp = (uint32_t)so->rtcp.top;
	if (!sends)
		return;
	rtcp_next = roc->rtcp_index + SRTCP_LEAP;
	if (rtcp_next > s->rtcp_next)
		s->rtcp_next = rtcp_next;
}

static bool
is_told(const struct srtp_source *so)
{
	return so->told && so->rtp.top >> 16 == so->told_rtp >> 16 &&
	    so->rtp.top - so->told_rtp < SRTP_TELL_EVERY &&
	    so->rtcp.top - so->told_rtcp < SRTP_TELL_EVERY;
}

bool
srtp_has_news(const struct srtp *s)
{
	for (int i = 0; srtp_is_on(s) && i < SRTP_SOURCES_MAX; i++) {
		const struct srtp_source *so = &s->source[i];

		if (so->used && !so->own && !is_told(so))
			return true;
	}
	return false;
}

uint64_t
srtp_untold(const struct srtp *s)
{
	uint64_t most = 0;

	for (int i = 0; srtp_is_on(s) && i < SRTP_SOURCES_MAX; i++) {
		const struct srtp_source *so = &s->source[i];
		uint64_t n = so->rtp.top - so->told_rtp +
		    (so->rtcp.top - so->told_rtcp) * (SRTP_LEAP / 2);

		if (so->used && n > most)
			most = n;
	}
	return most;
}

void
srtp_untell(struct srtp *s)
{
	for (int i = 0; i < SRTP_SOURCES_MAX; i++)
		s->source[i].told = false;
}

/* The used source that is next in age: of those younger than `after`, or of
 * all, the one silent longest. */
static struct srtp_source *
next_by_age(struct srtp *s, const struct srtp_source *after)
{
	struct srtp_source *best = NULL;

	for (int i = 0; i < SRTP_SOURCES_MAX; i++) {
		struct srtp_source *so = &s->source[i];

		if (so->used && (after == NULL || is_older(s, after, so)) &&
		    (best == NULL || is_older(s, so, best)))
			best = so;
	}
	return best;
}

void
srtp_tell(struct srtp *s, bool sends, struct ipc_roc *list, unsigned *n)
{
	struct srtp_source *so = NULL;

	while ((so = next_by_age(s, so)) != NULL && *n < IPC_ROCS_MAX) {
		if (so->own)
			continue;
		so->told = true;
		so->told_rtp = so->rtp.top;
		so->told_rtcp = (uint32_t)so->rtcp.top;
		list[(*n)++] = (struct ipc_roc){ sends, so->ssrc,
			so->rtp.used, so->rtp.top, so->rtcp.used,
			so->told_rtcp };
	}
}
