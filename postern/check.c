/*
 * `postern check`: is the set-up right, and what do the system, the router
 * and the phones need?  Changes nothing.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "postern/ask.h"
#include "postern/bind.h"
#include "postern/cert.h"
#include "postern/cmd.h"
#include "postern/json.h"
#include "postern/nft.h"
#include "postern/program.h"
#include "postern/sheet.h"

/* A fault counts; a note does not. */
static unsigned
check_users(const struct conf *c)
{
	static const enum ipc_role roles[] = { ROLE_SIG, ROLE_MEDIA, ROLE_STUN,
		ROLE_REG, ROLE_KEY };
	const size_t n_roles = conf_has_tls(c) ? 5 : 4;
	unsigned faults = 0;

	for (size_t i = 0; i < n_roles; i++) {
		if (getpwnam(cage_role_user(roles[i])) != NULL)
			continue;
		cmd_fail("fault: user %s is missing; `postern up` says how "
			 "to make it",
		    cage_role_user(roles[i]));
		faults++;
	}
	return faults;
}

static bool
is_in_path(const char *program)
{
	static const char *const places[] = { "/usr/bin", "/usr/sbin", "/bin",
		"/sbin", "/usr/local/bin", "/usr/local/sbin" };
	char path[128];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static unsigned
check_tools(void)
{
	static const struct {
		const char *program, *package, *lost;
	} tools[] = {
		{ "runsvdir", "runit", "nothing starts the processes" },
		{ "svlogd", "runit", "nothing keeps the logs" },
		{ "sqlite3", "sqlite3", "`postern sql` does not work" },
		{ "nft", "nftables",
		    "captured processes could send to this "
		    "host and the office's servers" },
	};
	unsigned faults = 0;

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		if (is_in_path(tools[i].program))
			continue;
		cmd_fail("fault: %s is not installed (package %s): %s",
		    tools[i].program, tools[i].package, tools[i].lost);
		faults++;
	}
	return faults;
}

static unsigned
check_ports(const struct addr *list, unsigned n, uint16_t port, bool tcp)
{
	char text[ADDR_TEXT_MAX + 1];
	unsigned faults = 0;

	for (unsigned i = 0; port != 0 && i < n; i++) {
		struct addr at = list[i];
		int fd;

		at.port = port;
		fd = tcp ? bind_tcp(&at, (uid_t)-1) :
			   bind_udp(&at, (uid_t)-1);
		if (fd >= 0) {
			close(fd);
		} else if (fd == -EADDRINUSE) {
			printf("note: %s %s is in use: by Postern itself, or "
			       "by what must make room for it\n",
			    tcp ? "TCP" : "UDP", addr_text(&at, text));
		} else {
			cmd_fail("fault: %s %s: %s", tcp ? "TCP" : "UDP",
			    addr_text(&at, text),
			    fd == -EADDRNOTAVAIL
				? "this machine does not have that address"
				: strerror(-fd));
			faults++;
		}
	}
	return faults;
}

/* Each program looks at the file with its own eyes. */
static unsigned
check_program(enum ipc_role role, const char *config)
{
	char path[PROGRAM_PATH_MAX];
	int status = 0;
	pid_t pid;

	if (program_find(role, path) != 0) {
		cmd_fail(
		    "fault: postern-%s is not installed", ipc_role_name(role));
		return 1;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(126);
		execl(path, path, "--config", config, "--check", NULL);
		_exit(127);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0)
		return 0;
	cmd_fail("fault: postern-%s --check does not accept this",
	    ipc_role_name(role));
	return 1;
}

static unsigned
check_all(const struct conf *c, const char *config)
{
	unsigned faults = check_users(c) + check_tools();

	faults += check_ports(c->external, c->n_external, c->external_udp,
	    false);
	faults += check_ports(c->internal, c->n_internal, c->internal_udp,
	    false);
	faults += check_ports(c->external, c->n_external, c->external_tcp,
	    true);
	faults += check_ports(c->internal, c->n_internal, c->internal_tcp,
	    true);
	if (conf_has_tls(c)) {
		faults += check_ports(c->external, c->n_external,
		    c->external_tls, true);
		faults += check_ports(c->internal, c->n_internal,
		    c->internal_tls, true);
	}
	if (conf_has_tls(c))
		faults += cert_check(stdout, c) +
		    check_program(ROLE_KEY, config);
	else if (c->n_tls_certificates == 0)
		puts("note: TLS is off: [tls] names no certificate; `postern "
		     "cert create` makes one");
	for (int role = ROLE_SIG; role <= ROLE_REG; role <<= 1)
		faults += check_program((enum ipc_role)role, config);
	if (nft_on_loopback(c))
		puts("note: an address of [address] is a loopback one: "
		     "processes may send to this host");
	return faults;
}

/* What a running stunmon says: our public address, and words for people. */
static bool
ask_stunmon(const char *dir, char address[ADDR_TEXT_MAX + 1])
{
	static char mem[ASK_MAX];
	char path[STATE_PATH_MAX];
	struct span said, text;
	struct addr a;
	struct buf b;

	snprintf(path, sizeof(path), "%s/run/stunmon.admin.sock", dir);
	if (ask_status(path, mem, &said) != 0)
		return false;
	if (json_text(said, "words", &text)) {
		fputs("stunmon says: ", stdout);
		json_print_text(stdout, text);
		putchar('\n');
	}
	/* Read and written anew: nothing of a captured process is printed as
	 * it is. */
	if (!json_text(said, "public", &text) || addr_parse_ip(text, &a) != 0)
		return false;
	buf_init(&b, address, ADDR_TEXT_MAX);
	addr_put_ip(&b, &a);
	address[b.len] = '\0';
	return true;
}

int
cmd_check(int argc, char **argv)
{
	static struct conf storage;
	struct conf *c = &storage;
	struct cmd_opts o;
	char address[ADDR_TEXT_MAX + 1], mem[STATE_PATH_MAX];
	const char *config;
	unsigned faults, warnings;
	bool seen;
	int err;

	if (cmd_opts(argc, argv, "cs", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern check [--config FILE] [--state DIR]");
		return 2;
	}
	config = o.config ? o.config : CMD_CONFIG;
	if (o.state != NULL)
		config = state_find_config(o.config, o.state, mem, sizeof(mem));
	if (config == NULL)
		return 1;
	err = conf_read(config, stderr, c);
	if (err)
		return cmd_fail("%s: %s", config,
		    err == -EINVAL ? "has the faults above" : strerror(-err));
	seen = ask_stunmon(o.state ? o.state : CMD_STATE, address);
	warnings = sheet_print(stdout, c, seen ? address : NULL);
	puts("\nChecks");
	faults = check_all(c, config);
	if (faults == 0)
		printf("%s is right; nothing is missing%s\n", config,
		    warnings > 0 ? " but what the warning above says" : "");
	return faults == 0 ? 0 : 1;
}

int
cmd_sample(int argc, char **argv)
{
	if (argc > 1) {
		cmd_fail("usage: postern sample");
		return 2;
	}
	conf_sample(stdout);
	return 0;
}
