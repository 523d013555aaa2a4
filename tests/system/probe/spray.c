/*
 * A stranger who sends much: datagrams read from standard input are sent
 * again and again to an address, from his own port or from ever new forged
 * addresses.  For tests only.
 *
 *	spray ADDRESS FIRST-LAST RATE COUNT OWN:PORT [FORGED/PREFIX]
 *
 *	RATE	a second; 0: as fast as it goes
 *	COUNT	then end; 0: until SIGTERM
 *	OWN	his own address and port; what comes back to it is counted
 *	FORGED	an IPv4 network of source addresses, taken at random
 *
 * Input: each datagram as 2 octets of length (big endian) and its octets.
 * RTP among them (version 2, payload type below 64) gets a new sequence
 * number and timestamp each time, going on from those it has.
 * Output: "sent N got N", N packets sent and packets that came back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define HEAD 28			/* IPv4 and UDP before a forged payload */
#define LONGEST 1472
#define INPUT_MAX (8 << 20)

struct datagram {
	uint8_t *data;
	uint16_t len;
};

static struct {
	struct in_addr to, own;
	uint16_t first, last, port;
	uint64_t rate, count, sent, got;
	uint32_t net, hosts;	/* forged; hosts 0: not */
	int fd;
	struct datagram *what;
	size_t n;
	uint64_t random;
} it;

static volatile sig_atomic_t ended;

