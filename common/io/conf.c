#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/conf_parts.h"

const struct conf_key conf_keys[CONF_N_KEYS] = {
#define CONF_ROW(sect, name, kind, f, f2, lo_, hi_, def, eg, text)       \
	{ .section = #sect, .key = #name, .read = conf_read_##kind,      \
	    .field = offsetof(struct conf, f),                           \
	    .field2 = offsetof(struct conf, f2), .lo = (lo_), .hi = (hi_), \
	    .value = (def), .example = (eg), .help = (text) },
	CONF_KEYS(CONF_ROW)
};

/* ---- complaints ---- */

static void
put_shown(FILE *to, const char *text)
{
	for (; *text != '\0'; text++)
		fputc(*text < 32 || *text == 127 ? '?' : *text, to);
}

static void
complain_head(struct conf_reading *r, unsigned line)
{
	r->n_complaints++;
	if (line == 0)
		fprintf(r->complaints, "%s: ", r->path);
	else
		fprintf(r->complaints, "%s:%u: ", r->path, line);
}

void
conf_complain(struct conf_reading *r, enum conf_id id, const char *fmt, ...)
{
	const struct conf_key *k = &conf_keys[id];
	va_list ap;

	complain_head(r, r->seen[id].line);
	fputs(k->key, r->complaints);
	if (r->seen[id].value[0] != '\0')
		fputs(" = ", r->complaints);
	put_shown(r->complaints, r->seen[id].value);
	fputs(": ", r->complaints);
	va_start(ap, fmt);
	vfprintf(r->complaints, fmt, ap);
	va_end(ap);
	fputc('\n', r->complaints);
}

static void
complain_at(struct conf_reading *r, const char *what, const char *wrong)
{
	complain_head(r, r->line);
	put_shown(r->complaints, what);
	fprintf(r->complaints, ": %s\n", wrong);
}

/* ---- one key ---- */

static void
set_key(struct conf_reading *r, enum conf_id id, const char *value)
{
	const struct conf_key *k = &conf_keys[id];
	const char *wrong;

	snprintf(r->seen[id].value, sizeof(r->seen[id].value), "%s", value);
	wrong = k->read(k, span_str(value), &r->conf);
	if (wrong != NULL)
		conf_complain(r, id, "%s", wrong);
}

static void
key_read(struct conf_reading *r, enum conf_id id, const char *value)
{
	if (r->seen[id].line != 0) {
		char wrong[80];

		snprintf(wrong, sizeof(wrong), "stands already in line %u; "
		    "keep one of them", r->seen[id].line);
		complain_at(r, conf_keys[id].key, wrong);
		return;
	}
	r->seen[id].line = r->line;
	if (*value == '\0') {
		complain_at(r, conf_keys[id].key,
		    "has no value; set one or remove the line");
		return;
	}
	set_key(r, id, value);
}

/* inih's handler: it gives each key of the file. */
static int
on_key(void *user, const char *section, const char *key, const char *value)
{
	struct conf_reading *r = user;
	bool section_known = false;

	for (unsigned i = 0; i < CONF_N_KEYS; i++) {
		if (strcmp(conf_keys[i].section, section) != 0)
			continue;
		section_known = true;
		if (strcmp(conf_keys[i].key, key) == 0) {
			key_read(r, (enum conf_id)i, value);
			return 1;
		}
	}
	complain_at(r, key, section_known ? "unknown key in this section; "
	    "see postern.conf.sample" : "stands in no known section; the "
	    "sections are site, address, listen, media, tls and store");
	return 1;
}

/* ---- lines ---- */

#define BOM "\xef\xbb\xbf"

struct lines {
	FILE *from;
	struct conf_reading *r;
	int err;		/* why no more can be read */
};

/*
 * What inih would only count, or silently read as two lines, is told here;
 * such a line is then left out.
 */
static const char *
line_fault(const char *line, size_t len, size_t room)
{
	if (strlen(line) != len)
		return "holds a NUL byte; remove it";
	if (len + 1 > room)
		return "longer than 198 bytes; shorten it";
	if (*line == '\0' || *line == '\n' || *line == '#' || *line == ';')
		return NULL;
	if (*line == '[')
		return strchr(line, ']') == NULL ? "not closed; write "
		    "[section]" : NULL;
	if (strpbrk(line, "=:") == NULL)
		return "neither [section] nor key = value; correct it";
	return NULL;
}

