/* `postern check`: what runs, whether it listens, and what guards it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "postern/bind.h"
#include "postern/capture.h"
#include "postern/check.h"
#include "postern/json.h"
#include "postern/listen.h"
#include "postern/nft.h"

#define NFT_WAIT_MS 3000
#define RULES_MAX 262144

struct span
check_said(const struct check *k, const char *role)
{
	for (unsigned i = 0; i < k->n; i++) {
		if (strcmp(k->list[i].role, role) == 0 &&
		    k->list[i].pid > 0 && k->list[i].asked == 0)
			return k->list[i].said;
	}
	return SPAN_NONE;
}

static const struct process *
find_process(const struct check *k, const char *name)
{
	for (unsigned i = 0; i < k->n; i++) {
		if (strcmp(k->list[i].name, name) == 0)
			return &k->list[i];
	}
	return NULL;
}

/* ---- processes ---- */

static void
process_down(struct check *k, const char *name)
{
	struct finding *f = finding_new(k->found, FINDING_ERROR,
	    "process-down");

	finding_what(f, "%s does not run", name);
	finding_seen(f, "the supervisor has no process of that name");
	if (k->systemd)
		finding_do(f, "journalctl -u 'postern-*' says why");
	else
		finding_do(f, "DIR/log/%s/current in the state directory says "
			      "why; if it is not there, `postern down` and "
			      "`postern up` with this configuration", name);
}

static void
process_silent(struct check *k, const struct process *p)
{
	struct finding *f = finding_new(k->found, FINDING_ERROR,
	    "process-silent");

	finding_what(f, "%s runs and does not answer", p->name);
	finding_seen(f, "process %d at its admin door: %s", p->pid,
	    strerror(-p->asked));
	finding_do(f, "look at its log; kill -9 %d is safe, calls go on",
	    p->pid);
}

static void
process_user(struct check *k, const struct process *p, const char *user)
{
	struct finding *f = finding_new(k->found, FINDING_WARNING,
	    "process-user");

	finding_what(f, "%s does not run as its own user: whoever takes it "
			"over has all that user has", p->name);
	finding_seen(f, "process %d runs as %s, not as %s", p->pid, p->user,
	    user);
	finding_do(f, "start Postern as root; each process then drops to its "
		      "own user");
}

static void
check_process(struct check *k, const struct plan_member *m)
{
	const struct process *p = find_process(k, m->name);

	if (p != NULL && p->asked == -EACCES)
		return;	/* only root may ask; said elsewhere */
	else if (p == NULL || p->pid == 0)
		process_down(k, m->name);
	else if (p->asked != 0)
		process_silent(k, p);
	else if (strcmp(p->user, cage_role_user(m->role)) != 0)
		process_user(k, p, cage_role_user(m->role));
	else
		finding_ok(k->found, "process", "%s runs as %s, process %d",
		    p->name, p->user, p->pid);
}

static void
check_processes(struct check *k)
{
	static struct plan plan;

	plan_make(k->conf, &plan);
	for (unsigned i = 0; i < plan.n_members; i++)
		check_process(k, &plan.member[i]);
}

static void
check_store_words(struct check *k)
{
	struct span said = check_said(k, "registrar-db"), text;
	struct finding *f;

	if (said.p == NULL || !json_text(said, "last_error", &text) ||
	    text.len == 0)
		return;
	f = finding_new(k->found, FINDING_WARNING, "store-error");
	finding_what(f, "the store refused something lately");
	finding_seen(f, "registrar-db: %.*s", (int)text.len, text.p);
	finding_do(f, "docs/store.md says what each message means");
}

/* ---- listeners ---- */

/* Before it runs: could it listen there? */
static void
try_listener(struct check *k, const struct addr *at, bool tcp)
{
	const char *kind = tcp ? "TCP" : "UDP";
	char text[ADDR_TEXT_MAX + 1];
	struct finding *f;
	int fd = tcp ? bind_tcp(at, (uid_t)-1) : bind_udp(at, (uid_t)-1);

	if (fd >= 0) {
		close(fd);
		return;
	}
	if (fd == -EADDRINUSE) {
		f = finding_new(k->found, FINDING_WARNING, "port-taken");
		finding_what(f, "%s %s is in use: by another Postern, or by "
				"what must make room for this one", kind,
		    addr_text(at, text));
		finding_do(f, "ss -lnp 'sport = :%u' shows who has it; end "
			      "that, or choose another port in [listen]",
		    at->port);
	} else {
		f = finding_new(k->found, FINDING_ERROR, "address-not-here");
		finding_what(f, "Postern cannot listen at %s %s", kind,
		    addr_text(at, text));
		finding_do(f, "`ip address` shows what this machine has; "
			      "correct internal and external in [address]");
	}
	finding_seen(f, "bind: %s", fd == -EADDRNOTAVAIL ?
		"this machine does not have that address" : strerror(-fd));
}

static void
listener_closed(struct check *k, const struct addr *at, bool tcp)
{
	struct finding *f = finding_new(k->found, FINDING_ERROR,
	    "listener-closed");
	char text[ADDR_TEXT_MAX + 1];

	finding_what(f, "nobody listens at %s %s", tcp ? "TCP" : "UDP",
	    addr_text(at, text));
	finding_seen(f, "no such socket in /proc/net/%s", tcp ? "tcp" : "udp");
	finding_do(f, "if the configuration was changed, start Postern anew: "
		      "`postern down`, `postern up`; under systemd "
		      "docs/systemd.md");
}

