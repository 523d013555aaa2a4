#include <stdarg.h>
#include <string.h>

#include "postern/finding.h"
#include "postern/json.h"

static const char *const levels[] = {
	[FINDING_OK] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_WARNING] = "warning",
	[FINDING_ERROR] = "error",
};

struct finding *
finding_new(struct findings *fs, enum finding_level level, const char *code)
{
	struct finding *f = &fs->item[fs->n];
	bool full = fs->n == FINDINGS_MAX;

	if (!full)
		fs->n++;
	*f = (struct finding){ .level = level, .code = code };
	return f;
}

static void write_text(char *to, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* A text may hold what a file, a name server or a process said. */
static void
write_text(char *to, const char *fmt, va_list ap)
{
	vsnprintf(to, FINDING_TEXT_MAX, fmt, ap);
	for (; *to != '\0'; to++) {
		unsigned char c = (unsigned char)*to;

		if (c < 32 || c > 126)
			*to = '?';
	}
}

void
finding_what(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_text(f->what, fmt, ap);
	va_end(ap);
}

void
finding_seen(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_text(f->seen, fmt, ap);
	va_end(ap);
}

void
finding_do(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_text(f->remedy, fmt, ap);
	va_end(ap);
}

void
finding_ok(struct findings *fs, const char *code, const char *fmt, ...)
{
	struct finding *f = finding_new(fs, FINDING_OK, code);
	va_list ap;

	va_start(ap, fmt);
	write_text(f->what, fmt, ap);
	va_end(ap);
}

void
finding_note(struct findings *fs, const char *code, const char *fmt, ...)
{
	struct finding *f = finding_new(fs, FINDING_NOTE, code);
	va_list ap;

	va_start(ap, fmt);
	write_text(f->what, fmt, ap);
	va_end(ap);
}

unsigned
findings_count(const struct findings *fs, enum finding_level level)
{
	unsigned n = 0;

	for (unsigned i = 0; i < fs->n; i++)
		n += fs->item[i].level == level;
	return n;
}

bool
findings_have(const struct findings *fs, const char *code)
{
	for (unsigned i = 0; i < fs->n; i++) {
		if (strcmp(fs->item[i].code, code) == 0)
			return true;
	}
	return false;
}

int
findings_status(const struct findings *fs)
{
	if (findings_count(fs, FINDING_ERROR) > 0)
		return 2;
	return findings_count(fs, FINDING_WARNING) > 0 ? 1 : 0;
}

static void
print_one(FILE *to, const struct finding *f)
{
	fprintf(to, "%s: %s [%s]\n", levels[f->level], f->what, f->code);
	if (f->seen[0] != '\0')
		fprintf(to, "    seen: %s\n", f->seen);
	if (f->remedy[0] != '\0')
		fprintf(to, "    do:   %s\n", f->remedy);
}

void
findings_print(FILE *to, const struct findings *fs)
{
	for (int level = FINDING_ERROR; level >= FINDING_OK; level--) {
		for (unsigned i = 0; i < fs->n; i++) {
			if (fs->item[i].level == (enum finding_level)level)
				print_one(to, &fs->item[i]);
		}
	}
	if (fs->n == FINDINGS_MAX)
		fputs("note: there may be more; mend these first "
		      "[left-out]\n", to);
}

static void
put_member(FILE *to, const char *key, const char *text)
{
	fprintf(to, ",\"%s\":", key);
	json_put(to, text);
}

void
findings_json(FILE *to, const struct findings *fs)
{
	fputs("\"findings\":[", to);
	for (unsigned i = 0; i < fs->n; i++) {
		const struct finding *f = &fs->item[i];

		fprintf(to, "%s\n{\"level\":\"%s\",\"code\":\"%s\"",
		    i > 0 ? "," : "", levels[f->level], f->code);
		put_member(to, "what", f->what);
		put_member(to, "seen", f->seen);
		put_member(to, "do", f->remedy);
		fputc('}', to);
	}
	fprintf(to, "],\n\"errors\":%u,\"warnings\":%u",
	    findings_count(fs, FINDING_ERROR),
	    findings_count(fs, FINDING_WARNING));
}
