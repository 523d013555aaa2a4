/*
 * The real program over its real doors: starts postern-mediaproxy, opens
 * sessions as sigproxy would, sends RTP between two sockets of each call and
 * from a stranger's, and counts what arrives where and when.
 *
 *	loopback PROGRAM [CALLS [PACKETS]]
 *
 * Each phone sends 50 packets a second; CPU time is the relay's own, from
 * the first packet to the last.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "common/codec/rtp.h"
#include "common/io/clock.h"
#include "common/io/door.h"
#include "common/io/log.h"
#include "mediaproxy/io/socks.h"

#define CALLS_MAX 1000
#define NOBODY 65534
#define PACKET_LEN 172		/* 20 ms of G.711 */
#define DELAYS_MAX 200000

enum { HOME, OFFICE, N_ENDS };

struct call {
	int fd[N_ENDS];
	struct addr phone[N_ENDS];
	struct ipc_port port[N_ENDS];	/* the relay's */
	unsigned got[N_ENDS], latched;
	struct ipc_counter stat[N_ENDS];
};

static struct test {
	uv_loop_t *loop;
	struct door *relay;
	uv_timer_t pace, deadline;
	pid_t child;
	char dir[40], conf[108], door[108];
	int stranger;
	struct call call[CALLS_MAX];
	unsigned n_calls, want;
	unsigned said, stats, tick;
	uint64_t got;
	struct mono first, last;
	double cpu_before_ms;
	uint32_t delay_us[DELAYS_MAX];
	unsigned n_delays;
} t;

static void
die(const char *why)
{
	fprintf(stderr, "loopback: %s (errno %s)\n", why, strerror(errno));
	if (t.child > 0)
		kill(t.child, SIGKILL);
	exit(1);
}

static void
clean_up(void)
{
	unlink(t.conf);
	unlink(t.door);
	rmdir(t.dir);
}

/* ---- sockets of the phones and of somebody else ---- */

static struct addr
at(uint8_t last, unsigned port)
{
	return (struct addr){ ADDR_IPV4, (uint16_t)port,
		{ 127, 0, 0, last } };
}

static int
open_socket(const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = sock_addr_to(a, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) < 0)
		die("bind");
	return fd;
}

static void
send_rtp(int fd, uint16_t port, uint8_t mark, unsigned seq)
{
	uint8_t packet[PACKET_LEN] = { 0x80, 0 };
	struct addr to = at(1, port);
	struct sockaddr_storage ss;
	socklen_t len = sock_addr_to(&to, &ss);
	struct mono now = clock_mono();

	packet[2] = (uint8_t)(seq >> 8);
	packet[3] = (uint8_t)seq;
	packet[11] = mark;	/* SSRC */
	packet[12] = mark;
	memcpy(packet + 16, &now, sizeof(now));
	sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&ss, len);
}

static void
note_delay(const uint8_t *packet)
{
	struct mono sent;

	memcpy(&sent, packet + 16, sizeof(sent));
	t.last = clock_mono();
	if (t.n_delays < DELAYS_MAX)
		t.delay_us[t.n_delays++] = (uint32_t)(t.last.us - sent.us);
}

static void
collect(struct call *c, int end)
{
	uint8_t p[2048];
	ssize_t n;

	while ((n = recv(c->fd[end], p, sizeof(p), MSG_DONTWAIT)) > 0) {
		if (n != PACKET_LEN)
			continue;	/* a keepalive of the relay */
		if (p[12] != (end == HOME ? OFFICE : HOME))
			die("a packet came where it does not belong");
		c->got[end]++;
		t.got++;
		note_delay(p);
	}
}

/* ---- the conversation ---- */

static void
say(const struct buf *b)
{
	if (buf_err(b) != 0 || door_send(t.relay, buf_span(b)) != 0)
		die("door_send");
}

static void
open_end(unsigned i, uint8_t end)
{
	const struct ipc_relay_open m = { .id = i, .session = i + 1,
		.end = end, .family = 4, .streams = 1,
		.zone = end == HOME ? ZONE_EXTERNAL : ZONE_INTERNAL,
		.phone = t.call[i].phone[end] };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_OPEN, relay_open, &m);
	say(&b);
}

static void
set_end(unsigned i, uint8_t end)
{
	const struct ipc_relay_set m = { .session = i + 1, .end = end,
		.to_end = end == HOME ? OFFICE : HOME,
		.rtp = t.call[i].phone[end], .relearn = 1,
		.phone = t.call[i].phone[end] };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_SET, relay_set, &m);
	say(&b);
}

static void
close_call(unsigned i)
{
	const struct ipc_relay_close m = { i + 1, RELAY_ALL_ENDS };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, RELAY_CLOSE, relay_close, &m);
	say(&b);
}