static void
listener_foreign(struct check *k, const struct addr *at, bool tcp, pid_t pid)
{
	struct finding *f = finding_new(k->found, FINDING_ERROR,
	    "listener-foreign");
	char text[ADDR_TEXT_MAX + 1];

	finding_what(f, "another program than Postern listens at %s %s",
	    tcp ? "TCP" : "UDP", addr_text(at, text));
	finding_seen(f, "sigproxy (process %d) does not have that socket",
	    pid);
	finding_do(f, "ss -lnp 'sport = :%u' shows who has it; end it, then "
		      "`postern down`, `postern up`", at->port);
}

static void
look_at_listener(struct check *k, const struct addr *at, bool tcp)
{
	const struct process *p = find_process(k, "sigproxy");
	uint64_t inode = listen_find(tcp, at);
	char text[ADDR_TEXT_MAX + 1];

	if (inode == 0)
		listener_closed(k, at, tcp);
	else if (p != NULL && p->pid > 0 && listen_owned(p->pid, inode) == 0)
		listener_foreign(k, at, tcp, p->pid);
	else
		finding_ok(k->found, "listener", "%s %s is open",
		    tcp ? "TCP" : "UDP", addr_text(at, text));
}

static void
check_listeners(struct check *k, const struct addr *list, unsigned n,
    uint16_t port, bool tcp)
{
	for (unsigned i = 0; port != 0 && i < n; i++) {
		struct addr at = list[i];

		at.port = port;
		if (k->n == 0)
			try_listener(k, &at, tcp);
		else
			look_at_listener(k, &at, tcp);
	}
}

static void
check_all_listeners(struct check *k)
{
	const struct conf *c = k->conf;

	check_listeners(k, c->external, c->n_external, c->external_udp, false);
	check_listeners(k, c->internal, c->n_internal, c->internal_udp, false);
	check_listeners(k, c->external, c->n_external, c->external_tcp, true);
	check_listeners(k, c->internal, c->n_internal, c->internal_tcp, true);
	if (!conf_has_tls(c))
		return;
	check_listeners(k, c->external, c->n_external, c->external_tls, true);
	check_listeners(k, c->internal, c->n_internal, c->internal_tls, true);
}

/* Outside packets at the office's own ports: the router forwards what it
 * never should, or a network of the office is not in `lan`. */
static void
check_internal_ports(struct check *k)
{
	struct span said = check_said(k, "sigproxy"), from = SPAN_NONE;
	struct finding *f;
	uint64_t n = 0;

	if (said.p == NULL || !json_number(said, "internal_from_outside", &n))
		return;
	if (n == 0) {
		finding_ok(k->found, "internal-ports", "nothing from outside "
		    "came to the office's SIP ports");
		return;
	}
	json_text(said, "internal_from", &from);
	f = finding_new(k->found, FINDING_ERROR, "internal-port-open");
	finding_what(f, "packets from outside the office come to its SIP "
			"ports %u, %u and %u, which must never be forwarded; "
			"they were dropped", k->conf->internal_udp,
	    k->conf->internal_tcp, k->conf->internal_tls);
	finding_seen(f, "%llu of them, the last from %.*s",
	    (unsigned long long)n, (int)from.len, from.p);
	finding_do(f, "take these ports out of the router's forwarding; if "
		      "that address is of the office, add its network to "
		      "[address] lan");
}

/* ---- the packet filter ---- */

static void
check_table(struct check *k)
{
	static const char *const argv[] = { "nft", "list", "table", "inet",
		"postern", NULL };
	char said[4096];
	struct finding *f;
	int rc;

	if (geteuid() != 0 || k->n == 0)
		return;
	rc = capture(argv, NULL, NFT_WAIT_MS, said, sizeof(said));
	if (rc == 0) {
		finding_ok(k->found, "firewall", "the firewall table is "
		    "loaded");
		return;
	}
	f = finding_new(k->found, FINDING_WARNING, "firewall-missing");
	finding_what(f, "the firewall table that keeps captured processes in "
			"is not loaded");
	finding_seen(f, "nft list table inet postern: %.*s",
	    (int)strcspn(said, "\n"), rc == 127 ? "not installed" : said);
	finding_do(f, "postern nft --load --config %s", k->config);
}

static void
check_input(struct check *k)
{
	static const char *const argv[] = { "nft", "list", "ruleset", NULL };
	static char rules[RULES_MAX];

	if (geteuid() == 0 && capture(argv, NULL, NFT_WAIT_MS, rules,
		sizeof(rules)) == 0)
		check_input_rules(k->found, k->conf, rules);
}

void
check_run(struct check *k)
{
	if (k->n > 0)
		check_processes(k);
	else
		finding_note(k->found, "not-running", "Postern does not run "
		    "with this configuration: only the configuration and this "
		    "machine were looked at");
	check_store_words(k);
	check_all_listeners(k);
	check_internal_ports(k);
	check_table(k);
	check_input(k);
	if (nft_on_loopback(k->conf))
		finding_note(k->found, "on-loopback", "an address of [address] "
		    "is a loopback one: processes may send to this host");
}
