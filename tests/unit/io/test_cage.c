/*
 * The cage, seen from inside: for each role a child closes it as the real
 * program does and makes one attempt.  docs/processes.md is the table in
 * words; tests/system/probe makes attempts inside the real processes.
 */
#include <ares.h>
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sched.h>
#include <sqlite3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/secret.h"
#include "common/io/cage.h"
#include "common/io/clock.h"
#include "common/io/door.h"
#include "common/io/log.h"
#include "common/ipc/msg.h"

enum outcome { WORKS, REFUSED, KILLED };

static const char *const outcome_name[] = { "works", "is refused",
	"is killed" };

static enum ipc_role self;

/* What every role has when its cage closes. */
static int udp, tcp_listener, unix_listener, knocker;
static uv_loop_t loop;
static uv_udp_t warm;
static struct doors *doors;
static struct door *admin;
static ares_channel resolver;
static sqlite3 *db;
static struct sockaddr_in udp_addr, tcp_addr;
static struct sockaddr_un unix_addr;
static char data_dir[64], outside[64];

static int
try_passwd(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int
try_outside_file(void)
{
	return open(outside, O_RDWR);
}

static int
try_data_file(void)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/postern.db-wal", data_dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || pwrite(fd, "x", 1, 0) != 1 || fdatasync(fd) != 0 ||
	    ftruncate(fd, 0) != 0 || close(fd) != 0)
		return -1;
	return unlink(path);
}

/* As a trace is written. */
static int
try_written_file(void)
{
	char path[100], renamed[100];
	int fd, err;

	snprintf(path, sizeof(path), "%s/rules.new", data_dir);
	snprintf(renamed, sizeof(renamed), "%s/rules", data_dir);
	fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) != 0)
		return -1;
	if (self == ROLE_REG)	/* it renames nothing */
		return unlink(path);
	err = renameat(AT_FDCWD, path, AT_FDCWD, renamed);
	return err ? err : unlinkat(AT_FDCWD, renamed, 0);
}

static int
try_exec_data(void)
{
	char path[100], *argv[] = { path, NULL };

	snprintf(path, sizeof(path), "%s/postern.db", data_dir);
	return execv(path, argv);
}

static int
try_exec(void)
{
	char *argv[] = { (char *)"true", NULL };

	return execv("/bin/true", argv);
}

static int
try_udp_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int
try_tcp_socket(void)
{
	return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* By its name, as who dials trunks does; the resolver does not. */
static int
try_trunk_socket(void)
{
	unsigned ms = 1000;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    IPPROTO_TCP);

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms,
		sizeof(ms)) != 0)
		return -1;
	/* Refused by nobody but who is there, if anybody is. */
	return connect(fd, (struct sockaddr *)&udp_addr, sizeof(udp_addr)) ==
		0 || errno == EINPROGRESS || errno == ECONNREFUSED ? 0 : -1;
}

static int
try_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
try_raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int
try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_DGRAM, 0);
}

static int
try_connect_udp(void)
{
	return connect(udp, (struct sockaddr *)&udp_addr, sizeof(udp_addr));
}

static int
try_bind(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };

	/* bound already: EINVAL from the kernel, if it gets so far */
	return bind(udp, (struct sockaddr *)&any, sizeof(any)) < 0 &&
	    errno == EINVAL ? 0 : -1;
}

static int
try_listen(void)
{
	return listen(tcp_listener, 1);
}

static int
try_shutdown(void)
{
	return shutdown(tcp_listener, SHUT_RDWR);
}

static int
try_fastopen(void)
{
	return (int)sendto(tcp_listener, "x", 1, MSG_FASTOPEN,
	    (struct sockaddr *)&udp_addr, sizeof(udp_addr));
}

static int
try_fastopen_mmsg(void)
{
	struct mmsghdr m = { 0 };

	return sendmmsg(tcp_listener, &m, 1, MSG_FASTOPEN | MSG_DONTWAIT);
}

static int
try_ptrace(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}

static int
try_kill(void)
{
	return kill(getppid(), 0);
}

