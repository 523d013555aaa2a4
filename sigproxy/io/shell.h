/*
 * The shell around the core: brings events in, carries steps out.
 *
 * The only place that knows both struct edge and libuv.  Everything that one
 * wake-up made the core say leaves together: datagrams in batches, one write
 * for each peer.
 */
#ifndef SIGPROXY_IO_SHELL_H
#define SIGPROXY_IO_SHELL_H

#include "common/io/door.h"
#include "sigproxy/core/edge.h"
#include "sigproxy/io/tcp.h"
#include "sigproxy/io/udp.h"

struct shell;

/* Connections: conf->max_conns.
 * Errors: NULL for no memory.  Edge and conf are borrowed to the end. */
struct shell *shell_new(uv_loop_t *loop, struct edge *edge,
    const struct edge_conf *conf);

/* What door.h wants to know; give it to doors_new(). */
struct doors_ops shell_doors_ops(struct shell *sh);
/* Tell the shell which peer is which, after doors_peer(). */
void shell_peer(struct shell *sh, struct door *peer);
/* Serve an inherited socket.  Errors: as udp_add() and tcp_add(). */
int shell_listen(struct shell *sh, uint8_t listener, int fd);
/* Whom trunks' certificates may be of: PEM, borrowed to the end. */
void shell_trust(struct shell *sh, struct span ca);
/* Before the loop runs: arm the core's first timer. */
void shell_start(struct shell *sh);

#endif
