#include <errno.h>

#include "registrar-db/io/rows.h"

static const char *const zones[] = {
	[ZONE_EXTERNAL] = "external",
	[ZONE_INTERNAL] = "internal",
};
static const char *const transports[] = {
	[TRANSPORT_UDP] = "udp",
	[TRANSPORT_TCP] = "tcp",
	[TRANSPORT_TLS] = "tls",
};
static const char *const holds[] = {
	[HOLD_TRANSPARENT] = "transparent",
	[HOLD_SENDRECV] = "sendrecv",
};
static const char *const latchings[] = {
	[LATCH_STRICT] = "strict",
	[LATCH_SIGNALLED] = "signalled",
	[LATCH_OPEN] = "open",
};

static const char *const srtps[] = {
	[SRTP_POLICY_OFF] = "off",
	[SRTP_POLICY_OPTIONAL] = "optional",
	[SRTP_POLICY_REQUIRED] = "required",
};

static const char *const digests[] = {
	[DIGEST_SHA256] = "sha256",
	[DIGEST_SHA512_256] = "sha512-256",
};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Index of a word, or 0. */
static uint8_t
word(struct span s, const char *const *words, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (words[i] != NULL && span_eq(s, span_str(words[i])))
			return (uint8_t)i;
	}
	return 0;
}

/* Text that may travel in a message: no control characters. */
static bool
is_plain(struct span s, size_t max)
{
	if (s.len > max)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
			return false;
	}
	return true;
}

static int
copy(char *to, size_t max, struct span s, size_t *len_out)
{
	if (!is_plain(s, max))
		return -EBADMSG;
	if (s.len > 0)
		memcpy(to, s.p, s.len);
	*len_out = s.len;
	return 0;
}

/* ---- subscribers ---- */

/* Of the message and of the schema. */
#define PARTY_KBPS_MAX 100000

int
user_find(struct store *s, struct span username, int64_t *id_out)
{
	sqlite3_stmt *q = store_use(s, ST_FIND_USER);
	int got;

	sql_text(q, 1, username);
	got = store_row(s, q);
	if (got >= 0)
		*id_out = got == 1 ? sqlite3_column_int64(q, 0) : -1;
	store_done(q);
	return got < 0 ? got : 0;
}

/* number, name, hold, latching, srtp from column `at` on; codecs and max_kbps
 * from column `more` on. */
static int
party_column(sqlite3_stmt *q, int at, int more, struct party_row *out)
{
	int64_t max_kbps = sqlite3_column_int64(q, more + 1);
	size_t number, name, codecs;
	int err;

	if (max_kbps < 0 || max_kbps > PARTY_KBPS_MAX)
		return -EBADMSG;
	err = copy(out->number, NUMBER_MAX, sql_column(q, at), &number);
	if (err == 0)
		err = copy(out->name, NAME_MAX_BYTES, sql_column(q, at + 1),
		    &name);
	if (err == 0)
		err = copy(out->codecs, CODECS_MAX_BYTES, sql_column(q, more),
		    &codecs);
	if (err)
		return err;
	out->party = (struct ipc_party){
		.codecs = span_make(out->codecs, codecs),
		.max_kbps = (uint32_t)max_kbps,
		.number = span_make(out->number, number),
		.name = span_make(out->name, name),
		.hold = word(sql_column(q, at + 2), holds, LEN(holds)),
		.latching = word(sql_column(q, at + 3), latchings,
		    LEN(latchings)),
		.srtp = word(sql_column(q, at + 4), srtps, LEN(srtps)),
	};
	return 0;
}

/* A word that is none of ours lets nobody in. */
static int
least_column(sqlite3_stmt *q, int at, enum digest_alg *out)
{
	struct span s = sql_column(q, at);

	*out = (enum digest_alg)word(s, digests, LEN(digests));
	return s.len == 0 || *out != DIGEST_MD5 || span_eq(s, SPAN_LIT("md5")) ?
	    0 : -EBADMSG;
}

static int
account_column(sqlite3_stmt *q, enum digest_alg alg, struct account_row *out)
{
	struct span sealed = sql_column(q, 10 + (int)alg);
	int err;

	out->id = sqlite3_column_int64(q, 0);
	out->enabled = sqlite3_column_int(q, 3) == 1;
	out->internet = sqlite3_column_int(q, 4) == 1;
	err = copy(out->username, USERNAME_MAX, sql_column(q, 1),
	    &out->username_len);
	if (err == 0)
		err = copy(out->realm, REALM_MAX, sql_column(q, 2),
		    &out->realm_len);
	if (err == 0)
		err = party_column(q, 5, 14, &out->who);
	if (err == 0)
		err = least_column(q, 13, &out->least);
	if (err)
		return err;
	out->who.enabled = out->enabled;
	out->sealed_len = sealed.len > SEALED_MAX ? 0 : sealed.len;
	if (out->sealed_len > 0)
		memcpy(out->sealed, sealed.p, out->sealed_len);
	return 0;
}

