/*
 * inject PID ATTEMPT [ARGUMENT ...]: make one system call inside a running
 * process, as arbitrary code in it could, and print what became of it:
 *	ATTEMPT allowed VALUE	the call worked
 *	ATTEMPT refused ERRNO	the kernel said no
 *	ATTEMPT killed SIGNAL	the process is dead (its supervisor restarts it)
 * After "allowed" or "refused" the process goes on as if nothing had been.
 *
 * For root only, outside every cage: it stops the process with ptrace, puts
 * the call into its registers and steps over one syscall instruction.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- registers of this machine ---- */

#if defined(__x86_64__)
#define CALL_BYTES "\x0f\x05"
#define CALL_LEN 2
typedef struct user_regs_struct regs;

static uint64_t
reg_pc(const regs *r)
{
	return r->rip;
}

static uint64_t
reg_sp(const regs *r)
{
	return r->rsp;
}

static long
reg_result(const regs *r)
{
	return (long)r->rax;
}

static void
set_call(regs *r, uint64_t pc, const uint64_t call[7])
{
	r->rip = pc;
	r->orig_rax = (uint64_t)-1;	/* no restart of the old call */
	r->rax = call[0];
	r->rdi = call[1];
	r->rsi = call[2];
	r->rdx = call[3];
	r->r10 = call[4];
	r->r8 = call[5];
	r->r9 = call[6];
}

/* The call that was under way is made anew: the kernel's own restart would
 * not come after our changes. */
static void
restart_call(regs *r)
{
	long rax = (long)r->rax;

	if ((long)r->orig_rax < 0 || rax > -512 || rax < -516)
		return;
	r->rax = r->orig_rax;
	r->rip -= CALL_LEN;
	r->orig_rax = (uint64_t)-1;
}
#elif defined(__aarch64__)
#define CALL_BYTES "\x01\x00\x00\xd4"
#define CALL_LEN 4
typedef struct user_regs_struct regs;

static uint64_t
reg_pc(const regs *r)
{
	return r->pc;
}

static uint64_t
reg_sp(const regs *r)
{
	return r->sp;
}

static long
reg_result(const regs *r)
{
	return (long)r->regs[0];
}

static void
set_call(regs *r, uint64_t pc, const uint64_t call[7])
{
	r->pc = pc;
	r->regs[8] = call[0];
	for (int i = 0; i < 6; i++)
		r->regs[i] = call[i + 1];
}

static void
restart_call(regs *r)
{
	/* The kernel rewinds before it stops for the tracer. */
	(void)r;
}
#else
#error "inject knows x86-64 and aarch64"
#endif

/* ---- the process ---- */

static pid_t target;
static int mem_fd;

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

static void
get_regs(regs *r)
{
	struct iovec v = { r, sizeof(*r) };

	if (ptrace(PTRACE_GETREGSET, target, NT_PRSTATUS, &v) < 0)
		die("GETREGSET");
}

static void
put_regs(regs *r)
{
	struct iovec v = { r, sizeof(*r) };

	if (ptrace(PTRACE_SETREGSET, target, NT_PRSTATUS, &v) < 0)
		die("SETREGSET");
}

static void
stop(void)
{
	char path[64];
	int status;

	if (ptrace(PTRACE_SEIZE, target, 0, 0) < 0 ||
	    ptrace(PTRACE_INTERRUPT, target, 0, 0) < 0 ||
	    waitpid(target, &status, __WALL) != target ||
	    !WIFSTOPPED(status))
		die("cannot stop the process");
	snprintf(path, sizeof(path), "/proc/%d/mem", target);
	mem_fd = open(path, O_RDWR | O_CLOEXEC);
	if (mem_fd < 0)
		die(path);
}

static bool
is_call(uint64_t at)
{
	char bytes[CALL_LEN];

	return pread(mem_fd, bytes, CALL_LEN, (off_t)at) == CALL_LEN &&
	    memcmp(bytes, CALL_BYTES, CALL_LEN) == 0;
}

/* A syscall instruction: where it stands, or anywhere in its code. */
static uint64_t
find_call(const regs *r)
{
	static char page[4096];
	unsigned long from, to;
	char line[512], path[64], mode[8];
	FILE *maps;

	if (is_call(reg_pc(r) - CALL_LEN))
		return reg_pc(r) - CALL_LEN;
	snprintf(path, sizeof(path), "/proc/%d/maps", target);
	maps = fopen(path, "re");
	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
		    mode[2] != 'x')
			continue;
		for (; from < to; from += sizeof(page)) {
			if (pread(mem_fd, page, sizeof(page), (off_t)from) !=
			    (ssize_t)sizeof(page))
				break;
			char *hit = memmem(page, sizeof(page), CALL_BYTES,
			    CALL_LEN);

			if (hit != NULL) {
				fclose(maps);
				return from + (uint64_t)(hit - page);
			}
		}
	}
	die("no syscall instruction found");
	return 0;
}