static int
try_tgkill_parent(void)
{
	return (int)syscall(SYS_tgkill, (int)syscall(SYS_getpid) - 1, 1, 0);
}

static int
try_fork(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int
try_mmap_exec(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int
try_mprotect_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int
try_memfd(void)
{
	return (int)syscall(SYS_memfd_create, "x", 0);
}

static int
try_io_uring(void)
{
	struct io_uring_params p = { 0 };

	return (int)syscall(SYS_io_uring_setup, 4, &p);
}

static int
try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static int
try_prctl(void)
{
	return prctl(PR_SET_NAME, "x", 0, 0, 0);
}

static int
try_setuid(void)
{
	return setuid(0);
}

static int
try_chmod(void)
{
	return chmod(outside, 0777);
}

static int
try_setuid_bit(void)
{
	return fchmod(udp, 04755);
}

static int
try_reuseport(void)
{
	int on = 1;

	return setsockopt(udp, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

static int
try_bpf_on_socket(void)
{
	return setsockopt(udp, SOL_SOCKET, SO_ATTACH_FILTER, NULL, 0);
}

static int
try_set_owner(void)
{
	return fcntl(udp, F_SETOWN, getpid());
}

static int
try_terminal(void)
{
	return ioctl(0, TIOCSTI, "x");
}

/* ---- what must go on working ---- */

static int
try_memory(void)
{
	char *p;

	for (size_t n = 1; n < (32u << 20); n *= 3) {
		p = malloc(n);
		if (p == NULL)
			return -1;
		memset(p, 1, n);
		p = realloc(p, n * 2);
		if (p == NULL)
			return -1;
		free(p);
	}
	return 0;
}

static int
try_secret(void)
{
	unsigned char bytes[32];
	struct secret s;

	secret_random(bytes, sizeof(bytes));
	if (secret_new(&s, 32) != 0)
		return -1;
	secret_free(&s);
	return 0;
}

static int
try_times(void)
{
	time_t now = clock_wall_s();
	struct tm tm;

	return localtime_r(&now, &tm) != NULL && clock_mono().us > 0 &&
	    clock_wall_ms() > 0 ? 0 : -1;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, 4);
}

static int
try_sort(void)
{
	static char big[400000];

	qsort(big, sizeof(big) / 4, 4, compare);
	return 0;
}

static int
try_digest(void)
{
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned n;

	return EVP_Digest("x", 1, out, &n, EVP_md5(), NULL) == 1 &&
	    EVP_Digest("x", 1, out, &n, EVP_sha256(), NULL) == 1 &&
	    EVP_Digest("x", 1, out, &n, EVP_sha512_256(), NULL) == 1 ? 0 : -1;
}

static int
try_log(void)
{
	log_begin(LOG_ERROR_, "test");
	log_err("error", -ENOENT);
	log_end();
	return 0;
}

static int
try_stdio(void)
{
	printf("from a cage\n");
	return fflush(stdout);
}

static void
on_udp(uv_udp_t *h, ssize_t n, const uv_buf_t *b, const struct sockaddr *from,
    unsigned flags)
{
	if (n > 0)
		*(bool *)h->data = true;
}

static void
on_alloc(uv_handle_t *h, size_t n, uv_buf_t *out)
{
	static char mem[65536 * 20];

	*out = uv_buf_init(mem, sizeof(mem));
}

/* libuv's recvmmsg, found before and in use after (facts: it asks late). */
static int
try_running_loop(void)
{
	uv_buf_t b = uv_buf_init((char *)"ping", 4);
	bool heard = false;

	warm.data = &heard;
	return uv_udp_try_send(&warm, &b, 1, (struct sockaddr *)&udp_addr) !=
	    4 || uv_run(&loop, UV_RUN_ONCE) < 0 || !heard ||
	    !uv_udp_using_recvmmsg(&warm);
}

static int
try_accept(void)
{
	int fd = accept4(unix_listener, NULL, NULL, SOCK_NONBLOCK);
	struct ucred who;
	socklen_t len = sizeof(who);

	return fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who,
	    &len) != 0 || write(fd, "x", 1) != 1 || close(fd) != 0;
}

/* ---- the things they live by ---- */

static bool heard_frame;

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct ipc_status_say say = { .id = 1, .json = SPAN_LIT("{}") };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STATUS_SAY, status_say, &say);
	heard_frame = type == IPC_STATUS_ASK &&
	    door_send(from, buf_span(&b)) == 0;
	return 0;
}