int
account_read(struct store *s, int64_t id, enum digest_alg alg,
    struct account_row *out)
{
	sqlite3_stmt *q = store_use(s, ST_ACCOUNT);
	int got;

	sql_int(q, 1, id);
	got = store_row(s, q);
	if (got == 1)
		got = account_column(q, alg, out);
	else if (got == 0)
		got = -ENOENT;
	store_done(q);
	return got;
}

int
party_read(struct store *s, struct span number, struct party_row *out)
{
	sqlite3_stmt *q = store_use(s, ST_PARTY);
	int got;

	sql_text(q, 1, number);
	got = store_row(s, q);
	if (got == 1) {
		out->enabled = sqlite3_column_int(q, 5) == 1;
		got = party_column(q, 0, 6, out);
	} else if (got == 0) {
		got = -ENOENT;
	}
	store_done(q);
	return got;
}

/* ---- bindings ---- */

int
flow_column(sqlite3_stmt *q, int at, struct ipc_flow *out)
{
	struct ipc_flow f = {
		.transport = word(sql_column(q, at + 1), transports,
		    LEN(transports)),
		.zone = word(sql_column(q, at + 2), zones, LEN(zones)),
	};
	int64_t listener = sqlite3_column_int64(q, at + 3);
	int64_t conn = sqlite3_column_int64(q, at + 4);

	if (f.transport == 0 || f.zone == 0 || listener < 0 || listener > 31 ||
	    conn < 0 ||
	    addr_parse(sql_column(q, at), 0, &f.remote) != 0)
		return -EBADMSG;
	f.listener = (uint8_t)listener;
	f.conn = (uint64_t)conn;
	*out = f;
	return 0;
}

static bool
fits_u32(int64_t v)
{
	return v >= 0 && v <= UINT32_MAX;
}

int
binding_column(sqlite3_stmt *q, struct binding *out, struct span *number_out)
{
	int64_t slot = sqlite3_column_int64(q, 0);
	int64_t reg_id = sqlite3_column_int64(q, 4);
	int64_t cseq = sqlite3_column_int64(q, 5);
	int64_t granted = sqlite3_column_int64(q, 15);
	double value = sqlite3_column_double(q, 6);
	struct binding b = {
		.contact = sql_column(q, 1),
		.instance = sql_column(q, 2),
		.call_id = sql_column(q, 3),
		.nated = sqlite3_column_int(q, 12) == 1,
		.registered_wall_s = sqlite3_column_int64(q, 13),
		.expires_wall_s = sqlite3_column_int64(q, 14),
		.closed_wall_s = sqlite3_column_int64(q, 17),
		.reconnects = sqlite3_column_int(q, 18) > 0 ?
		    (uint32_t)sqlite3_column_int(q, 18) : 0,
		.user_agent = sql_column(q, 19),
		.ice = sqlite3_column_int(q, 20) == 1,
	};

	*number_out = sql_column(q, 16);
	if (slot < 1 || slot > BINDING_MAX || !fits_u32(reg_id) ||
	    !fits_u32(cseq) || !fits_u32(granted) ||
	    !(value >= 0 && value <= 1) || b.contact.len == 0 ||
	    !is_plain(b.contact, 512) || !is_plain(b.instance, 128) ||
	    !is_plain(b.call_id, 256) || !is_plain(b.user_agent, 128) ||
	    !is_plain(*number_out, NUMBER_MAX) ||
	    flow_column(q, 7, &b.flow) != 0)
		return -EBADMSG;
	b.slot = (unsigned)slot;
	b.reg_id = (uint32_t)reg_id;
	b.cseq = (uint32_t)cseq;
	b.granted_s = (uint32_t)granted;
	b.q_permille = (uint16_t)(value * 1000 + 0.5);
	*out = b;
	return 0;
}

static struct span
keep(struct binding_rows *rows, struct span s)
{
	char *to = rows->text + rows->used;

	if (s.len > 0)
		memcpy(to, s.p, s.len);
	rows->used += s.len;
	return span_make(to, s.len);
}

