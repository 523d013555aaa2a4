/*
 * Doors: two processes played in one loop, over real sockets in a folder of
 * the test's own.  The test plays the supervisor that keeps the listening
 * sockets, and raw peers that break the rules.
 */
#include <check.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/door_parts.h"
#include "common/io/log.h"

struct side {
	struct doors *doors;
	struct door *peer;
	char news[64];		/* "+" up, "-" down, digits of nonce ids */
	unsigned drained;
	unsigned frames;
	bool echo;		/* answer each frame */
};

/* How much of its next datagram the kernel takes; -1: as it likes. */
static int takes = -1;

/* Stands before libuv's own, which common/io would else find. */
int
uv_try_write(uv_stream_t *stream, const uv_buf_t *bufs, unsigned n)
{
	int (*real)(uv_stream_t *, const uv_buf_t *, unsigned) = NULL;
	uv_buf_t part = bufs[0];

	*(void **)&real = dlsym(RTLD_NEXT, "uv_try_write");
	if (takes < 0 || uv_stream_get_write_queue_size(stream) > 0)
		return real(stream, bufs, n);
	if (part.len > (size_t)takes)
		part.len = (size_t)takes;
	takes = -1;
	return part.len == 0 ? UV_EAGAIN : real(stream, &part, 1);
}

static uv_loop_t loop;
static char dir[64];
/* Where others knock for sigproxy's and the store's process. */
static int sig_listens, reg_listens;
static struct sockaddr_un sig_path, reg_path;

static int
listen_at(const char *name, struct sockaddr_un *path_out)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*path_out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(path_out->sun_path, sizeof(path_out->sun_path), "%s/%s",
	    dir, name);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)path_out,
	    sizeof(*path_out)), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	return fd;
}

static void
setup(void)
{
	log_open("test", LOG_ERROR_ + 1);
	snprintf(dir, sizeof(dir), "/tmp/door-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	uv_loop_init(&loop);
	sig_listens = listen_at("sig", &sig_path);
	reg_listens = listen_at("reg", &reg_path);
}

static void
turn(unsigned times)
{
	while (times-- > 0)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void
teardown(void)
{
	turn(10);
	unlink(sig_path.sun_path);
	unlink(reg_path.sun_path);
	rmdir(dir);
	close(sig_listens);
	close(reg_listens);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void
add_news(struct side *s, char c)
{
	size_t n = strlen(s->news);

	if (n + 1 < sizeof(s->news))
		s->news[n] = c;
}

static int
say_status(struct door *to, struct span payload)
{
	struct ipc_status_ask ask;
	struct ipc_status_say say = { .json = SPAN_LIT("{}") };
	char mem[64];
	struct buf b;
	int err = get_status_ask(payload, &ask);

	if (err)
		return err;
	say.id = ask.id;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STATUS_SAY, status_say, &say);
	return door_send(to, buf_span(&b));
}

static int
say_nonce(struct door *to, uint32_t id)
{
	char nonce[IPC_NONCE_LEN] = { 0 }, mem[128];
	struct ipc_nonce_say say = { .id = id, .lifetime_ms = 1,
		.nonces = span_make(nonce, sizeof(nonce)) };
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, NONCE_SAY, nonce_say, &say);
	return door_send(to, buf_span(&b));
}

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct side *s = arg;
	struct ipc_nonce_ask ask;
	int err;

	s->frames++;
	if (type == IPC_STATUS_ASK)
		return say_status(from, payload);
	if (type != IPC_NONCE_ASK)
		return 0;
	err = get_nonce_ask(payload, &ask);
	if (err)
		return err;
	add_news(s, (char)('0' + ask.id % 10));
	if (s->echo)
		ck_assert_int_eq(say_nonce(from, ask.id), 0);
	return 0;
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	add_news(arg, up ? '+' : '-');
}

static void
on_drained(void *arg)
{
	struct side *s = arg;

	s->drained++;
}

static void
make(struct side *s, enum ipc_role self, uint8_t instance)
{
	bool sig = self == ROLE_SIG;
	const struct doors_ops ops = { on_frame, on_state, on_drained, s };

	memset(s, 0, sizeof(*s));
	s->doors = doors_new(&loop, self, instance, &ops);
	s->peer = doors_peer(s->doors, sig ? ROLE_REG : ROLE_SIG, 0,
	    getuid());
	ck_assert_int_eq(door_inherit(s->peer,
	    dup(sig ? sig_listens : reg_listens)), 0);
}