/* inih's reader: fgets that counts lines, takes leading space away (it would
 * make the line a continuation) and complains. */
static char *
next_line(char *to, int room, void *user)
{
	struct lines *in = user;
	char *line = NULL, *text;
	size_t cap = 0;
	ssize_t len = getline(&line, &cap, in->from);
	const char *fault;

	if (len < 0) {
		in->err = ferror(in->from) ? -errno : 0;
		free(line);
		return NULL;
	}
	in->r->line++;
	text = line;
	if (in->r->line == 1 && strncmp(text, BOM, strlen(BOM)) == 0)
		text += strlen(BOM);
	text += strspn(text, " \t\r");
	fault = line_fault(text, (size_t)(line + len - text), (size_t)room);
	if (fault != NULL)
		complain_at(in->r, "line", fault);
	snprintf(to, (size_t)room, "%s", fault == NULL ? text : "\n");
	free(line);
	return to;
}

/* ---- the file ---- */

static void
set_defaults(struct conf_reading *r)
{
	for (unsigned i = 0; i < CONF_N_KEYS; i++) {
		if (conf_keys[i].value != NULL)
			set_key(r, (enum conf_id)i, conf_keys[i].value);
	}
}

static void
finish(struct conf_reading *r)
{
	if (r->conf.realm[0] == '\0')
		memcpy(r->conf.realm, r->conf.domain, sizeof(r->conf.realm));
}

static int
parse(struct conf_reading *r, struct lines *in)
{
	set_defaults(r);
	/* Its own count of faults says less than what next_line told. */
	if (ini_parse_stream(next_line, in, on_key, r) != 0 &&
	    r->n_complaints == 0)
		complain_at(r, "file", "cannot be understood; compare it with "
		    "postern.conf.sample");
	if (in->err)
		return in->err;
	conf_check(r);
	finish(r);
	return r->n_complaints > 0 ? -EINVAL : 0;
}

int
conf_read(const char *path, FILE *complaints, struct conf *out)
{
	struct conf_reading *r = calloc(1, sizeof(*r));
	struct lines in = { .r = r };
	int err = 0;

	if (r == NULL)
		return -ENOMEM;
	r->path = path;
	r->complaints = complaints;
	in.from = fopen(path, "re");
	if (in.from == NULL) {
		err = -errno;
		goto out;
	}
	err = parse(r, &in);
	if (err == 0)
		*out = r->conf;
 out:
	if (in.from != NULL)
		fclose(in.from);
	free(r);
	return err;
}

void
conf_sample(FILE *to)
{
	const char *section = "";

	fputs("# Postern's configuration. Made from common/io/conf_keys.h.\n"
	      "# A line that begins with # or ; is a comment; what is "
	      "commented out is the default.\n", to);
	for (unsigned i = 0; i < CONF_N_KEYS; i++) {
		const struct conf_key *k = &conf_keys[i];

		if (strcmp(section, k->section) != 0)
			fprintf(to, "\n[%s]\n", k->section);
		section = k->section;
		fprintf(to, "# %s\n", k->help);
		if (k->example != NULL)
			fprintf(to, "%s = %s\n", k->key, k->example);
		else
			fprintf(to, "#%s = %s\n", k->key,
			    k->value == NULL ? "" : k->value);
	}
}

bool
conf_is_lan(const struct conf *c, const struct addr *a)
{
	for (unsigned i = 0; i < c->n_lan; i++) {
		if (addr_prefix_has(&c->lan[i], a))
			return true;
	}
	for (unsigned i = 0; i < c->n_internal; i++) {
		if (addr_same_ip(&c->internal[i], a))
			return true;
	}
	return false;
}

uint16_t
conf_stun_port(const struct conf_host *server)
{
	return server->addr.family == ADDR_NONE && !server->port_given ? 0 :
	    server->port;
}

bool
conf_has_tls(const struct conf *c)
{
	return c->n_tls_certificates > 0 &&
	    (c->external_tls != 0 || c->internal_tls != 0);
}

bool
conf_is_p12(const char *path)
{
	size_t len = strlen(path);

	return (len >= 4 && strcasecmp(path + len - 4, ".p12") == 0) ||
	    (len >= 4 && strcasecmp(path + len - 4, ".pfx") == 0);
}
