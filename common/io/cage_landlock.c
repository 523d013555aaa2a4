#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/io/cage_parts.h"

/*
 * Landlock as the kernel documents it (Documentation/userspace-api/
 * landlock.rst).  Declared here, since Debian 12's headers know ABI 2 only
 * and the running kernel may know more, or less.
 */
struct ruleset_attr {
	uint64_t handled_fs;
	uint64_t handled_net;	/* since ABI 4 */
	uint64_t scoped;	/* since ABI 6 */
};

struct path_attr {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

struct port_attr {
	uint64_t allowed;
	uint64_t port;		/* of this machine's byte order */
};

#define CREATE_RULESET_VERSION 1U
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_REG (1ULL << 8)
#define FS_TRUNCATE (1ULL << 14)
#define FS_ALL_ABI1 ((1ULL << 13) - 1)
#define FS_REFER (1ULL << 13)		/* ABI 2 */
#define FS_IOCTL_DEV (1ULL << 15)	/* ABI 5 */
#define NET_TCP_BIND 1ULL		/* ABI 4 */
#define NET_TCP_CONNECT 2ULL
#define SCOPE_BOTH 3ULL			/* ABI 6: abstract sockets, signals */

/* What one directory needs to hold an SQLite database with its WAL. */
#define FS_DATA (FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | \
	FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE)

static uint64_t
fs_rights(int abi)
{
	uint64_t all = FS_ALL_ABI1;

	if (abi >= 2)
		all |= FS_REFER;
	if (abi >= 3)
		all |= FS_TRUNCATE;
	if (abi >= 5)
		all |= FS_IOCTL_DEV;
	return all;
}

static int
allow_dir(int ruleset, const char *dir, uint64_t handled)
{
	struct path_attr rule = { .allowed = FS_DATA & handled };
	int fd = open(dir, O_PATH | O_CLOEXEC | O_DIRECTORY);
	int err = 0;

	if (fd < 0)
		return -errno;
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule,
		0) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int
allow_port(int ruleset, uint16_t port)
{
	const struct port_attr rule = { NET_TCP_CONNECT, port };

	return syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule,
	    0) < 0 ? -errno : 0;
}

static int
enforce(int abi, const struct cage *c)
{
	struct ruleset_attr attr = { .handled_fs = fs_rights(abi) };
	size_t size = sizeof(attr.handled_fs);
	int ruleset, err = 0;

	if (abi >= 4) {
		/* Ports, not addresses; those of trunks are not known yet. */
		attr.handled_net = c->role == ROLE_STUN ? NET_TCP_BIND :
		    NET_TCP_BIND | NET_TCP_CONNECT;
		size = sizeof(uint64_t) * 2;
	}
	if (abi >= 6) {
		attr.scoped = SCOPE_BOTH;
		size = sizeof(attr);
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	if (c->data_dir != NULL)
		err = allow_dir(ruleset, c->data_dir, attr.handled_fs);
	if (err == 0 && c->dials != NULL && abi >= 4)
		err = allow_port(ruleset, c->dials->port);
	if (err == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		err = -errno;
	close(ruleset);
	return err;
}

int
cage_landlock(const struct cage *c)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    CREATE_RULESET_VERSION);
	int err;

	if (abi < 0)	/* not built in, or switched off at boot */
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	err = enforce(abi, c);
	return err ? err : abi;
}
