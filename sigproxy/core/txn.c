#include <sodium.h>

#include "sigproxy/core/txn.h"
#include "sigproxy/core/txn_client.h"
#include "sigproxy/core/txn_server.h"

int
txns_init(struct txns *t, struct edge *e, struct timerq *timers, uint32_t n,
    const uint8_t *key)
{
	int err;

	memset(t, 0, sizeof(*t));
	t->edge = e;
	t->timers = timers;
	memcpy(t->key, key, sizeof(t->key));
	err = pool_init(&t->servers, n, sizeof(struct stxn));
	if (err == 0)
		err = pool_init(&t->clients, n, sizeof(struct ctxn));
	if (err == 0)
		err = blobs_init(&t->blobs, n);
	if (err == 0)
		err = htab_init(&t->by_upstream, n);
	if (err == 0)
		err = htab_init(&t->by_merge, n);
	if (err == 0)
		err = htab_init(&t->by_branch, n);
	if (err)
		txns_clear(t);
	return err;
}

void
txns_clear(struct txns *t)
{
	htab_clear(&t->by_branch);
	htab_clear(&t->by_merge);
	htab_clear(&t->by_upstream);
	blobs_clear(&t->blobs);
	pool_clear(&t->clients);
	pool_clear(&t->servers);
}

uint32_t
txns_timers(uint32_t n)
{
	return 4 * n;		/* two for each stxn and ctxn */
}

/* Lengths go in too, so that "ab","c" is not "a","bc". */
static void
mix(crypto_generichash_state *h, struct span s)
{
	uint32_t len = (uint32_t)s.len;

	crypto_generichash_update(h, (const unsigned char *)&len, sizeof(len));
	if (s.len > 0)
		crypto_generichash_update(h, (const unsigned char *)s.p,
		    s.len);
}

static void
mix_number(crypto_generichash_state *h, uint32_t n)
{
	crypto_generichash_update(h, (const unsigned char *)&n, sizeof(n));
}

void
txn_id(const struct txns *t, const struct sip_msg *m, const struct flow *from,
    struct span method, uint8_t id[TXN_ID_LEN])
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, t->key, sizeof(t->key), TXN_ID_LEN);
	mix_number(&h, from->zone);
	mix(&h, span_make(from->remote.ip, sizeof(from->remote.ip)));
	mix(&h, method);
	mix(&h, m->via.host);
	mix_number(&h, m->via.port);
	mix(&h, m->via.branch);
	if (!m->via.has_magic) {
		/* RFC 3261 17.2.3 for RFC 2543 senders, whose branch need
		 * not be unique. */
		mix(&h, m->ruri.all);
		mix(&h, m->from.tag);
		mix(&h, m->call_id);
		mix_number(&h, m->cseq.number);
	}
	crypto_generichash_final(&h, id, TXN_ID_LEN);
}

void
txn_merge_id(const struct txns *t, const struct sip_msg *m,
    const struct flow *from, uint8_t id[TXN_ID_LEN])
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, t->key, sizeof(t->key), TXN_ID_LEN);
	mix(&h, SPAN_LIT("merged"));
	mix_number(&h, from->zone);
	mix(&h, span_make(from->remote.ip, sizeof(from->remote.ip)));
	mix(&h, m->ruri.all);
	mix(&h, m->from.tag);
	mix(&h, m->call_id);
	mix_number(&h, m->cseq.number);
	mix(&h, m->method_name);
	crypto_generichash_final(&h, id, TXN_ID_LEN);
}

void
txn_branch_id(const struct txns *t, struct span branch_text,
    struct span method, uint8_t id[TXN_ID_LEN])
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, t->key, sizeof(t->key), TXN_ID_LEN);
	mix(&h, SPAN_LIT("ours"));
	mix(&h, method);
	mix(&h, branch_text);
	crypto_generichash_final(&h, id, TXN_ID_LEN);
}

uint64_t
txn_id_hash(const uint8_t id[TXN_ID_LEN])
{
	uint64_t hash;

	memcpy(&hash, id, sizeof(hash));
	return hash;
}

/* n bytes that only the key's holder can make from id, a letter for the
 * purpose and a number; as hexadecimal. */
static void
put_derived(const struct txns *t, struct buf *b, struct span from, char what,
    uint32_t which, size_t n)
{
	crypto_generichash_state h;
	unsigned char out[crypto_generichash_BYTES_MIN];

	crypto_generichash_init(&h, t->key, sizeof(t->key), sizeof(out));
	mix(&h, span_make(&what, 1));
	mix(&h, from);
	mix_number(&h, which);
	crypto_generichash_final(&h, out, sizeof(out));
	buf_put_hex(b, out, n);
}

/* ACK and CANCEL count as their INVITE. */
static struct span
method_meant(const struct sip_msg *m)
{
	if (m->method == SIP_ACK || m->method == SIP_CANCEL)
		return SPAN_LIT("INVITE");
	return m->method_name;
}

struct span
txn_tag(const struct txns *t, const struct sip_msg *m,
    const struct flow *from, char *mem)
{
	uint8_t id[TXN_ID_LEN];
	struct buf b;

	txn_id(t, m, from, method_meant(m), id);
	buf_init(&b, mem, TAG_LEN);
	put_derived(t, &b, span_make(id, sizeof(id)), 't', 0, TAG_LEN / 2);
	return buf_span(&b);
}

static struct span
branch(const struct txns *t, struct span from, char what, uint32_t which,
    char *mem)
{
	struct buf b;

	buf_init(&b, mem, BRANCH_LEN);
	buf_puts(&b, "z9hG4bK");
	put_derived(t, &b, from, what, which, (BRANCH_LEN - 7) / 2);
	return buf_span(&b);
}

struct span
txn_branch(const struct txns *t, const struct sip_msg *m,
    const struct flow *from, uint32_t which, char *mem)
{
	uint8_t id[TXN_ID_LEN];

	txn_id(t, m, from, method_meant(m), id);
	return branch(t, span_make(id, sizeof(id)), 'b', which, mem);
}

struct span
txn_branch_own(const struct txns *t, struct span unique, char *mem)
{
	return branch(t, unique, 'o', 0, mem);
}
