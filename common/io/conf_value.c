#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/digest.h"
#include "common/io/conf_parts.h"

/* Reading a file is done once, at start, by one thread. */
static char complaint_mem[256];

#define SAY(...) \
	(snprintf(complaint_mem, sizeof(complaint_mem), __VA_ARGS__), \
	    complaint_mem)

static void *
member(struct conf *c, size_t offset)
{
	return (char *)c + offset;
}

static void
copy_text(char *to, struct span s)
{
	memcpy(to, s.p, s.len);
	to[s.len] = '\0';
}

/* ---- text ---- */

static bool
is_host_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '.'))
			return false;
	}
	return s.len > 0 && s.len < CONF_NAME_MAX && s.p[0] != '.' &&
	    s.p[0] != '-' && s.p[s.len - 1] != '-';
}

const char *
conf_read_host_name(const struct conf_key *k, struct span value,
    struct conf *out)
{
	struct addr ip;

	if (!is_host_name(value) && addr_parse_ip(value, &ip) != 0)
		return "not a host name; use letters, digits, dots and hyphens";
	copy_text(member(out, k->field), value);
	return NULL;
}

const char *
conf_read_text(const struct conf_key *k, struct span value, struct conf *out)
{
	if (value.len < k->lo || value.len > k->hi)
		return SAY("%zu bytes long; use %u to %u", value.len, k->lo,
		    k->hi);
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c < 32 || c == 127 || c == '"' || c == '\\')
			return "holds a quote, a backslash or a control "
			       "character; leave it out";
	}
	copy_text(member(out, k->field), value);
	return NULL;
}

const char *
conf_read_digits(const struct conf_key *k, struct span value,
    struct conf *out)
{
	if (span_eq(value, SPAN_LIT("none"))) {
		copy_text(member(out, k->field), SPAN_LIT(""));
		return NULL;
	}
	for (size_t i = 0; i < value.len; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return "not a prefix; write its digits, or none";
	if (value.len < k->lo || value.len > k->hi)
		return SAY("%zu digits long; use %u to %u", value.len, k->lo,
		    k->hi);
	copy_text(member(out, k->field), value);
	return NULL;
}

const char *
conf_read_path(const struct conf_key *k, struct span value, struct conf *out)
{
	if (value.len > k->hi)
		return SAY("longer than %u bytes; use a shorter path", k->hi);
	if (value.len == 0 || value.p[0] != '/')
		return "not an absolute path; begin it with /";
	return conf_read_text(k, value, out);
}

const char *
conf_read_yes_no(const struct conf_key *k, struct span value, struct conf *out)
{
	bool yes = span_caseeq(value, SPAN_LIT("yes"));

	if (!yes && !span_caseeq(value, SPAN_LIT("no")))
		return "neither yes nor no; write one of them";
	*(bool *)member(out, k->field) = yes;
	return NULL;
}

/* ---- words ---- */

struct word {
	const char *text;
	int value;
};

static bool
find_word(const struct word *w, struct span value, int *out)
{
	for (; w->text != NULL; w++) {
		if (span_caseeq(value, span_str(w->text))) {
			*out = w->value;
			return true;
		}
	}
	return false;
}

const char *
conf_read_media_mode(const struct conf_key *k, struct span value,
    struct conf *out)
{
	static const struct word words[] = { { "auto", MEDIA_AUTO },
		{ "punch", MEDIA_PUNCH }, { "forwarded", MEDIA_FORWARDED },
		{ NULL, 0 } };
	int v;

	if (!find_word(words, value, &v))
		return "unknown; use auto, punch or forwarded";
	out->mode = (enum media_mode)v;
	return NULL;
}

const char *
conf_read_latching(const struct conf_key *k, struct span value,
    struct conf *out)
{
	static const struct word words[] = { { "strict", LATCH_STRICT },
		{ "signalled", LATCH_SIGNALLED }, { "open", LATCH_OPEN },
		{ NULL, 0 } };
	int v;