static int
knock(struct side *s)
{
	return door_knock(s->peer, door_role(s->peer) == ROLE_REG ?
	    reg_path.sun_path : sig_path.sun_path);
}

/* What a process does when it starts. */
static void
start(struct side *s, enum ipc_role self)
{
	make(s, self, 0);
	ck_assert_int_eq(knock(s), 0);
	ck_assert_int_eq(doors_serve(s->doors), 0);
}

static void
stop(struct side *s)
{
	doors_free(s->doors);
	s->doors = NULL;
	turn(2);
}

static int
ask(struct side *s, uint32_t id)
{
	struct ipc_nonce_ask m = { .id = id, .count = 1 };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, NONCE_ASK, nonce_ask, &m);
	return door_send(s->peer, buf_span(&b));
}

/* ---- two processes ---- */

START_TEST(who_starts_second_finds_the_first)
{
	struct side sig, reg;

	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	turn(3);
	ck_assert_int_eq(ask(&reg, 1), -ENOTCONN);
	start(&sig, ROLE_SIG);
	turn(10);
	ck_assert_str_eq(sig.news, "+");
	ck_assert_str_eq(reg.news, "+");
	ck_assert_int_eq(ask(&sig, 3), 0);
	turn(3);
	ck_assert_str_eq(reg.news, "+3");
	stop(&sig);
	turn(3);
	ck_assert_str_eq(reg.news, "+3-");
	ck_assert(!door_is_up(reg.peer));
	stop(&reg);
}
END_TEST

/* _i: bit 0: who is made first; bit 1: who serves first */
START_TEST(both_start_at_once_and_agree_on_one_connection)
{
	struct side sig, reg;
	struct side *first = _i & 1 ? &sig : &reg;

	if (first == &sig)
		make(&sig, ROLE_SIG, 0);
	make(&reg, ROLE_REG, 0);
	if (first != &sig)
		make(&sig, ROLE_SIG, 0);
	ck_assert_int_eq(knock(&sig), 0);
	ck_assert_int_eq(knock(&reg), 0);
	ck_assert_int_eq(doors_serve(_i & 2 ? sig.doors : reg.doors), 0);
	turn(_i & 4 ? 10 : 0);
	ck_assert_int_eq(doors_serve(_i & 2 ? reg.doors : sig.doors), 0);
	turn(10);
	ck_assert_str_eq(sig.news, "+");
	ck_assert_str_eq(reg.news, "+");
	/* one and the same: dialled at one end, accepted at the other */
	ck_assert(sig.peer->used->dialled != reg.peer->used->dialled);
	if (sig.doors->started.us > reg.doors->started.us)
		ck_assert(sig.peer->used->dialled);
	else
		ck_assert(reg.peer->used->dialled);
	reg.echo = true;
	ck_assert_int_eq(ask(&sig, 5), 0);
	turn(5);
	ck_assert_str_eq(reg.news, "+5");
	ck_assert_uint_eq(sig.frames, 1);
	stop(&sig);
	stop(&reg);
}
END_TEST

