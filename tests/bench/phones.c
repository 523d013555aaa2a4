/*
 * Many phones that talk through a relay at once: G.711, 50 packets a second
 * each way, each phone at a moment of its own.  For measuring only.
 *
 *	phones CALLS SECONDS [PID [deaf]]
 *
 * Calling phones are at 127.0.0.3, called ones at 127.0.0.2; call i uses port
 * PHONE_PORT + i % PLACES of each.  Prints "ready", reads for each call the
 * relay's port for its caller and for its callee and the key of what the
 * relay sends to the callee ("-": all is plain RTP), and talks: WARM_S
 * unmeasured, then SECONDS measured.  Then it prints one JSON object.
 *
 * A packet's delay goes from just before it is sent to when the kernel put it
 * into the other phone's socket, so nothing of ours is in it.  PID: the relay,
 * whose CPU time is read at begin and end of what is measured.
 *
 * deaf: nobody listens, which saves the phones half of their own time.  Then
 * nothing is said of delays, and what counts as got is what was sent: what
 * the relay's sockets threw away is for the caller to know.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sealed.h"

#define PLACES 4		/* sockets on each side */
#define PHONE_PORT 31000
#define CALLS_MAX 5000
#define BATCH 32
#define PACKET_LEN 172		/* 20 ms of G.711 */
#define INTERVAL_NS 20000000
#define WARM_S 2
#define TAIL_NS 200000000	/* after the last packet */
#define COLLECT_NS 1000000
#define BUFFER (8 << 20)
#define DELAYS 200000		/* microseconds; the last one: or more */
#define SLICE_NS 1000000000ull
#define SLICES_MAX 600
#define LATE_NS 100000000	/* behind so far, we skip what was due */

enum { CALLER, CALLED, SIDES };

/* What one phone says. */
struct flow {
	uint32_t call;
	int side;
	uint32_t phase_ns;
	uint32_t seq;
	struct sockaddr_in to;
};

struct out {
	int fd;
	unsigned n;
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	uint8_t data[BATCH][PACKET_LEN + SEALED_MORE];
};

/* In the payload, behind the RTP header. */
struct stamp {
	uint64_t sent_ns;
	uint32_t call;
	uint8_t side, measured;
};

static struct bench {
	unsigned n_calls, n_flows, seconds;
	int pid;
	struct flow flow[SIDES * CALLS_MAX];
	struct out out[SIDES * PLACES];
	uint32_t delay[DELAYS];
	double slice[SLICES_MAX];	/* CPU us a packet, second by second */
	unsigned n_slices;
	uint64_t slice_got, slice_cpu_ns;
	uint64_t sent, got, skipped, wrong;
	bool measured, deaf;
} b;

static void
die(const char *why)
{
	fprintf(stderr, "phones: %s: %s\n", why, strerror(errno));
	exit(1);
}

static uint64_t
clock_ns(void)
{
	struct timespec t;

	/* The clock of the kernel's receive stamps. */
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Nanoseconds of CPU that all threads of the relay have used. */
static uint64_t
relay_cpu_ns(void)
{
	char path[64], name[400];
	struct dirent *d;
	uint64_t all = 0;
	DIR *dir;

	if (b.pid == 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/task", b.pid);
	dir = opendir(path);
	if (dir == NULL)
		die(path);
	while ((d = readdir(dir)) != NULL) {
		unsigned long long ns = 0;
		FILE *f;

		if (d->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s/schedstat", path,
		    d->d_name);
		f = fopen(name, "r");
		if (f != NULL && fscanf(f, "%llu", &ns) == 1)
			all += ns;
		if (f != NULL)
			fclose(f);
	}
	closedir(dir);
	return all;
}

/* ---- set-up ---- */

static int
open_place(int side, unsigned place)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
	int size = b.deaf ? 1 : BUFFER;
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (side == CALLER ? 2 : 1));
	a.sin_port = htons((uint16_t)(PHONE_PORT + place));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("a phone's socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) <
		0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		die("SO_RCVBUF");
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		die("SO_TIMESTAMPNS");
	return fd;
}

static void
open_places(void)
{
	for (int i = 0; i < SIDES * PLACES; i++) {
		struct out *o = &b.out[i];

		o->fd = open_place(i / PLACES, (unsigned)i % PLACES);
		for (int k = 0; k < BATCH; k++) {
			o->iov[k] = (struct iovec){ o->data[k], PACKET_LEN };
			o->msg[k].msg_hdr.msg_iov = &o->iov[k];
			o->msg[k].msg_hdr.msg_iovlen = 1;
			o->msg[k].msg_hdr.msg_namelen =
			    sizeof(struct sockaddr_in);
		}
	}
}

static int
by_phase(const void *x, const void *y)
{
	const struct flow *p = x, *q = y;

	return (p->phase_ns > q->phase_ns) - (p->phase_ns < q->phase_ns);
}

/* The same spread in every run (Numerical Recipes' generator). */
static uint32_t
next_phase(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)*state * INTERVAL_NS >> 32);
}

