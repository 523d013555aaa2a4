#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/codec/stun.h"
#include "common/io/clock.h"
#include "postern/probe.h"

#define WAIT_MS 2000
#define TRIES 3
#define BETWEEN_MS 500
#define STREAM_WAIT_S 2
#define PACKET_MAX 4096

static socklen_t
to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;

	memset(out, 0, sizeof(*out));
	if (a->family == ADDR_IPV6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(a->port);
		memcpy(&v6->sin6_addr, a->ip, 16);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(a->port);
	memcpy(&v4->sin_addr, a->ip, 4);
	return sizeof(*v4);
}

static struct addr
own_address(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { .v6 = { 0 } };
	socklen_t len = sizeof(at);

	if (getsockname(fd, &at.any, &len) != 0)
		return (struct addr){ 0 };
	if (at.any.sa_family == AF_INET6)
		return addr_from_bytes(&at.v6.sin6_addr, 16,
		    ntohs(at.v6.sin6_port));
	return addr_from_bytes(&at.v4.sin_addr, 4, ntohs(at.v4.sin_port));
}

static bool
is_udp(const struct probe_target *t)
{
	return t->kind == PROBE_UDP || t->kind == PROBE_RTP;
}

static void
name_question(struct probe_target *t)
{
	uint8_t bytes[PROBE_HEX_LEN];
	struct buf b;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		memset(bytes, t->port & 255, sizeof(bytes));
	buf_init(&b, t->id, sizeof(t->id) - 1);
	buf_put_hex(&b, bytes, sizeof(bytes));
	t->id[b.len] = '\0';
}

/* Connected, UDP too: so that an ICMP error reaches us. */
static int
open_target(const struct probe *p, struct probe_target *t)
{
	struct addr to = p->to;
	struct sockaddr_storage at;
	socklen_t len;

	to.port = t->port;
	len = to_sockaddr(&to, &at);
	t->result = PROBE_SILENT;
	name_question(t);
	t->fd = socket(at.ss_family, (is_udp(t) ? SOCK_DGRAM : SOCK_STREAM) |
	    SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return -errno;
	if (connect(t->fd, (struct sockaddr *)&at, len) != 0 &&
	    errno != EINPROGRESS) {
		if (errno != ECONNREFUSED)
			return -errno;
		t->result = PROBE_REFUSED;
	}
	t->own = own_address(t->fd);
	return 0;
}

/* ---- UDP ---- */

static void
note_error(struct probe_target *t, int err)
{
	if (err == ECONNREFUSED && t->result == PROBE_SILENT)
		t->result = PROBE_REFUSED;
}

static void
send_bytes(struct probe_target *t, const struct buf *b)
{
	if (buf_err(b) == 0 && send(t->fd, b->p, b->len, MSG_NOSIGNAL) < 0)
		note_error(t, errno);
}

static void
ask(const struct probe *p, struct probe_target *t)
{
	uint8_t tid[STUN_TID_LEN] = { 0 };
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (t->kind == PROBE_RTP) {
		probe_put_code(&b, p->code, t->port);
		send_bytes(t, &b);
		return;
	}
	memcpy(tid, t->id, sizeof(tid));
	stun_put_request(&b, tid);
	if (!t->stun)
		send_bytes(t, &b);
	buf_init(&b, mem, sizeof(mem));
	probe_put_options(&b, p, t);
	if (!t->sip)
		send_bytes(t, &b);
}

static void
hear(struct probe *p, struct probe_target *t)
{
	char mem[PACKET_MAX];
	struct stun_msg m;
	struct span packet;
	bool altered = false;
	ssize_t n = recv(t->fd, mem, sizeof(mem), 0);

	if (n <= 0) {
		if (n < 0)
			note_error(t, errno);
		return;
	}
	packet = span_make(mem, (size_t)n);
	if (stun_is(packet) && stun_parse(packet, &m) == 0 &&
	    memcmp(m.tid, t->id, sizeof(m.tid)) == 0) {
		t->stun = true;
		t->mapped = m.mapped;
		if (m.mapped.family != ADDR_NONE)
			p->seen = m.mapped;
	} else if (probe_read_answer(packet, t, &altered)) {
		t->sip = true;
		t->altered = altered;
	} else {
		t->connected = true;	/* somebody, of another kind */
	}
}

static void
judge_udp(struct probe_target *t)
{
	if (t->result == PROBE_REFUSED && !t->stun && !t->sip)
		return;
	if (t->closed && (t->stun || t->sip || t->connected))
		t->result = PROBE_OPEN;
	else if (t->altered)
		t->result = PROBE_ALG;
	else if (t->stun && t->sip)
		t->result = PROBE_WORKS;
	else if (t->sip || t->connected)
		t->result = PROBE_OTHER;
	else if (t->stun)
		t->result = PROBE_ALG;
	if (t->stun && !t->sip && !t->closed)
		snprintf(t->why, sizeof(t->why), "STUN comes through and SIP "
		    "does not");
	if (t->sip && !t->stun && !t->altered && !t->closed)
		snprintf(t->why, sizeof(t->why), "a SIP server that answers "
		    "no STUN on its port");
}

/* ---- TCP ---- */

static void
on_connected(struct probe_target *t)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 ||
	    err != 0)
		note_error(t, err);
	else
		t->connected = true;
}