START_TEST(at_the_same_microsecond_the_higher_role_wins)
{
	struct side sig, reg;

	make(&sig, ROLE_SIG, 0);
	make(&reg, ROLE_REG, 0);
	sig.doors->started = reg.doors->started = clock_mono();
	ck_assert_int_eq(knock(&sig), 0);
	ck_assert_int_eq(knock(&reg), 0);
	ck_assert_int_eq(doors_serve(sig.doors), 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	turn(10);
	ck_assert(reg.peer->used->dialled);
	ck_assert(!sig.peer->used->dialled);
	stop(&sig);
	stop(&reg);
}
END_TEST

/* _i 0: the store restarts; 1: sigproxy does; many times over */
START_TEST(a_restarted_process_is_used_at_once)
{
	struct side sig, reg;
	struct side *lives = _i ? &reg : &sig, *dies = _i ? &sig : &reg;
	enum ipc_role role = _i ? ROLE_SIG : ROLE_REG;

	start(&reg, ROLE_REG);
	start(&sig, ROLE_SIG);
	turn(10);
	for (int round = 0; round < 20; round++) {
		stop(dies);
		memset(lives->news, 0, sizeof(lives->news));
		start(dies, role);
		turn(10);
		ck_assert_str_eq(dies->news, "+");
		ck_assert_msg(lives->news[strlen(lives->news) - 1] == '+' &&
		    strlen(lives->news) <= 2, "%s", lives->news);
		ck_assert_int_eq(ask(&sig, 7), 0);
		turn(5);
		ck_assert(strchr(reg.news, '7') != NULL);
	}
	stop(&sig);
	stop(&reg);
}
END_TEST

/* Who writes to a dead peer still reads what it said before.
 * _i 0: written at once; 1: what waits in the queue fails */
START_TEST(a_failed_write_loses_no_last_words)
{
	struct side sig, reg;
	uv_os_fd_t fd;

	start(&reg, ROLE_REG);
	start(&sig, ROLE_SIG);
	turn(10);
	uv_fileno((uv_handle_t *)&sig.peer->used->pipe, &fd);
	ck_assert_int_eq(ask(&sig, 4), 0);
	ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
	takes = _i ? 0 : -1;
	ck_assert_int_eq(say_nonce(reg.peer, 1), _i ? 0 : -ENOTCONN);
	turn(5);
	/* and up again by the other connection of the two */
	ck_assert_str_eq(reg.news, "+4-+");
	stop(&sig);
	stop(&reg);
}
END_TEST

/* The knock waited in the backlog of a process that started after it: both
 * connections are to one and the same process, which comes up once. */
START_TEST(a_knock_that_waited_is_no_second_start)
{
	struct side sig, reg;

	make(&sig, ROLE_SIG, 0);
	ck_assert_int_eq(knock(&sig), 0);
	ck_assert_int_eq(doors_serve(sig.doors), 0);
	turn(3);
	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	turn(5);		/* up by the old knock */
	ck_assert_int_eq(knock(&reg), 0);
	conn_new(reg.peer, reg.peer->knock_fd, true);
	reg.peer->knock_fd = -1;
	turn(5);
	ck_assert_str_eq(sig.news, "+");
	ck_assert_str_eq(reg.news, "+");
	ck_assert(reg.peer->used->dialled);
	ck_assert(!sig.peer->used->dialled);
	stop(&sig);
	stop(&reg);
}
END_TEST

/* Bytes in the socket outlive their sender, and stay in order. */
START_TEST(last_words_of_the_dead_come_before_the_next_ones)
{
	struct side sig, reg;

	start(&reg, ROLE_REG);
	start(&sig, ROLE_SIG);
	turn(10);
	ck_assert_int_eq(ask(&sig, 1), 0);
	ck_assert_int_eq(ask(&sig, 2), 0);
	/* dies before the store's next turn */
	ck_assert_ptr_nonnull(sig.peer->used);
	{
		struct side next;
		uv_os_fd_t fd;

		/* the dead one's socket closes, its handles go silently */
		uv_fileno((uv_handle_t *)&sig.peer->used->pipe, &fd);
		shutdown(fd, SHUT_RDWR);
		make(&next, ROLE_SIG, 0);
		ck_assert_int_eq(knock(&next), 0);
		ck_assert_int_eq(doors_serve(next.doors), 0);
		next.peer->used = next.peer->conns;	/* greets later */
		ck_assert_int_eq(ask(&next, 3), 0);
		next.peer->used = NULL;
		turn(10);
		ck_assert_ptr_nonnull(strstr(reg.news, "12"));
		ck_assert(strchr(reg.news, '3') > strchr(reg.news, '2'));
		ck_assert(door_is_up(reg.peer));
		stop(&next);
	}
	stop(&sig);
	stop(&reg);
}
END_TEST

static int
raw_knock(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)to,
	    sizeof(*to)), 0);
	return fd;
}

static void
put_hello_as(struct buf *b, uint8_t role, uint8_t instance, uint64_t started)
{
	struct ipc_hello h = { IPC_VERSION, ipc_table_mark(), role, instance,
		started };

	IPC_FRAME(b, HELLO, hello, &h);
}

static int
greeted_raw(uint64_t started)
{
	char mem[64];
	struct buf b;
	int fd = raw_knock(&reg_path);

	buf_init(&b, mem, sizeof(mem));
	put_hello_as(&b, ROLE_SIG, 0, started);
	ck_assert_int_eq(write(fd, mem, b.len), (ssize_t)b.len);
	turn(3);
	return fd;
}

static void
raw_ask(int fd, uint32_t id)
{
	struct ipc_nonce_ask m = { .id = id, .count = 1 };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, NONCE_ASK, nonce_ask, &m);
	ck_assert_int_eq(write(fd, mem, b.len), (ssize_t)b.len);
}

