/*
 * The UDP sockets of both zones: batches in, batches out.
 *
 * One wake-up reads up to UDP_BATCH datagrams with one recvmmsg(); what the
 * core answers leaves with one sendmmsg() for each socket.  Own polling
 * instead of uv_udp_t, because libuv probes for recvmmsg late, with a
 * socket() that the cage would kill.
 */
#ifndef SIGPROXY_IO_UDP_H
#define SIGPROXY_IO_UDP_H

#include <uv.h>

#include "sigproxy/core/edge.h"

#define UDP_BATCH 32
#define UDP_DATAGRAM_MAX 65535

/* One datagram; bytes lent for the call. */
typedef void udp_message_cb(void *arg, uint8_t listener,
    const struct addr *remote, struct span bytes);
/* A batch has been handed over. */
typedef void udp_batch_cb(void *arg);

struct udp;

/* Errors: NULL for no memory.  Callbacks are called from the loop only. */
struct udp *udp_new(uv_loop_t *loop, udp_message_cb *on_message,
    udp_batch_cb *on_batch, void *arg);

/*
 * Know an inherited bound socket as this listener.
 *
 * Errors:  negative errno of libuv; -EINVAL listener in use or out of range.
 */
int udp_add(struct udp *u, uint8_t listener, int fd);
/* Begin to read all of them; again: nothing happens. */
void udp_receive(struct udp *u);

/* Queue one datagram; sent by udp_flush() or when the batch is full.  The
 * bytes must live until then. */
void udp_send(struct udp *u, uint8_t listener, const struct addr *to,
    struct span bytes);
void udp_flush(struct udp *u);

/* Datagrams the kernel did not take, ever. */
uint64_t udp_lost(const struct udp *u);

#endif
