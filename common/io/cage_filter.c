#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/cage_parts.h"

#define ALL ROLE_DAEMONS
#define NET (ROLE_SIG | ROLE_MEDIA | ROLE_STUN)
#define STUN ROLE_STUN
#define REG ROLE_REG
#define TRACE ROLE_TRACE
/* keyd does so little that it gets less than what all others share. */
#define MORE (ROLE_DAEMONS & ~ROLE_KEY)
#define NO_FILES (NET | ROLE_KEY)

/* The kernel reads 32 bits of an int; so does the comparison. */
#define INT_IS(arg, v) \
	SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, 0xffffffffu, (scmp_datum_t)(v))
#define BITS_CLEAR(arg, bits) SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, (bits), 0)

/* ---- calls allowed with any argument ---- */

static const struct {
	const char *name;
	uint8_t roles;
} plain[] = {
	/* the loop */
	{ "epoll_wait", ALL }, { "epoll_pwait", ALL }, { "epoll_ctl", ALL },
	{ "accept4", ALL }, { "close", ALL },
	{ "read", ALL }, { "write", ALL }, { "readv", MORE },
	{ "writev", ALL },
	/* memory; those with protection bits are below */
	{ "brk", ALL }, { "munmap", ALL }, { "mremap", ALL },
	{ "madvise", ALL }, { "mlock", ALL }, { "munlock", ALL },
	/* time, random, itself */
	{ "clock_gettime", ALL }, { "clock_getres", MORE },
	{ "clock_nanosleep", MORE }, { "gettimeofday", ALL },
	{ "getrandom", ALL }, { "getpid", ALL }, { "gettid", ALL },
	{ "getuid", MORE }, { "geteuid", ALL },
	{ "getrusage", MORE },
	{ "sysinfo", MORE },	/* qsort asks how much memory there is */
	{ "futex", ALL }, { "sched_yield", MORE },
	{ "restart_syscall", ALL }, { "rt_sigaction", ALL },
	{ "rt_sigprocmask", ALL }, { "rt_sigreturn", ALL },
	{ "exit", ALL }, { "exit_group", ALL },
	{ "fstat", ALL }, { "lseek", MORE },
	/* datagrams on sockets it already has */
	{ "recvmmsg", NET }, { "recvmsg", NET }, { "recvfrom", NET },
	{ "getsockname", NET }, { "getpeername", NET },
	/* the resolver's sockets; which ones is below */
	{ "bind", STUN }, { "connect", STUN },
	/* to send by UDP to one phone: it may send to anybody anyhow */
	{ "connect", ROLE_MEDIA },
	/* SQLite inside its directory (Landlock holds it there) */
	{ "openat", REG }, { "open", REG }, { "newfstatat", REG },
	{ "stat", REG }, { "lstat", REG }, { "access", REG },
	{ "faccessat", REG }, { "faccessat2", REG }, { "readlink", REG },
	{ "readlinkat", REG }, { "getcwd", REG }, { "unlink", REG },
	{ "unlinkat", REG }, { "pread64", REG }, { "pwrite64", REG },
	{ "fsync", REG }, { "fdatasync", REG }, { "ftruncate", REG },
	/* tracer's files, in its directory; write() alone is what it sends
	 * HEP with, to whom its one socket is connected and nobody else; who
	 * is dialled for HEP is below */
	{ "openat", TRACE }, { "newfstatat", TRACE }, { "unlinkat", TRACE },
	{ "renameat", TRACE }, { "renameat2", TRACE },
	{ "getdents64", TRACE }, { "ftruncate", TRACE },
};

/*
 * Refused with EACCES, not with death: libuv opens "/" when it is out of
 * descriptors, libc looks at stdio and the time zone.
 */