/* Whatever the order in which the kernel tells of them. */
START_TEST(older_connections_are_read_before_newer_ones)
{
	struct side reg;
	int old, new;

	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	old = greeted_raw(1);
	uv_read_stop((uv_stream_t *)&reg.peer->used->pipe);
	new = greeted_raw(2);
	ck_assert_str_eq(reg.news, "+-+");
	raw_ask(old, 1);
	raw_ask(old, 2);
	raw_ask(new, 3);
	turn(3);
	ck_assert_str_eq(reg.news, "+-+123");
	close(old);
	close(new);
	stop(&reg);
}
END_TEST

START_TEST(frames_of_one_wake_up_drain_once)
{
	struct side sig, reg;

	start(&reg, ROLE_REG);
	start(&sig, ROLE_SIG);
	turn(10);
	ck_assert_uint_eq(reg.drained, 0);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(ask(&sig, 9), 0);
	turn(3);
	ck_assert_uint_eq(reg.frames, 100);
	ck_assert_uint_eq(reg.drained, 1);
	stop(&sig);
	stop(&reg);
}
END_TEST

/* ---- peers that break the rules ---- */

static void
good_hello(struct buf *b)
{
	put_hello_as(b, ROLE_SIG, 0, clock_mono().us);
}

static void
bad_version(struct buf *b)
{
	struct ipc_hello h = { IPC_VERSION + 1, ipc_table_mark(), ROLE_SIG, 0,
		0 };

	IPC_FRAME(b, HELLO, hello, &h);
}

static void
bad_table(struct buf *b)
{
	struct ipc_hello h = { IPC_VERSION, ipc_table_mark() ^ 1, ROLE_SIG, 0,
		0 };

	IPC_FRAME(b, HELLO, hello, &h);
}

static void
bad_role(struct buf *b)
{
	put_hello_as(b, ROLE_MEDIA, 0, 0);
}

static void
bad_instance(struct buf *b)
{
	put_hello_as(b, ROLE_SIG, 1, 0);
}

static void
short_hello(struct buf *b)
{
	buf_put(b, span_make("\0\0\0\1\0\1x", 7));
}

static void
two_hellos(struct buf *b)
{
	good_hello(b);
	good_hello(b);
}

static void
no_hello(struct buf *b)
{
	struct ipc_nonce_ask m = { .id = 1, .count = 1 };

	IPC_FRAME(b, NONCE_ASK, nonce_ask, &m);
}

static void
too_long(struct buf *b)
{
	good_hello(b);
	buf_put(b, span_make("\0\0\x40\1\0\x0a", 6));
}

static void
unknown_type(struct buf *b)
{
	good_hello(b);
	buf_put(b, span_make("\0\0\0\0\x12\x34", 6));
}

static void
not_its_frame(struct buf *b)
{
	struct ipc_flow_gone m = { .flow = { .zone = 1, .transport = 1 },
		.why = 1 };

	good_hello(b);
	m.flow.remote = addr_from_bytes("\1\2\3\4", 4, 5);
	IPC_FRAME(b, FLOW_GONE, flow_gone, &m);
}

static void
bad_content(struct buf *b)
{
	good_hello(b);
	/* NONCE_ASK with count 0 */
	buf_put(b, span_make("\0\0\0\6\0\x0a\0\0\0\1\0\0", 12));
}