/* ---- judgement ---- */

static double
cpu_ms(void)
{
	char path[64], line[512], *p;
	unsigned long user = 0, system = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)t.child);
	f = fopen(path, "r");
	if (f == NULL || fgets(line, sizeof(line), f) == NULL ||
	    (p = strrchr(line, ')')) == NULL ||
	    sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		&user, &system) != 2)
		die(path);
	fclose(f);
	return (double)(user + system) * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

static int
by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
report(double used_ms)
{
	uint64_t all = 2ull * t.n_calls * t.want;

	qsort(t.delay_us, t.n_delays, sizeof(t.delay_us[0]), by_size);
	printf("%u calls, %.0f packets/s: %llu of %llu arrived, "
	    "CPU %.1f us a packet, delay p50 %u us, p99 %u us\n",
	    t.n_calls, (double)all * 1e6 / (double)(t.last.us - t.first.us),
	    (unsigned long long)t.got, (unsigned long long)all,
	    used_ms * 1e3 / (double)all, t.delay_us[t.n_delays / 2],
	    t.delay_us[t.n_delays * 99 / 100]);
}

static void
judge(double used_ms)
{
	report(used_ms);
	for (unsigned i = 0; i < t.n_calls; i++) {
		const struct call *c = &t.call[i];

		if (c->got[HOME] != t.want || c->got[OFFICE] != t.want)
			die("packets are missing");
		if (c->stat[HOME].packets_in != t.want ||
		    c->stat[OFFICE].packets_out != t.want ||
		    c->stat[HOME].lost + c->stat[OFFICE].lost != 0 ||
		    /* The stranger's last may come after the phones'. */
		    c->stat[HOME].refused > t.want ||
		    c->stat[HOME].refused + 2 < t.want)
			die("the counters are wrong");
		if (c->latched != 2)
			die("RELAY_NEWS did not tell both latchings");
	}
	kill(t.child, SIGTERM);
	wait(NULL);
	clean_up();
	exit(0);
}

/* ---- pace: each call sends every 20 ms, spread over them ---- */

static void
send_call(unsigned i)
{
	struct call *c = &t.call[i];
	unsigned seq = t.tick / 20;

	if (seq >= t.want)
		return;
	send_rtp(c->fd[HOME], c->port[HOME].rtp, HOME, seq);
	send_rtp(c->fd[OFFICE], c->port[OFFICE].rtp, OFFICE, seq);
	send_rtp(t.stranger, c->port[HOME].rtp, 66, seq);
}

static bool
all_arrived(void)
{
	unsigned latched = 0;

	for (unsigned i = 0; i < t.n_calls; i++)
		latched += t.call[i].latched;
	return t.got == 2ull * t.n_calls * t.want && latched == 2 * t.n_calls;
}

static void
on_pace(uv_timer_t *timer)
{
	uint64_t now_tick = mono_ms_between(t.first, clock_mono());
	uint8_t p[16];

	for (; t.tick <= now_tick && t.tick / 20 < t.want; t.tick++) {
		for (unsigned i = t.tick % 20; i < t.n_calls; i += 20)
			send_call(i);
	}
	for (unsigned i = 0; i < t.n_calls; i++) {
		collect(&t.call[i], HOME);
		collect(&t.call[i], OFFICE);
	}
	if (recv(t.stranger, p, sizeof(p), MSG_DONTWAIT) >= 0)
		die("the stranger got a packet");
	if (t.tick / 20 < t.want || !all_arrived())
		return;
	t.cpu_before_ms = cpu_ms() - t.cpu_before_ms;
	uv_timer_stop(timer);
	for (unsigned i = 0; i < t.n_calls; i++)
		close_call(i);
}

static void
start_talking(void)
{
	for (unsigned i = 0; i < t.n_calls; i++) {
		set_end(i, HOME);
		set_end(i, OFFICE);
	}
	t.first = clock_mono();
	t.cpu_before_ms = cpu_ms();
	uv_timer_start(&t.pace, on_pace, 50, 1);
}

/* ---- frames ---- */

static void
on_say(struct span payload)
{
	struct ipc_relay_say said;

	if (get_relay_say(payload, &said) != 0 || said.refusal != 0 ||
	    said.id >= t.n_calls)
		die("RELAY_SAY");
	t.call[said.id].port[said.end] = said.ports[0];
	if (++t.said == 2 * t.n_calls)
		start_talking();
}