static void
on_state(void *arg, struct door *peer, bool up)
{
}

static void
open_door(void)
{
	const struct doors_ops ops = { on_frame, on_state, NULL, NULL };

	doors = doors_new(&loop, self, 0, &ops);
	admin = doors_peer(doors, ROLE_ADMIN, 0, getuid());
	door_inherit(admin, unix_listener);
}

static int
try_door(void)
{
	struct ipc_hello h = { IPC_VERSION, ipc_table_mark(), ROLE_ADMIN, 0,
		1 };
	struct ipc_status_ask ask = { 1 };
	char mem[128];
	struct buf b;

	if (doors_serve(doors) != 0)
		return -1;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, HELLO, hello, &h);
	IPC_FRAME(&b, STATUS_ASK, status_ask, &ask);
	if (write(knocker, mem, b.len) != (ssize_t)b.len)
		return -1;
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	if (!heard_frame || !door_is_up(admin))
		return -1;
	close(knocker);		/* and the end of it */
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	return door_is_up(admin) ? -1 : 0;
}

static void
open_resolver(void)
{
	struct in_addr server = { htonl(INADDR_LOOPBACK) };
	struct ares_options o = { .servers = &server, .nservers = 1,
		.udp_port = ntohs(udp_addr.sin_port),
		.tcp_port = ntohs(udp_addr.sin_port),
		.timeout = 100, .tries = 1, .lookups = (char *)"b" };

	ares_library_init(ARES_LIB_INIT_ALL);
	ares_init_options(&resolver, &o, ARES_OPT_SERVERS | ARES_OPT_UDP_PORT |
	    ARES_OPT_TCP_PORT | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
	    ARES_OPT_LOOKUPS);
}

static int answer_status;

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *list)
{
	answer_status = status;
	ares_freeaddrinfo(list);
}

/* We are the server too: answer with one A record, or "truncated". */
static void
serve_dns(bool truncated)
{
	static const unsigned char record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0,
		9, 0, 4, 198, 51, 100, 1 };
	unsigned char q[600];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(udp, q, sizeof(q) - sizeof(record), 0,
	    (struct sockaddr *)&from, &len);

	if (n < 12)
		return;
	q[2] = truncated ? 0x83 : 0x81;
	q[3] = 0x80;
	q[7] = truncated ? 0 : 1;	/* answers */
	q[11] = 0;			/* no EDNS */
	memcpy(q + n, record, sizeof(record));
	sendto(udp, q, (size_t)n + sizeof(record), 0, (struct sockaddr *)&from,
	    len);
}

static int
resolve(bool truncated)
{
	const struct ares_addrinfo_hints hints = { .ai_family = AF_INET };
	ares_socket_t fds[ARES_GETSOCK_MAXNUM];

	answer_status = -1;
	ares_getaddrinfo(resolver, "stun.example.org", NULL, &hints,
	    on_answer, NULL);
	for (int i = 0; i < 100000 && answer_status == -1; i++) {
		int open = ares_getsock(resolver, fds, ARES_GETSOCK_MAXNUM);

		serve_dns(truncated);
		ares_process_fd(resolver, open & 1 ? fds[0] : ARES_SOCKET_BAD,
		    ARES_SOCKET_BAD);
	}
	return answer_status == ARES_SUCCESS ? 0 : -1;
}

static int
try_resolve(void)
{
	return resolve(false);
}

static int
try_truncated(void)
{
	return resolve(true);
}

static void
open_database(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/postern.db", data_dir);
	sqlite3_open(path, &db);
	sqlite3_exec(db, "PRAGMA journal_mode=wal; PRAGMA temp_store=memory; "
	    "CREATE TABLE IF NOT EXISTS t(a, b)", NULL, NULL, NULL);
}