static void
http(struct buf *b)
{
	buf_puts(b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
}

static const struct {
	const char *name;
	void (*put)(struct buf *b);
} breaches[] = {
	{ "another version", bad_version },
	{ "another table", bad_table },
	{ "a role that is not this door's", bad_role },
	{ "an instance that is not this door's", bad_instance },
	{ "a short greeting", short_hello },
	{ "a second greeting", two_hellos },
	{ "a frame before the greeting", no_hello },
	{ "a frame longer than any", too_long },
	{ "an unknown type", unknown_type },
	{ "a frame of the other side", not_its_frame },
	{ "a value out of bounds", bad_content },
	{ "another protocol", http },
};

START_TEST(who_breaks_the_rules_is_closed_and_counted)
{
	struct side reg;
	char mem[256];
	struct buf b;
	int fd;

	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	fd = raw_knock(&reg_path);
	buf_init(&b, mem, sizeof(mem));
	breaches[_i].put(&b);
	ck_assert_int_eq(write(fd, mem, b.len), (ssize_t)b.len);
	turn(5);
	ck_assert_msg(door_faults(reg.peer) == 1, "%s", breaches[_i].name);
	ck_assert_ptr_null(reg.peer->conns);
	ck_assert(!door_is_up(reg.peer));
	while (read(fd, mem, sizeof(mem)) > 0)
		;		/* our own greeting */
	/* closed, or reset when bytes of ours were left unread */
	ck_assert(recv(fd, mem, 1, 0) == 0 || errno == ECONNRESET);
	close(fd);
	stop(&reg);
}
END_TEST

/* A byte at a time is slow, not wrong. */
START_TEST(a_greeting_in_pieces_is_fine)
{
	struct side reg;
	char mem[256];
	struct buf b;
	int fd;

	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	fd = raw_knock(&reg_path);
	buf_init(&b, mem, sizeof(mem));
	good_hello(&b);
	for (size_t i = 0; i < b.len; i++) {
		ck_assert(!door_is_up(reg.peer));
		ck_assert_int_eq(write(fd, mem + i, 1), 1);
		turn(3);
	}
	ck_assert(door_is_up(reg.peer));
	close(fd);
	turn(3);
	ck_assert_str_eq(reg.news, "+-");
	stop(&reg);
}
END_TEST

START_TEST(another_user_is_refused)
{
	struct side reg;
	char byte;
	int fd;

	make(&reg, ROLE_REG, 0);
	reg.peer->uid = getuid() + 1;
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	fd = raw_knock(&reg_path);
	turn(3);
	ck_assert_uint_eq(door_faults(reg.peer), 1);
	ck_assert_ptr_null(reg.peer->conns);
	ck_assert_int_eq(read(fd, &byte, 1), 0);	/* not even greeted */
	close(fd);
	stop(&reg);
}
END_TEST

/* A start in the future must not win against every later restart. */
START_TEST(a_liar_about_its_start_is_replaced_by_a_restart)
{
	struct side sig, reg;
	char mem[64];
	struct buf b;
	int fd;

	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	fd = raw_knock(&reg_path);
	buf_init(&b, mem, sizeof(mem));
	put_hello_as(&b, ROLE_SIG, 0, UINT64_MAX);
	ck_assert_int_eq(write(fd, mem, b.len), (ssize_t)b.len);
	turn(5);
	ck_assert_str_eq(reg.news, "+");
	start(&sig, ROLE_SIG);
	turn(5);
	ck_assert_str_eq(reg.news, "+-+");
	ck_assert_str_eq(sig.news, "+");
	ck_assert_int_eq(ask(&sig, 4), 0);
	turn(5);
	ck_assert_str_eq(reg.news, "+-+4");
	close(fd);
	stop(&sig);
	stop(&reg);
}
END_TEST

/* The liar waited in the backlog while the store was away: it wins at first,
 * and when it ends, the honest one that lost serves. */
START_TEST(a_liar_that_dies_gives_way)
{
	struct side sig, reg;
	char mem[64];
	struct buf b;
	int fd;

	make(&sig, ROLE_SIG, 0);
	ck_assert_int_eq(knock(&sig), 0);
	ck_assert_int_eq(doors_serve(sig.doors), 0);
	fd = raw_knock(&reg_path);
	buf_init(&b, mem, sizeof(mem));
	put_hello_as(&b, ROLE_SIG, 0, UINT64_MAX);
	ck_assert_int_eq(write(fd, mem, b.len), (ssize_t)b.len);
	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	turn(5);
	close(fd);
	turn(5);
	ck_assert(door_is_up(reg.peer));
	ck_assert_int_eq(ask(&sig, 6), 0);
	turn(5);
	ck_assert(strchr(reg.news, '6') != NULL);
	stop(&sig);
	stop(&reg);
}
END_TEST

START_TEST(silent_knockers_do_not_pile_up)
{
	struct side sig, reg;
	unsigned n = 0;
	int fds[7];

	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	for (size_t i = 0; i < 7; i++)
		fds[i] = raw_knock(&reg_path);
	start(&sig, ROLE_SIG);		/* stands behind them in the queue */
	turn(10);
	for (struct conn *c = reg.peer->conns; c != NULL; c = c->next)
		n++;
	ck_assert_uint_eq(n, DOOR_NEW_MAX);
	ck_assert(!door_is_up(reg.peer));
	/* their time is over: two seconds, put back here */
	while (!door_is_up(reg.peer)) {
		for (struct conn *c = reg.peer->conns; c != NULL; c = c->next)
			c->close_at = (struct mono){ 0 };
		uv_run(&loop, UV_RUN_ONCE);
	}
	for (size_t i = 0; i < 7; i++)
		close(fds[i]);
	stop(&sig);
	stop(&reg);
}
END_TEST

static unsigned
open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

START_TEST(without_a_descriptor_a_knock_waits_and_nothing_spins)
{
	struct rlimit old, none;
	struct side sig, reg;

	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	start(&sig, ROLE_SIG);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	turn(10);
	ck_assert_ptr_null(reg.peer->conns);
	ck_assert(!reg.peer->accepting);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	/* The next tick takes it in. */
	while (!door_is_up(reg.peer) || !door_is_up(sig.peer))
		uv_run(&loop, UV_RUN_ONCE);
	stop(&sig);
	stop(&reg);
}
END_TEST

START_TEST(a_descriptor_that_is_sent_along_is_dropped)
{
	struct side reg;
	char mem[64];
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET,
		SCM_RIGHTS } };
	struct iovec iov = { mem, 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control) };
	unsigned before;
	struct buf b;
	int fd;

	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	fd = raw_knock(&reg_path);
	turn(3);
	before = open_files();
	buf_init(&b, mem, sizeof(mem));
	good_hello(&b);
	iov.iov_len = b.len;
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(fd, &msg, 0), (ssize_t)b.len);
	turn(3);
	ck_assert(door_is_up(reg.peer));
	ck_assert_uint_eq(open_files(), before);
	close(fd);
	stop(&reg);
}
END_TEST