static const struct {
	const char *name;
	uint8_t roles;
} refused[] = {
	{ "openat", NO_FILES }, { "open", NO_FILES },
	{ "newfstatat", NO_FILES }, { "stat", NO_FILES },
	{ "lstat", NO_FILES }, { "statx", ALL }, { "access", NO_FILES },
	{ "faccessat", NO_FILES }, { "faccessat2", NO_FILES },
	{ "readlink", NO_FILES }, { "readlinkat", NO_FILES },
	{ "fchown", REG },
	{ "open", TRACE }, { "stat", TRACE }, { "lstat", TRACE },
	{ "access", TRACE }, { "faccessat", TRACE }, { "faccessat2", TRACE },
	{ "readlink", TRACE }, { "readlinkat", TRACE },
};

/* ---- options ---- */

static const struct {
	int level, option;
	uint8_t get, set;	/* roles */
} options[] = {
	{ SOL_SOCKET, SO_PEERCRED, ALL, 0 },
	{ SOL_SOCKET, SO_ERROR, NET, 0 },
	{ SOL_SOCKET, SO_TYPE, NET, 0 },
	{ SOL_SOCKET, SO_RCVBUF, NET, NET },
	{ SOL_SOCKET, SO_SNDBUF, NET, NET },
	{ SOL_SOCKET, SO_PRIORITY, 0, ROLE_SIG | ROLE_MEDIA },
	{ IPPROTO_IP, IP_TOS, 0, ROLE_SIG | ROLE_MEDIA },
	{ IPPROTO_IPV6, IPV6_TCLASS, 0, ROLE_SIG | ROLE_MEDIA },
	{ IPPROTO_TCP, TCP_NODELAY, 0, ROLE_SIG },
	/* of a connection to a trunk, before it is handed over */
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 0, STUN },
	/* after each read, so that no peer waits for our ACK */
	{ IPPROTO_TCP, TCP_QUICKACK, 0, ROLE_SIG },
};

static const struct {
	int command;
	uint8_t roles;
} fcntls[] = {
	{ F_GETFL, ALL }, { F_SETFL, ALL }, { F_GETFD, MORE },
	{ F_SETFD, MORE }, { F_GETLK, REG }, { F_SETLK, REG },
};

/* ---- building ---- */

struct build {
	scmp_filter_ctx ctx;
	enum ipc_role role;
	int err;		/* sticky */
};

static void
rule(struct build *b, uint32_t action, const char *name, unsigned n,
    const struct scmp_arg_cmp *args)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (b->err)
		return;
	if (nr == __NR_SCMP_ERROR)
		b->err = -EINVAL;
	else if (nr >= 0)	/* below: this machine has no such call */
		b->err = seccomp_rule_add_array(b->ctx, action, nr, n, args);
}

#define ALLOW_IF(b, name, ...)                                            \
	do {                                                              \
		const struct scmp_arg_cmp args_[] = { __VA_ARGS__ };      \
		rule((b), SCMP_ACT_ALLOW, (name),                         \
		    sizeof(args_) / sizeof(args_[0]), args_);             \
	} while (0)

static void
add_lists(struct build *b)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (plain[i].roles & b->role)
			rule(b, SCMP_ACT_ALLOW, plain[i].name, 0, NULL);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (refused[i].roles & b->role)
			rule(b, SCMP_ACT_ERRNO(EACCES), refused[i].name, 0,
			    NULL);
	}
}

static void
add_options(struct build *b)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].get & b->role)
			ALLOW_IF(b, "getsockopt",
			    INT_IS(1, options[i].level),
			    INT_IS(2, options[i].option));
		if (options[i].set & b->role)
			ALLOW_IF(b, "setsockopt",
			    INT_IS(1, options[i].level),
			    INT_IS(2, options[i].option));
	}
	for (size_t i = 0; i < sizeof(fcntls) / sizeof(fcntls[0]); i++) {
		if (fcntls[i].roles & b->role)
			ALLOW_IF(b, "fcntl", INT_IS(1, fcntls[i].command));
	}
	ALLOW_IF(b, "ioctl", INT_IS(1, FIONBIO));
}

