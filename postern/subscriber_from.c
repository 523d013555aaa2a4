#include "postern/subscriber.h"

#include <stdio.h>
#include <string.h>

#define SQL_MAX 4096

/* The next of a list with commas. */
static struct span
next_word(struct span *list)
{
	ptrdiff_t comma = span_find(*list, ',');
	size_t n = comma < 0 ? list->len : (size_t)comma;
	struct span word = span_trim(span_sub(*list, 0, n));

	*list = comma < 0 ? SPAN_NONE : span_sub(*list, n + 1, list->len);
	return word;
}

static int
put_row(struct buf *b, const char *number, struct span word)
{
	char text[80];
	struct addr_prefix p;

	if (addr_prefix_parse(word, &p) != 0 || word.len >= sizeof(text))
		return cmd_fail("%.*s is neither an address nor ADDRESS/BITS, "
				"as 203.0.113.0/24 or 2001:db8::/32",
		    (int)word.len, word.len > 0 ? word.p : "");
	snprintf(text, sizeof(text), "%.*s", (int)word.len, word.p);
	buf_puts(b, "(");
	if (store_value(b, number) != 0)
		return 1;
	buf_puts(b, ", ");
	if (store_value(b, text) != 0)
		return 1;
	buf_puts(b, ")");
	return 0;
}

static int
put_rows(struct buf *b, const char *number, const char *places)
{
	struct span list = span_str(places);
	int rc;

	buf_puts(b, "; INSERT OR IGNORE INTO allowed_from(number, prefix) "
		    "VALUES ");
	rc = put_row(b, number, next_word(&list));
	while (rc == 0 && list.p != NULL) {
		buf_puts(b, ", ");
		rc = put_row(b, number, next_word(&list));
	}
	buf_puts(b, "; COMMIT");
	return rc;
}

int
subscriber_from(const struct conf *c, const char *number, const char *places)
{
	bool anywhere = strcmp(places, "anywhere") == 0;
	char mem[SQL_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, anywhere ? "" : "BEGIN; ");
	buf_puts(&b, "DELETE FROM allowed_from WHERE number = ");
	if (store_value(&b, number) != 0 ||
	    (!anywhere && put_rows(&b, number, places) != 0))
		return 1;
	return store_change(c, &b, "it had no such limit, or there is no "
				   "such subscriber");
}