/* ---- one call ---- */

#define SCRATCH 4096

static regs saved;
static char saved_stack[SCRATCH];
static uint64_t scratch, scratch_used, call_at;

static void
begin(void)
{
	stop();
	get_regs(&saved);
	call_at = find_call(&saved);
	/* below the red zone of the function that waits */
	scratch = ((reg_sp(&saved) - 512 - SCRATCH) & ~(uint64_t)15);
	if (pread(mem_fd, saved_stack, SCRATCH, (off_t)scratch) != SCRATCH)
		die("reading its stack");
}

/* Put bytes into its memory; gives their address there. */
static uint64_t
put(const void *bytes, size_t len)
{
	uint64_t at = scratch + scratch_used;

	if (pwrite(mem_fd, bytes, len, (off_t)at) != (ssize_t)len)
		die("writing its stack");
	scratch_used += (len + 15) & ~(size_t)15;
	return at;
}

static uint64_t
put_text(const char *text)
{
	return put(text, strlen(text) + 1);
}

static void
end(void)
{
	restart_call(&saved);
	if (pwrite(mem_fd, saved_stack, SCRATCH, (off_t)scratch) != SCRATCH)
		die("restoring its stack");
	put_regs(&saved);
	if (ptrace(PTRACE_DETACH, target, 0, 0) < 0)
		die("DETACH");
}

static void
put_outcome(const char *attempt, const char *word, const char *detail)
{
	printf("%s %s %s\n", attempt, word, detail);
	fflush(stdout);
}

/* Make the call; does not come back when it killed the process. */
static long
call(const char *attempt, const uint64_t words[7])
{
	regs r = saved;
	int status;

	set_call(&r, call_at, words);
	put_regs(&r);
#if defined(__aarch64__)
	int none = -1;
	struct iovec v = { &none, sizeof(none) };

	ptrace(PTRACE_SETREGSET, target, NT_ARM_SYSTEM_CALL, &v);
#endif
	if (ptrace(PTRACE_SINGLESTEP, target, 0, 0) < 0)
		die("SINGLESTEP");
	if (waitpid(target, &status, __WALL) != target)
		die("waitpid");
	if (WIFSIGNALED(status)) {
		put_outcome(attempt, "killed",
		    WTERMSIG(status) == SIGSYS ? "SIGSYS" :
		    strsignal(WTERMSIG(status)));
		exit(0);
	}
	if (WIFEXITED(status)) {
		put_outcome(attempt, "killed", "exited");
		exit(0);
	}
	get_regs(&r);
	return reg_result(&r);
}

/* ---- what it has ---- */

/* Its first socket of this kind, seen through copies of its descriptors. */
static int
find_socket(int domain, int type, bool listening)
{
	int pidfd = (int)syscall(SYS_pidfd_open, target, 0);
	char path[64];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", target);
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		int nr = atoi(e->d_name), d, t, l;
		socklen_t len = sizeof(int);
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, nr, 0);

		if (e->d_name[0] == '.' || fd < 0)
			continue;
		d = t = l = -1;
		getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &d, &len);
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &t, &len);
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &l, &len);
		close(fd);
		if ((domain == 0 || d == domain) && t == type &&
		    (l == 1) == listening) {
			closedir(dir);
			return nr;
		}
	}
	if (dir != NULL)
		closedir(dir);
	return -1;
}

static int
udp_socket_of_it(void)
{
	int fd = find_socket(AF_INET, SOCK_DGRAM, false);

	return fd >= 0 ? fd : find_socket(AF_INET6, SOCK_DGRAM, false);
}

static int
any_socket_of_it(void)
{
	int fd = udp_socket_of_it();

	return fd >= 0 ? fd : find_socket(AF_UNIX, SOCK_STREAM, true);
}

static uint64_t
put_address(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		die(ip);
	return put(&a, sizeof(a));
}

/* ---- the attempts ---- */

static const char *args[4];

#define CALL(...) \
	memcpy(out, ((const uint64_t[7]){ __VA_ARGS__ }), 7 * sizeof(*out))

