/*
 * A window that the admin opens for a moment: does the office's router
 * forward these RTP ports?
 *
 * `postern probe`, outside, sends each of them a packet that bears the
 * window's one-time code and the number it aims at; here they are counted,
 * by the socket they came to.  Nothing is ever answered, a packet without the
 * code is what it was before, and the window shuts by itself.
 *
 * Pure; io listens at the sockets.
 */
#ifndef MEDIAPROXY_CORE_WINDOW_H
#define MEDIAPROXY_CORE_WINDOW_H

#include "common/ipc/msg.h"
#include "mediaproxy/core/port.h"

/* "postern-probe ", the code in lower-case hexadecimal, " ", the port. */
#define WINDOW_WORD "postern-probe "

struct window_port {
	uint32_t pair;
	enum port_which which;
	uint16_t number;
	uint32_t right, wrong;
	struct addr source;
};

struct window {
	bool open;
	struct mono until;
	char head[sizeof(WINDOW_WORD) + 2 * IPC_WINDOW_CODE + 1];
	size_t head_len;
	struct window_port port[IPC_WINDOW_ARRIVALS];
	unsigned n;
};

/*
 * Open it, or with open_ms of 0 shut it; what was counted before is gone.
 * Numbers that are none of ours are left out, as are sockets over the limit.
 */
void window_open(struct window *w, const struct ports *ports,
    const struct ipc_window_open *ask, struct mono now);
/* What was counted stays, to be asked for. */
void window_close(struct window *w);

/* Is it one of the packets waited for?  Then it is counted and done with. */
bool window_takes(struct window *w, uint32_t pair, enum port_which which,
    const struct addr *source, struct span packet);

/* All but the id. */
void window_say(const struct window *w, const struct ports *ports,
    struct mono now, struct ipc_window_say *out);

#endif
