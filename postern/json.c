#include <ctype.h>

#include "common/base/text.h"
#include "postern/json.h"

/* One pass over the text: checks it, and prints when `to` is set. */
struct walk {
	struct span left;
	FILE *to;
	unsigned indent;
	unsigned depth;
	struct span want; /* a member of the object itself, or p NULL */
	struct span found;
};

static bool walk_value(struct walk *w);

static void
skip_space(struct walk *w)
{
	while (w->left.len > 0 && strchr(" \t\r\n", w->left.p[0]) != NULL)
		w->left = span_sub(w->left, 1, w->left.len);
}

static bool
take(struct walk *w, char c)
{
	skip_space(w);
	if (w->left.len == 0 || w->left.p[0] != c)
		return false;
	w->left = span_sub(w->left, 1, w->left.len);
	return true;
}

/* A string's inside, escapes left as they are. */
static bool
take_string(struct walk *w, struct span *out)
{
	size_t i = 0;

	if (!take(w, '"'))
		return false;
	while (i < w->left.len && w->left.p[i] != '"') {
		if ((unsigned char)w->left.p[i] < 32)
			return false;
		i += w->left.p[i] == '\\' ? 2 : 1;
	}
	if (i >= w->left.len)
		return false;
	*out = span_sub(w->left, 0, i);
	w->left = span_sub(w->left, i + 1, w->left.len);
	return true;
}

static bool
take_word(struct walk *w, struct span *out)
{
	size_t i = 0;

	skip_space(w);
	while (i < w->left.len && (isalnum((unsigned char)w->left.p[i]) ||
				      strchr("+-.", w->left.p[i]) != NULL))
		i++;
	*out = span_sub(w->left, 0, i);
	w->left = span_sub(w->left, i, w->left.len);
	if (i == 0)
		return false;
	return span_eq(*out, SPAN_LIT("true")) ||
	       span_eq(*out, SPAN_LIT("false")) ||
	       span_eq(*out, SPAN_LIT("null")) || out->p[0] == '-' ||
	       isdigit((unsigned char)out->p[0]);
}

/* For a terminal: printable ASCII only. */
static void
print_text(struct walk *w, struct span s, char under)
{
	for (size_t i = 0; w->to != NULL && i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 32 || c > 126)
			c = '?';
		fputc(c == '_' ? under : c, w->to);
	}
}

static void
print_indent(struct walk *w)
{
	if (w->to != NULL)
		fprintf(w->to, "\n%*s", (int)(w->indent + 2 * w->depth), "");
}

/* An object has lines of its own. */
static void
print_between(struct walk *w)
{
	skip_space(w);
	if (w->left.len == 0 || w->left.p[0] != '{')
		print_text(w, SPAN_LIT(", "), '_');
	else if (w->to != NULL)
		fputc('\n', w->to);
}

static bool
walk_members(struct walk *w, char end, bool keys)
{
	bool first = true, wanted;
	struct span key;

	if (take(w, end)) {
		print_text(w, SPAN_LIT("none"), '_');
		return true;
	}
	do {
		if (!keys && !first)
			print_between(w);
		first = false;
		if (keys) {
			print_indent(w);
			if (!take_string(w, &key) || !take(w, ':'))
				return false;
			print_text(w, key, ' ');
			print_text(w, SPAN_LIT(" "), '_');
		}
		wanted = keys && w->depth == 1 && w->want.p != NULL &&
		    span_eq(key, w->want);
		if (wanted) {
			skip_space(w);
			w->found = w->left;
			w->want = SPAN_NONE;
		}
		if (!walk_value(w))
			return false;
		if (wanted)
			w->found.len -= w->left.len;
	} while (take(w, ','));
	return take(w, end);
}

static bool
walk_value(struct walk *w)
{
	struct span s;
	bool ok;

	skip_space(w);
	if (w->left.len == 0 || w->depth == JSON_DEPTH_MAX)
		return false;
	switch (w->left.p[0]) {
	case '{':
	case '[':
		w->depth++;
		ok = take(w, '{') ? walk_members(w, '}', true)
				  : take(w, '[') && walk_members(w, ']', false);
		w->depth--;
		return ok;
	case '"':
		ok = take_string(w, &s);
		break;
	default:
		ok = take_word(w, &s);
		break;
	}
	if (ok)
		print_text(w, s, '_');
	return ok;
}

