#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "postern/bind.h"
#include "postern/cmd.h"
#include "postern/watchdog.h"

/* A restart of 20 ms at 200 calls/s queues more than the kernel's default
 * buffer takes (92 datagrams of 700 bytes). */
#define SIP_BUFFER_BYTES (8 * 1024 * 1024)
#define DOOR_BACKLOG 16
/* Phones that come back all at once after a restart. */
#define TCP_BACKLOG 512
#define TCP_SEND_BYTES 65536

static socklen_t
to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == ADDR_IPV6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof(*in6);
	} else {
		struct sockaddr_in *in = (struct sockaddr_in *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof(*in);
	}
}

/* socket() as another user: the kernel notes the effective uid of now. */
static int
socket_as(int family, int type, uid_t owner)
{
	int fd, err;

	if (owner != (uid_t)-1 && seteuid(owner) != 0)
		return -errno;
	fd = socket(family, type, 0);
	err = -errno;
	if (owner != (uid_t)-1 && seteuid(0) != 0) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	if (fd < 0)
		return err;
	return fd;
}

/* Best effort: smaller buffers still work. */
static void
tune_udp(int fd)
{
	int bytes = SIP_BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) !=
	    0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) !=
	    0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/*
 * Options that accepted connections inherit on Linux, so that the caged
 * process need not set them: no delay, a look after two minutes whether the
 * peer is still there, and little memory for those who do not read.
 */
static void
tune_tcp(int fd)
{
	static const struct {
		int level, option, value;
	} all[] = {
		{ SOL_SOCKET, SO_REUSEADDR, 1 },
		{ SOL_SOCKET, SO_SNDBUF, TCP_SEND_BYTES },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 15 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 4 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		setsockopt(fd, all[i].level, all[i].option, &all[i].value,
		    sizeof(all[i].value));
}

static int
bind_sip(const struct addr *at, int type, uid_t owner)
{
	struct sockaddr_storage sa;
	socklen_t len = to_sockaddr(at, &sa);
	int fd, err, on = 1;

	fd = socket_as(sa.ss_family, type, owner);
	if (fd < 0)
		return fd;
	if (type == SOCK_STREAM)
		tune_tcp(fd);
	else
		tune_udp(fd);
	if ((sa.ss_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) !=
		    0) ||
	    bind(fd, (struct sockaddr *)&sa, len) != 0 ||
	    (type == SOCK_STREAM && listen(fd, TCP_BACKLOG) != 0)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int
bind_udp(const struct addr *at, uid_t owner)
{
	return bind_sip(at, SOCK_DGRAM, owner);
}

int
bind_tcp(const struct addr *at, uid_t owner)
{
	return bind_sip(at, SOCK_STREAM, owner);
}

/* A Unix socket which only `owner` may connect to. */
static int
bind_unix(int type, const char *path, uid_t owner)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, err = 0;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, type, 0);
	if (fd < 0)
		return -errno;
	/* Nobody can knock between bind and chmod. */
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		err = -errno;
	umask(mask);
	if (err == 0 && owner != (uid_t)-1 &&
	    chown(path, owner, (gid_t)-1) != 0)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int
bind_door(const char *path, uid_t owner)
{
	int fd = bind_unix(SOCK_STREAM, path, owner), err;

	if (fd >= 0 && listen(fd, DOOR_BACKLOG) != 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int
bind_notes(const char *path, uid_t owner)
{
	int fd = bind_unix(SOCK_DGRAM, path, owner), err, on = 1;

	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Put a new descriptor into the inventory, or say why there is none. */
static bool
keep(struct inherit *list, int fd, const char *owner, const char *name,
    const char *what)
{
	int err = fd < 0 ? fd : inherit_add(list, fd, owner, name);

	if (err == -EADDRINUSE)
		cmd_fail("%s is in use by another program", what);
	else if (err == -EADDRNOTAVAIL)
		cmd_fail("%s: this machine does not have that address", what);
	else if (err)
		cmd_fail("%s: %s", what, strerror(-err));
	return err == 0;
}

static bool
bind_listeners(const struct addr *addrs, unsigned n, uint16_t port,
    const char *name, uid_t owner, struct inherit *list)
{
	bool tcp = strstr(name, "-udp") == NULL;
	char text[ADDR_TEXT_MAX + 1], what[ADDR_TEXT_MAX + 16];
	bool ok = true;

	if (port == 0)
		return true;
	for (unsigned i = 0; i < n; i++) {
		struct addr at = addrs[i];

		at.port = port;
		snprintf(what, sizeof(what), "%s %s", tcp ? "TCP" : "UDP",
		    addr_text(&at, text));
		ok &= keep(list,
		    tcp ? bind_tcp(&at, owner) : bind_udp(&at, owner),
		    "sigproxy", name, what);
	}
	return ok;
}

static uid_t
role_uid(const struct plan_member *m, bool as_root)
{
	if (!as_root)
		return (uid_t)-1;
	return m->role == ROLE_ADMIN ? 0 : cage_role_uid(m->role);
}

static bool
bind_doors(const struct plan *p, const struct state *s, bool as_root,
    struct inherit *list)
{
	char path[STATE_PATH_MAX], file[2 * ROLE_NAME_MAX + 16];
	char name[SD_NAME_MAX];
	bool ok = true;

	for (unsigned i = 0; i < p->n_doors; i++) {
		const struct plan_door *d = &p->door[i];

		snprintf(file, sizeof(file), "run/%s.%s.sock", d->owner->name,
		    d->knocker->name);
		snprintf(name, sizeof(name), "door-%s", d->knocker->name);
		state_path(s, file, path);
		unlink(path);
		ok &= keep(list, bind_door(path, role_uid(d->knocker, as_root)),
		    d->owner->name, name, path);
	}
	return ok;
}

static bool
bind_watchdog(const struct plan *p, const struct state *s, bool as_root,
    struct inherit *list)
{
	char path[STATE_PATH_MAX], file[ROLE_NAME_MAX + 32];
	bool ok = true;

	for (unsigned i = 0; i < p->n_members; i++) {
		const struct plan_member *m = &p->member[i];

		snprintf(file, sizeof(file), WATCHDOG_FILE, m->name);
		state_path(s, file, path);
		unlink(path);
		ok &= keep(list, bind_notes(path, role_uid(m, as_root)),
		    WATCHDOG_NAME, m->name, path);
	}
	return ok;
}

int
bind_all(const struct conf *c, const struct plan *p, const struct state *s,
    bool as_root, struct inherit *out)
{
	uid_t sig = as_root ? cage_role_uid(ROLE_SIG) : (uid_t)-1;
	bool ok;

	out->n = 0;
	ok = bind_listeners(c->external, c->n_external, c->external_udp,
	    "sip-external-udp", sig, out);
	ok &= bind_listeners(c->internal, c->n_internal, c->internal_udp,
	    "sip-internal-udp", sig, out);
	ok &= bind_listeners(c->external, c->n_external, c->external_tcp,
	    "sip-external-tcp", sig, out);
	ok &= bind_listeners(c->internal, c->n_internal, c->internal_tcp,
	    "sip-internal-tcp", sig, out);
	if (conf_has_tls(c)) {
		ok &= bind_listeners(c->external, c->n_external,
		    c->external_tls, "sip-external-tls", sig, out);
		ok &= bind_listeners(c->internal, c->n_internal,
		    c->internal_tls, "sip-internal-tls", sig, out);
	}
	ok &= bind_doors(p, s, as_root, out);
	ok &= bind_watchdog(p, s, as_root, out);
	return ok ? 0 : -EIO;
}