/* ---- the queue ---- */

START_TEST(a_peer_that_does_not_read_fills_a_bounded_queue)
{
	static char json[12000], mem[16384], sink[65536];
	struct ipc_status_say say = { .id = 1,
		.json = span_make(json, sizeof(json)) };
	struct side reg;
	size_t sent = 0, got = 0;
	struct buf b;
	ssize_t n;
	int fd, err;

	memset(json, 'j', sizeof(json));
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STATUS_SAY, status_say, &say);
	make(&reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	fd = raw_knock(&reg_path);
	{
		char hello[64];
		struct buf h;

		buf_init(&h, hello, sizeof(hello));
		good_hello(&h);
		ck_assert_int_eq(write(fd, hello, h.len), (ssize_t)h.len);
	}
	turn(5);
	while ((err = door_send(reg.peer, buf_span(&b))) == 0) {
		sent += b.len;
		ck_assert_uint_lt(sent, 4 * DOOR_QUEUE_MAX);
		if (sent % 5 == 0)
			turn(1);
	}
	ck_assert_int_eq(err, -ENOBUFS);
	ck_assert_uint_ge(sent, DOOR_QUEUE_MAX - b.len);
	ck_assert(door_is_up(reg.peer));
	/* the peer wakes: every byte is there, then there is room again */
	for (unsigned i = 0; i < 10000 && got < sent; i++) {
		n = read(fd, sink, sizeof(sink));
		if (n > 0)
			got += (size_t)n;
		turn(1);
	}
	ck_assert_uint_ge(got, sent);	/* and our greeting */
	ck_assert_uint_le(got, sent + 64);
	ck_assert_int_eq(door_send(reg.peer, buf_span(&b)), 0);
	close(fd);
	stop(&reg);
}
END_TEST

/* ---- what the reader gets ---- */

#define STREAM_MAX (8 * 1024 * 1024)

/* What was promised to the peer, and what it got. */
static char promised[STREAM_MAX], got[STREAM_MAX];
static size_t n_promised, n_got;

/* A greeted peer, as a raw socket, and its greeting read. */
static int
enter(struct side *reg)
{
	char mem[64], in[64];
	struct buf b;
	int fd;

	make(reg, ROLE_REG, 0);
	ck_assert_int_eq(doors_serve(reg->doors), 0);
	fd = raw_knock(&reg_path);
	buf_init(&b, mem, sizeof(mem));
	good_hello(&b);
	ck_assert_int_eq(write(fd, mem, b.len), (ssize_t)b.len);
	turn(5);
	ck_assert_int_eq(read(fd, in, sizeof(in)), (ssize_t)b.len);
	n_promised = n_got = 0;
	return fd;
}

/* One frame with len octets that are like no other's; what door_send says. */
static int
promise(struct side *reg, unsigned n, size_t len)
{
	static char json[12000], mem[16384];
	struct ipc_status_say say = { .id = n };
	struct buf b;
	int err;

	for (size_t i = 0; i < len; i++)
		json[i] = (char)('0' + (n + i) % 64);
	say.json = span_make(json, len);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STATUS_SAY, status_say, &say);
	err = door_send(reg->peer, buf_span(&b));
	ck_assert(err == 0 || err == -ENOBUFS);
	if (err == 0) {
		ck_assert_uint_le(n_promised + b.len, STREAM_MAX);
		memcpy(promised + n_promised, mem, b.len);
		n_promised += b.len;
	}
	return err;
}

