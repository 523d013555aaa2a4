/*
 * The real program over its real doors: starts postern-mediaproxy, opens a
 * session as sigproxy would, sends RTP from two sockets and counts what
 * arrives where.
 *
 *	loopback PROGRAM [PACKETS]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "common/codec/rtp.h"
#include "common/io/door.h"
#include "common/io/log.h"
#include "mediaproxy/io/socks.h"

#define SESSION 77
#define DEADLINE_MS 20000
#define NOBODY 65534

enum { HOME, OFFICE, STRANGER, N_SOCKETS };

static struct test {
	uv_loop_t *loop;
	struct door *relay;
	uv_timer_t pace, deadline;
	pid_t child;
	char dir[40];
	int fd[N_SOCKETS];
	struct ipc_port port[2];	/* the relay's, by end */
	unsigned said, sent, want, stats, latched;
	unsigned got[N_SOCKETS], rtcp_got;
	struct ipc_relay_stats stat[2];
} t;

static void
die(const char *why)
{
	fprintf(stderr, "loopback: %s (errno %s)\n", why, strerror(errno));
	if (t.child > 0)
		kill(t.child, SIGKILL);
	exit(1);
}

static struct addr
at(const char *text)
{
	struct addr a = { 0 };

	if (addr_parse(span_str(text), 1, &a) != 0)
		die(text);
	return a;
}

/* ---- sockets of the two phones and of somebody else ---- */

static const char *const where[N_SOCKETS] = { "127.0.0.3:41000",
	"127.0.0.2:42000", "127.0.0.9:43000" };

static void
open_socket(int i)
{
	struct addr a = at(where[i]);
	struct sockaddr_storage ss;
	socklen_t len = sock_addr_to(&a, &ss);

	t.fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (t.fd[i] < 0 || bind(t.fd[i], (struct sockaddr *)&ss, len) < 0)
		die("bind");
}

static void
send_rtp(int from, const struct addr *to, unsigned seq)
{
	uint8_t packet[172] = { 0x80, 0 };
	struct sockaddr_storage ss;
	socklen_t len = sock_addr_to(to, &ss);

	packet[2] = (uint8_t)(seq >> 8);
	packet[3] = (uint8_t)seq;
	packet[11] = (uint8_t)(from + 1);	/* SSRC */
	packet[12] = (uint8_t)(0xa0 + from);
	sendto(t.fd[from], packet, sizeof(packet), 0, (struct sockaddr *)&ss,
	    len);
}

static void
collect(int i)
{
	uint8_t p[2048];
	ssize_t n;

	while ((n = recv(t.fd[i], p, sizeof(p), MSG_DONTWAIT)) > 0) {
		if (n == 172 && p[12] == 0xa0 + (i == HOME ? OFFICE : HOME))
			t.got[i]++;
		else if (i == STRANGER || n == 172)
			die("a packet came where it does not belong");
	}
}

/* ---- the conversation ---- */

static void
say(enum ipc_type type, const void *m)
{
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	switch (type) {
	case IPC_RELAY_OPEN:
		IPC_FRAME(&b, RELAY_OPEN, relay_open, m);
		break;
	case IPC_RELAY_SET:
		IPC_FRAME(&b, RELAY_SET, relay_set, m);
		break;
	default:
		IPC_FRAME(&b, RELAY_CLOSE, relay_close, m);
		break;
	}
	if (door_send(t.relay, buf_span(&b)) != 0)
		die("door_send");
}

static void
open_end(uint8_t end)
{
	const struct ipc_relay_open m = { .id = end, .session = SESSION,
		.end = end, .family = 4, .streams = 1,
		.zone = end == HOME ? ZONE_EXTERNAL : ZONE_INTERNAL,
		.phone = at(end == HOME ? "127.0.0.3:5060" :
		    "127.0.0.2:5060") };

	say(IPC_RELAY_OPEN, &m);
}

static void
set_end(uint8_t end)
{
	const struct ipc_relay_set m = { .session = SESSION, .end = end,
		.to_end = end == HOME ? OFFICE : HOME, .rtp = at(where[end]),
		.relearn = 1, .phone = at(where[end]) };

	say(IPC_RELAY_SET, &m);
}