static void
read_ports(void)
{
	uint32_t state = 1;

	printf("ready\n");
	fflush(stdout);
	for (unsigned i = 0; i < b.n_calls; i++) {
		unsigned port[SIDES];
		char key[2 * SEALED_KEY_LEN + 1];

		if (scanf("%u %u %60s", &port[CALLER], &port[CALLED], key) !=
		    3)
			die("ports");
		if (strcmp(key, "-") != 0)
			sealed_set_key(i, key);
		for (int side = 0; side < SIDES; side++) {
			struct flow *f = &b.flow[b.n_flows++];

			*f = (struct flow){ i, side, next_phase(&state), 0,
				{ .sin_family = AF_INET } };
			f->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
			f->to.sin_port = htons((uint16_t)port[side]);
		}
	}
	qsort(b.flow, b.n_flows, sizeof(b.flow[0]), by_phase);
}

/* ---- sending ---- */

static void
flush(struct out *o)
{
	unsigned done = 0;

	while (done < o->n) {
		int n = sendmmsg(o->fd, o->msg + done, o->n - done, 0);

		if (n <= 0 && errno != EINTR && errno != ECONNREFUSED)
			die("sendmmsg");
		done += n > 0 ? (unsigned)n : 0;
	}
	if (b.measured)
		b.sent += o->n;
	if (b.measured && b.deaf)
		b.got += o->n;
	o->n = 0;
}

static void
say(struct flow *f)
{
	struct out *o = &b.out[f->side * PLACES + (int)(f->call % PLACES)];
	struct stamp s = { clock_ns(), f->call, (uint8_t)f->side,
		b.measured };
	uint32_t stamp = htonl(f->seq * 160);
	uint32_t ssrc = htonl(2 * f->call + (unsigned)f->side + 1);
	uint16_t seq = htons((uint16_t)f->seq);
	uint8_t *p = o->data[o->n];

	p[0] = 0x80;
	p[1] = 0;
	memcpy(p + 2, &seq, 2);
	memcpy(p + 4, &stamp, 4);
	memcpy(p + 8, &ssrc, 4);
	memcpy(p + 12, &s, sizeof(s));
	f->seq++;
	o->iov[o->n].iov_len = f->side == CALLED && sealed_is_on(f->call) ?
	    sealed_close(p, PACKET_LEN) : PACKET_LEN;
	o->msg[o->n].msg_hdr.msg_name = &f->to;
	if (++o->n == BATCH)
		flush(o);
}

static void
flush_all(void)
{
	for (int i = 0; i < SIDES * PLACES; i++)
		if (b.out[i].n > 0)
			flush(&b.out[i]);
}

/* ---- receiving ---- */

static void
note(const uint8_t *p, const struct msghdr *h, int side)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(h);
	uint64_t at_ns, us;
	struct timespec t;
	struct stamp s;

	memcpy(&s, p + 12, sizeof(s));
	if (s.side == side || s.call >= b.n_calls) {
		b.wrong++;
		return;
	}
	if (!s.measured)
		return;
	b.got++;
	if (c == NULL || c->cmsg_type != SO_TIMESTAMPNS)
		return;
	memcpy(&t, CMSG_DATA(c), sizeof(t));
	at_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	us = at_ns > s.sent_ns ? (at_ns - s.sent_ns) / 1000 : 0;
	b.delay[us < DELAYS ? us : DELAYS - 1]++;
}

/* A phone's packet, in clear now?  The SSRC says of which call. */
static bool
opened(uint8_t *p, size_t len, int side)
{
	uint32_t ssrc;

	if (len == PACKET_LEN)
		return true;
	memcpy(&ssrc, p + 8, 4);
	return len == PACKET_LEN + SEALED_MORE && side == CALLED &&
	    sealed_open((ntohl(ssrc) - 1) / 2, p, len) == PACKET_LEN;
}

static void
collect(int i)
{
	static uint8_t data[BATCH][2048], control[BATCH][64];
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	int n;

	do {
		memset(msg, 0, sizeof(msg));
		for (int k = 0; k < BATCH; k++) {
			iov[k] = (struct iovec){ data[k], sizeof(data[k]) };
			msg[k].msg_hdr.msg_iov = &iov[k];
			msg[k].msg_hdr.msg_iovlen = 1;
			msg[k].msg_hdr.msg_control = control[k];
			msg[k].msg_hdr.msg_controllen = sizeof(control[k]);
		}
		n = recvmmsg(b.out[i].fd, msg, BATCH, MSG_DONTWAIT, NULL);
		for (int k = 0; k < n; k++)
			if (opened(data[k], msg[k].msg_len, i / PLACES))
				note(data[k], &msg[k].msg_hdr, i / PLACES);
	} while (n == BATCH);
}