/* Up to max octets; what has come is what was promised, from the first on. */
static void
take(int fd, size_t max)
{
	ssize_t n = recv(fd, got + n_got,
	    max < STREAM_MAX - n_got ? max : STREAM_MAX - n_got, MSG_DONTWAIT);

	if (n <= 0)
		return;
	ck_assert_uint_le(n_got + (size_t)n, n_promised);
	ck_assert_mem_eq(got + n_got, promised + n_got, (size_t)n);
	n_got += (size_t)n;
}

/* The kernel takes _i octets of a frame, for each _i; others follow. */
START_TEST(a_frame_cut_anywhere_is_followed_by_its_rest)
{
	struct side reg;
	int fd = enter(&reg);

	for (unsigned cut = 0; cut <= 80; cut++) {
		takes = (int)cut;
		ck_assert_int_eq(promise(&reg, cut, 60), 0);
		/* One that waits behind it, whole. */
		ck_assert_int_eq(promise(&reg, cut + 1, 5), 0);
		if (cut % 2 == 0)
			turn(2);
		ck_assert_int_eq(promise(&reg, cut + 2, 300), 0);
		turn(2);
		take(fd, STREAM_MAX);
		ck_assert_uint_eq(n_got, n_promised);
	}
	ck_assert_uint_eq(door_faults(reg.peer), 0);
	close(fd);
	stop(&reg);
}
END_TEST

/*
 * The queue runs full, the reader takes some of it, in pieces of every size,
 * and it runs full again: what was refused is not there, not even in part,
 * and all else is, in order.
 */
START_TEST(a_slow_reader_stays_in_step)
{
	static const size_t pieces[] = { 1, 5, 6, 7, 4095, 65536, 300001 };
	unsigned refused = 0, n = 0;
	struct side reg;
	int fd = enter(&reg);

	for (unsigned round = 0; n_promised < 5 * DOOR_QUEUE_MAX; round++) {
		while (promise(&reg, n, 1 + (n * 7919) % 12000) == 0) {
			n++;
			if (n % 3 == 0)
				takes = (int)(n * 31 % 12000);
		}
		refused++;
		n++;
		ck_assert(door_is_up(reg.peer));
		ck_assert_uint_le(uv_stream_get_write_queue_size(
				      (uv_stream_t *)&reg.peer->used->pipe),
		    DOOR_QUEUE_MAX);
		for (unsigned i = 0; i < 4; i++) {
			take(fd, pieces[(round + i) % 7]);
			turn(1);
		}
	}
	ck_assert_uint_ge(refused, 10);
	for (unsigned i = 0; i < 100000 && n_got < n_promised; i++) {
		take(fd, pieces[i % 4 + 3]);
		turn(1);
	}
	ck_assert_uint_eq(n_got, n_promised);
	ck_assert_uint_eq(
	    uv_stream_get_write_queue_size(
		(uv_stream_t *)&reg.peer->used->pipe),
	    0);
	ck_assert_uint_eq(door_faults(reg.peer), 0);
	close(fd);
	stop(&reg);
}
END_TEST

/* It goes in the middle of a frame: nothing of it is kept for the next. */
START_TEST(a_reader_that_goes_in_the_middle_takes_the_rest_with_it)
{
	struct side reg;
	int fd = enter(&reg);

	while (promise(&reg, 1, 12000) == 0)
		;
	take(fd, 70001);
	close(fd);
	turn(5);
	ck_assert(!door_is_up(reg.peer));
	ck_assert_int_eq(door_send(reg.peer, SPAN_LIT("x")), -ENOTCONN);
	stop(&reg);
	fd = enter(&reg);
	ck_assert_int_eq(promise(&reg, 2, 100), 0);
	turn(3);
	take(fd, STREAM_MAX);
	ck_assert_uint_eq(n_got, n_promised);
	close(fd);
	stop(&reg);
}
END_TEST

START_TEST(thousands_of_frames_arrive_whole_both_ways)
{
	struct side sig, reg;

	start(&reg, ROLE_REG);
	start(&sig, ROLE_SIG);
	turn(10);
	reg.echo = true;
	for (unsigned i = 0; i < 20000; i++) {
		while (ask(&sig, i) == -ENOBUFS)
			turn(1);
	}
	for (unsigned i = 0; i < 10000 && sig.frames < 20000; i++)
		turn(1);
	ck_assert_uint_eq(reg.frames, 20000);
	ck_assert_uint_eq(sig.frames, 20000);
	ck_assert_uint_eq(door_faults(sig.peer) + door_faults(reg.peer), 0);
	stop(&sig);
	stop(&reg);
}
END_TEST

