#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "postern/cmd.h"
#include "postern/nft.h"

#define RULES "run/postern.nft"
#define RESOLVERS_MAX 8

bool
nft_on_loopback(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_internal; i++) {
		if (addr_classify(&c->internal[i]) == ADDR_LOOPBACK)
			return true;
	}
	for (unsigned i = 0; i < c->n_external; i++) {
		if (addr_classify(&c->external[i]) == ADDR_LOOPBACK)
			return true;
	}
	return false;
}

static void
write_addrs(
    FILE *to, const struct addr *list, unsigned n, uint8_t family, bool *first)
{
	char text[ADDR_TEXT_MAX];
	struct buf b;

	for (unsigned i = 0; i < n; i++) {
		if (list[i].family != family)
			continue;
		buf_init(&b, text, sizeof(text));
		addr_put_ip(&b, &list[i]);
		fprintf(to, "%s%.*s", *first ? "" : ", ", (int)b.len, b.p);
		*first = false;
	}
}

/* Our own addresses of one family; `first` stays true when there is none. */
static bool
has_family(const struct addr *list, unsigned n, uint8_t family)
{
	for (unsigned i = 0; i < n; i++) {
		if (list[i].family == family)
			return true;
	}
	return false;
}

/* The beginning of a rule for what our addresses of this family send.  False:
 * there is none, and nothing is written. */
static bool
write_from_us(FILE *to, const struct conf *c, uint8_t family)
{
	bool first = true;

	if (!has_family(c->internal, c->n_internal, family) &&
	    !has_family(c->external, c->n_external, family))
		return false;
	fprintf(to, "\t\t%s saddr { ", family == 4 ? "ip" : "ip6");
	write_addrs(to, c->internal, c->n_internal, family, &first);
	write_addrs(to, c->external, c->n_external, family, &first);
	fputs(" } ", to);
	return true;
}

static void
write_ports(FILE *to, const struct conf *c, uint16_t from, uint16_t last)
{
	for (uint8_t family = 4; family <= 6; family += 2)
		if (from != 0 && write_from_us(to, c, family))
			fprintf(
			    to, "udp sport %u-%u jump gate\n", from, last);
}

/* Connections come in by these ports; none is ever made from them, not even
 * by a captured process that knows a way round the cage. */
static void
write_tcp_port(FILE *to, const struct conf *c, uint16_t port)
{
	for (uint8_t family = 4; family <= 6; family += 2)
		if (port != 0 && write_from_us(to, c, family))
			fprintf(to, "tcp sport %u tcp flags & (syn | ack) == "
				    "syn counter drop\n", port);
}

static void
write_resolvers(FILE *to, const struct addr *list, unsigned n)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		bool first = true;

		if (!has_family(list, n, family))
			continue;
		fprintf(to, "\t\t%s daddr { ", family == 4 ? "ip" : "ip6");
		write_addrs(to, list, n, family, &first);
		fprintf(to, " } meta l4proto { tcp, udp } th dport 53 "
			    "accept\n");
	}
}

/* tracer sends to its one receiver, and to nobody else. */
static void
write_tracer(FILE *to, const struct conf *c)
{
	const struct addr *hep = &c->hep;
	const char *user = cage_role_user(ROLE_TRACE);
	bool first = true;

	if (hep->family != ADDR_NONE) {
		fprintf(to, "\t\tmeta skuid \"%s\" %s daddr { ", user,
		    hep->family == ADDR_IPV4 ? "ip" : "ip6");
		write_addrs(to, hep, 1, hep->family, &first);
		fprintf(to, " } %s dport %u accept\n",
		    conf_hep_dials(c) ? "tcp" : "udp", hep->port);
	}
	fprintf(to, "\t\tmeta skuid \"%s\" counter drop\n", user);
}

static void
write_gate(FILE *to, bool loopback)
{
	fputs("\tchain gate {\n", to);
	if (loopback)
		fputs("\t\t# An address of [address] is a loopback one, so\n"
		      "\t\t# packets to loopback and to this host may go.\n",
		    to);
	else
		fputs("\t\tip daddr 127.0.0.0/8 counter drop\n"
		      "\t\tip6 daddr ::1 counter drop\n"
		      "\t\tfib daddr type local counter drop\n",
		    to);
	fputs("\t\tfib daddr type { broadcast, multicast } counter drop\n"
	      "\t\tmeta l4proto { tcp, udp } th dport 1-1023 counter drop\n"
	      "\t}\n",
	    to);
}

/* The office's own ports, as a set. */
static void
write_inner_ports(FILE *to, const struct conf *c)
{
	const uint16_t sip[] = { c->internal_udp, c->internal_tcp,
		conf_has_tls(c) ? c->internal_tls : 0 };
	uint16_t before = 0;

	fputs("{ ", to);
	for (size_t i = 0; i < sizeof(sip) / sizeof(sip[0]); i++) {
		if (sip[i] != 0 && sip[i] != before)
			fprintf(to, "%u, ", sip[i]);
		if (sip[i] != 0)
			before = sip[i];
	}
	fprintf(to, "%u-%u }", c->internal_ports_first,
	    c->internal_ports_last);
}

