/*
 * The relay's UDP sockets: all bound at start, before the cage closes, and
 * never again.  Index: 2 * pair + half (enum port_which).
 */
#ifndef MEDIAPROXY_IO_SOCKS_H
#define MEDIAPROXY_IO_SOCKS_H

#include <sys/socket.h>
#include <uv.h>

#include "common/io/conf.h"
#include "mediaproxy/core/port.h"

struct media;

struct sock {
	uv_poll_t poll;		/* data: struct media */
	int fd;
	uint8_t dscp;		/* what its packets are marked with */
	bool polled;
};

struct socks {
	struct sock *sock;
	uint32_t n;
};

/* Descriptors the whole process will hold. */
unsigned socks_files(const struct conf *c);

/* As root: may we hold that many?  Errors: negative errno. */
int priv_socks_allow_files(const struct conf *c);

/*
 * Plan this instance's share of both ranges on every configured address.
 *
 * Errors:  -ENOMEM; -ENOSPC.
 */
int socks_plan(const struct conf *c, uint8_t instance, struct ports *out);

/*
 * Bind every planned port.
 *
 * Takes:   dscp  what their packets are marked with at first.
 * Gives:   in *failed_out the address that could not be bound.
 * Errors:  negative errno; the process must exit.
 */
int priv_socks_bind(struct socks *s, const struct ports *ports, uint32_t dscp,
    struct addr *failed_out);
/* Mark a pair's packets otherwise from now on. */
void socks_mark(struct socks *s, uint32_t pair, enum addr_family family,
    uint32_t dscp);

/* Give each socket to the loop, not yet polled.  Errors: negative errno. */
int socks_attach(struct socks *s, uv_loop_t *loop, struct media *m);

int sock_send(const struct sock *s, const struct addr *to, const void *data,
    size_t len);

socklen_t sock_addr_to(const struct addr *a, struct sockaddr_storage *out);
struct addr sock_addr_from(const struct sockaddr_storage *from);

#endif