START_TEST(each_admin_gets_its_own_answer)
{
	struct side reg;
	struct door *admin;
	struct sockaddr_un path;
	int listens, fd[2];
	char mem[128], in[256];
	struct buf b;

	listens = listen_at("admin", &path);
	make(&reg, ROLE_REG, 0);
	admin = doors_peer(reg.doors, ROLE_ADMIN, 0, getuid() + 1);
	ck_assert_int_eq(door_inherit(admin, listens), 0);
	ck_assert_int_eq(doors_serve(reg.doors), 0);
	for (int i = 0; i < 2; i++) {
		/* own uid enters although the door names another */
		fd[i] = raw_knock(&path);
		buf_init(&b, mem, sizeof(mem));
		put_hello_as(&b, ROLE_ADMIN, 0, clock_mono().us);
		ck_assert_int_eq(write(fd[i], mem, b.len), (ssize_t)b.len);
		turn(3);
	}
	ck_assert(door_is_up(admin));
	for (int i = 0; i < 2; i++) {
		struct ipc_status_ask m = { .id = 100 + (uint32_t)i };

		ck_assert_int_gt(read(fd[i], in, sizeof(in)), 0);
		buf_init(&b, mem, sizeof(mem));
		IPC_FRAME(&b, STATUS_ASK, status_ask, &m);
		ck_assert_int_eq(write(fd[i], mem, b.len), (ssize_t)b.len);
	}
	turn(3);
	ck_assert_uint_eq(reg.frames, 2);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(read(fd[i], in, sizeof(in)), 14);
		ck_assert_mem_eq(in + 4, "\0\3\0\0\0", 5);
		ck_assert_int_eq(in[9], 100 + i);
		close(fd[i]);
	}
	unlink(path.sun_path);
	stop(&reg);
}
END_TEST

START_TEST(a_peer_that_is_not_there_is_no_disaster)
{
	struct side sig;

	make(&sig, ROLE_SIG, 0);
	ck_assert_int_eq(door_knock(sig.peer, "/tmp/no-such-door"), -ENOENT);
	ck_assert_int_eq(doors_serve(sig.doors), 0);
	turn(3);
	ck_assert_int_eq(ask(&sig, 1), -ENOTCONN);
	stop(&sig);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("door");
	TCase *t = tcase_create("door");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, who_starts_second_finds_the_first);
	tcase_add_loop_test(t, both_start_at_once_and_agree_on_one_connection,
	    0, 8);
	tcase_add_loop_test(t, a_restarted_process_is_used_at_once, 0, 2);
	tcase_add_loop_test(t, a_failed_write_loses_no_last_words, 0, 2);
	tcase_add_test(t, a_knock_that_waited_is_no_second_start);
	tcase_add_test(t, last_words_of_the_dead_come_before_the_next_ones);
	tcase_add_test(t, older_connections_are_read_before_newer_ones);
	tcase_add_test(t, at_the_same_microsecond_the_higher_role_wins);
	tcase_add_test(t, frames_of_one_wake_up_drain_once);
	tcase_add_loop_test(t, who_breaks_the_rules_is_closed_and_counted, 0,
	    sizeof(breaches) / sizeof(breaches[0]));
	tcase_add_test(t, a_greeting_in_pieces_is_fine);
	tcase_add_test(t, another_user_is_refused);
	tcase_add_test(t, a_liar_about_its_start_is_replaced_by_a_restart);
	tcase_add_test(t, a_liar_that_dies_gives_way);
	tcase_add_test(t, silent_knockers_do_not_pile_up);
	tcase_add_test(t,
	    without_a_descriptor_a_knock_waits_and_nothing_spins);
	tcase_add_test(t, a_descriptor_that_is_sent_along_is_dropped);
	tcase_add_test(t, a_peer_that_does_not_read_fills_a_bounded_queue);
	tcase_add_test(t, a_frame_cut_anywhere_is_followed_by_its_rest);
	tcase_add_test(t, a_slow_reader_stays_in_step);
	tcase_add_test(
	    t, a_reader_that_goes_in_the_middle_takes_the_rest_with_it);
	tcase_add_test(t, thousands_of_frames_arrive_whole_both_ways);
	tcase_add_test(t, each_admin_gets_its_own_answer);
	tcase_add_test(t, a_peer_that_is_not_there_is_no_disaster);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