/* What becomes of a packet from each of the office's networks. */
static void
write_lan(FILE *to, const struct conf *c, const char *verdict)
{
	char text[ADDR_TEXT_MAX];
	struct buf b;

	for (unsigned i = 0; i < c->n_lan; i++) {
		const struct addr_prefix *p = &c->lan[i];

		buf_init(&b, text, sizeof(text));
		addr_put_ip(&b, &p->net);
		fprintf(to, "\t\t%s saddr %.*s/%u %s\n",
		    p->net.family == ADDR_IPV4 ? "ip" : "ip6", (int)b.len,
		    b.p, p->bits, verdict);
	}
}

/* Of a connection sigproxy says the same, but the kernel has answered by
 * then.  What comes by UDP is left to it: it counts who tries. */
static void
write_office(FILE *to, const struct conf *c)
{
	fputs("\t# Nobody else sees the office's ports for connections.\n"
	      "\tchain office {\n",
	    to);
	write_lan(to, c, "return");
	fputs("\t\tcounter drop\n\t}\n", to);
}

/* `lan` is every private network unless it is set, and a neighbour at the
 * provider may well have such an address.  Strangers' UDP is left to sigproxy
 * here, too. */
static void
write_outside(FILE *to, const struct conf *c)
{
	fputs("\t# Nobody of the office comes in by an outer interface.\n"
	      "\tchain outside {\n",
	    to);
	write_lan(to, c, "counter drop");
	fputs("\t}\n", to);
}

static void
write_connections(FILE *to, const struct conf *c, uint8_t family)
{
	const uint16_t port[] = { c->internal_tcp,
		conf_has_tls(c) ? c->internal_tls : 0 };

	for (size_t i = 0; i < sizeof(port) / sizeof(port[0]); i++) {
		bool first = true;

		if (port[i] == 0)
			continue;
		fprintf(to, "\t\t%s daddr { ", family == 4 ? "ip" : "ip6");
		write_addrs(to, c->internal, c->n_internal, family, &first);
		fprintf(to, " } tcp dport %u jump office\n", port[i]);
	}
}

static void
write_to_inner(FILE *to, const struct conf *c, uint8_t family)
{
	bool first = true;

	fprintf(to, "%s daddr { ", family == 4 ? "ip" : "ip6");
	write_addrs(to, c->internal, c->n_internal, family, &first);
	fputs(" } meta l4proto { tcp, udp } th dport ", to);
	write_inner_ports(to, c);
}

static void
write_outer(
    FILE *to, const struct conf *c, const struct outer *outer, uint8_t family)
{
	for (unsigned i = 0; i < outer->n; i++) {
		fprintf(to, "\t\tiifname \"%s\" ", outer->name[i]);
		write_to_inner(to, c, family);
		fputs(" jump outside\n", to);
	}
}

/* Who writes an office address into his packets, and sends them to another
 * interface than that address is at, is not of the office. */
static void
write_input(FILE *to, const struct conf *c, const struct outer *outer)
{
	fputs("\t# An office address from where no office is, is forged.\n"
	      "\tchain input {\n"
	      "\t\ttype filter hook input priority filter; policy accept;\n",
	    to);
	for (uint8_t family = 4; family <= 6; family += 2) {
		if (!has_family(c->internal, c->n_internal, family))
			continue;
		write_outer(to, c, outer, family);
		fputs("\t\t", to);
		write_to_inner(to, c, family);
		fputs(" fib saddr . iif oif missing counter drop\n", to);
		write_connections(to, c, family);
	}
	fputs("\t}\n", to);
}

