/*
 * One mediaproxy process: what its parts share.  main.c makes it, the peers'
 * files and the relay work on it; nothing here is global.
 */
#ifndef MEDIAPROXY_IO_MEDIA_H
#define MEDIAPROXY_IO_MEDIA_H

#include "common/codec/stun_ask.h"
#include "common/io/conf.h"
#include "common/io/door.h"
#include "mediaproxy/core/pace.h"
#include "mediaproxy/core/session.h"
#include "mediaproxy/core/window.h"
#include "mediaproxy/io/ready.h"
#include "mediaproxy/io/socks.h"

struct relay_batch;

/* Packets that tracer gets with the next frame. */
struct tap {
	struct ipc_trace_rtp frame;
	char head[IPC_TRACE_PACKETS_MAX][IPC_TRACE_HEAD_MAX];
	struct mono second;
	unsigned in_second;
	uint64_t handed, dropped;
};

struct media {
	struct conf conf;
	uint8_t instance;
	uv_loop_t *loop;
	uv_timer_t timer, answers;
	struct doors *doors;
	struct door *sigproxy, *stunmon, *tracer, *admin;
	struct ports ports;
	struct dest dest;
	struct site site;
	struct sessions sessions;
	struct socks socks;
	struct ready ready;
	struct pace pace;
	uint32_t round;			/* of looking at all sockets */
	struct stun_ask ask;
	struct window window;
	struct tap tap;
	struct relay_batch *batch;
	struct ipc_map_want wanted;	/* as last sent */
	bool wanted_sent;		/* on this connection */
	const char *evidence;		/* as last logged */
	uint64_t n_in, n_send_failed;
	struct mono started;
};

/* ---- relay.c: the packet path and its clock ---- */

/* Errors: -ENOMEM or libuv's. */
int relay_start(struct media *m);
/* Sessions changed: look at deadlines soon again. */
void relay_wake(struct media *m);
/* Empty a newly given pair's sockets and listen to them. */
void relay_listen(struct media *m, uint32_t pair);
void relay_ignore(struct media *m, uint32_t pair);
/* Listen at the ports of a window that no call has; and no longer. */
void relay_window(struct media *m, bool open);
/* Give the answers that waited for STUN long enough. */
void relay_answer(struct media *m);

/* ---- peer_sigproxy.c ---- */

int on_sigproxy_frame(struct media *m, uint16_t type, struct span payload);
void on_sigproxy_state(struct media *m, bool up);
void sigproxy_say(struct media *m, const struct ipc_relay_say *say);
void sigproxy_reach(struct media *m, const struct ipc_relay_reach *reach);
void sigproxy_quality(struct media *m,
    const struct ipc_relay_quality *quality);
void sigproxy_news(struct media *m, const struct ipc_relay_news *news);
void sigproxy_roc(struct media *m, const struct ipc_relay_roc *roc);
void sigproxy_nominated(struct media *m,
    const struct ipc_relay_nominated *nominated);
void sigproxy_digit(struct media *m, const struct ipc_relay_digit *digit);
/* A session_ended_cb; arg is the struct media. */
void sigproxy_ended(void *arg, uint32_t pair,
    const struct ipc_relay_stats *stats);

/* ---- peer_stunmon.c ---- */

int on_stunmon_frame(struct media *m, uint16_t type, struct span payload);
void on_stunmon_state(struct media *m, bool up);
/* Tell stunmon which sockets matter, if that changed. */
void stunmon_want(struct media *m);
/* A STUN packet came to a socket. */
void stunmon_heard(struct media *m, uint16_t socket,
    const struct addr *source, struct span packet, struct mono now);

/* ---- tap.c: asked only while anything is traced ---- */

void tap_packet(struct media *m, uint32_t pair, enum port_which which,
    const struct addr *remote, const void *data, size_t len, bool out);
void tap_flush(struct media *m);

/* ---- peer_admin.c ---- */

int on_admin_frame(struct media *m, uint16_t type, struct span payload);

#endif
