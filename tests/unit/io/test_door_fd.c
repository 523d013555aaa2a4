/*
 * Descriptors that come along with frames: one is taken by the frame it came
 * with, everything else is closed, and nothing is left open.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/door.h"
#include "common/io/log.h"

#define FDS_MAX 12

static uv_loop_t loop;
static char dir[64];
static struct sockaddr_un path;
static int listens, went, got;
static struct doors *doors;
static struct door *peer;
static char news[32];
static bool takes;

static void
note(char c)
{
	size_t n = strlen(news);

	if (n + 1 < sizeof(news))
		news[n] = c;
}

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct ipc_trunk_conn m;
	int fd;

	(void)arg;
	if (type != IPC_TRUNK_CONN)
		return 0;
	if (get_trunk_conn(payload, &m) != 0 || !takes) {
		note('.');
		return 0;
	}
	fd = door_take_fd(from);
	note(fd < 0 ? '0' : '1');
	if (fd >= 0)
		close(fd);
	return 0;
}

static void
on_state(void *arg, struct door *p, bool up)
{
	(void)arg;
	(void)p;
	note(up ? '+' : '-');
}

static void
turn(void)
{
	for (int i = 0; i < 6; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

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

static void
setup(void)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, NULL };

	log_open("test", LOG_ERROR_ + 1);
	memset(news, 0, sizeof(news));
	takes = true;
	snprintf(dir, sizeof(dir), "/tmp/doorfd-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(path.sun_path, sizeof(path.sun_path), "%s/sig", dir);
	listens = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listens, (struct sockaddr *)&path,
	    sizeof(path)), 0);
	ck_assert_int_eq(listen(listens, 8), 0);
	uv_loop_init(&loop);
	doors = doors_new(&loop, ROLE_SIG, 0, &ops);
	peer = doors_peer(doors, ROLE_STUN, 0, getuid());
	ck_assert_int_eq(door_inherit(peer, listens), 0);
	door_takes_fds(peer);
	ck_assert_int_eq(doors_serve(doors), 0);
}

static void
teardown(void)
{
	doors_free(doors);
	turn();
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	unlink(path.sun_path);
	rmdir(dir);
}

/* stunmon, without its manners. */
static int
knock(void)
{
	struct ipc_hello h = { IPC_VERSION, ipc_table_mark(), ROLE_STUN, 0,
		clock_mono().us };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char mem[64];
	struct buf b;

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&path, sizeof(path)),
	    0);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, HELLO, hello, &h);
	ck_assert_int_eq(write(fd, mem, b.len), (ssize_t)b.len);
	turn();
	ck_assert(door_is_up(peer));
	return fd;
}

static void
put_frame(struct buf *b)
{
	const struct ipc_trunk_conn m = { .id = 1, .trunk = 1,
		.address = { .family = ADDR_IPV4, .port = 5060,
		    .ip = { 192, 0, 2, 1 } } };

	IPC_FRAME(b, TRUNK_CONN, trunk_conn, &m);
}

/* These octets with n descriptors. */
static void
send_with(int to, struct span bytes, unsigned n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)bytes.p, bytes.len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[FDS_MAX];

	for (unsigned i = 0; i < n; i++)
		fds[i] = 0;
	if (n > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, n * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(to, &m, MSG_NOSIGNAL), (ssize_t)bytes.len);
}

/* ---- what comes ---- */

static const struct {
	const char *name;
	/* Of one frame, cut after `cut` octets (0: whole): how many
	 * descriptors come with each part. */
	size_t cut;
	unsigned with[2];
	unsigned frames;	/* in the first part */
	bool takes;
	const char *news;
} rows[] = {
	{ "one with its frame", 0, { 1, 0 }, 1, true, "+1" },
	{ "none", 0, { 0, 0 }, 1, true, "+0" },
	{ "with the first octet of a frame in two parts", 1, { 1, 0 }, 1,
	    true, "+1" },
	{ "with its last part", 9, { 0, 1 }, 1, true, "+1" },
	{ "with both parts", 9, { 1, 1 }, 1, true, "+-" },
	{ "two at once", 0, { 2, 0 }, 1, true, "+-" },
	{ "more than there is room for", 0, { FDS_MAX, 0 }, 1, true, "+-" },
	{ "one with a frame that does not take it", 0, { 1, 0 }, 1, false,
	    "+.-" },
	{ "one for two frames", 0, { 1, 0 }, 2, true, "+10" },
	{ "one that waits when the peer goes", 5, { 1, 0 }, 0, true, "+" },
};

START_TEST(descriptors_that_come)
{
	char mem[512];
	unsigned before;
	struct buf b;
	struct span all;
	size_t cut;
	int fd = knock();

	takes = rows[_i].takes;
	before = open_files();
	buf_init(&b, mem, sizeof(mem));
	for (unsigned i = 0; i < (rows[_i].frames > 0 ? rows[_i].frames : 1);
	     i++)
		put_frame(&b);
	all = buf_span(&b);
	cut = rows[_i].cut != 0 ? rows[_i].cut : all.len;
	send_with(fd, span_sub(all, 0, cut), rows[_i].with[0]);
	turn();
	if (cut < all.len && rows[_i].frames > 0) {
		send_with(fd, span_sub(all, cut, all.len), rows[_i].with[1]);
		turn();
	}
	ck_assert_msg(strcmp(news, rows[_i].news) == 0, "%s: %s instead of %s",
	    rows[_i].name, news, rows[_i].news);
	close(fd);
	turn();
	ck_assert_msg(open_files() <= before, "%s: descriptors are left",
	    rows[_i].name);
}
END_TEST

/* ---- what goes ---- */

START_TEST(one_goes_with_its_frame_and_only_when_nothing_waits)
{
	static char json[12000], mem[16384];
	char control[CMSG_SPACE(sizeof(int))], in[256];
	struct iovec iov = { in, sizeof(in) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	int fd = knock();
	struct buf b;

	while (recv(fd, mem, sizeof(mem), MSG_DONTWAIT) > 0)
		;
	buf_init(&b, mem, sizeof(mem));
	put_frame(&b);
	ck_assert_int_eq(door_send_fd(peer, buf_span(&b), 0), 0);
	ck_assert_int_eq(recvmsg(fd, &m, MSG_CMSG_CLOEXEC), (ssize_t)b.len);
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&m));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(got));
	ck_assert_int_ge(got, 0);
	close(got);
	/* Its reader does not read: then it is not sent at all. */
	while (door_send(peer, span_make(json, sizeof(json))) == 0)
		went++;
	ck_assert_int_gt(went, 0);
	ck_assert_int_eq(door_send_fd(peer, buf_span(&b), 0), -ENOBUFS);
	close(fd);
	turn();
	ck_assert_int_eq(door_send_fd(peer, buf_span(&b), 0), -ENOTCONN);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("descriptors through doors");
	TCase *t = tcase_create("doors");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, descriptors_that_come, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t,
	    one_goes_with_its_frame_and_only_when_nothing_waits);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