	if (!find_word(words, value, &v))
		return "unknown; use strict, signalled or open";
	out->latching = (enum latch_mode)v;
	return NULL;
}

const char *
conf_read_hold(const struct conf_key *k, struct span value, struct conf *out)
{
	static const struct word words[] = {
		{ "transparent", HOLD_TRANSPARENT },
		{ "sendrecv", HOLD_SENDRECV }, { NULL, 0 } };
	int v;

	if (!find_word(words, value, &v))
		return "unknown; use transparent or sendrecv";
	out->hold = (enum hold_mode)v;
	return NULL;
}

/* ---- numbers ---- */

static const char *
read_u32(const struct conf_key *k, struct span value, uint32_t *out)
{
	uint32_t v;

	if (span_to_u32(value, UINT32_MAX, &v) != 0 || v < k->lo || v > k->hi)
		return SAY("not a number from %u to %u; choose one", k->lo,
		    k->hi);
	*out = v;
	return NULL;
}

const char *
conf_read_number(const struct conf_key *k, struct span value,
    struct conf *out)
{
	return read_u32(k, value, member(out, k->field));
}

const char *
conf_read_port(const struct conf_key *k, struct span value, struct conf *out)
{
	uint32_t v;
	const char *wrong = read_u32(k, value, &v);

	if (wrong == NULL)
		*(uint16_t *)member(out, k->field) = (uint16_t)v;
	return wrong;
}

const char *
conf_read_range(const struct conf_key *k, struct span value, struct conf *out)
{
	ptrdiff_t dash = span_find(value, '-');
	uint32_t first, last;

	if (dash < 0)
		return "not a range; write FIRST-LAST";
	if (read_u32(k, span_trim(span_sub(value, 0, (size_t)dash)), &first) !=
		NULL ||
	    read_u32(k, span_trim(span_sub(value, (size_t)dash + 1, value.len)),
		&last) != NULL)
		return SAY("not two ports from %u to %u; write FIRST-LAST",
		    k->lo, k->hi);
	if (first % 2 != 0 || last % 2 != 1 || first > last)
		return "RTP takes pairs of ports; begin with an even port and "
		       "end with a higher, odd one";
	*(uint16_t *)member(out, k->field) = (uint16_t)first;
	*(uint16_t *)member(out, k->field2) = (uint16_t)last;
	return NULL;
}

/* ---- lists ---- */

/* Take the next piece of a list; false after the last. */
static bool
next_piece(struct span *left, struct span *piece_out)
{
	ptrdiff_t comma;

	if (left->p == NULL)
		return false;
	comma = span_find(*left, ',');
	if (comma < 0) {
		*piece_out = span_trim(*left);
		*left = SPAN_NONE;
	} else {
		*piece_out = span_trim(span_sub(*left, 0, (size_t)comma));
		*left = span_sub(*left, (size_t)comma + 1, left->len);
	}
	return true;
}

#define TOO_MANY "more than 8 entries; leave some out"
_Static_assert(CONF_LIST_MAX == 8, "TOO_MANY names the limit");

const char *
conf_read_names(const struct conf_key *k, struct span value, struct conf *out)
{
	struct span left = value, piece;

	out->n_aliases = 0;
	while (next_piece(&left, &piece)) {
		if (out->n_aliases == CONF_LIST_MAX)
			return TOO_MANY;
		if (!is_host_name(piece))
			return "not a list of host names; write NAME, NAME";
		copy_text(out->aliases[out->n_aliases++], piece);
	}
	return NULL;
}

static bool
is_dialled(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '*' &&
		    s.p[i] != '#' && (i > 0 || s.p[i] != '+'))
			return false;
	return s.len > 0 && s.len < CONF_NUMBER_MAX;
}

const char *
conf_read_numbers(const struct conf_key *k, struct span value,
    struct conf *out)
{
	char (*list)[CONF_NUMBER_MAX] = member(out, k->field);
	unsigned *n = member(out, k->field2);
	struct span left = value, piece;

	*n = 0;
	while (next_piece(&left, &piece)) {
		if (*n == CONF_LIST_MAX)
			return TOO_MANY;
		if (!is_dialled(piece))
			return SAY("not a list of numbers of %u to %u digits; "
			    "write NUMBER, NUMBER", k->lo, k->hi);
		copy_text(list[(*n)++], piece);
	}
	return NULL;
}

/* A name without a folder lies where the first one does: lines are short. */
static struct span
whole_path(struct span piece, const char *first, char mem[CONF_PATH_MAX])
{
	const char *slash = strrchr(first, '/');
	int n;

	if (slash == NULL || span_find(piece, '/') >= 0)
		return piece;
	n = snprintf(mem, CONF_PATH_MAX, "%.*s%.*s", (int)(slash + 1 - first),
	    first, (int)piece.len, piece.p);
	return n < CONF_PATH_MAX ? span_make(mem, (size_t)n) : piece;
}

const char *
conf_read_paths(const struct conf_key *k, struct span value, struct conf *out)
{
	char (*list)[CONF_PATH_MAX] = member(out, k->field);
	unsigned *n = member(out, k->field2);
	struct span left = value, piece;

	*n = 0;
	while (next_piece(&left, &piece)) {
		struct conf_key one = *k;
		char mem[CONF_PATH_MAX];
		const char *wrong;

		if (*n == CONF_LIST_MAX)
			return TOO_MANY;
		one.field = (size_t)((char *)list[*n] - (char *)out);
		if (piece.len > 0 && *n > 0)
			piece = whole_path(piece, list[0], mem);
		wrong = conf_read_path(&one, piece, out);
		if (wrong != NULL)
			return wrong;
		for (unsigned i = 0; i < *n; i++) {
			if (strcmp(list[i], list[*n]) == 0)
				return "holds a file twice; remove one";
		}
		(*n)++;
	}
	return NULL;
}