int
bindings_read(struct store *s, enum stmt by, struct span number,
    int64_t wall_s, struct binding_rows *out)
{
	sqlite3_stmt *q = store_use(s, by);
	struct span of;
	struct binding b;
	int got;

	out->set.n = 0;
	out->used = 0;
	sql_text(q, 1, number);
	sql_int(q, 2, wall_s);
	while ((got = store_row(s, q)) == 1 && out->set.n < BINDING_MAX) {
		if (binding_column(q, &b, &of) != 0)
			continue;
		b.contact = keep(out, b.contact);
		b.instance = keep(out, b.instance);
		b.call_id = keep(out, b.call_id);
		b.user_agent = keep(out, b.user_agent);
		out->set.b[out->set.n++] = b;
	}
	store_done(q);
	return got < 0 ? got : 0;
}

int
bindings_walk(struct store *s, struct walk *at, int max, walk_cb *each,
    void *arg)
{
	sqlite3_stmt *q = store_use(s, ST_WALK);
	struct walk from = *at;
	struct span number;
	struct binding b;
	int n = 0, got;
	bool go_on = true;

	sql_text(q, 1, span_make(from.number, from.number_len));
	sql_int(q, 2, from.slot);
	sql_int(q, 3, max);
	while (go_on && (got = store_row(s, q)) == 1) {
		n++;
		number = sql_column(q, 16);
		if (number.len > NUMBER_MAX)
			continue;
		memcpy(at->number, number.p, number.len);
		at->number_len = number.len;
		at->slot = (unsigned)sqlite3_column_int(q, 0);
		if (binding_column(q, &b, &number) == 0)
			go_on = each(arg, &b, number);
	}
	store_done(q);
	return go_on && got < 0 ? got : n;
}

/* The flow into five parameters; the text into mem. */
static void
bind_flow(sqlite3_stmt *q, const int at[5], const struct ipc_flow *f,
    char mem[ADDR_TEXT_MAX + 1])
{
	sql_text(q, at[0], span_str(addr_text(&f->remote, mem)));
	sql_text(q, at[1], span_str(transports[f->transport]));
	sql_text(q, at[2], span_str(zones[f->zone]));
	sql_int(q, at[3], f->listener);
	sql_int(q, at[4], (int64_t)f->conn);
}

int
binding_put(struct store *s, struct span number, const struct binding *b)
{
	static const int flow_at[5] = { 9, 10, 11, 12, 13 };
	sqlite3_stmt *q = store_use(s, ST_BINDING_PUT);
	char mem[ADDR_TEXT_MAX + 1];

	sql_text(q, 1, number);
	sql_int(q, 2, b->slot);
	sql_text(q, 3, b->contact);
	sql_text(q, 4, b->instance);
	sql_text(q, 5, b->call_id);
	sql_int(q, 6, b->reg_id);
	sql_int(q, 7, b->cseq);
	sqlite3_bind_double(q, 8, b->q_permille / 1000.0);
	bind_flow(q, flow_at, &b->flow, mem);
	sql_int(q, 14, b->nated);
	sql_int(q, 15, b->registered_wall_s);
	sql_int(q, 16, b->expires_wall_s);
	sql_int(q, 17, b->granted_s);
	sql_text(q, 18, b->user_agent);
	sql_int(q, 19, b->reconnects);
	sql_int(q, 20, b->ice);
	return store_run(s, q);
}

int
binding_refresh(struct store *s, struct span number, const struct binding *b)
{
	sqlite3_stmt *q = store_use(s, ST_BINDING_REFRESH);

	sql_text(q, 1, number);
	sql_int(q, 2, b->slot);
	sql_int(q, 3, b->cseq);
	sql_int(q, 4, b->registered_wall_s);
	sql_int(q, 5, b->expires_wall_s);
	return store_run(s, q);
}

int
binding_drop(struct store *s, struct span number, unsigned slot)
{
	sqlite3_stmt *q = store_use(s, ST_BINDING_DROP);

	sql_text(q, 1, number);
	sql_int(q, 2, slot);
	return store_run(s, q);
}

int
binding_closed(struct store *s, const struct ipc_flow *f, int64_t wall_s)
{
	static const int flow_at[5] = { 1, 2, 3, 4, 5 };
	sqlite3_stmt *q = store_use(s, ST_BINDING_CLOSED);
	char mem[ADDR_TEXT_MAX + 1];

	bind_flow(q, flow_at, f, mem);
	sql_int(q, 6, wall_s);
	return store_run(s, q);
}

int
flow_is_used(struct store *s, const struct ipc_flow *f)
{
	static const int flow_at[5] = { 1, 2, 3, 4, 5 };
	sqlite3_stmt *q = store_use(s, ST_FLOW_USED);
	char mem[ADDR_TEXT_MAX + 1];
	int got;

	bind_flow(q, flow_at, f, mem);
	got = store_row(s, q);
	store_done(q);
	return got;
}
