/*
 * HEP by one connection, TCP or TLS, to the one receiver: dialled again
 * whenever it is lost, from half a second to half a minute later.  What comes
 * meanwhile waits (core/hep_queue.h); nobody waits for it.
 *
 * When a message is there only the receiver's host tells, by acknowledging its
 * octets, and one that dies throws away what it acknowledged and had not read
 * yet.  So a message is done a second after that, or at once if the receiver
 * ends the connection as one does who has read everything; what is not done
 * is sent again.
 */
#ifndef TRACER_IO_HEP_STREAM_H
#define TRACER_IO_HEP_STREAM_H

#include <uv.h>

#include "common/base/mono.h"
#include "tracer/core/hep_queue.h"
#include "tracer/io/hep_tls.h"

#define HEP_QUEUE_BYTES (8 * 1024 * 1024)
#define HEP_WHY_MAX 320
#define HEP_SEEN 6		/* looks at what is acknowledged */

enum hep_state { HEP_AWAY, HEP_DIALS, HEP_SHAKES, HEP_UP };

struct hep_stream {
	const struct conf *conf;
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_poll_t poll;
	bool is_polled;
	enum hep_state state;
	bool is_tls;
	int fd;
	struct hep_tls tls;
	uint32_t wait_ms;		/* before it is dialled again */
	struct mono since;		/* the connection is up */
	uint64_t written;		/* octets of it that the kernel took */
	uint64_t seen[HEP_SEEN];	/* acknowledged, the newest first */
	size_t out_len, out_sent;	/* TCP: of out */
	char why[HEP_WHY_MAX];		/* it is not up; empty if it is */
	char said[HEP_WHY_MAX];		/* of that, what was logged */
	struct hep_queue queue;
	char out[HEP_FRAME_MAX];
	char mem[HEP_QUEUE_BYTES];
};

/* Before the cage, as ourselves; it dials once the loop runs.  Takes: s
 * zeroed; c  kept.  Errors: negative errno. */
int hep_stream_init(struct hep_stream *s, const struct conf *c,
    uv_loop_t *loop);
/* One message of HEP.  Errors: -ENOBUFS too many wait (counted). */
int hep_stream_put(struct hep_stream *s, struct span frame);
/* "connected", "dialling", "away". */
const char *hep_stream_state(const struct hep_stream *s);

#endif