static int
try_database(void)
{
	return sqlite3_exec(db, "PRAGMA synchronous=full; BEGIN IMMEDIATE; "
	    "INSERT INTO t VALUES (1, randomblob(100000)), (2, 'x'); COMMIT; "
	    "UPDATE t SET b = 'y'; SELECT * FROM t ORDER BY b; "
	    "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA quick_check; "
	    "DELETE FROM t", NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

static const struct {
	const char *name;
	int (*attempt)(void);
	enum outcome sig, media, stun, reg, key, trace;
} rows[] = {
#define EACH(o) o, o, o, o, o, o
	{ "read /etc/passwd", try_passwd, EACH(REFUSED) },
	{ "open a file outside", try_outside_file, EACH(REFUSED) },
	{ "keep files in its directory", try_data_file,
	    REFUSED, REFUSED, REFUSED, WORKS, REFUSED, KILLED },
	{ "write files into its directory", try_written_file,
	    REFUSED, REFUSED, REFUSED, WORKS, REFUSED, WORKS },
	{ "execute a program", try_exec, EACH(KILLED) },
	{ "execute a file of its directory", try_exec_data, EACH(KILLED) },
	{ "make a UDP socket", try_udp_socket, KILLED, KILLED, WORKS,
	    KILLED, KILLED, KILLED },
	{ "make a TCP socket", try_tcp_socket, KILLED, KILLED, REFUSED,
	    KILLED, KILLED, KILLED },
	{ "dial a trunk", try_trunk_socket, KILLED, KILLED, WORKS,
	    KILLED, KILLED, KILLED },
	{ "make a Unix socket", try_unix_socket, EACH(KILLED) },
	{ "make a raw socket", try_raw_socket, EACH(KILLED) },
	{ "make a netlink socket", try_netlink, EACH(KILLED) },
	{ "connect", try_connect_udp, KILLED, WORKS, WORKS, KILLED,
	    KILLED, KILLED },
	{ "bind", try_bind, KILLED, KILLED, WORKS, KILLED, KILLED,
	    KILLED },
	{ "listen", try_listen, EACH(KILLED) },
	{ "shut a listener down", try_shutdown, EACH(KILLED) },
	{ "dial with MSG_FASTOPEN", try_fastopen, EACH(KILLED) },
	{ "the same by sendmmsg", try_fastopen_mmsg, EACH(KILLED) },
	{ "trace a process", try_ptrace, EACH(KILLED) },
	{ "signal a process", try_kill, EACH(KILLED) },
	{ "signal a thread elsewhere", try_tgkill_parent, EACH(KILLED) },
	{ "fork", try_fork, EACH(KILLED) },
	{ "map executable memory", try_mmap_exec, EACH(KILLED) },
	{ "make memory executable", try_mprotect_exec, EACH(KILLED) },
	{ "make a memory file", try_memfd, EACH(KILLED) },
	{ "use io_uring", try_io_uring, EACH(KILLED) },
	{ "make a namespace", try_unshare, EACH(KILLED) },
	{ "change its own process", try_prctl, EACH(KILLED) },
	{ "become root", try_setuid, EACH(KILLED) },
	{ "change a file's mode", try_chmod, EACH(KILLED) },
	{ "make a file setuid", try_setuid_bit, EACH(KILLED) },
	{ "share a port", try_reuseport, EACH(KILLED) },
	{ "load a socket filter", try_bpf_on_socket, EACH(KILLED) },
	{ "take a socket's signals", try_set_owner, EACH(KILLED) },
	{ "type into a terminal", try_terminal, EACH(KILLED) },

	{ "use memory", try_memory, EACH(WORKS) },
	{ "hold a secret", try_secret, EACH(WORKS) },
	{ "tell the time", try_times, EACH(WORKS) },
	{ "sort", try_sort, WORKS, WORKS, WORKS, WORKS, KILLED, WORKS },
	{ "compute digests", try_digest, EACH(WORKS) },
	{ "log", try_log, EACH(WORKS) },
	{ "print", try_stdio, EACH(WORKS) },
	{ "run a UDP loop", try_running_loop, WORKS, WORKS, WORKS, KILLED,
	    KILLED, KILLED },
	{ "accept at a door", try_accept, EACH(WORKS) },
	{ "talk through a door", try_door, EACH(WORKS) },
	{ "resolve a name", try_resolve, KILLED, KILLED, WORKS, KILLED,
	    KILLED, KILLED },
	{ "follow a truncated answer by TCP", try_truncated, KILLED, KILLED,
	    REFUSED, KILLED, KILLED, KILLED },
	{ "keep an SQLite database", try_database, KILLED, KILLED, KILLED,
	    WORKS, KILLED, KILLED },
};

static const enum ipc_role roles[] = { ROLE_SIG, ROLE_MEDIA, ROLE_STUN,
	ROLE_REG, ROLE_KEY, ROLE_TRACE };

static int
bound(int type, struct sockaddr_in *out)
{
	socklen_t len = sizeof(*out);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);

	*out = (struct sockaddr_in){ .sin_family = AF_INET };
	out->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)out, len), 0);
	getsockname(fd, (struct sockaddr *)out, &len);
	return fd;
}

