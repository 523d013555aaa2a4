#include <string.h>

#include "common/base/span.h"
#include "common/io/conf_keys.h"
#include "postern/bundle.h"

/* A value ends before one of these, in quotes and without. */
#define QUOTED_ENDS "\"\r\n"
#define BARE_ENDS "\"',;&<> \t\r\n"

static void
cross(char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\r' && p[i] != '\n')
			p[i] = 'x';
	}
}

static size_t
value_len(const char *p, size_t len, bool is_quoted)
{
	const char *ends = is_quoted ? QUOTED_ENDS : BARE_ENDS;
	size_t n = 0;

	while (n < len && (p[n] == '\0' || strchr(ends, p[n]) == NULL)) {
		/* a quote of a text in a text */
		if (p[n] == '\\' && n + 1 < len && p[n + 1] == '"')
			break;
		n++;
	}
	return n;
}

/* Stands between a name and its value, beside = or :. */
static bool
is_around(char c)
{
	return span_find(SPAN_LIT("\\\" \t"), c) >= 0;
}

/* What begins at p is the name of a secret: where its value begins; 0: no. */
static size_t
value_at(const char *p, size_t len)
{
	static const char *const names[] = { "response", "nonce", "cnonce",
		"nextnonce", "rspauth", "opaque", "password", "passphrase",
		"secret", "ha1", "token", "inline" };
	size_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		n = strlen(names[i]);
		if (n >= len || !span_caseeq(span_make(p, n),
			span_str(names[i])))
			continue;
		/* "name":"value", name = value, name="value", name:value,
		 * and each of them escaped once more */
		while (n < len && is_around(p[n]))
			n++;
		if (n == len || (p[n] != '=' && p[n] != ':'))
			return 0;
		n++;
		while (n < len && is_around(p[n]))
			n++;
		return n;
	}
	return 0;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

static void
scrub_values(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t at, n;

		if (i > 0 && is_word(text[i - 1]))
			continue;
		at = value_at(text + i, len - i);
		if (at == 0)
			continue;
		n = value_len(text + i + at, len - i - at,
		    text[i + at - 1] == '"');
		cross(text + i + at, n);
		i += at + n;
	}
}

/* Of anything like a key or certificate. */
static void
scrub_pem(char *text, size_t len)
{
	static const char begin[] = "-----BEGIN", end[] = "-----END";
	char *p = text, *from;

	while ((from = memmem(p, len - (size_t)(p - text), begin,
	    sizeof(begin) - 1)) != NULL) {
		size_t left = len - (size_t)(from - text);
		char *to = memmem(from, left, end, sizeof(end) - 1);

		p = to == NULL ? text + len : to;
		from += sizeof(begin) - 1;
		if (p > from)
			cross(from, (size_t)(p - from));
	}
}

void
bundle_scrub(char *text, size_t len)
{
	scrub_values(text, len);
	scrub_pem(text, len);
}

/* ---- configuration ---- */

static bool
is_known(struct span key)
{
	static const char *const keys[] = {
#define KEY_NAME(section, key, ...) #key,
		CONF_KEYS(KEY_NAME)
#undef KEY_NAME
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (span_eq(key, span_str(keys[i])))
			return true;
	}
	return false;
}

/* How much of the line may stay. */
static size_t
keep(struct span line)
{
	ptrdiff_t equal = span_find(line, '='), remark;

	if (line.len > 0 && line.p[0] == '[')
		return (size_t)(span_find(line, ']') + 1);
	if (equal < 0 || !is_known(span_trim(span_sub(line, 0,
		(size_t)equal))))
		return 0;
	remark = span_find(line, ';');
	if (remark < 0)
		remark = span_find(line, '#');
	return remark < 0 ? line.len : (size_t)remark;
}

size_t
bundle_config(char *text, size_t len)
{
	size_t left = 0;

	for (size_t at = 0; at < len;) {
		ptrdiff_t end = span_find(span_make(text + at, len - at),
		    '\n');
		size_t n = end < 0 ? len - at : (size_t)end;
		size_t kept = keep(span_make(text + at, n));

		if (kept > 0) {
			memmove(text + left, text + at, kept);
			left += kept;
			text[left++] = '\n';
		}
		at += n + 1;
	}
	return left;
}