static void
add_checked(struct build *b)
{
	/* W^X: no memory of ours ever becomes code. */
	ALLOW_IF(b, "mmap", BITS_CLEAR(2, PROT_EXEC));
	ALLOW_IF(b, "mprotect", BITS_CLEAR(2, PROT_EXEC));
	/* abort() */
	ALLOW_IF(b, "tgkill", INT_IS(0, getpid()));
	if (b->role & NET) {
		/* MSG_FASTOPEN is a connect() in disguise. */
		ALLOW_IF(b, "sendto", BITS_CLEAR(3, MSG_FASTOPEN));
		ALLOW_IF(b, "sendmsg", BITS_CLEAR(2, MSG_FASTOPEN));
		ALLOW_IF(b, "sendmmsg", BITS_CLEAR(3, MSG_FASTOPEN));
	}
	if (b->role & REG)	/* SQLite gives a WAL its database's mode */
		ALLOW_IF(b, "fchmod", BITS_CLEAR(1, 07000));
}

/*
 * The resolver makes UDP sockets.  A truncated answer makes it try TCP: that
 * is refused, not killed, or any DNS server could end stunmon.  Connections
 * to trunks name their protocol, which the resolver does not.
 */
static void
add_resolver(struct build *b)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const unsigned type = ~(unsigned)(SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (!(b->role & STUN))
		return;
	for (size_t i = 0; i < 2; i++)
		ALLOW_IF(b, "socket", INT_IS(0, families[i]),
		    SCMP_CMP(1, SCMP_CMP_MASKED_EQ, type, SOCK_DGRAM));
	for (size_t i = 0; i < 2; i++) {
		const struct scmp_arg_cmp stream[] = { INT_IS(0, families[i]),
			SCMP_CMP(1, SCMP_CMP_MASKED_EQ, type, SOCK_STREAM),
			INT_IS(2, 0) };

		rule(b, SCMP_ACT_ERRNO(EACCES), "socket", 3, stream);
		ALLOW_IF(b, "socket", INT_IS(0, families[i]),
		    SCMP_CMP(1, SCMP_CMP_MASKED_EQ, type, SOCK_STREAM),
		    INT_IS(2, IPPROTO_TCP));
	}
}

/*
 * A connection for HEP.  It names its protocol: no other kind of stream is
 * meant.  The address is out of reach of a filter: Landlock knows the port,
 * the packet filter both.
 */
static void
add_dialling(struct build *b, const struct addr *to)
{
	const int family = to->family == ADDR_IPV4 ? AF_INET : AF_INET6;
	const unsigned type = ~(unsigned)(SOCK_CLOEXEC | SOCK_NONBLOCK);

	ALLOW_IF(b, "socket", INT_IS(0, family),
	    SCMP_CMP(1, SCMP_CMP_MASKED_EQ, type, SOCK_STREAM),
	    INT_IS(2, IPPROTO_TCP));
	rule(b, SCMP_ACT_ALLOW, "connect", 0, NULL);
	ALLOW_IF(b, "getsockopt", INT_IS(1, SOL_SOCKET), INT_IS(2, SO_ERROR));
	ALLOW_IF(b, "setsockopt", INT_IS(1, IPPROTO_TCP),
	    INT_IS(2, TCP_USER_TIMEOUT));
	/* what the other host has not acknowledged */
	ALLOW_IF(b, "ioctl", INT_IS(1, SIOCOUTQ));
}

int
cage_filter(const struct cage *c)
{
	struct build b = { .role = c->role };

#ifdef POSTERN_SANITIZE
	b.ctx = seccomp_init(SCMP_ACT_LOG);
#else
	b.ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
#endif
	if (b.ctx == NULL)
		return -ENOMEM;
	b.err = seccomp_attr_set(b.ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (b.err == 0)		/* a tree: cheap also for late rows */
		b.err = seccomp_attr_set(b.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	add_lists(&b);
	add_options(&b);
	add_checked(&b);
	add_resolver(&b);
	if (c->dials != NULL)
		add_dialling(&b, c->dials);
	if (b.err == 0)
		b.err = seccomp_load(b.ctx);
	seccomp_release(b.ctx);
	return b.err;
}
