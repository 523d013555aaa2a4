/*
 * tracer: what main.c makes and the files of io/ share.
 *
 *	files.c		the files of traces: open, write, begin anew, sweep
 *	kept.c		the rules' own file
 *	send.c		HEP: by UDP, by the one socket that was connected before
 *			the cage, or by hep_stream.c, hep_tls.c
 *	peer_sigproxy.c	messages; peer_media.c: packets
 *	peer_admin.c	which traces there are, status
 */
#ifndef TRACER_IO_TRACER_H
#define TRACER_IO_TRACER_H

#include "common/io/conf.h"
#include "common/io/door.h"
#include "tracer/core/pcapng.h"
#include "tracer/core/rules.h"
#include "tracer/io/hep_stream.h"

#define TRACER_FILES_MAX 64	/* open at once */
#define TRACER_NAME_MAX 96
#define TRACER_RELAYS_MAX 32

/* A file that is written to: of a call, or of what a rule sees beside. */
struct trace_file {
	uint64_t call;		/* 0: the rule's */
	uint32_t rule;
	int fd;			/* -1: not in use */
	uint64_t bytes;
	struct mono used;
	char name[TRACER_NAME_MAX];
};

struct files {
	int dir;
	uint64_t file_max, all_max;	/* bytes */
	int64_t keep_s;
	uint64_t all;			/* bytes in the directory, about */
	unsigned n;			/* files there */
	struct trace_file file[TRACER_FILES_MAX];
	uint64_t begun, written, failed, removed;
	struct mono said;		/* when a failure was last logged */
};

struct tracer {
	struct conf conf;
	uv_loop_t *loop;
	uv_timer_t timer;
	struct doors *doors;
	struct door *sig, *admin, *relay[TRACER_RELAYS_MAX];
	struct rules rules;
	struct files files;
	bool has_hep;			/* somebody takes it */
	int hep;			/* by UDP: connected, or -1 */
	uint64_t hep_sent, hep_lost;	/* by UDP */
	struct hep_stream stream;	/* by TCP or TLS */
	uint64_t messages, packets;
};

/* ---- files.c ---- */

/* Before the cage.  Errors: negative errno, of the directory. */
int files_open(struct files *f, const char *dir, const struct conf *c);
/*
 * Give the file of a call (or of a rule: call 0), beginning one if there is
 * none.
 *
 * Takes:   label  goes into its name: letters and digits of it.
 * Errors:  NULL: it cannot be written (counted, logged).
 */
struct trace_file *files_get(struct files *f, uint64_t call, uint32_t rule,
    struct span label);
/* Add whole blocks.  It may be closed then: do not use it again. */
void files_write(struct files *f, struct trace_file *file,
    struct span blocks);
/* Close what was not used for long; remove what is too old or too much. */
void files_sweep(struct files *f);
unsigned files_in_use(const struct files *f);

/* ---- kept.c ---- */

void kept_read(struct tracer *t);
/* Errors: negative errno. */
int kept_write(struct tracer *t);

/* ---- send.c ---- */

/* Before the cage, as ourselves.  Without a way to the receiver files are
 * written all the same (logged). */
void hep_open(struct tracer *t);
void hep_send(struct tracer *t, const struct packet *p, struct span call_id);
/* Whom the cage must let it dial, or NULL. */
const struct addr *hep_dials(const struct tracer *t);
/* Members of its JSON, each after a comma. */
void hep_put_status(const struct tracer *t, struct buf *b);

/* ---- peers ---- */

int on_sigproxy_frame(struct tracer *t, uint16_t type, struct span payload);
/* sigproxy came, or rules changed: tell them. */
void tell_rules(struct tracer *t);
int on_media_frame(struct tracer *t, uint16_t type, struct span payload);
int on_admin_frame(struct tracer *t, uint16_t type, struct span payload);

/* When it was, of a time of CLOCK_MONOTONIC: microseconds since 1970. */
uint64_t wall_us(uint64_t mono_us);

#endif
