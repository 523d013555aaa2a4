/*
 * The relay's UDP sockets: all bound at start, before the cage closes, and
 * never again.  Index: 2 * pair + half (enum port_which).
 *
 * Behind those come direct ones: a second socket at each RTP port, connected
 * to the phone once that is known.  The kernel gives it that phone's packets
 * and finds the way back to it without looking; everybody else's go to the
 * first socket, as ever.  While there is no such phone it is connected to
 * itself, so that nothing comes to it.
 */
#ifndef MEDIAPROXY_IO_SOCKS_H
#define MEDIAPROXY_IO_SOCKS_H

#include <sys/socket.h>

#include "common/io/conf.h"
#include "mediaproxy/core/port.h"

struct sock {
	int fd;
	uint32_t round;		/* the last one in which it was ready */
	uint8_t dscp;		/* what its packets are marked with */
	bool polled;		/* packets are looked for */
	struct addr peer;	/* of a direct one; ADDR_NONE: itself */
};

struct socks {
	struct sock *sock;
	uint32_t n, pairs;
};

static inline uint32_t
socks_direct(const struct socks *s, uint32_t pair)
{
	return 2 * s->pairs + pair;
}

/* Whose socket that is. */
static inline uint32_t
socks_pair(const struct socks *s, uint32_t sock, enum port_which *which_out)
{
	bool direct = sock >= 2 * s->pairs;

	*which_out = direct ? PORT_RTP : (enum port_which)(sock % 2);
	return direct ? sock - 2 * s->pairs : sock / 2;
}

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

/*
 * Connect a direct one.
 *
 * Takes:   peer  the phone, or its own address: nobody.
 * Errors:  negative errno; then it is as it was.
 */
int sock_connect(struct sock *s, const struct addr *peer,
    const struct addr *own);

/* Errors: negative errno; an ICMP error for a packet before is none. */
int sock_send(const struct sock *s, const struct addr *to, const void *data,
    size_t len);

socklen_t sock_addr_to(const struct addr *a, struct sockaddr_storage *out);
struct addr sock_addr_from(const struct sockaddr_storage *from);

#endif