static void
setup(void)
{
	int fd;

	log_open("test", LOG_ERROR_);	/* before the cage, as all do */
	udp = bound(SOCK_DGRAM, &udp_addr);
	tcp_listener = bound(SOCK_STREAM, &tcp_addr);
	listen(tcp_listener, 1);
	snprintf(data_dir, sizeof(data_dir), "/tmp/cage-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(data_dir));
	snprintf(outside, sizeof(outside), "/tmp/cage-out-XXXXXX");
	fd = mkstemp(outside);
	close(fd);
	unix_addr.sun_family = AF_UNIX;
	snprintf(unix_addr.sun_path, sizeof(unix_addr.sun_path), "%s/door",
	    data_dir);
	unix_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(unix_listener, (struct sockaddr *)&unix_addr,
	    sizeof(unix_addr)), 0);
	listen(unix_listener, 8);	/* one for each role */
}

static void
teardown(void)
{
	unlink(outside);
	unlink(unix_addr.sun_path);
	ck_assert_int_eq(chdir(data_dir), 0);
	unlink("postern.db");
	unlink("postern.db-wal");
	unlink("postern.db-shm");
	rmdir(data_dir);
}

/* Whom tracer dials, if it sends HEP by TCP. */
static const struct addr *dials;

static void
in_child(enum ipc_role role, int (*attempt)(void))
{
	struct cage c = { role, role == ROLE_REG ||
		role == ROLE_TRACE ? data_dir : NULL, 64, dials };
	int abi;

	knocker = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(knocker, (struct sockaddr *)&unix_addr,
		sizeof(unix_addr)) != 0)
		_exit(42);
	priv_warm_up();
	if (uv_loop_init(&loop) != 0 ||
	    uv_udp_init_ex(&loop, &warm, UV_UDP_RECVMMSG) != 0 ||
	    uv_udp_open(&warm, udp) != 0 ||
	    uv_udp_recv_start(&warm, on_alloc, on_udp) != 0)
		_exit(40);
	uv_run(&loop, UV_RUN_NOWAIT);
	self = role;
	open_door();
	open_resolver();
	open_database();
	if (cage_close(&c, &abi) != 0)
		_exit(41);
	_exit(attempt() < 0 ? 1 : 0);
}

static void
check_attempt(const char *name, enum ipc_role role, int (*attempt)(void),
    enum outcome want)
{
	enum outcome got = WORKS;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		in_child(role, attempt);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status)) {
		ck_assert_int_eq(WTERMSIG(status), SIGSYS);
		got = KILLED;
	} else {
		ck_assert_int_lt(WEXITSTATUS(status), 40);
		got = WEXITSTATUS(status) == 0 ? WORKS : REFUSED;
	}
	ck_assert_msg(got == want, "%s: %s %s, wanted: %s",
	    ipc_role_name(role), name, outcome_name[got], outcome_name[want]);
}