static void
on_stats(struct span payload)
{
	struct ipc_relay_stats stats;

	if (get_relay_stats(payload, &stats) != 0)
		die("RELAY_STATS");
	t.call[stats.session - 1].stat[stats.counter.end] = stats.counter;
	if (++t.stats == 2 * t.n_calls)
		judge(t.cpu_before_ms);
}

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct ipc_relay_news news;

	switch (type) {
	case IPC_RELAY_SAY:
		on_say(payload);
		return 0;
	case IPC_RELAY_NEWS:
		if (get_relay_news(payload, &news) == 0 &&
		    news.what == RELAY_LATCHED)
			t.call[news.session - 1].latched++;
		return 0;
	case IPC_RELAY_STATS:
		on_stats(payload);
		return 0;
	case IPC_RELAY_QUALITY:	/* test_media looks at these */
	case IPC_RELAY_REACH:	/* 196-media-modes looks at these */
		return 0;
	default:
		return -EPROTO;
	}
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	if (!up)
		die("the relay went away");
	for (unsigned i = 0; i < t.n_calls; i++) {
		open_end(i, HOME);
		open_end(i, OFFICE);
	}
}

static void
on_deadline(uv_timer_t *timer)
{
	fprintf(stderr, "tick %u, %llu arrived\n", t.tick,
	    (unsigned long long)t.got);
	die("it took too long");
}

/* ---- set-up ---- */

static void
write_conf(const char *path)
{
	unsigned channels = t.n_calls < 20 ? 20 : t.n_calls;
	FILE *f = fopen(path, "w");

	if (f == NULL)
		die(path);
	fprintf(f, "[site]\ndomain = test.example\n"
	    "[address]\ninternal = 127.0.0.1\nexternal = 127.0.0.1\n"
	    "public = none\n"
	    "[media]\nports = 26384-%u\ninternal_ports = 28400-%u\n"
	    "channels = %u\n", 26384 + 2 * channels - 1,
	    28400 + 2 * channels - 1, channels);
	fclose(f);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 ||
	    listen(fd, 4) < 0 || chmod(path, 0666) < 0)
		die(path);
	return fd;
}

static void
start_relay(const char *program, const char *conf)
{
	t.child = fork();
	if (t.child != 0)
		return;
	setenv("POSTERN_RUN_DIR", t.dir, 1);
	/* The users of an installed Postern need not exist here. */
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 ||
		setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		_exit(1);
	execl(program, program, "--config", conf, (char *)NULL);
	_exit(127);
}

static void
open_phones(void)
{
	struct rlimit many = { 16384, 16384 };
	struct addr a = at(9, 43000);

	setrlimit(RLIMIT_NOFILE, &many);
	t.stranger = open_socket(&a);
	for (unsigned i = 0; i < t.n_calls; i++) {
		t.call[i].phone[HOME] = at(3, 31000 + i);
		t.call[i].phone[OFFICE] = at(2, 31000 + i);
		for (int end = 0; end < N_ENDS; end++)
			t.call[i].fd[end] = open_socket(
			    &t.call[i].phone[end]);
	}
}

static unsigned
number(int argc, char **argv, int i, unsigned most, unsigned otherwise)
{
	uint32_t n = otherwise;

	if (argc > i && (span_to_u32(span_str(argv[i]), most, &n) != 0 ||
		n == 0))
		die("usage: loopback PROGRAM [CALLS [PACKETS]]");
	return n;
}

int
main(int argc, char **argv)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, NULL };
	struct doors *d;

	t.n_calls = number(argc, argv, 2, CALLS_MAX, 4);
	t.want = number(argc, argv, 3, 60000, 40);
	log_open("loopback", LOG_WARN_);
	snprintf(t.dir, sizeof(t.dir), "/tmp/postern-loopback-XXXXXX");
	if (argc < 2 || mkdtemp(t.dir) == NULL || chmod(t.dir, 0755) < 0)
		die(t.dir);
	snprintf(t.conf, sizeof(t.conf), "%s/postern.conf", t.dir);
	snprintf(t.door, sizeof(t.door), "%s/sigproxy.mediaproxy-0.sock",
	    t.dir);
	write_conf(t.conf);
	open_phones();
	t.loop = uv_default_loop();
	d = doors_new(t.loop, ROLE_SIG, 0, &ops);
	t.relay = doors_peer(d, ROLE_MEDIA, 0, (uid_t)-1);
	if (door_inherit(t.relay, listen_at(t.door)) != 0 ||
	    doors_serve(d) != 0)
		die("door");
	start_relay(argv[1], t.conf);
	uv_timer_init(t.loop, &t.pace);
	uv_timer_init(t.loop, &t.deadline);
	uv_timer_start(&t.deadline, on_deadline, 20000 + 20 * t.want, 0);
	uv_run(t.loop, UV_RUN_DEFAULT);
	return 1;
}