static void
ask_by_tcp(const struct probe *p, struct probe_target *t)
{
	char mem[2048], answer[PACKET_MAX];
	bool altered = false;
	struct buf b;
	ssize_t n;

	buf_init(&b, mem, sizeof(mem));
	probe_put_options(&b, p, t);
	t->result = PROBE_OTHER;
	snprintf(t->why, sizeof(t->why), "a connection, but no answer to SIP "
	    "on it");
	if (buf_err(&b) || send(t->fd, b.p, b.len, MSG_NOSIGNAL) < 0)
		return;
	n = recv(t->fd, answer, sizeof(answer), 0);
	if (n <= 0)
		return;
	t->why[0] = '\0';
	if (probe_read_answer(span_make(answer, (size_t)n), t, &altered))
		t->result = altered ? PROBE_ALG : PROBE_WORKS;
}

static void
judge_tcp(struct probe *p, struct probe_target *t)
{
	struct timeval wait = { .tv_sec = STREAM_WAIT_S };
	int flags = fcntl(t->fd, F_GETFL);

	if (!t->connected)
		return;
	t->result = PROBE_OPEN;
	if (t->closed || flags < 0)
		return;
	fcntl(t->fd, F_SETFL, flags & ~O_NONBLOCK);
	setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	t->own = own_address(t->fd);
	if (t->kind == PROBE_TLS)
		probe_tls(p, t);
	else
		ask_by_tcp(p, t);
}

/* ---- all of them at once ---- */

static bool
is_settled(const struct probe_target *t)
{
	if (t->kind == PROBE_RTP)
		return false;	/* nothing answers; a refusal may come */
	return t->result == PROBE_REFUSED || (is_udp(t) ? t->stun && t->sip :
							  t->connected);
}

static void
wait_some(struct probe *p, int ms)
{
	struct pollfd fds[PROBE_TARGETS_MAX];

	for (unsigned i = 0; i < p->n; i++) {
		struct probe_target *t = &p->target[i];

		fds[i] = (struct pollfd){
			.fd = is_settled(t) ? -1 : t->fd,
			.events = is_udp(t) ? POLLIN : POLLOUT,
		};
	}
	if (poll(fds, p->n, ms) <= 0)
		return;
	for (unsigned i = 0; i < p->n; i++) {
		if (fds[i].fd < 0 || fds[i].revents == 0)
			continue;
		if (is_udp(&p->target[i]))
			hear(p, &p->target[i]);
		else
			on_connected(&p->target[i]);
	}
}

static bool
all_settled(const struct probe *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (!is_settled(&p->target[i]))
			return false;
	}
	return true;
}

static void
talk(struct probe *p)
{
	struct mono begin = clock_mono(), now = begin;
	unsigned tries = 0;

	while (!mono_due(mono_add_ms(begin, WAIT_MS), now) &&
	    !all_settled(p)) {
		if (tries < TRIES && mono_due(mono_add_ms(begin,
			(uint64_t)tries * BETWEEN_MS), now)) {
			tries++;
			for (unsigned i = 0; i < p->n; i++) {
				if (is_udp(&p->target[i]) &&
				    !is_settled(&p->target[i]))
					ask(p, &p->target[i]);
			}
		}
		wait_some(p, 50);
		now = clock_mono();
	}
}

int
probe_run(struct probe *p)
{
	int err = 0;

	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < p->n; i++)
		p->target[i].fd = -1;
	for (unsigned i = 0; i < p->n && err == 0; i++)
		err = open_target(p, &p->target[i]);
	if (err == 0)
		talk(p);
	for (unsigned i = 0; i < p->n && err == 0; i++) {
		struct probe_target *t = &p->target[i];

		if (t->kind == PROBE_UDP)
			judge_udp(t);
		else if (t->kind != PROBE_RTP)
			judge_tcp(p, t);
	}
	for (unsigned i = 0; i < p->n; i++) {
		if (p->target[i].fd >= 0)
			close(p->target[i].fd);
	}
	return err;
}
