#include <errno.h>

#include "common/base/buf.h"
#include "registrar-db/core/plan.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')' || c == '/' ||
	    c == ' ';
}

/* ---- one form ---- */

/* A number or pattern on its way. */
struct form {
	char p[PLAN_NUMBER_MAX];
	size_t len;
	bool global;	/* '+' was taken off; p is what followed */
	bool service;	/* has '*' or '#' */
	bool wild;	/* may have X */
	bool open;	/* '%' stood behind it */
};

static int
take_char(struct form *f, char c)
{
	if (is_separator(c) && !f->wild)
		return 0;
	if (c == '+' && f->len == 0 && !f->global) {
		f->global = true;
		return 0;
	}
	if (f->len == sizeof(f->p) ||
	    (!is_digit(c) && c != '*' && c != '#' && !(f->wild && c == 'X')))
		return -EBADMSG;
	f->service |= c == '*' || c == '#';
	f->p[f->len++] = c;
	return 0;
}

static int
read_form(struct span s, struct form *f)
{
	int err = 0;

	for (size_t i = 0; i < s.len && err == 0; i++)
		err = take_char(f, s.p[i]);
	if (err == 0 && f->len == 0 && !f->open)
		err = -EBADMSG;
	if (err == 0 && f->service && f->global)
		err = -EBADMSG;
	return err;
}

/* A number has more behind its prefix; of a pattern that may be open. */
static bool
starts(const struct form *f, struct span prefix)
{
	return prefix.len > 0 &&
	    span_starts(span_make(f->p, f->len), prefix) &&
	    (f->len > prefix.len || f->open);
}

static void
cut(struct form *f, size_t n)
{
	f->len -= n;
	memmove(f->p, f->p + n, f->len);
}

static int
put_before(struct form *f, struct span s)
{
	if (f->len + s.len > sizeof(f->p))
		return -EBADMSG;
	memmove(f->p + s.len, f->p, f->len);
	if (s.len > 0)
		memcpy(f->p, s.p, s.len);
	f->len += s.len;
	return 0;
}

static bool
is_short(const struct form *f)
{
	return !f->open && f->len <= PLAN_SHORT_MAX;
}

/* Without '+' so far: is there one to be put in front? */
static int
make_global(const struct plan *p, struct form *f)
{
	int err;

	if (f->service)
		return 0;
	if (starts(f, p->international)) {
		cut(f, p->international.len);
		f->global = true;
		return 0;
	}
	if (p->country.len == 0 || is_short(f))
		return 0;
	if (starts(f, p->national)) {
		cut(f, p->national.len);
	} else {
		/* An open one, "118%", stays what it is. */
		if (f->open)
			return 0;
		err = put_before(f, p->area);
		if (err)
			return err;
	}
	f->global = true;
	return put_before(f, p->country);
}

/* Behind +COUNTRY so few digits are a service's, and are dialled without it:
 * +43 1 4000 is a town hall's and not 14000. */
#define SERVICE_MAX 4

/* In our own country: +49 (0) 30 is +49 30, and +49 112 is 112. */
static void
tidy_own(const struct plan *p, struct form *f)
{
	if (!f->global || !starts(f, p->country))
		return;
	cut(f, p->country.len);
	while (starts(f, p->national))
		cut(f, p->national.len);
	if (!f->open && f->len <= SERVICE_MAX)
		f->global = false;
	else
		(void)put_before(f, p->country); /* there it was before */
}

static int
check_global(const struct form *f)
{
	if (!f->global || (f->len == 0 && f->open))
		return 0;
	return f->len == 0 || f->len > PLAN_GLOBAL_MAX || f->p[0] == '0' ?
	    -EBADMSG : 0;
}

static int
put_form(const struct form *f, char mem[PLAN_NUMBER_MAX], size_t *len_out)
{
	struct buf b;

	buf_init(&b, mem, PLAN_NUMBER_MAX);
	if (f->global)
		buf_putc(&b, '+');
	buf_put(&b, span_make(f->p, f->len));
	*len_out = b.len;
	return buf_err(&b) ? -EBADMSG : 0;
}

static int
make(const struct plan *p, struct span text, struct form *f,
    char mem[PLAN_NUMBER_MAX], size_t *len_out)
{
	int err = read_form(text, f);

	if (err == 0 && !f->global)
		err = make_global(p, f);
	if (err == 0)
		err = check_global(f);
	if (err)
		return err;
	tidy_own(p, f);
	/* +1 011 900: what was left would be another number once more. */
	if (!f->global && !f->service && starts(f, p->international))
		return -EBADMSG;
	return put_form(f, mem, len_out);
}

int
plan_number(const struct plan *p, struct span dialled,
    char mem[PLAN_NUMBER_MAX], struct span *out)
{
	struct form f = { .len = 0 };
	size_t len;
	int err = make(p, dialled, &f, mem, &len);

	if (err == 0)
		*out = span_make(mem, len);
	return err;
}

/* ---- kinds ---- */

static const char *const kinds[NUMBER_KINDS] = {
	[NUMBER_NONE] = "",
	[NUMBER_INTERNAL] = "internal",
	[NUMBER_NATIONAL] = "national",
	[NUMBER_INTERNATIONAL] = "international",
	[NUMBER_PREMIUM] = "premium",
	[NUMBER_SATELLITE] = "satellite",
	[NUMBER_EMERGENCY] = "emergency",
	[NUMBER_FORBIDDEN] = "forbidden",
};

const char *
number_kind_name(enum number_kind kind)
{
	return kinds[kind];
}

