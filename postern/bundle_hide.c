#include "postern/bundle_hide.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "postern/json.h"

#define HASH_LEN crypto_generichash_BYTES_MIN
#define SHOWN 4		/* octets of it: 200,000 numbers hardly meet */
#define WORD_LEAST 2
#define WORD_MOST 64

static int
compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->len < y->len ? x->len : y->len);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

int
hide_init(struct hide *h, struct span words)
{
	struct json_each each;
	struct span row, word;
	size_t room = 0;

	*h = (struct hide){ .n = 0 };
	randombytes_buf(h->key, sizeof(h->key));
	if (!json_is_array(words))
		return 0;
	for (json_each_item(words, &each); json_next(&each, NULL, &row);)
		room++;
	h->word = calloc(room + 1, sizeof(*h->word));
	if (h->word == NULL)
		return -ENOMEM;
	for (json_each_item(words, &each); json_next(&each, NULL, &row);)
		if (json_text(row, "w", &word) && word.len >= WORD_LEAST)
			h->word[h->n++] = word;
	qsort(h->word, h->n, sizeof(*h->word), compare);
	return 0;
}

void
hide_clear(struct hide *h)
{
	sodium_memzero(h->key, sizeof(h->key));
	free(h->word);
	*h = (struct hide){ .n = 0 };
}

/* ---- finding ---- */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '*' ||
	    c == '#' || (unsigned char)c > 127;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of 192.0.2.1, and of a number of JSON, which is no text. */
static bool
is_of_another(struct span text, size_t at, size_t len)
{
	size_t end = at + len;

	if (at >= 2 && text.p[at - 1] == '.' && is_digit(text.p[at - 2]))
		return true;
	if (end + 1 < text.len && text.p[end] == '.' &&
	    is_digit(text.p[end + 1]) && is_digit(text.p[at]))
		return true;
	return at >= 2 && text.p[at - 1] == ':' && text.p[at - 2] == '"';
}

static bool
is_whole(struct span text, size_t at, size_t len)
{
	size_t end = at + len;

	return (at == 0 || !is_letter(text.p[at - 1])) &&
	    (end == text.len || !is_letter(text.p[end])) &&
	    !is_of_another(text, at, len);
}

/* The longest word that stands at this place; 0: none. */
static size_t
word_at(const struct hide *h, struct span text, size_t at)
{
	size_t most = text.len - at, best = 0;

	if (most > WORD_MOST)
		most = WORD_MOST;
	for (size_t len = WORD_LEAST; len <= most; len++) {
		struct span w = span_sub(text, at, len);

		if (w.p[len - 1] == '\n')
			break;
		if (is_whole(text, at, len) && bsearch(&w, h->word, h->n,
			sizeof(w), compare) != NULL)
			best = len;
	}
	return best;
}

static void
put_hidden(const struct hide *h, FILE *to, struct span word)
{
	unsigned char hash[HASH_LEN];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)word.p,
	    word.len, h->key, sizeof(h->key));
	fputs("hidden-", to);
	for (size_t i = 0; i < SHOWN; i++)
		fprintf(to, "%02x", hash[i]);
}

void
hide_write(const struct hide *h, FILE *to, struct span text)
{
	size_t from = 0, at = 0, n;

	while (at < text.len) {
		n = at == 0 || !is_letter(text.p[at - 1]) ?
		    word_at(h, text, at) : 0;
		if (n == 0) {
			at++;
			continue;
		}
		fwrite(text.p + from, 1, at - from, to);
		put_hidden(h, to, span_sub(text, at, n));
		at += n;
		from = at;
	}
	fwrite(text.p + from, 1, text.len - from, to);
}
