/*
 * IP addresses and ports: parse, write, compare, classify.
 *
 * An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is always turned into the
 * IPv4 one, so that no check can be passed by spelling (RFC 4291 2.5.5.2).
 */
#ifndef COMMON_BASE_ADDR_H
#define COMMON_BASE_ADDR_H

#include "common/base/buf.h"

enum addr_family {
	ADDR_NONE = 0,
	ADDR_IPV4 = 4,
	ADDR_IPV6 = 6,
};

struct addr {
	uint8_t family;		/* enum addr_family */
	uint16_t port;		/* host order; 0: none */
	uint8_t ip[16];		/* network order; IPv4 in the first four,
				 * the rest zero */
};

/* What an address is good for (RFC 6890 and its registries). */
enum addr_class {
	ADDR_PUBLIC,		/* global unicast; documentation nets too */
	ADDR_PRIVATE,		/* RFC 1918, fc00::/7 */
	ADDR_SHARED,		/* 100.64/10, carrier NAT (RFC 6598) */
	ADDR_LOOPBACK,		/* 127/8, ::1 */
	ADDR_LINK_LOCAL,	/* 169.254/16, fe80::/10 */
	ADDR_MULTICAST,
	ADDR_UNUSABLE,		/* 0/8, ::, broadcast, 240/4, 192.0.0/24,
				 * v4-compatible, 64:ff9b::/96, family 0 */
};

/* Longest text: "[" + 45 + "]:65535". */
#define ADDR_TEXT_MAX 54

/*
 * Read an IP address without port: "192.0.2.1", "2001:db8::1", "[2001:db8::1]".
 *
 * Gives:   out with port 0.
 * Errors:  -EBADMSG for anything else: leading zeros, names, zones, spaces.
 */
int addr_parse_ip(struct span s, struct addr *out);

/*
 * Read "192.0.2.1:5060", "[2001:db8::1]:5060", or an IP alone (then the port
 * is default_port).
 *
 * Errors:  -EBADMSG; also for port 0.
 */
int addr_parse(struct span s, uint16_t default_port, struct addr *out);

/* From 4 or 16 raw bytes in network order; other lengths give ADDR_NONE. */
struct addr addr_from_bytes(const void *ip, size_t len, uint16_t port);

/* Write the IP; IPv6 without brackets (RFC 5952). */
void addr_put_ip(struct buf *b, const struct addr *a);
/* Write the IP as a SIP host: IPv6 in brackets. */
void addr_put_host(struct buf *b, const struct addr *a);
/* Write host:port. */
void addr_put(struct buf *b, const struct addr *a);

/* For logs: host:port in the caller's memory of ADDR_TEXT_MAX + 1 bytes,
 * ended with NUL; returns mem. */
const char *addr_text(const struct addr *a, char *mem);

bool addr_eq(const struct addr *a, const struct addr *b);
bool addr_same_ip(const struct addr *a, const struct addr *b);
enum addr_class addr_classify(const struct addr *a);
bool addr_is_public(const struct addr *a);

/* Bytes of ip in use: 4, 16 or 0. */
size_t addr_ip_len(const struct addr *a);

struct addr_prefix {
	struct addr net;
	uint8_t bits;
};

/* Read "10.0.0.0/8" or a lone address.  Errors: -EBADMSG. */
int addr_prefix_parse(struct span s, struct addr_prefix *out);
bool addr_prefix_has(const struct addr_prefix *p, const struct addr *a);

#endif