static int
dial(uint16_t port_of_network)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	int waits = -1, ms = 1000, err;
	socklen_t len = sizeof(err);

	tcp_addr.sin_port = port_of_network;
	if (fd < 0 || connect(fd, (struct sockaddr *)&tcp_addr,
		sizeof(tcp_addr)) != 0)
		return -1;
	return write(fd, "x", 1) == 1 && ioctl(fd, SIOCOUTQ, &waits) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 &&
	    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)) ==
	    0 && close(fd) == 0 ? 0 : -1;
}

static int
try_dial(void)
{
	return dial(tcp_addr.sin_port);
}

static int
try_dial_another_port(void)
{
	return dial(htons((uint16_t)(ntohs(tcp_addr.sin_port) ^ 1))) < 0 &&
	    errno == EACCES ? -1 : 0;
}

static int
try_tcp_by_another_family(void)
{
	return socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
}

static int
try_unnamed_stream(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
try_fast_open_later(void)
{
	int on = 1;

	return setsockopt(tcp_listener, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on,
	    sizeof(on));
}

static int
try_sendto(void)
{
	return (int)sendto(udp, "x", 1, 0, (struct sockaddr *)&udp_addr,
	    sizeof(udp_addr));
}

static const struct {
	const char *name;
	int (*attempt)(void);
	enum outcome dialling, else_;
} dialling[] = {
	{ "dial its receiver", try_dial, WORKS, KILLED },
	{ "dial another port", try_dial_another_port, REFUSED, KILLED },
	{ "make a stream of another family", try_tcp_by_another_family,
	    KILLED, KILLED },
	{ "make a stream of any protocol", try_unnamed_stream, KILLED,
	    KILLED },
	{ "make a UDP socket", try_udp_socket, KILLED, KILLED },
	{ "make a Unix socket", try_unix_socket, KILLED, KILLED },
	{ "make a raw socket", try_raw_socket, KILLED, KILLED },
	{ "bind", try_bind, KILLED, KILLED },
	{ "listen", try_listen, KILLED, KILLED },
	{ "shut a listener down", try_shutdown, KILLED, KILLED },
	{ "send with an address", try_sendto, KILLED, KILLED },
	{ "dial with MSG_FASTOPEN", try_fastopen, KILLED, KILLED },
	{ "the same by an option", try_fast_open_later, KILLED, KILLED },
	{ "share a port", try_reuseport, KILLED, KILLED },
	{ "type into a terminal", try_terminal, KILLED, KILLED },
	{ "read /etc/passwd", try_passwd, REFUSED, REFUSED },
	{ "execute a program", try_exec, KILLED, KILLED },
	{ "write files into its directory", try_written_file, WORKS, WORKS },
};

START_TEST(a_tracer_that_dials_can_do_no_more)
{
	struct addr to;

#ifdef POSTERN_SANITIZE
	/* The filter only logs, and there is no Landlock. */
	return;
#endif
	check_attempt(dialling[_i].name, ROLE_TRACE, dialling[_i].attempt,
	    dialling[_i].else_);
	to = addr_from_bytes(&tcp_addr.sin_addr, 4, ntohs(tcp_addr.sin_port));
	dials = &to;
	check_attempt(dialling[_i].name, ROLE_TRACE, dialling[_i].attempt,
	    dialling[_i].dialling);
	dials = NULL;
}
END_TEST

START_TEST(each_role_can_do_only_what_its_row_says)
{
	const enum outcome want[] = { rows[_i].sig, rows[_i].media,
		rows[_i].stun, rows[_i].reg, rows[_i].key, rows[_i].trace };

	for (size_t r = 0; r < sizeof(roles) / sizeof(roles[0]); r++) {
#ifdef POSTERN_SANITIZE
		if (want[r] != WORKS)
			continue;	/* the filter only logs here */
#endif
		check_attempt(rows[_i].name, roles[r], rows[_i].attempt,
		    want[r]);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cage");
	TCase *t = tcase_create("cage");
	SRunner *r = srunner_create(s);
	int failed;

	srunner_set_fork_status(r, CK_FORK);	/* a cage is for good */
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_role_can_do_only_what_its_row_says, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(t, a_tracer_that_dials_can_do_no_more, 0,
	    sizeof(dialling) / sizeof(dialling[0]));
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
