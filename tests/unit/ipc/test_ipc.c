/*
 * Every row of the table, automatically: round trips with the smallest, a
 * typical and the largest value of each field, and the misuse set.  The raw
 * writer below is a second encoder made from the same rows, so that the bytes
 * of msg.c are compared with something and values out of bounds can be sent.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "common/ipc/msg.h"

#define BIG (64 * 1024)

static char pool[BIG];		/* bytes for text and blobs */

/* ---- filling a message ---- */

enum how { SMALLEST, TYPICAL, LARGEST, N_HOW };

static uint64_t
pick(enum how how, uint64_t lo, uint64_t hi)
{
	if (how == SMALLEST)
		return lo;
	return how == LARGEST ? hi : lo + (hi - lo) / 3;
}

static struct addr
pick_addr(enum how how, bool optional)
{
	static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 9 };

	if (how == SMALLEST && optional)
		return (struct addr){ 0 };
	return how == LARGEST ? addr_from_bytes(v6, 16, 65535) :
	    addr_from_bytes("\xc6\x33\x64\x07", 4, 5070);
}

#define FILL_u8(name, lo, hi) m->name = (uint8_t)pick(how, lo, hi);
#define FILL_u16(name, lo, hi) m->name = (uint16_t)pick(how, lo, hi);
#define FILL_u32(name, lo, hi) m->name = (uint32_t)pick(how, lo, hi);
#define FILL_u64(name, lo, hi) m->name = pick(how, lo, hi);
#define FILL_str(name, lo, hi) m->name = span_make(pool, pick(how, lo, hi));
#define FILL_blob(name, lo, hi) FILL_str(name, lo, hi)
#define FILL_bin(name, lo, hi) memset(m->name, 0xa0 + (int)how, lo);
#define FILL_addr(name, lo, hi) m->name = pick_addr(how, false);
#define FILL_oaddr(name, lo, hi) m->name = pick_addr(how, true);
#define FILL_item(name, lo, hi) fill_item_##lo(&m->name, how);
#define FILL_list(name, lo, hi)                          \
	m->n_##name = (unsigned)pick(how, 0, hi);        \
	for (unsigned i = 0; i < m->n_##name; i++)       \
		fill_item_##lo(&m->name[i], how);
#define FILL(kind, name, lo, hi) FILL_##kind(name, lo, hi)

#define FILL_ITEM(item)                                               \
	static void fill_item_##item(struct ipc_##item *m, enum how how) \
	{                                                             \
		IPC_ITEM_##item(FILL)                                 \
	}
IPC_ITEMS(FILL_ITEM)

#define FILL_MSG(NAME, msg, nr, from, to, answers, meaning)        \
	static void fill_##msg(struct ipc_##msg *m, enum how how)  \
	{                                                          \
		IPC_F_##msg(FILL)                                  \
	}
IPC_TABLE(FILL_MSG)

/* ---- the raw writer, which can break one field ---- */

enum breach { NOTHING, BELOW, ABOVE, CONTROL, NO_ADDR, FAMILY, MAPPED,
	N_BREACH };

struct raw {
	uint8_t bytes[BIG];
	size_t len;
	unsigned field;		/* running number of the leaf field */
	unsigned target;
	enum breach breach;
	int want;		/* error the breach must give; 0: not made */
};

static void
raw_byte(struct raw *r, unsigned v)
{
	if (r->len == sizeof(r->bytes))
		ck_abort();	/* an assert for each byte takes seconds */
	r->bytes[r->len++] = (uint8_t)v;
}

static void
raw_number(struct raw *r, uint64_t v, unsigned bytes)
{
	for (unsigned i = bytes; i > 0; i--)
		raw_byte(r, (v >> (8 * (i - 1))) & 0xff);
}

static bool
is_target(struct raw *r)
{
	return r->field++ == r->target && r->breach != NOTHING;
}

static void
raw_uint(struct raw *r, uint64_t v, unsigned bytes, uint64_t lo, uint64_t hi)
{
	uint64_t most = bytes == 8 ? UINT64_MAX :
	    (UINT64_C(1) << (8 * bytes)) - 1;

	if (is_target(r)) {
		if (r->breach == BELOW && lo > 0) {
			v = lo - 1;
			r->want = -ERANGE;
		} else if (r->breach == ABOVE && hi < most) {
			v = hi + 1;
			r->want = -ERANGE;
		}
	}
	raw_number(r, v, bytes);
}

static void
raw_text(struct raw *r, struct span s, size_t lo, size_t hi, bool text)
{
	bool control = false;

	if (is_target(r)) {
		if (r->breach == BELOW && lo > 0) {
			s = span_make(pool, lo - 1);
			r->want = -ERANGE;
		} else if (r->breach == ABOVE && hi < UINT16_MAX) {
			s = span_make(pool, hi + 1);
			r->want = -ERANGE;
		} else if (r->breach == CONTROL && text && s.len > 0) {
			control = true;
			r->want = -EBADMSG;
		}
	}
	raw_number(r, s.len, 2);
	for (size_t i = 0; i < s.len; i++)
		raw_byte(r, control && i == 0 ? '\n' : (uint8_t)s.p[i]);
}

static void
raw_addr(struct raw *r, struct addr a, bool optional)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	size_t n = addr_ip_len(&a);

	if (is_target(r)) {
		if (r->breach == NO_ADDR && !optional) {
			a = (struct addr){ 0 };
			n = 0;
			r->want = -EBADMSG;
		} else if (r->breach == NO_ADDR) {
			a = (struct addr){ .port = 1 };	/* none, with a port */
			n = 0;
			r->want = -EBADMSG;
		} else if (r->breach == FAMILY) {
			a.family = 5;
			r->want = -EBADMSG;
		} else if (r->breach == MAPPED) {
			a.family = ADDR_IPV6;
			memcpy(a.ip, mapped, 16);
			n = 16;
			r->want = -EBADMSG;
		}
	}
	raw_byte(r, a.family);
	raw_number(r, a.port, 2);
	for (size_t i = 0; i < n; i++)
		raw_byte(r, a.ip[i]);
}