static void
on_term(int sig)
{
	(void)sig;
	ended = 1;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
read_datagrams(void)
{
	uint8_t *mem = malloc(INPUT_MAX);
	size_t len = mem == NULL ? 0 : fread(mem, 1, INPUT_MAX, stdin);

	it.what = calloc(len / 2 + 1, sizeof(*it.what));
	if (it.what == NULL)
		die("datagrams");
	for (size_t at = 0; at + 2 <= len;) {
		uint16_t n = (uint16_t)(mem[at] << 8 | mem[at + 1]);

		if (n > LONGEST || at + 2 + n > len)
			break;
		it.what[it.n++] = (struct datagram){ mem + at + 2, n };
		at += 2u + n;
	}
	if (it.n == 0) {
		fprintf(stderr, "no datagram\n");
		exit(1);
	}
}

static void
make_socket(void)
{
	struct sockaddr_in own = { .sin_family = AF_INET,
		.sin_addr = it.own, .sin_port = htons(it.port) };
	int size = 4 << 20;

	if (it.hosts > 0)
		it.fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	else
		it.fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (it.fd < 0)
		die("socket");
	setsockopt(it.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(it.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (it.hosts == 0 &&
	    bind(it.fd, (struct sockaddr *)&own, sizeof(own)) != 0)
		die("bind");
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* The next packet of a stream that has this one. */
static void
advance(const struct datagram *d)
{
	uint8_t *p = d->data;
	uint32_t stamp;

	if (d->len < 12 || p[0] >> 6 != 2 || (p[1] & 0x7f) >= 64)
		return;
	stamp = get32(p + 4) + 160;
	put16(p + 2, (uint32_t)(p[2] << 8 | p[3]) + 1);
	put16(p + 4, stamp >> 16);
	put16(p + 6, stamp);
}

static uint32_t
random_host(void)
{
	it.random ^= it.random << 13;
	it.random ^= it.random >> 7;
	it.random ^= it.random << 17;
	return it.net + 1 + (uint32_t)(it.random >> 32) % (it.hosts - 2);
}

static void
put_head(uint8_t *p, uint16_t port, uint16_t len)
{
	uint32_t from = htonl(random_host());

	memset(p, 0, HEAD);
	p[0] = 0x45;
	put16(p + 2, HEAD + len);
	p[8] = 64;
	p[9] = IPPROTO_UDP;
	memcpy(p + 12, &from, 4);
	memcpy(p + 16, &it.to, 4);
	put16(p + 20, it.port);
	put16(p + 22, port);
	put16(p + 24, 8u + len);
}

static void
send_batch(unsigned n)
{
	static uint8_t mem[BATCH][HEAD + LONGEST];
	struct mmsghdr msg[BATCH] = { 0 };
	struct iovec iov[BATCH];
	struct sockaddr_in to[BATCH];
	int done;

	for (unsigned i = 0; i < n; i++) {
		uint64_t nr = it.sent + i;
		uint16_t port = (uint16_t)(it.first +
		    nr % (it.last - it.first + 1u));
		/* Not in step with the ports. */
		struct datagram *d = &it.what[nr /
		    (it.last - it.first + 1u) % it.n];

		advance(d);
		iov[i] = (struct iovec){ mem[i], d->len };
		memcpy(mem[i] + (it.hosts > 0 ? HEAD : 0), d->data, d->len);
		if (it.hosts > 0) {
			put_head(mem[i], port, d->len);
			iov[i].iov_len += HEAD;
		}
		to[i] = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_addr = it.to, .sin_port = htons(port) };
		msg[i].msg_hdr = (struct msghdr){ .msg_name = &to[i],
			.msg_namelen = sizeof(to[i]), .msg_iov = &iov[i],
			.msg_iovlen = 1 };
	}
	done = sendmmsg(it.fd, msg, n, 0);
	if (done > 0)
		it.sent += (uint64_t)done;
	else if (errno != EINTR && errno != ENOBUFS && errno != EAGAIN &&
	    errno != ECONNREFUSED && errno != EPERM && errno != EHOSTUNREACH)
		die("sendmmsg");
}

static void
receive(void)
{
	uint8_t data[2048];

	while (it.hosts == 0 &&
	    recv(it.fd, data, sizeof(data), MSG_DONTWAIT) >= 0)
		it.got++;
}

static void
spray(void)
{
	uint64_t began = now_us();

	while (!ended && (it.count == 0 || it.sent < it.count)) {
		uint64_t n = BATCH;

		if (it.count > 0 && it.count - it.sent < n)
			n = it.count - it.sent;
		if (it.rate > 0) {
			uint64_t due = (now_us() - began) * it.rate / 1000000;

			if (due <= it.sent) {
				usleep(500);
				continue;
			}
			if (due - it.sent < n)
				n = due - it.sent;
		}
		send_batch((unsigned)n);
		receive();
	}
	usleep(200000);		/* the last answers */
	receive();
}

int
main(int argc, char *argv[])
{
	char net[32], own[32];
	unsigned bits, first, last, port;

	if (argc < 6 || inet_pton(AF_INET, argv[1], &it.to) != 1 ||
	    sscanf(argv[2], "%u-%u", &first, &last) != 2 || first > last ||
	    sscanf(argv[5], "%31[^:]:%u", own, &port) != 2 ||
	    inet_pton(AF_INET, own, &it.own) != 1) {
		fprintf(stderr, "spray ADDRESS FIRST-LAST RATE COUNT OWN:PORT"
				" [FORGED/PREFIX]\n");
		return 2;
	}
	it.first = (uint16_t)first;
	it.last = (uint16_t)last;
	it.rate = strtoull(argv[3], NULL, 10);
	it.count = strtoull(argv[4], NULL, 10);
	it.port = (uint16_t)port;
	it.random = now_us() | 1;
	if (argc > 6) {
		struct in_addr a;

		if (sscanf(argv[6], "%31[^/]/%u", net, &bits) != 2 ||
		    inet_pton(AF_INET, net, &a) != 1 || bits < 2 || bits > 30)
			return 2;
		it.net = ntohl(a.s_addr);
		it.hosts = 1u << (32 - bits);
	}
	signal(SIGTERM, on_term);
	read_datagrams();
	make_socket();
	spray();
	printf("sent %llu got %llu\n", (unsigned long long)it.sent,
	    (unsigned long long)it.got);
	return 0;
}