static void
collect_all(void)
{
	if (b.deaf)
		return;
	for (int i = 0; i < SIDES * PLACES; i++)
		collect(i);
}

/* ---- pace ---- */

static void
sleep_until(uint64_t at_ns)
{
	struct timespec t = { (time_t)(at_ns / 1000000000),
		(long)(at_ns % 1000000000) };

	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
}

static void
end_slice(void)
{
	uint64_t cpu_ns = relay_cpu_ns(), got = b.got - b.slice_got;

	if (b.measured && got > 0 && b.n_slices < SLICES_MAX)
		b.slice[b.n_slices++] = (double)(cpu_ns - b.slice_cpu_ns) /
		    1e3 / (double)got;
	b.slice_cpu_ns = cpu_ns;
	b.slice_got = b.got;
}

/* Everybody talks for so long, each at the moments that are his. */
static void
talk(uint64_t begin_ns, uint64_t end_ns)
{
	uint64_t round_ns = begin_ns, collect_ns = begin_ns;
	unsigned i = 0;

	while (round_ns < end_ns) {
		uint64_t due_ns = round_ns + b.flow[i].phase_ns;
		uint64_t now_ns = clock_ns();

		if (due_ns > now_ns || now_ns >= collect_ns) {
			flush_all();
			if (now_ns >= collect_ns) {
				collect_all();
				collect_ns = clock_ns() + COLLECT_NS;
			}
			if (due_ns > clock_ns())
				sleep_until(due_ns);
		}
		/* Held up: what was due long ago is not sent all at once. */
		if (now_ns > due_ns + LATE_NS)
			b.skipped++;
		else
			say(&b.flow[i]);
		if (++i == b.n_flows) {
			i = 0;
			round_ns += INTERVAL_NS;
			if ((round_ns - begin_ns) % SLICE_NS == 0)
				end_slice();
		}
	}
	flush_all();
}

static unsigned
percentile(unsigned permille)
{
	uint64_t all = 0, seen = 0;

	for (unsigned us = 0; us < DELAYS; us++)
		all += b.delay[us];
	for (unsigned us = 0; us < DELAYS; us++) {
		seen += b.delay[us];
		if (seen * 1000 >= all * permille)
			return us;
	}
	return DELAYS;
}

static void
report(uint64_t cpu_ns)
{
	printf("{\"slices\":[");
	for (unsigned i = 0; i < b.n_slices; i++)
		printf("%s%.2f", i > 0 ? "," : "", b.slice[i]);
	printf("],\"calls\":%u,\"sent\":%llu,\"got\":%llu,\"skipped\":%llu,"
	    "\"wrong\":%llu,\"cpu_us\":%.2f,\"core\":%.3f,\"p50_us\":%u,"
	    "\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u}\n",
	    b.n_calls, (unsigned long long)b.sent,
	    (unsigned long long)b.got, (unsigned long long)b.skipped,
	    (unsigned long long)b.wrong,
	    b.got > 0 ? (double)cpu_ns / 1e3 / (double)b.got : 0,
	    (double)cpu_ns / 1e9 / b.seconds, percentile(500),
	    percentile(990), percentile(999), percentile(1000));
}

static unsigned
number(const char *text, unsigned most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n == 0 || n > most) {
		fprintf(stderr, "usage: phones CALLS SECONDS "
		    "[PID [deaf]]\n");
		exit(2);
	}
	return (unsigned)n;
}

int
main(int argc, char **argv)
{
	uint64_t begin_ns, cpu_ns;

	if (argc < 3 || argc > 5)
		number("", 0);
	b.deaf = argc == 5 && strcmp(argv[4], "deaf") == 0;
	if (argc == 5 && !b.deaf)
		number("", 0);
	b.n_calls = number(argv[1], CALLS_MAX);
	b.seconds = number(argv[2], 86400);
	b.pid = argc >= 4 ? (int)number(argv[3], INT32_MAX) : 0;
	prctl(PR_SET_TIMERSLACK, 1);
	open_places();
	read_ports();
	begin_ns = clock_ns();
	talk(begin_ns, begin_ns + WARM_S * 1000000000ull);
	b.measured = true;
	b.skipped = 0;
	cpu_ns = b.slice_cpu_ns = relay_cpu_ns();
	begin_ns = clock_ns();
	talk(begin_ns, begin_ns + b.seconds * 1000000000ull);
	for (uint64_t end_ns = clock_ns() + TAIL_NS; clock_ns() < end_ns;) {
		collect_all();
		sleep_until(clock_ns() + COLLECT_NS);
	}
	report(relay_cpu_ns() - cpu_ns);
	return 0;
}
