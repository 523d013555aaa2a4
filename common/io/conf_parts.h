/*
 * Between the files of the configuration reader only: conf.c (file and
 * table), conf_value.c (one reader for each kind), conf_check.c (what keys
 * say together), conf_trace.c (both, of [trace]).
 */
#ifndef COMMON_IO_CONF_PARTS_H
#define COMMON_IO_CONF_PARTS_H

#include "common/io/conf.h"
#include "common/io/conf_keys.h"

enum conf_id {
#define CONF_ID(section, key, ...) CONF_##section##_##key,
	CONF_KEYS(CONF_ID)
	CONF_N_KEYS
};

struct conf_key {
	const char *section, *key;
	/* NULL, or what is wrong and what to do; it may lie in complaint_mem */
	const char *(*read)(const struct conf_key *k, struct span value,
	    struct conf *out);
	size_t field, field2;	/* offsets in struct conf */
	uint32_t lo, hi;
	const char *value, *example, *help;
};

#define CONF_VALUE_MAX 200

struct conf_reading {
	const char *path;
	FILE *complaints;
	unsigned n_complaints;
	unsigned line;
	struct {
		unsigned line;	/* 0: not in the file */
		char value[CONF_VALUE_MAX];
	} seen[CONF_N_KEYS];
	struct conf conf;
};

extern const struct conf_key conf_keys[CONF_N_KEYS];

#define CONF_READER(section, key, kind, ...)                          \
	const char *conf_read_##kind(const struct conf_key *k,        \
	    struct span value, struct conf *out);
/* One prototype for each kind; repeated ones are the same. */
CONF_KEYS(CONF_READER)
#undef CONF_READER

/* Complain about the value of a key that was read or defaulted. */
void conf_complain(struct conf_reading *r, enum conf_id id,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Complain about everything that keys say together. */
void conf_check(struct conf_reading *r);
void conf_check_trace(struct conf_reading *r);

#endif