const char *
conf_read_digests(const struct conf_key *k, struct span value,
    struct conf *out)
{
	static const struct word words[] = { { "md5", DIGEST_MD5 },
		{ "sha256", DIGEST_SHA256 }, { "sha512-256", DIGEST_SHA512_256 },
		{ NULL, 0 } };
	struct span left = value, piece;
	int alg;

	out->digests = 0;
	while (next_piece(&left, &piece)) {
		if (!find_word(words, piece, &alg))
			return "not a list of digests; write md5, sha256 or "
			       "sha512-256";
		out->digests |= 1u << alg;
	}
	return out->digests == 0 ? "empty; write md5" : NULL;
}

const char *
conf_read_addresses(const struct conf_key *k, struct span value,
    struct conf *out)
{
	struct addr *list = member(out, k->field);
	unsigned *n = member(out, k->field2);
	struct span left = value, piece;
	struct addr a;

	*n = 0;
	while (next_piece(&left, &piece)) {
		if (*n == CONF_LIST_MAX)
			return TOO_MANY;
		if (addr_parse_ip(piece, &a) != 0)
			return "not a list of IP addresses without port; "
			       "write ADDRESS, ADDRESS";
		if (addr_classify(&a) == ADDR_UNUSABLE ||
		    addr_classify(&a) == ADDR_MULTICAST)
			return "no address of an interface; name each address "
			       "itself, phones are told it";
		for (unsigned i = 0; i < *n; i++) {
			if (addr_same_ip(&list[i], &a))
				return "holds an address twice; remove one";
		}
		list[(*n)++] = a;
	}
	return NULL;
}

const char *
conf_read_prefixes(const struct conf_key *k, struct span value,
    struct conf *out)
{
	struct span left = value, piece;

	out->n_lan = 0;
	while (next_piece(&left, &piece)) {
		if (out->n_lan == CONF_LIST_MAX)
			return TOO_MANY;
		if (addr_prefix_parse(piece, &out->lan[out->n_lan]) != 0)
			return "not a list of networks; write 192.168.10.0/24, "
			       "2001:db8::/64";
		if (out->lan[out->n_lan++].bits == 0)
			return "would call the whole internet the office; name "
			       "the office's networks";
	}
	return NULL;
}

static bool
read_host(struct span s, uint16_t default_port, struct conf_host *out)
{
	struct conf_host h = { .port = default_port };
	ptrdiff_t colon = span_find(s, ':');
	uint32_t port;

	if (addr_parse(s, default_port, &h.addr) == 0) {
		struct buf b;

		if (addr_classify(&h.addr) == ADDR_UNUSABLE ||
		    addr_classify(&h.addr) == ADDR_MULTICAST)
			return false;
		h.port = h.addr.port;
		buf_init(&b, h.host, sizeof(h.host) - 1);
		addr_put_ip(&b, &h.addr);
		h.host[b.len] = '\0';
		*out = h;
		return true;
	}
	if (colon >= 0) {
		if (span_to_u32(span_sub(s, (size_t)colon + 1, s.len), 65535,
			&port) != 0 || port == 0)
			return false;
		h.port = (uint16_t)port;
		h.port_given = true;
		s = span_sub(s, 0, (size_t)colon);
	}
	if (!is_host_name(s) || span_find(s, '.') < 0 ||
	    strspn(s.p, "0123456789.") >= s.len)
		return false;	/* 300.1.1.1 is no name */
	copy_text(h.host, s);
	*out = h;
	return true;
}

const char *
conf_read_hosts(const struct conf_key *k, struct span value, struct conf *out)
{
	struct span left = value, piece;

	out->n_stun = 0;
	while (next_piece(&left, &piece)) {
		if (out->n_stun == CONF_LIST_MAX)
			return TOO_MANY;
		if (!read_host(piece, (uint16_t)k->lo, &out->stun[out->n_stun]))
			return "not a list of servers; write HOST:PORT, "
			       "HOST:PORT";
		out->n_stun++;
	}
	return NULL;
}

const char *
conf_read_public_how(const struct conf_key *k, struct span value,
    struct conf *out)
{
	struct conf_host h;

	if (span_caseeq(value, SPAN_LIT("stun"))) {
		out->public_how = PUBLIC_STUN;
		return NULL;
	}
	if (span_caseeq(value, SPAN_LIT("none"))) {
		out->public_how = PUBLIC_NONE;
		return NULL;
	}
	if (addr_parse_ip(value, &out->public_addr) == 0) {
		out->public_how = PUBLIC_ADDRESS;
		if (addr_classify(&out->public_addr) == ADDR_UNUSABLE ||
		    addr_classify(&out->public_addr) == ADDR_MULTICAST)
			return "no address phones can send to; give the one of "
			       "your internet access";
		return NULL;
	}
	if (span_find(value, ':') >= 0 || !read_host(value, 0, &h))
		return "neither stun, none, an IP address nor a host name; "
		       "use one of them, without port";
	out->public_how = PUBLIC_NAME;
	copy_text(out->public_name, value);
	return NULL;
}
