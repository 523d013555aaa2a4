/*
 * What `postern check` found: each one says what it is, what it was seen by,
 * and what to do.  docs/check.md lists the codes.
 *
 *	f = finding_new(fs, FINDING_ERROR, "disk-full");
 *	finding_what(f, "...");
 *	finding_seen(f, "...");
 *	finding_do(f, "...");
 */
#ifndef POSTERN_FINDING_H
#define POSTERN_FINDING_H

#include <stdbool.h>
#include <stdio.h>

#define FINDING_TEXT_MAX 800
#define FINDINGS_MAX 160

enum finding_level {
	FINDING_OK,		/* looked at, and right */
	FINDING_NOTE,		/* good to know */
	FINDING_WARNING,	/* something is lost, or soon will be */
	FINDING_ERROR,		/* phones or the office suffer */
};

struct finding {
	enum finding_level level;
	const char *code;
	/* Printable ASCII, whatever was put in; too long: cut. */
	char what[FINDING_TEXT_MAX];
	char seen[FINDING_TEXT_MAX];
	char remedy[FINDING_TEXT_MAX];
};

struct findings {
	struct finding item[FINDINGS_MAX + 1];
	unsigned n;
};

/*
 * Begin one.
 *
 * Takes:   code  static text.
 * Limits:  those after FINDINGS_MAX share one place, which says that some
 *          were left out.
 */
struct finding *finding_new(
    struct findings *fs, enum finding_level level, const char *code);

void finding_what(struct finding *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void finding_seen(struct finding *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void finding_do(struct finding *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A finding that needs no evidence beyond itself. */
void finding_ok(struct findings *fs, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void finding_note(struct findings *fs, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

unsigned findings_count(const struct findings *fs, enum finding_level level);
/* Is there one of that code? */
bool findings_have(const struct findings *fs, const char *code);
/* 0 nothing worse than a note, 1 warnings, 2 errors. */
int findings_status(const struct findings *fs);

/* Worst first. */
void findings_print(FILE *to, const struct findings *fs);
/* As members of an object: "findings":[...],"errors":0,"warnings":0. */
void findings_json(FILE *to, const struct findings *fs);

#endif
