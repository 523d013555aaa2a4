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
#define NUMBER_LEAST 3
#define NUMBER_MOST 40	/* digits of one run that are looked at */
#define END_LEAST 5	/* of a number that a run may end with */
#define PART_LEAST 6	/* of one that may stand anywhere in it */
#define TAIL 7		/* last digits that are enough */

static int
compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->len < y->len ? x->len : y->len);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of a DID the digits that all its numbers begin with. */
static void
add_number(struct hide *h, struct span word, char *at)
{
	size_t n = 0;

	for (size_t i = 0; i < word.len; i++) {
		if (word.p[i] == 'X' || word.p[i] == '%')
			break;
		if (is_digit(word.p[i]))
			at[n++] = word.p[i];
		else if (span_find(SPAN_LIT("+-.()/ "), word.p[i]) < 0)
			return;
	}
	if (n < NUMBER_LEAST)
		return;
	h->number[h->n_numbers++] = span_make(at, n);
	if (n > TAIL)
		h->tail[h->n_tails++] = span_make(at + n - TAIL, TAIL);
}

static int
init_numbers(struct hide *h)
{
	size_t room = 1, at = 0;

	for (size_t i = 0; i < h->n; i++)
		room += h->word[i].len;
	h->number = calloc(h->n + 1, sizeof(*h->number));
	h->tail = calloc(h->n + 1, sizeof(*h->tail));
	h->digits = malloc(room);
	if (h->number == NULL || h->tail == NULL || h->digits == NULL) {
		hide_clear(h);
		return -ENOMEM;
	}
	for (size_t i = 0; i < h->n; at += h->word[i++].len)
		add_number(h, h->word[i], h->digits + at);
	qsort(h->number, h->n_numbers, sizeof(*h->number), compare);
	qsort(h->tail, h->n_tails, sizeof(*h->tail), compare);
	return 0;
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
	return init_numbers(h);
}

void
hide_clear(struct hide *h)
{
	sodium_memzero(h->key, sizeof(h->key));
	free(h->word);
	free(h->number);
	free(h->tail);
	free(h->digits);
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

/* ---- numbers in another form ---- */

static const struct span *
is_among(const struct span *list, size_t n, struct span what)
{
	return n == 0 ? NULL :
	    bsearch(&what, list, n, sizeof(what), compare);
}

/* The known number behind these digits, or NULL. */
static const struct span *
behind(const struct hide *h, struct span digits)
{
	const struct span *found = is_among(h->number, h->n_numbers, digits);

	for (size_t len = digits.len; found == NULL && len >= END_LEAST;
	     len--) {
		size_t last = digits.len - len;
		size_t first = len >= PART_LEAST ? 0 : last;

		for (size_t i = first; found == NULL && i <= last; i++)
			found = is_among(h->number, h->n_numbers,
			    span_sub(digits, i, len));
	}
	if (found == NULL && digits.len >= TAIL)
		found = is_among(h->tail, h->n_tails,
		    span_sub(digits, digits.len - TAIL, TAIL));
	return found;
}

/* A separator between two digits, or "(0)" and its like. */
static size_t
gap_at(struct span text, size_t at)
{
	size_t n = 0;

	while (n < 2 && at + n < text.len &&
	    span_find(SPAN_LIT("-()/"), text.p[at + n]) >= 0)
		n++;
	return n > 0 && at + n < text.len && is_digit(text.p[at + n]) ? n : 0;
}

/* The longest number that stands at this place; 0: none that is known. */
static size_t
number_at(const struct hide *h, struct span text, size_t at, struct span *out)
{
	char digits[NUMBER_MOST];
	size_t end = at + (text.p[at] == '+'), n = 0, best = 0, gap = 0;
	const struct span *found;

	if (end == text.len || !is_digit(text.p[end]))
		return 0;
	while (gap > 0 || (end < text.len && is_digit(text.p[end]))) {
		end += gap;
		while (end < text.len && is_digit(text.p[end])) {
			if (n == NUMBER_MOST)
				return best;
			digits[n++] = text.p[end++];
		}
		gap = gap_at(text, end);
		if (n < NUMBER_LEAST || !is_whole(text, at, end - at))
			continue;
		found = behind(h, span_make(digits, n));
		if (found == NULL)
			continue;
		*out = *found;
		best = end - at;
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

/* One number is one word in all its forms. */
static size_t
known_at(const struct hide *h, struct span text, size_t at, struct span *out)
{
	size_t word = word_at(h, text, at), number;

	number = number_at(h, text, at, out);
	if (word <= number)
		return number;
	*out = span_sub(text, at, word);
	return word;
}

void
hide_write(const struct hide *h, FILE *to, struct span text)
{
	size_t from = 0, at = 0, n;
	struct span what;

	while (at < text.len) {
		n = at == 0 || !is_letter(text.p[at - 1]) ?
		    known_at(h, text, at, &what) : 0;
		if (n == 0) {
			at++;
			continue;
		}
		fwrite(text.p + from, 1, at - from, to);
		put_hidden(h, to, what);
		at += n;
		from = at;
	}
	fwrite(text.p + from, 1, text.len - from, to);
}