static bool
is_whole(struct span text, char first)
{
	struct walk w = { .left = text };

	skip_space(&w);
	if (w.left.len == 0 || w.left.p[0] != first || !walk_value(&w))
		return false;
	skip_space(&w);
	return w.left.len == 0;
}

bool
json_is_object(struct span text)
{
	return is_whole(text, '{');
}

bool
json_is_array(struct span text)
{
	return is_whole(text, '[');
}

void
json_print(FILE *to, struct span object, unsigned indent)
{
	/* depth 1 is the object's own members */
	struct walk w = {
		.left = object, .to = to, .indent = indent < 2 ? 0 : indent - 2
	};

	walk_value(&w);
	fputc('\n', to);
}

bool
json_value(struct span object, struct span key, struct span *out)
{
	struct walk w = { .left = object, .want = key };

	if (!walk_value(&w) || w.want.p != NULL)
		return false;
	*out = w.found;
	return true;
}

bool
json_member(struct span object, const char *key, struct span *out)
{
	return json_value(object, span_str(key), out);
}

static void
each_begin(struct span text, char first, struct json_each *out)
{
	struct walk w = { .left = text };

	*out = (struct json_each){ .left = take(&w, first) ? w.left :
		SPAN_NONE, .keys = first == '{' };
}

void
json_each_item(struct span array, struct json_each *out)
{
	each_begin(array, '[', out);
}

void
json_each_member(struct span object, struct json_each *out)
{
	each_begin(object, '{', out);
}

bool
json_next(struct json_each *e, struct span *key, struct span *value)
{
	struct walk w = { .left = e->left };
	struct span name = SPAN_NONE;
	size_t before;

	take(&w, ',');
	if (e->keys && (!take_string(&w, &name) || !take(&w, ':')))
		return false;
	skip_space(&w);
	*value = w.left;
	before = w.left.len;
	if (!walk_value(&w))
		return false;
	value->len = before - w.left.len;
	e->left = w.left;
	if (key != NULL)
		*key = name;
	return true;
}

bool
json_text(struct span object, const char *key, struct span *out)
{
	struct walk w = { 0 };

	return json_member(object, key, &w.left) && take_string(&w, out);
}

bool
json_number(struct span object, const char *key, uint64_t *out)
{
	struct span value;

	return json_member(object, key, &value) &&
	    span_to_u64(value, UINT64_MAX, out) == 0;
}

enum json_truth
json_truth(struct span object, const char *key)
{
	struct span value;

	if (!json_member(object, key, &value))
		return JSON_UNKNOWN;
	if (span_eq(value, SPAN_LIT("true")))
		return JSON_YES;
	return span_eq(value, SPAN_LIT("false")) ? JSON_NO : JSON_UNKNOWN;
}

bool
json_item(struct span array, unsigned i, struct span *out)
{
	struct walk w = { .left = array };
	size_t before;

	if (!take(&w, '[') || take(&w, ']'))
		return false;
	for (unsigned k = 0;; k++) {
		skip_space(&w);
		*out = w.left;
		before = w.left.len;
		if (!walk_value(&w))
			return false;
		out->len = before - w.left.len;
		if (k == i)
			return true;
		if (!take(&w, ','))
			return false;
	}
}

void
json_print_text(FILE *to, struct span text)
{
	struct walk w = { .to = to };

	print_text(&w, text, '_');
}

void
json_put_safe(FILE *to, struct span json)
{
	while (json.len > 0) {
		uint32_t c = 0xfffd;
		size_t n = text_take(json, &c);

		if (n > 0 && (text_is_safe(c) || c == '\n'))
			fwrite(json.p, 1, n, to);
		else
			fprintf(to, "\\u%04x", (unsigned)c);
		n = n == 0 ? 1 : n;
		json = span_sub(json, n, json.len);
	}
}

void
json_put_line(struct span json)
{
	json_put_safe(stdout, json);
	putchar('\n');
}

void
json_put(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fputc('\\', to);
		if (c < 32)
			fprintf(to, "\\u%04x", c);
		else
			fputc(c > 126 ? '?' : c, to);
	}
	fputc('"', to);
}