void
nft_write(FILE *to, const struct conf *c, const struct outer *outer,
    const struct addr *resolvers, unsigned n_resolvers)
{
	fputs("# Made by `postern nft`; `postern up` loads it.\n"
	      "table inet postern\n"
	      "delete table inet postern\n"
	      "table inet postern {\n"
	      "\t# Never to this host, loopback, everybody at once, or a\n"
	      "\t# privileged port: no phone or trunk lives there.\n",
	    to);
	write_gate(to, nft_on_loopback(c));
	if (!nft_on_loopback(c)) {
		write_office(to, c);
		if (outer->n > 0)
			write_outside(to, c);
		write_input(to, c, outer);
	}
	fputs("\t# stunmon asks its resolvers, and dials trunks: which these\n"
	      "\t# are stands in the database, so here it is only where no\n"
	      "\t# trunk can be.\n"
	      "\tchain resolve {\n",
	    to);
	write_resolvers(to, resolvers, n_resolvers);
	fputs("\t\tmeta l4proto != tcp counter drop\n"
	      "\t\tjump gate\n\t}\n"
	      "\tchain output {\n"
	      "\t\ttype filter hook output priority filter; policy accept;\n",
	    to);
	/* The uid is that of the socket's maker; the port rules are a second
	 * net for sockets somebody else made for us. */
	fprintf(to,
	    "\t\tmeta skuid { \"%s\", \"%s\" } jump gate\n"
	    "\t\tmeta skuid \"%s\" tcp flags & (syn | ack) == syn counter "
	    "drop\n"
	    "\t\tmeta skuid \"%s\" jump resolve\n"
	    "\t\tmeta skuid \"%s\" counter drop\n",
	    cage_role_user(ROLE_SIG), cage_role_user(ROLE_MEDIA),
	    cage_role_user(ROLE_SIG),
	    cage_role_user(ROLE_STUN), cage_role_user(ROLE_REG));
	write_tracer(to, c);
	if (conf_has_tls(c))
		fprintf(to, "\t\tmeta skuid \"%s\" counter drop\n",
		    cage_role_user(ROLE_KEY));
	write_ports(to, c, c->external_udp, c->external_udp);
	write_ports(to, c, c->internal_udp, c->internal_udp);
	write_tcp_port(to, c, c->external_tcp);
	write_tcp_port(to, c, c->internal_tcp);
	if (conf_has_tls(c)) {
		write_tcp_port(to, c, c->external_tls);
		write_tcp_port(to, c, c->internal_tls);
	}
	write_ports(to, c, c->ports_first, c->ports_last);
	write_ports(to, c, c->internal_ports_first, c->internal_ports_last);
	fputs("\t}\n}\n", to);
}

unsigned
nft_resolvers(const char *path, struct addr *out, unsigned max)
{
	char line[256], word[128];
	unsigned n = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return 0;
	while (n < max && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "nameserver %127s", word) == 1 &&
		    addr_parse_ip(span_str(word), &out[n]) == 0)
			n++;
	}
	fclose(f);
	return n;
}

static void
write_all(FILE *to, const struct conf *c)
{
	struct addr resolvers[RESOLVERS_MAX];
	unsigned n =
	    nft_resolvers("/etc/resolv.conf", resolvers, RESOLVERS_MAX);
	struct outer outer;
	int err = outer_find(c, &outer);

	if (err)
		cmd_fail("warning: interfaces: %s: none is known as an outer "
			 "one", strerror(-err));
	nft_write(to, c, &outer, resolvers, n);
}

/*
 * Run nft and wait.
 *
 * Takes:   in  what it reads, or NULL.
 * Gives:   its exit status, or a negative errno.
 */
static int
run_nft(const char *const argv[], FILE *in, bool quiet)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		const char *path = getenv("PATH");

		/* root's PATH may lack sbin in a bare shell */
		if (path == NULL || strstr(path, "/usr/sbin") == NULL)
			setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
		if (in != NULL && dup2(fileno(in), 0) < 0)
			_exit(126);
		if (quiet && freopen("/dev/null", "w", stderr) == NULL)
			_exit(126);
		execvp("nft", (char *const *)(const void *)argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int
nft_load(const struct conf *c, const struct state *s)
{
	char path[STATE_PATH_MAX];
	FILE *f = fopen(state_path(s, RULES, path), "we");
	int got;

	if (f == NULL)
		return cmd_fail("%s: %s", path, strerror(errno)), -EIO;
	write_all(f, c);
	fclose(f);
	got = run_nft((const char *[]){ "nft", "-f", path, NULL }, NULL,
	    false);
	if (got == 0)
		return 0;
	unlink(path);
	cmd_fail("warning: the firewall table was not loaded (%s): a captured "
		 "process could send packets to this host and to privileged "
		 "ports of the office",
	    got == 127 ? "nft is not installed" : "nft refused it");
	return -EPERM;
}

void
nft_unload(const struct state *s)
{
	char path[STATE_PATH_MAX];

	if (unlink(state_path(s, RULES, path)) == 0)
		run_nft((const char *[]){ "nft", "delete", "table", "inet",
			    "postern", NULL },
		    NULL, true);
}

/* For a unit, which has no state directory. */
static int
load(const struct conf *c)
{
	FILE *f = tmpfile();
	int got;

	if (f == NULL)
		return cmd_fail("temporary file: %s", strerror(errno));
	write_all(f, c);
	rewind(f);
	got = run_nft((const char *[]){ "nft", "-f", "-", NULL }, f, false);
	fclose(f);
	if (got == 0)
		return 0;
	return cmd_fail(
	    got == 127 ? "nft is not installed" : "nft refused the table");
}

int
cmd_nft(int argc, char **argv)
{
	struct cmd_opts o;
	static struct conf storage;
	struct conf *c = &storage;
	const char *config;
	int err;

	if (cmd_opts(argc, argv, "cL", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern nft [--load] [--config FILE]");
		return 2;
	}
	config = o.config ? o.config : CMD_CONFIG;
	err = conf_read(config, stderr, c);
	if (err)
		return cmd_no_config(config, err);
	err = 0;
	if (o.load)
		err = load(c);
	else
		write_all(stdout, c);
	return err;
}