enum number_kind
number_kind_of(struct span name)
{
	for (unsigned i = 1; i < NUMBER_KINDS; i++)
		if (span_eq(name, span_str(kinds[i])))
			return (enum number_kind)i;
	return NUMBER_NONE;
}

/* ---- patterns ---- */

int
pattern_read(const struct plan *p, struct span typed, struct pattern *out)
{
	struct form f = { .wild = true };
	struct pattern row = { .kind = NUMBER_NONE };
	size_t len;
	int err;

	if (typed.len == 0 || typed.len > sizeof(row.typed))
		return -EBADMSG;
	memcpy(row.typed, typed.p, typed.len);
	row.typed_len = (uint8_t)typed.len;
	f.open = row.open = typed.p[typed.len - 1] == '%';
	err = make(p, span_sub(typed, 0, typed.len - f.open), &f, row.form,
	    &len);
	if (err)
		return err;
	row.form_len = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		row.literals += row.form[i] != 'X';
	*out = row;
	return 0;
}

/* Nothing but digits, and '+' in front of all. */
static bool
is_plain(struct span number, size_t from)
{
	for (size_t i = from; i < number.len; i++)
		if (!is_digit(number.p[i]) && (i > 0 || number.p[i] != '+'))
			return false;
	return true;
}

static bool
fits(const struct pattern *p, struct span number)
{
	if (number.len < p->form_len ||
	    (!p->open && number.len != p->form_len))
		return false;
	for (size_t i = 0; i < p->form_len; i++) {
		if (p->form[i] == 'X' ? !is_digit(number.p[i]) :
					p->form[i] != number.p[i])
			return false;
	}
	return is_plain(number, p->form_len);
}

static bool
says_more(const struct pattern *a, const struct pattern *b)
{
	if (a->literals != b->literals)
		return a->literals > b->literals;
	if (a->form_len != b->form_len)
		return a->form_len > b->form_len;
	return !a->open && b->open;
}

const struct pattern *
pattern_find(const struct pattern *all, size_t n, struct span number)
{
	const struct pattern *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (fits(&all[i], number) &&
		    (best == NULL || says_more(&all[i], best)))
			best = &all[i];
	return best;
}

/* A short number in the country's form, which it is not dialled in. */
static bool
long_form(const struct plan *p, struct span number, char mem[PLAN_NUMBER_MAX],
    struct span *out)
{
	size_t prefix = span_starts(number, p->national) ? p->national.len : 0;
	struct buf b;

	if (p->country.len == 0 || number.len == 0 ||
	    number.len > PLAN_SHORT_MAX || number.p[0] == '+' ||
	    !is_plain(number, 0))
		return false;
	buf_init(&b, mem, PLAN_NUMBER_MAX);
	buf_putc(&b, '+');
	buf_put(&b, p->country);
	buf_put(&b, span_sub(number, prefix, number.len));
	*out = buf_span(&b);
	return buf_err(&b) == 0;
}

/* A global number of ours that is short enough to be dialled as it is. */
static bool
short_form(const struct plan *p, struct span number, struct span *out)
{
	struct span digits = span_sub(number, 1, number.len);

	if (p->country.len == 0 || number.len == 0 || number.p[0] != '+' ||
	    !span_starts(digits, p->country))
		return false;
	*out = span_sub(digits, p->country.len, digits.len);
	return out->len > 0 && out->len <= PLAN_SHORT_MAX;
}

/* 118% is said of +49 118 33 and 0118 33, too; what allows is not: 1XXXX may
 * be desks, and what begins as a number for help somebody in town. */
static const struct pattern *
find_short(const struct plan *p, const struct pattern *all, size_t n,
    struct span form, const struct pattern *row)
{
	const struct pattern *other = pattern_find(all, n, form);
	size_t before;

	if (other == NULL || other->kind < NUMBER_PREMIUM ||
	    (other->kind == NUMBER_EMERGENCY && !pattern_is_exact(other)))
		return row;
	if (row == NULL)
		return other;
	before = row->form_len > 0 && row->form[0] == '+' ?
	    1 + p->country.len : p->national.len;
	return other->literals + before > row->literals ? other : row;
}

/* A short number, dialled as those of other towns are: 0118 33. */
static const struct pattern *
find_behind(const struct plan *p, const struct pattern *all, size_t n,
    struct span number, const struct pattern *row)
{
	const struct pattern *other;

	if (p->national.len == 0 || number.len <= p->national.len ||
	    !span_starts(number, p->national))
		return row;
	other = find_short(p, all, n, span_sub(number, p->national.len,
	    number.len), row);
	/* 0112 is one only where sos_is_number() says so. */
	return other != NULL && other->kind == NUMBER_EMERGENCY ? row : other;
}

const struct pattern *
plan_find(const struct plan *p, const struct pattern *all, size_t n,
    struct span number)
{
	const struct pattern *row = pattern_find(all, n, number), *other;
	char mem[PLAN_NUMBER_MAX];
	struct span form;

	if (short_form(p, number, &form))
		return find_short(p, all, n, form, row);
	if (!long_form(p, number, mem, &form))
		return row;
	other = pattern_find(all, n, form);
	/* The country's digits say nothing of which number it is. */
	if (other != NULL && (row == NULL || other->literals >
		row->literals + 1 + p->country.len))
		row = other;
	return find_behind(p, all, n, number, row);
}

bool
pattern_is_exact(const struct pattern *p)
{
	return !p->open && p->literals == p->form_len;
}
