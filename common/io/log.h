/*
 * One line for each event, on stderr, key=value:
 *	sigproxy info register number=168 flow=198.51.100.7:4711 grant_s=60
 * Text from a network is quoted, escaped and cut, so that no line can be
 * forged or broken.  Only io and main log; codec and core say why.
 *
 * Nobody waits for a reader: while there is no room lines are dropped, and
 * counted, and the first thing said when there is room again is how many:
 *	sigproxy warn log-lost lines=12
 */
#ifndef COMMON_IO_LOG_H
#define COMMON_IO_LOG_H

#include "common/base/addr.h"

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };

/* Once, first thing in main, and before the cage; the name is kept. */
void log_open(const char *program, enum log_level least);

/* Build a line; every call adds one key.  The line is sent by log_end().
 *	log_begin(LOG_INFO_, "register");
 *	log_span("number", n); log_addr("flow", &a); log_u64("grant_s", 60);
 *	log_end();
 */
void log_begin(enum log_level level, const char *event);
void log_span(const char *key, struct span hostile);
void log_str(const char *key, const char *ours);
void log_addr(const char *key, const struct addr *a);
void log_u64(const char *key, uint64_t v);
/* Negative errno as its name and text. */
void log_err(const char *key, int err);
void log_end(void);

/* Write text with every octet outside printable ASCII, and " and \, as \xNN. */
void log_escape(struct buf *b, struct span s, size_t max);

#endif
