#include <errno.h>

#include "tracer/core/rules.h"

#define NUMBER_MAX 32

/* ---- what can be traced ---- */

static bool
is_number(struct span s)
{
	static const char more[] = "+*#.-_";

	if (s.len == 0 || s.len > NUMBER_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') ||
			memchr(more, c, sizeof(more) - 1) != NULL))
			return false;
	}
	return true;
}

/* One word of what can be seen (RFC 3261 25.1, callid). */
static bool
is_call_id(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 127)
			return false;
	}
	return s.len > 0 && s.len <= IPC_TRACE_TARGET_MAX;
}

static bool
is_target(uint8_t kind, struct span s)
{
	switch (kind) {
	case TRACE_NUMBER:
		return is_number(s);
	case TRACE_CALL:
		return is_call_id(s);
	default:
		return s.len == 0;
	}
}

/* ---- the table ---- */

static struct span
target(const struct rule *rule)
{
	return span_make(rule->target, rule->target_len);
}

static struct rule *
same(struct rules *r, uint8_t kind, struct span what)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (r->rule[i].kind == kind &&
		    span_eq(target(&r->rule[i]), what))
			return &r->rule[i];
	}
	return NULL;
}

int
rules_add(struct rules *r, const struct ipc_trace_on *m, int64_t now_s,
    uint32_t *number_out)
{
	struct rule *rule;

	if (!is_target(m->kind, m->target))
		return -EINVAL;
	rule = same(r, m->kind, m->target);
	if (rule == NULL) {
		if (r->n == IPC_TRACES_MAX)
			return -ENOSPC;
		rule = &r->rule[r->n++];
		*rule = (struct rule){ .kind = m->kind };
		r->last = r->last >= INT32_MAX ? 1 : r->last + 1;
		rule->number = r->last;
		rule->target_len = m->target.len;
		if (m->target.len > 0)
			memcpy(rule->target, m->target.p, m->target.len);
	}
	rule->profiles = m->profiles;
	rule->hep = m->hep;
	rule->until_s = now_s + m->for_s;
	*number_out = rule->number;
	return 0;
}

static void
take_out(struct rules *r, unsigned i)
{
	r->n--;
	memmove(&r->rule[i], &r->rule[i + 1],
	    (r->n - i) * sizeof(r->rule[0]));
}

int
rules_del(struct rules *r, uint32_t number)
{
	if (number == 0) {
		r->n = 0;
		return 0;
	}
	for (unsigned i = 0; i < r->n; i++) {
		if (r->rule[i].number == number) {
			take_out(r, i);
			return 0;
		}
	}
	return -ENOENT;
}

bool
rules_expire(struct rules *r, int64_t now_s)
{
	unsigned before = r->n;

	for (unsigned i = r->n; i-- > 0;) {
		if (r->rule[i].until_s <= now_s)
			take_out(r, i);
	}
	return r->n != before;
}

struct rule *
rules_find(struct rules *r, uint32_t number)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (r->rule[i].number == number)
			return &r->rule[i];
	}
	return NULL;
}

void
rules_tell(const struct rules *r, struct ipc_trace_rules *out)
{
	out->n_traced = r->n;
	for (unsigned i = 0; i < r->n; i++)
		out->traced[i] = (struct ipc_traced){ r->rule[i].number,
			r->rule[i].kind, r->rule[i].profiles,
			target(&r->rule[i]) };
}

void
rules_put_profiles(struct buf *b, uint8_t profiles)
{
	static const char *const names[] = { "registration", "signalling",
		"media" };
	const char *between = "";

	for (unsigned i = 0; i < 3; i++) {
		if (!(profiles & 1u << i))
			continue;
		buf_puts(b, between);
		buf_puts(b, names[i]);
		between = ", ";
	}
}

/* ---- the file ---- */

void
rules_put(const struct rules *r, struct buf *b)
{
	buf_put_u64(b, r->last);
	buf_putc(b, '\n');
	for (unsigned i = 0; i < r->n; i++) {
		const struct rule *rule = &r->rule[i];
		const uint64_t numbers[] = { rule->number, rule->kind,
			rule->profiles, rule->hep, (uint64_t)rule->until_s };

		for (unsigned k = 0; k < 5; k++) {
			buf_put_u64(b, numbers[k]);
			buf_putc(b, ' ');
		}
		buf_put(b, target(rule));
		buf_putc(b, '\n');
	}
}

/* The next piece up to c, which is taken away with it. */
static bool
cut(struct span *left, char c, struct span *out)
{
	ptrdiff_t at = span_find(*left, c);

	if (at < 0)
		return false;
	*out = span_sub(*left, 0, (size_t)at);
	*left = span_sub(*left, (size_t)at + 1, left->len);
	return true;
}

static void
read_line(struct rules *r, struct span line, int64_t now_s)
{
	static const uint64_t most[] = { INT32_MAX, TRACE_ALL, 7, 1,
		INT64_MAX };
	struct ipc_trace_on m = { 0 };
	uint64_t v[5];
	struct span piece;
	uint32_t number;

	for (unsigned i = 0; i < 5; i++) {
		if (!cut(&line, ' ', &piece) ||
		    span_to_u64(piece, most[i], &v[i]) != 0)
			return;
	}
	if (v[0] == 0 || v[1] == 0 || v[2] == 0 ||
	    (int64_t)v[4] <= now_s ||
	    v[4] - (uint64_t)now_s > IPC_TRACE_FOR_MAX_S ||
	    rules_find(r, (uint32_t)v[0]) != NULL)
		return;
	m.kind = (uint8_t)v[1];
	m.profiles = (uint8_t)v[2];
	m.hep = (uint8_t)v[3];
	m.for_s = (uint32_t)(v[4] - (uint64_t)now_s);
	m.target = line;
	if (rules_add(r, &m, now_s, &number) == 0)
		rules_find(r, number)->number = (uint32_t)v[0];
}

void
rules_read(struct rules *r, struct span text, int64_t now_s)
{
	struct span line;
	uint32_t last = 0;

	*r = (struct rules){ 0 };
	if (!cut(&text, '\n', &line) ||
	    span_to_u32(line, INT32_MAX, &last) != 0)
		return;
	while (cut(&text, '\n', &line))
		read_line(r, line, now_s);
	r->last = last;
	for (unsigned i = 0; i < r->n; i++) {
		if (r->rule[i].number > r->last)
			r->last = r->rule[i].number;
	}
}
