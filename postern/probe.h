/*
 * `postern probe ADDRESS`, on any machine outside: what of an office can be
 * reached from there.  Needs no rights, no configuration, and nothing else of
 * Postern.
 */
#ifndef POSTERN_PROBE_H
#define POSTERN_PROBE_H

#include <stdio.h>

#include "common/base/addr.h"

#define PROBE_TARGETS_MAX 64
#define PROBE_CODE_LEN 16
#define PROBE_HEX_LEN 8
/* First word of the line that `postern check --outside` takes. */
#define PROBE_LINE "postern-probe/1"

enum probe_kind { PROBE_UDP, PROBE_TCP, PROBE_TLS, PROBE_RTP };

/* What one port turned out to be. */
enum probe_result {
	PROBE_SILENT,	/* nothing came back */
	PROBE_REFUSED,	/* ICMP port unreachable, or a TCP reset */
	PROBE_OPEN,	/* somebody answers; what, was not asked */
	PROBE_OTHER,	/* another program than Postern answers */
	PROBE_ALG,	/* SIP was altered or lost on its way */
	PROBE_WORKS,
};

struct probe_target {
	enum probe_kind kind;
	uint16_t port;
	bool closed;		/* must not be reachable */
	enum probe_result result;
	char why[160];		/* for people; "" */
	/* while it runs */
	int fd;
	char id[2 * PROBE_HEX_LEN + 1];
	struct addr own;	/* the socket's */
	struct addr mapped;	/* what STUN said */
	bool stun, sip, altered, connected;
};

struct probe {
	struct addr to;		/* port 0 */
	char name[128];		/* in the Request-URI */
	uint8_t code[PROBE_CODE_LEN];
	bool has_code;
	struct addr seen;	/* ours, as the office sees it */
	struct probe_target target[PROBE_TARGETS_MAX];
	unsigned n;
};

/* ---- probe_sip.c: pure ---- */

/* An OPTIONS for this target. */
void probe_put_options(struct buf *b, const struct probe *p,
    const struct probe_target *t);

/*
 * Is this an answer to it, and did it come through unaltered?
 *
 * Gives:   false when it is no SIP answer to that question.  *altered_out
 *          with a reason in t->why when what came back is not what was sent.
 */
bool probe_read_answer(struct span packet, struct probe_target *t,
    bool *altered_out);

/* What a window's code packet for this port is. */
void probe_put_code(struct buf *b, const uint8_t code[PROBE_CODE_LEN],
    uint16_t port);

const char *probe_kind_name(enum probe_kind kind);
const char *probe_result_name(enum probe_result result);

/* ---- probe_talk.c ---- */

/* Ask all of them; some seconds.  Errors: negative errno. */
int probe_run(struct probe *p);

/* ---- probe_tls.c ---- */

/* Over a connected socket; sets the result. */
void probe_tls(struct probe *p, struct probe_target *t);

#endif
