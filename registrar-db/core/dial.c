#include "registrar-db/core/dial.h"

#include <errno.h>

#include "common/base/buf.h"

enum dial_form
dial_form_of(struct span word)
{
	static const char *const words[] = {
		[DIAL_AS_IS] = "as-is",
		[DIAL_E164] = "e164",
		[DIAL_DIGITS] = "digits",
		[DIAL_NATIONAL] = "national",
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_eq(word, span_str(words[i])))
			return (enum dial_form)i;
	return DIAL_AS_IS;
}

/* ---- writing ---- */

static bool
is_global(struct span number)
{
	return number.len > 0 && number.p[0] == '+';
}

/* +4930123 as one dials it in this country. */
static void
put_dialled(struct buf *b, const struct plan *p, struct span global)
{
	struct span digits = span_sub(global, 1, global.len);

	if (p->country.len > 0 && span_starts(digits, p->country) &&
	    digits.len > p->country.len) {
		buf_put(b, p->national);
		buf_put(b, span_sub(digits, p->country.len, digits.len));
	} else if (p->international.len > 0) {
		buf_put(b, p->international);
		buf_put(b, digits);
	} else {
		buf_put(b, global);
	}
}

static void
put_form(struct buf *b, const struct dial *d, struct span number)
{
	if (!is_global(number) || d->form == DIAL_E164)
		buf_put(b, number);
	else if (d->form == DIAL_DIGITS)
		buf_put(b, span_sub(number, 1, number.len));
	else
		put_dialled(b, &d->plan, number);
}

int
dial_write(const struct dial *d, struct span number, unsigned strip,
    struct span prepend, char mem[PLAN_NUMBER_MAX], struct span *out)
{
	char form[PLAN_NUMBER_MAX + 8];
	struct span written;
	struct buf b;

	buf_init(&b, form, sizeof(form));
	put_form(&b, d, number);
	if (buf_err(&b) || b.len < strip)
		return -EBADMSG;
	written = span_sub(buf_span(&b), strip, b.len);
	buf_init(&b, mem, PLAN_NUMBER_MAX);
	buf_put(&b, prepend);
	buf_put(&b, written);
	if (buf_err(&b) || b.len == 0)
		return -EBADMSG;
	*out = buf_span(&b);
	return 0;
}

/* ---- reading ---- */

int
dial_read(const struct dial *d, struct span written,
    char mem[PLAN_NUMBER_MAX], struct span *out)
{
	char global[PLAN_NUMBER_MAX];
	struct buf b;

	if (d->form == DIAL_DIGITS && written.len > PLAN_SHORT_MAX &&
	    !is_global(written) && written.p[0] != '0') {
		buf_init(&b, global, sizeof(global));
		buf_putc(&b, '+');
		buf_put(&b, written);
		if (buf_err(&b))
			return -EBADMSG;
		written = buf_span(&b);
	}
	return plan_number(&d->plan, written, mem, out);
}

/* ---- numbers of ours ---- */

static size_t
wild_end(struct span s)
{
	size_t n = 0;

	while (n < s.len && s.p[s.len - 1 - n] == 'X')
		n++;
	return n;
}

static bool
are_digits(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

int
dial_target(struct span target, struct span number,
    char mem[PLAN_NUMBER_MAX], struct span *out)
{
	size_t n = wild_end(target);
	struct span last;
	struct buf b;

	if (n > number.len)
		return -EBADMSG;
	last = span_sub(number, number.len - n, number.len);
	if (!are_digits(last))
		return -EBADMSG;
	buf_init(&b, mem, PLAN_NUMBER_MAX);
	buf_put(&b, span_sub(target, 0, target.len - n));
	buf_put(&b, last);
	if (buf_err(&b))
		return -EBADMSG;
	*out = buf_span(&b);
	return 0;
}

int
dial_did_of(const struct pattern *p, struct span target,
    struct span number, char mem[PLAN_NUMBER_MAX], struct span *out)
{
	struct span form = span_make(p->form, p->form_len);
	size_t n = wild_end(target), m = wild_end(form);
	struct buf b;

	if (p->open || number.len != target.len || m > n ||
	    m + p->literals != form.len ||
	    !span_eq(span_sub(number, 0, number.len - n),
		span_sub(target, 0, target.len - n)) ||
	    !are_digits(span_sub(number, number.len - n, number.len)))
		return -ENOENT;
	buf_init(&b, mem, PLAN_NUMBER_MAX);
	buf_put(&b, span_sub(form, 0, form.len - m));
	buf_put(&b, span_sub(number, number.len - m, number.len));
	*out = buf_span(&b);
	return 0;
}

/* ---- routes ---- */

bool
dial_route_fits(const struct dial_route *r, struct span number,
    enum number_kind kind, struct span rights)
{
	return (r->kinds == 0 || (r->kinds >> kind & 1) != 0) &&
	    (r->rights_len == 0 ||
		span_eq(span_make(r->rights, r->rights_len), rights)) &&
	    pattern_find(&r->pattern, 1, number) != NULL;
}

int
dial_route_order(const struct dial_route *a, const struct dial_route *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->pattern.literals != b->pattern.literals)
		return a->pattern.literals > b->pattern.literals ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}