static void
finish(void)
{
	struct rusage used;
	double ms;
	int status;

	kill(t.child, SIGTERM);
	wait4(t.child, &status, 0, &used);
	ms = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
	    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
	printf("home heard %u of %u, office heard %u of %u, refused %llu, "
	    "CPU %.1f us a packet\n", t.got[HOME], t.want, t.got[OFFICE],
	    t.want, (unsigned long long)(t.stat[0].counter.refused +
	    t.stat[1].counter.refused), ms * 1e3 / (2.0 * t.want));
	if (t.got[HOME] != t.want || t.got[OFFICE] != t.want)
		die("packets are missing");
	if (t.stat[HOME].counter.packets_in != t.want ||
	    t.stat[HOME].counter.refused != t.want ||
	    t.stat[OFFICE].counter.lost != 0)
		die("the counters are wrong");
	if (t.latched != 2)
		die("RELAY_NEWS did not tell both latchings");
	exit(0);
}

static void
on_pace(uv_timer_t *timer)
{
	for (int i = 0; i < N_SOCKETS; i++)
		collect(i);
	if (t.sent < t.want) {
		for (int burst = 0; burst < 4 && t.sent < t.want; burst++) {
			struct addr home_port = at("127.0.0.1:1");
			struct addr office_port = home_port;

			home_port.port = t.port[HOME].rtp;
			office_port.port = t.port[OFFICE].rtp;
			send_rtp(STRANGER, &home_port, t.sent);
			send_rtp(HOME, &home_port, t.sent);
			send_rtp(OFFICE, &office_port, t.sent);
			t.sent++;
		}
		return;
	}
	if (t.got[HOME] == t.want && t.got[OFFICE] == t.want &&
	    t.latched == 2) {
		const struct ipc_relay_close m = { SESSION, RELAY_ALL_ENDS };

		uv_timer_stop(timer);
		say(IPC_RELAY_CLOSE, &m);
	}
}

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct ipc_relay_say said;
	struct ipc_relay_news news;

	switch (type) {
	case IPC_RELAY_SAY:
		if (get_relay_say(payload, &said) != 0 || said.refusal != 0)
			die("RELAY_SAY");
		t.port[said.end] = said.ports[0];
		if (++t.said < 2)
			return 0;
		set_end(HOME);
		set_end(OFFICE);
		uv_timer_start(&t.pace, on_pace, 1, 1);
		return 0;
	case IPC_RELAY_NEWS:
		if (get_relay_news(payload, &news) == 0 &&
		    news.what == RELAY_LATCHED)
			t.latched++;
		return 0;
	case IPC_RELAY_STATS:
		if (get_relay_stats(payload, &t.stat[t.stats]) != 0)
			die("RELAY_STATS");
		if (++t.stats == 2)
			finish();
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
	open_end(HOME);
	open_end(OFFICE);
}

static void
on_deadline(uv_timer_t *timer)
{
	fprintf(stderr, "sent %u, home %u, office %u, latched %u\n", t.sent,
	    t.got[HOME], t.got[OFFICE], t.latched);
	die("it took too long");
}

/* ---- set-up ---- */

static void
write_conf(const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		die(path);
	fputs("[site]\ndomain = test.example\n"
	      "[address]\ninternal = 127.0.0.1\nexternal = 127.0.0.1\n"
	      "public = none\n"
	      "[media]\nports = 26384-26423\ninternal_ports = 27000-27039\n"
	      "channels = 20\n", f);
	fclose(f);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

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

int
main(int argc, char **argv)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, NULL };
	char conf[108], path[108];
	struct doors *d;

	if (argc < 2)
		return 2;
	t.want = argc > 2 ? (unsigned)atoi(argv[2]) : 2000;
	log_open("loopback", LOG_WARN_);
	snprintf(t.dir, sizeof(t.dir), "/tmp/postern-loopback-XXXXXX");
	if (mkdtemp(t.dir) == NULL || chmod(t.dir, 0755) < 0)
		die(t.dir);
	snprintf(conf, sizeof(conf), "%s/postern.conf", t.dir);
	snprintf(path, sizeof(path), "%s/sigproxy.mediaproxy-0.sock", t.dir);
	write_conf(conf);
	for (int i = 0; i < N_SOCKETS; i++)
		open_socket(i);
	t.loop = uv_default_loop();
	d = doors_new(t.loop, ROLE_SIG, 0, &ops);
	t.relay = doors_peer(d, ROLE_MEDIA, 0, (uid_t)-1);
	if (door_inherit(t.relay, listen_at(path)) != 0 ||
	    doors_serve(d) != 0)
		die("door");
	start_relay(argv[1], conf);
	uv_timer_init(t.loop, &t.pace);
	uv_timer_init(t.loop, &t.deadline);
	uv_timer_start(&t.deadline, on_deadline, DEADLINE_MS, 0);
	uv_run(t.loop, UV_RUN_DEFAULT);
	return 1;
}