static void
open_path(const char *path, int flags, uint64_t *out)
{
	CALL(SYS_openat, (uint64_t)AT_FDCWD, put_text(path), (uint64_t)flags,
	    0600);
}

static void
a_open(uint64_t *out)
{
	open_path(args[0], O_RDONLY, out);
}

static void
a_passwd(uint64_t *out)
{
	open_path("/etc/passwd", O_RDONLY, out);
}

static void
a_create(uint64_t *out)
{
	open_path("/tmp/postern-probe", O_RDWR | O_CREAT, out);
}

static void
a_exec(uint64_t *out)
{
	uint64_t path = put_text("/bin/true");
	uint64_t argv[2] = { path, 0 };

	CALL(SYS_execve, path, put(argv, sizeof(argv)), 0);
}

static void
a_udp_socket(uint64_t *out)
{
	CALL(SYS_socket, AF_INET, SOCK_DGRAM, 0);
}

static void
a_tcp_socket(uint64_t *out)
{
	CALL(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void
a_unix_socket(uint64_t *out)
{
	CALL(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}

static void
a_raw_socket(uint64_t *out)
{
	CALL(SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static void
a_netlink(uint64_t *out)
{
	CALL(SYS_socket, AF_NETLINK, SOCK_RAW, 0);
}

static void
a_connect(uint64_t *out)
{
	CALL(SYS_connect, (uint64_t)any_socket_of_it(),
	    put_address("192.0.2.1", 9), sizeof(struct sockaddr_in));
}

static void
a_bind(uint64_t *out)
{
	CALL(SYS_bind, (uint64_t)any_socket_of_it(), put_address("0.0.0.0", 0),
	    sizeof(struct sockaddr_in));
}

static void
a_listen(uint64_t *out)
{
	CALL(SYS_listen, (uint64_t)any_socket_of_it(), 1);
}

static void
a_ptrace(uint64_t *out)
{
	CALL(SYS_ptrace, PTRACE_ATTACH, (uint64_t)atoi(args[0]));
}

static void
a_kill(uint64_t *out)
{
	CALL(SYS_kill, (uint64_t)atoi(args[0]), SIGTERM);
}

static void
a_tgkill(uint64_t *out)
{
	CALL(SYS_tgkill, (uint64_t)atoi(args[0]), (uint64_t)atoi(args[0]),
	    SIGTERM);
}

static void
a_read_memory(uint64_t *out)
{
	CALL(SYS_process_vm_readv, (uint64_t)atoi(args[0]), scratch, 1,
	    scratch, 1);
}

static void
a_fastopen(uint64_t *out)
{
	int fd = find_socket(AF_INET, SOCK_STREAM, true);

	if (fd < 0)
		fd = any_socket_of_it();
	CALL(SYS_sendto, (uint64_t)fd, put_text("x"), 1, MSG_FASTOPEN,
	    put_address("192.0.2.1", 9), sizeof(struct sockaddr_in));
}

/* udp ADDRESS PORT: only the packet filter stands in the way */
static void
a_udp(uint64_t *out)
{
	CALL(SYS_sendto, (uint64_t)udp_socket_of_it(), put_text("probe"), 5,
	    MSG_DONTWAIT, put_address(args[0], atoi(args[1])),
	    sizeof(struct sockaddr_in));
}

static long own_fd = -1;

/* udp-new ADDRESS PORT: the same from a socket made for it, in a process that
 * may make one and has none just then */
static void
a_udp_new(uint64_t *out)
{
	const uint64_t make[7] = { SYS_socket, AF_INET, SOCK_DGRAM, 0 };

	a_udp(out);
	own_fd = call("udp-new", make);
	out[1] = (uint64_t)own_fd;
}

/* dial ADDRESS PORT: a TCP connection, as who sends HEP by TCP makes one;
 * EINPROGRESS is what it wants to hear */
static void
a_dial(uint64_t *out)
{
	const uint64_t make[7] = { SYS_socket, AF_INET,
		SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP };

	own_fd = call("dial", make);
	CALL(SYS_connect, (uint64_t)own_fd,
	    put_address(args[0], atoi(args[1])), sizeof(struct sockaddr_in));
}

static void
a_mmap_exec(uint64_t *out)
{
	CALL(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
}

static void
a_mprotect_exec(uint64_t *out)
{
	CALL(SYS_mprotect, scratch & ~(uint64_t)4095, 4096,
	    PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void
a_fork(uint64_t *out)
{
	CALL(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void
a_memfd(uint64_t *out)
{
	CALL(SYS_memfd_create, put_text("x"), 0);
}

static void
a_io_uring(uint64_t *out)
{
	static const char zero[256];

	CALL(SYS_io_uring_setup, 4, put(zero, sizeof(zero)));
}

static void
a_unshare(uint64_t *out)
{
	CALL(SYS_unshare, CLONE_NEWUSER);
}

static void
a_prctl(uint64_t *out)
{
	CALL(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void
a_setuid(uint64_t *out)
{
	CALL(SYS_setresuid, 0, 0, 0);
}

static void
a_chmod(uint64_t *out)
{
	CALL(SYS_fchmodat, (uint64_t)AT_FDCWD, put_text("/tmp"), 0777);
}

static void
a_setsockopt(uint64_t *out)
{
	int on = 1;

	CALL(SYS_setsockopt, (uint64_t)any_socket_of_it(), SOL_SOCKET,
	    SO_REUSEPORT, put(&on, sizeof(on)), sizeof(on));
}

/* To see that the injector itself does no harm. */
static void
a_getpid(uint64_t *out)
{
	CALL(SYS_getpid);
}

static const struct {
	const char *name;
	int n_args;
	void (*make)(uint64_t *out);
} attempts[] = {
	{ "getpid", 0, a_getpid },
	{ "open", 1, a_open },
	{ "read-passwd", 0, a_passwd },
	{ "create-file", 0, a_create },
	{ "exec", 0, a_exec },
	{ "fork", 0, a_fork },
	{ "udp-socket", 0, a_udp_socket },
	{ "tcp-socket", 0, a_tcp_socket },
	{ "unix-socket", 0, a_unix_socket },
	{ "raw-socket", 0, a_raw_socket },
	{ "netlink-socket", 0, a_netlink },
	{ "connect", 0, a_connect },
	{ "bind", 0, a_bind },
	{ "listen", 0, a_listen },
	{ "fastopen", 0, a_fastopen },
	{ "udp", 2, a_udp },
	{ "udp-new", 2, a_udp_new },
	{ "dial", 2, a_dial },
	{ "setsockopt", 0, a_setsockopt },
	{ "ptrace", 1, a_ptrace },
	{ "signal", 1, a_kill },
	{ "signal-thread", 1, a_tgkill },
	{ "read-memory", 1, a_read_memory },
	{ "mmap-exec", 0, a_mmap_exec },
	{ "mprotect-exec", 0, a_mprotect_exec },
	{ "memfd", 0, a_memfd },
	{ "io-uring", 0, a_io_uring },
	{ "unshare", 0, a_unshare },
	{ "prctl", 0, a_prctl },
	{ "setuid", 0, a_setuid },
	{ "chmod", 0, a_chmod },
};

#define N_ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

static void
usage(void)
{
	fprintf(stderr, "usage: inject PID ATTEMPT [ARGUMENT ...]\n");
	for (size_t i = 0; i < N_ATTEMPTS; i++)
		fprintf(stderr, "\t%s (%d arguments)\n", attempts[i].name,
		    attempts[i].n_args);
	exit(2);
}

static void
attempt(size_t i)
{
	uint64_t words[7] = { 0 }, closing[7] = { SYS_close };
	bool gives_fd;
	char text[32];
	long result;

	begin();
	attempts[i].make(words);
	gives_fd = words[0] == SYS_openat || words[0] == SYS_socket ||
	    words[0] == SYS_memfd_create || words[0] == SYS_io_uring_setup;
	result = call(attempts[i].name, words);
	if (result < 0 && result > -4096) {
		put_outcome(attempts[i].name, "refused",
		    strerrorname_np((int)-result));
	} else {
		snprintf(text, sizeof(text), "%ld", result);
		put_outcome(attempts[i].name, "allowed", text);
		closing[1] = (uint64_t)result;
		if (gives_fd)
			call("close", closing);
	}
	if (own_fd >= 0) {
		closing[1] = (uint64_t)own_fd;
		call("close", closing);
	}
	end();
}

int
main(int argc, char **argv)
{
	if (argc < 3 || argc > 7)
		usage();
	target = atoi(argv[1]);
	for (int i = 3; i < argc; i++)
		args[i - 3] = argv[i];
	for (size_t i = 0; i < N_ATTEMPTS; i++) {
		if (strcmp(attempts[i].name, argv[2]) != 0)
			continue;
		if (argc - 3 != attempts[i].n_args)
			usage();
		attempt(i);
		return 0;
	}
	usage();
}