#define RAW_u8(name, lo, hi) raw_uint(r, m->name, 1, lo, hi);
#define RAW_u16(name, lo, hi) raw_uint(r, m->name, 2, lo, hi);
#define RAW_u32(name, lo, hi) raw_uint(r, m->name, 4, lo, hi);
#define RAW_u64(name, lo, hi) raw_uint(r, m->name, 8, lo, hi);
#define RAW_str(name, lo, hi) raw_text(r, m->name, lo, hi, true);
#define RAW_blob(name, lo, hi) raw_text(r, m->name, lo, hi, false);
#define RAW_bin(name, lo, hi)                  \
	for (unsigned i = 0; i < lo; i++)      \
		raw_byte(r, m->name[i]);
#define RAW_addr(name, lo, hi) raw_addr(r, m->name, false);
#define RAW_oaddr(name, lo, hi) raw_addr(r, m->name, true);
#define RAW_item(name, lo, hi) raw_item_##lo(r, &m->name);
#define RAW_list(name, lo, hi)                            \
	raw_uint(r, m->n_##name, 1, 0, hi);               \
	for (unsigned i = 0; i < m->n_##name; i++)        \
		raw_item_##lo(r, &m->name[i]);
#define RAW(kind, name, lo, hi) RAW_##kind(name, lo, hi)

#define RAW_ITEM(item)                                                 \
	static void raw_item_##item(struct raw *r, const struct ipc_##item *m) \
	{                                                              \
		IPC_ITEM_##item(RAW)                                   \
	}
IPC_ITEMS(RAW_ITEM)

#define RAW_MSG(NAME, msg, nr, from, to, answers, meaning)             \
	static void raw_##msg(struct raw *r, const struct ipc_##msg *m) \
	{                                                              \
		IPC_F_##msg(RAW)                                       \
	}
IPC_TABLE(RAW_MSG)

/* ---- each message behind one interface ---- */

union any {
#define ANY(NAME, msg, nr, from, to, answers, meaning) struct ipc_##msg msg;
	IPC_TABLE(ANY)
};

#define WRAP(NAME, msg, nr, from, to, answers, meaning)                 \
	static void any_fill_##msg(union any *u, enum how how)          \
	{                                                               \
		memset(u, 0, sizeof(*u));                               \
		fill_##msg(&u->msg, how);                               \
	}                                                               \
	static void any_raw_##msg(struct raw *r, const union any *u)    \
	{                                                               \
		raw_##msg(r, &u->msg);                                  \
	}                                                               \
	static void any_put_##msg(struct buf *b, const union any *u)    \
	{                                                               \
		put_##msg(b, &u->msg);                                  \
	}                                                               \
	static int any_get_##msg(struct span s, union any *u)           \
	{                                                               \
		return get_##msg(s, &u->msg);                           \
	}
IPC_TABLE(WRAP)

static const struct {
	const char *name;
	uint16_t type;
	uint8_t from, to;
	void (*fill)(union any *u, enum how how);
	void (*raw)(struct raw *r, const union any *u);
	void (*put)(struct buf *b, const union any *u);
	int (*get)(struct span s, union any *u);
} all[] = {
#define LIST(NAME, msg, nr, from, to, answers, meaning)               \
	{ #NAME, nr, from, to, any_fill_##msg, any_raw_##msg,         \
	    any_put_##msg, any_get_##msg },
	IPC_TABLE(LIST)
};

#define N_ALL ((int)(sizeof(all) / sizeof(all[0])))

static union any in, out, before;
static struct raw raw;
static char again[BIG];

static struct span
write_raw(int i, unsigned target, enum breach breach)
{
	raw.len = raw.field = 0;
	raw.want = 0;
	raw.target = target;
	raw.breach = breach;
	all[i].raw(&raw, &in);
	return span_make(raw.bytes, raw.len);
}

/* ---- tests ---- */

START_TEST(every_message_comes_out_as_it_went_in)
{
	for (enum how how = SMALLEST; how < N_HOW; how++) {
		char mem[BIG];
		struct buf b, b2;

		all[_i].fill(&in, how);
		buf_init(&b, mem, sizeof(mem));
		all[_i].put(&b, &in);
		ck_assert_int_eq(buf_err(&b), 0);
		ck_assert_uint_le(b.len, IPC_PAYLOAD_MAX);
		ck_assert_msg(span_eq(write_raw(_i, 0, NOTHING),
		    buf_span(&b)), "%s: other bytes", all[_i].name);
		ck_assert_int_eq(all[_i].get(buf_span(&b), &out), 0);
		buf_init(&b2, again, sizeof(again));
		all[_i].put(&b2, &out);
		ck_assert(span_eq(buf_span(&b), buf_span(&b2)));
	}
}
END_TEST

START_TEST(every_shorter_payload_is_refused)
{
	struct span whole;
	int err;

	for (enum how how = TYPICAL; how < N_HOW; how++) {
		all[_i].fill(&in, how);
		whole = write_raw(_i, 0, NOTHING);
		memset(&out, 0x5a, sizeof(out));
		before = out;
		for (size_t n = 0; n < whole.len; n++) {
			/* a copy of its size: sanitizers see one too far */
			char *part = malloc(n + (n == 0));

			memcpy(part, whole.p, n);
			err = all[_i].get(span_make(part, n), &out);
			free(part);
			if (err != -EBADMSG)
				ck_abort_msg("%s: %d at %zu bytes",
				    all[_i].name, err, n);
		}
		ck_assert_msg(memcmp(&out, &before, sizeof(out)) == 0,
		    "%s: output touched on failure", all[_i].name);
	}
}
END_TEST

START_TEST(one_byte_too_many_is_refused)
{
	struct span whole;

	all[_i].fill(&in, TYPICAL);
	whole = write_raw(_i, 0, NOTHING);
	raw_byte(&raw, 0);
	ck_assert_int_eq(all[_i].get(span_make(whole.p, raw.len), &out),
	    -EBADMSG);
}
END_TEST

START_TEST(every_broken_bound_is_refused)
{
	unsigned n_fields, broken = 0;

	all[_i].fill(&in, TYPICAL);
	write_raw(_i, 0, NOTHING);
	n_fields = raw.field;
	for (unsigned f = 0; f < n_fields; f++) {
		for (enum breach w = BELOW; w < N_BREACH; w++) {
			struct span s = write_raw(_i, f, w);

			if (raw.want == 0)
				continue;
			broken++;
			ck_assert_msg(all[_i].get(s, &out) == raw.want,
			    "%s: field %u breach %d: %d, not %d",
			    all[_i].name, f, (int)w, all[_i].get(s, &out),
			    raw.want);
		}
	}
	/* Any number, any key is right there. */
	if (all[_i].type != IPC_STATUS_ASK && all[_i].type != IPC_SIG_KEYS)
		ck_assert_uint_gt(broken, 0);
}
END_TEST

START_TEST(only_the_rows_pairs_may_talk)
{
	for (unsigned from = 1; from <= ROLE_TRACE; from *= 2) {
		for (unsigned to = 1; to <= ROLE_TRACE; to *= 2) {
			bool may = (all[_i].from & from) && (all[_i].to & to);

			ck_assert_int_eq(ipc_permit(all[_i].type,
			    (enum ipc_role)from, (enum ipc_role)to, 0),
			    may ? 0 : -EPERM);
		}
	}
	ck_assert_int_eq(ipc_permit(all[_i].type,
	    (enum ipc_role)(all[_i].from & -all[_i].from),
	    (enum ipc_role)(all[_i].to & -all[_i].to), IPC_PAYLOAD_MAX + 1),
	    -EMSGSIZE);
}
END_TEST

/* No struct of the wire is written anywhere but here: these are its bytes. */
START_TEST(frames_have_these_bytes)
{
	static const uint8_t want[] = {
		0, 0, 0, 45, 0, 31,		/* length, RELAY_SAY */
		0, 0, 0, 7,			/* id */
		0, 0, 0, 0, 0, 0, 1, 2,		/* session */
		1, 0, 1,			/* end, refusal, one port: */
		0x40, 0, 0x40, 1,		/* 16384, 16385 */
		4, 0x40, 0, 203, 0, 113, 1,	/* said_rtp */
		6, 0x40, 1, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 1,			/* said_rtcp */
	};
	static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	struct ipc_relay_say m = { .id = 7, .session = 0x102, .end = 1,
		.refusal = RELAY_OK, .n_ports = 1 };
	char mem[128];
	struct buf b;

	m.ports[0].rtp = 16384;
	m.ports[0].rtcp = 16385;
	m.ports[0].said_rtp = addr_from_bytes("\xcb\0\x71\1", 4, 16384);
	m.ports[0].said_rtcp = addr_from_bytes(v6, 16, 16385);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_SAY, relay_say, &m);
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert_uint_eq(b.len, sizeof(want));
	ck_assert_mem_eq(mem, want, sizeof(want));
}
END_TEST

START_TEST(frames_are_split_whole)
{
	static const char two[] = "\0\0\0\2\0\2ab" "\0\0\0\0\0\3";
	struct span s = span_make(two, sizeof(two) - 1), payload;
	uint16_t type;
	size_t used;

	for (size_t n = 0; n < 8; n++)
		ck_assert_int_eq(ipc_split(span_sub(s, 0, n), &type, &payload,
		    &used), -EAGAIN);
	ck_assert_int_eq(ipc_split(s, &type, &payload, &used), 0);
	ck_assert_uint_eq(type, 2);
	ck_assert_uint_eq(used, 8);
	ck_assert(span_eq(payload, SPAN_LIT("ab")));
	ck_assert_int_eq(ipc_split(span_sub(s, 8, 99), &type, &payload, &used),
	    0);
	ck_assert_uint_eq(type, 3);
	ck_assert_uint_eq(payload.len, 0);
	/* 16385 bytes are said: refused before they are there */
	ck_assert_int_eq(ipc_split(span_make("\0\0\x40\1\0\2", 6), &type,
	    &payload, &used), -EMSGSIZE);
	ck_assert_int_eq(ipc_split(span_make("\xff\xff\xff\xff\0\2", 6), &type,
	    &payload, &used), -EMSGSIZE);
}
END_TEST

START_TEST(a_frame_that_does_not_fit_leaves_nothing)
{
	struct ipc_status_say m = { .id = 1, .json = span_make(pool, 100) };
	char mem[80];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STATUS_SAY, status_say, &m);
	ck_assert_int_eq(buf_err(&b), -EMSGSIZE);
	ck_assert_uint_eq(b.len, 0);
	m.json = span_make(pool, 14001);	/* over its bound */
	buf_init(&b, again, sizeof(again));
	IPC_FRAME(&b, STATUS_SAY, status_say, &m);
	ck_assert_int_eq(buf_err(&b), -EMSGSIZE);
}
END_TEST

/* Each time it is asked it has another buffer, as one that flushes may. */
static struct buf *
next_buf(void *arg)
{
	struct buf **next = arg;

	return (*next)++;
}

/* A header in one buffer and its payload in the next broke a byte stream. */
START_TEST(a_frame_asks_once_where_to_go)
{
	char mem[4][64];
	struct buf bufs[4], *next = bufs;
	const struct ipc_nonce_ask m = { .id = 7, .count = 1 };

	for (int i = 0; i < 4; i++)
		buf_init(&bufs[i], mem[i], sizeof(mem[i]));
	IPC_FRAME(next_buf(&next), NONCE_ASK, nonce_ask, &m);
	ck_assert_ptr_eq(next, &bufs[1]);
	ck_assert_uint_gt(bufs[0].len, IPC_HEADER_LEN);
	ck_assert_uint_eq(bufs[1].len, 0);
}
END_TEST

START_TEST(rows_hold_together)
{
	const struct ipc_row *row, *other, *question;

	for (size_t i = 0; (row = ipc_row_at(i)) != NULL; i++) {
		ck_assert_ptr_eq(ipc_row(row->type), row);
		ck_assert_str_eq(ipc_name(row->type), row->name);
		ck_assert_uint_gt(strlen(row->meaning), 20);
		for (size_t k = 0; k < i; k++) {
			other = ipc_row_at(k);
			ck_assert_uint_ne(other->type, row->type);
		}
		if (row->answers == 0)
			continue;
		/* an answer goes back the way its question came */
		question = ipc_row(row->answers);
		ck_assert_ptr_nonnull(question);
		ck_assert_uint_eq(question->from, row->to);
		ck_assert_uint_eq(question->to, row->from);
	}
	ck_assert_ptr_null(ipc_row(0));
	ck_assert_str_eq(ipc_name(9999), "?");
	ck_assert_int_eq(ipc_permit(9999, ROLE_SIG, ROLE_REG, 0), -ENOMSG);
}
END_TEST

/* mediaproxy and stunmon have no business with the store. */
START_TEST(only_sigproxy_and_admin_reach_the_store)
{
	const struct ipc_row *row;

	for (size_t i = 0; (row = ipc_row_at(i)) != NULL; i++) {
		if (row->type == IPC_HELLO || !(row->to & ROLE_REG))
			continue;
		ck_assert_uint_eq(row->from & (ROLE_MEDIA | ROLE_STUN), 0);
	}
}
END_TEST

/* What a stranger wrote goes on with '?'; a captured process that does not
 * replace it loses its door. */
static const char *const dangerous[] = { "a\nb", "a\x7f", "a\x1b[2J",
	"a\xc2\x9b" "2J", "a\x9b" "2J", "a\xe2\x80\xae", "a\xe2\x81\xa6",
	"a\xff" };

START_TEST(text_that_a_terminal_obeys_is_replaced_and_refused)
{
	struct span bad = span_str(dangerous[_i]);
	struct ipc_call_note m = { .ticket = 1, .state = 1, .reason = bad };
	struct ipc_call_note got;
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_call_note(&b, &m);
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert_int_eq(get_call_note(buf_span(&b), &got), 0);
	ck_assert_uint_eq(got.reason.len, bad.len);
	ck_assert_int_eq(got.reason.p[0], 'a');
	ck_assert_int_eq(got.reason.p[1], '?');
	/* ticket, state, status and a length stand before it */
	memcpy(mem + 8 + 1 + 2 + 2, bad.p, bad.len);
	ck_assert_int_eq(get_call_note(buf_span(&b), &got), -EBADMSG);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ipc");
	TCase *t = tcase_create("ipc");
	SRunner *r = srunner_create(s);
	int failed;

	memset(pool, 'a', sizeof(pool));
	suite_add_tcase(s, t);
	tcase_add_loop_test(t, every_message_comes_out_as_it_went_in, 0,
	    N_ALL);
	tcase_add_loop_test(t, every_shorter_payload_is_refused, 0, N_ALL);
	tcase_add_loop_test(t, one_byte_too_many_is_refused, 0, N_ALL);
	tcase_add_loop_test(t, every_broken_bound_is_refused, 0, N_ALL);
	tcase_add_loop_test(t, only_the_rows_pairs_may_talk, 0, N_ALL);
	tcase_add_loop_test(t,
	    text_that_a_terminal_obeys_is_replaced_and_refused, 0,
	    sizeof(dangerous) / sizeof(dangerous[0]));
	tcase_add_test(t, frames_have_these_bytes);
	tcase_add_test(t, frames_are_split_whole);
	tcase_add_test(t, a_frame_that_does_not_fit_leaves_nothing);
	tcase_add_test(t, a_frame_asks_once_where_to_go);
	tcase_add_test(t, rows_hold_together);
	tcase_add_test(t, only_sigproxy_and_admin_reach_the_store);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
