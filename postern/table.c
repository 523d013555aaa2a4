#include "postern/table.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/text.h"
#include "postern/cmd.h"
#include "postern/json.h"

#define NUMBER_MAX_BYTES 40

struct column {
	struct span key;
	unsigned width;
};

struct table {
	struct column column[TABLE_COLUMNS_MAX];
	unsigned n;
};

/* ---- text ---- */

/* Controls, invisible ones, and those that turn the direction of text. */
static bool
is_plain(uint32_t c)
{
	return text_is_safe(c) && c != 0xad &&
	    !(c >= 0x200b && c <= 0x200f) &&
	    !(c >= 0x2060 && c <= 0x206f) && c != 0x61c && c != 0xfeff &&
	    !(c >= 0xfff0 && c <= 0xffff) && c < 0xe0000;
}

/* How much of s an escape takes; what it stands for, if that is printable. */
static size_t
take_escape(struct span s, char *out)
{
	*out = '?';
	if (s.len < 2)
		return s.len;
	if (strchr("\"\\/", s.p[1]) != NULL)
		*out = s.p[1];
	if (s.p[1] != 'u')
		return 2;
	return s.len < 6 ? s.len : 6;
}

unsigned
table_text(FILE *to, struct span inside)
{
	unsigned columns = 0;

	while (inside.len > 0) {
		uint32_t c = 0;
		char plain = '?';
		size_t n;

		if (inside.p[0] == '\\') {
			n = take_escape(inside, &plain);
		} else {
			n = text_take(inside, &c);
			if (n > 0 && is_plain(c))
				plain = '\0';
			n = n == 0 ? 1 : n;
		}
		if (to != NULL && plain != '\0')
			fputc(plain, to);
		else if (to != NULL)
			fwrite(inside.p, 1, n, to);
		inside = span_sub(inside, n, inside.len);
		columns++;
	}
	return columns;
}

/* ---- cells ---- */

/* sqlite3 writes all digits of a fraction: nobody reads them. */
static struct span
rounded(struct span value, char mem[NUMBER_MAX_BYTES])
{
	char text[NUMBER_MAX_BYTES];
	int n;

	if (value.len >= sizeof(text) || span_find(value, '.') < 0)
		return value;
	memcpy(text, value.p, value.len);
	text[value.len] = '\0';
	n = snprintf(mem, NUMBER_MAX_BYTES, "%.2f", strtod(text, NULL));
	return n > 0 && n < NUMBER_MAX_BYTES ? span_make(mem, (size_t)n) :
					       value;
}

/* Takes:   mem  where a number may be written, which is then lent. */
static struct span
cell(struct span row, struct span key, char mem[NUMBER_MAX_BYTES])
{
	struct span value;

	if (!json_value(row, key, &value) || span_eq(value, SPAN_LIT("null")))
		return SPAN_LIT("-");
	if (value.len >= 2 && value.p[0] == '"')
		value = span_sub(value, 1, value.len - 2);
	else
		value = rounded(value, mem);
	return value.len == 0 ? SPAN_LIT("-") : value;
}

static unsigned
print_key(FILE *to, struct span key)
{
	for (size_t i = 0; to != NULL && i < key.len; i++)
		fputc(key.p[i] == '_' ? ' ' : key.p[i], to);
	return (unsigned)key.len;
}

static void
pad(FILE *to, unsigned have, unsigned width)
{
	fprintf(to, "%*s", (int)(width > have ? width - have : 0) + 2, "");
}

/* ---- tables ---- */

static void
find_columns(struct table *t, struct span first)
{
	struct json_each each;
	struct span key, value;

	json_each_member(first, &each);
	while (t->n < TABLE_COLUMNS_MAX && json_next(&each, &key, &value)) {
		t->column[t->n].key = key;
		t->column[t->n++].width = (unsigned)key.len;
	}
}

static void
measure(struct table *t, struct span row)
{
	char mem[NUMBER_MAX_BYTES];

	for (unsigned i = 0; i < t->n; i++) {
		unsigned w = table_text(NULL, cell(row, t->column[i].key,
						  mem));

		if (w > t->column[i].width)
			t->column[i].width = w;
	}
}

static void
print_row(FILE *to, const struct table *t, const struct span *row)
{
	char mem[NUMBER_MAX_BYTES];

	for (unsigned i = 0; i < t->n; i++) {
		const struct column *c = &t->column[i];
		unsigned w = row == NULL ? print_key(to, c->key) :
		    table_text(to, cell(*row, c->key, mem));

		if (i + 1 < t->n)
			pad(to, w, c->width);
	}
	fputc('\n', to);
}

int
table_print(FILE *to, struct span rows)
{
	struct json_each each;
	struct table t = { .n = 0 };
	struct span row;
	int n = 0;

	if (!json_is_array(rows))
		return -EBADMSG;
	for (json_each_item(rows, &each); json_next(&each, NULL, &row); n++) {
		if (row.p[0] != '{')
			return -EBADMSG;
		if (n == 0)
			find_columns(&t, row);
		measure(&t, row);
	}
	if (n > 0)
		print_row(to, &t, NULL);
	for (json_each_item(rows, &each); json_next(&each, NULL, &row);)
		print_row(to, &t, &row);
	return n;
}

int
table_show(const char *said, bool json, const char *none)
{
	int n = 0;

	if (json) {
		json_put_safe(stdout,
		    span_str(said[0] == '\0' ? "[]\n" : said));
		return 0;
	}
	if (said[0] != '\0')
		n = table_print(stdout, span_str(said));
	if (n == 0)
		puts(none);
	return n < 0 ? cmd_fail("sqlite3 gave no rows") : 0;
}

void
table_print_one(FILE *to, struct span object)
{
	char mem[NUMBER_MAX_BYTES];
	struct table t = { .n = 0 };
	unsigned widest = 0;

	find_columns(&t, object);
	for (unsigned i = 0; i < t.n; i++)
		if (t.column[i].width > widest)
			widest = t.column[i].width;
	for (unsigned i = 0; i < t.n; i++) {
		pad(to, print_key(to, t.column[i].key), widest);
		table_text(to, cell(object, t.column[i].key, mem));
		fputc('\n', to);
	}
}
