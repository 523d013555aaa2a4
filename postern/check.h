/*
 * Between the files of `postern check`.  Each part looks at one side of the
 * set-up and adds what it finds; none changes anything.
 */
#ifndef POSTERN_CHECK_H
#define POSTERN_CHECK_H

#include "common/io/conf.h"
#include "postern/finding.h"
#include "postern/members.h"

struct check {
	const struct conf *conf;
	const char *config;	/* its file */
	/* What runs of it; 0: nothing, only the configuration is looked at. */
	struct process *list;
	unsigned n;
	bool systemd;		/* else of `dir` */
	const char *run_dir;	/* of its doors; NULL: none */
	struct findings *found;
};

/* What runs of the configuration k->config, and of no other; state: as given
 * on the command line, or NULL. */
void check_find_running(struct check *k, const char *state);
/* What a process that runs and answers says; SPAN_NONE: none does. */
struct span check_said(const struct check *k, const char *role);

/* check_host.c: users, tools, programs, clock, disk, rights. */
void check_host(struct check *k);
/* Is the clock right?  state, max_error_us: as adjtimex(2) has them. */
void check_clock(struct findings *fs, int state, long max_error_us);

/* check_run.c: processes, listeners, the firewall table. */
void check_run(struct check *k);
/* The rules of this machine, as nft lists them: do they let in what must
 * come in? */
void check_input_rules(struct findings *fs, const struct conf *c,
    const char *rules);

/* check_tls.c: certificates and keys. */
void check_tls(struct check *k);

/* check_addr.c: our public address, the office's router, media. */
void check_ports_plan(struct findings *fs, const struct conf *c);
void check_address(struct findings *fs, const struct conf *c,
    struct span stunmon, struct span mediaproxy);
/* Gives the public address that is believed or configured; ADDR_NONE. */
struct addr check_public(const struct conf *c, struct span stunmon);

/* check_phones.c: phones that were not heard or did not come back, and homes
 * whose routers rewrite SIP. */
void check_phones(struct findings *fs, struct span sigproxy);
/* Phones that sounded bad lately. */
void check_sound(struct findings *fs, struct span registrar);
/* Only those of one number. */
void check_phones_of(struct findings *fs, struct span sigproxy,
    struct span number);
/* What to do about a phone whose media has this verdict (docs/media.md). */
struct media_remedy {
	const char *verdict;
	enum finding_level level;
	const char *text;
};
/* What is said instead of sigproxy's words, who sees one call alone. */
struct span media_doubt(struct span verdict, struct span words);
/* NULL: nothing. */
const struct media_remedy *media_remedy(struct span verdict);

/* check_names.c: what DNS says of us. */
void check_names(struct check *k);

/* check_store.c: what the database says of subscribers. */
void check_store(struct check *k);

/* check_trunks.c: our own registrations that failed, of trunk_registration and
 * mirror_registration. */
void check_trunks(struct check *k);
/* sigproxy: what it says of itself, for why a trunk has no connection. */
void check_accounts(struct findings *fs, struct span rows,
    struct span sigproxy);
/* Without an end. */
#define CHECK_ACCOUNTS                                                         \
	"SELECT * FROM (SELECT '' AS number, trunk, username, state, status, " \
	"why, changed FROM trunk_registration UNION ALL SELECT number, trunk, " \
	"username, state, status, why, changed FROM mirror_registration)"

/* Numbers that are to be mirrored at a trunk that is no mirror: name, n. */
#define CHECK_MIRRORS                                                          \
	"SELECT t.name, count(*) AS n FROM trunk AS t JOIN mirror AS m ON "    \
	"m.trunk = t.name WHERE t.mirror = 0 AND m.enabled = 1 GROUP BY t.name"
void check_mirrors(struct findings *fs, struct span rows);
/* rows: whom a call to one of [site] emergency may reach. */
void check_emergency(struct findings *fs, const struct conf *c,
    struct span rows);

/* check_trunk_ways.c: trunks by TCP and TLS without a connection.  Each row
 * has name, address and transport of one that is in use. */
#define CHECK_WAYS                                                             \
	"SELECT name, address, transport FROM trunk WHERE enabled = 1 AND "    \
	"transport <> 'udp'"
void check_trunk_ways(struct findings *fs, struct span rows,
    struct span sigproxy);
void check_trunk_way(struct findings *fs, struct span row, struct span told);
/* What sigproxy says of the trunk of that name; p NULL: nothing. */
struct span check_trunk_told(struct span sigproxy, struct span name);
/* Why it cannot be reached now; empty: it can, or that is not known. */
struct span check_trunk_why(struct span told);

/* check_outside.c: what `postern probe` saw from outside, as its line. */
void check_outside(struct findings *fs, const struct conf *c,
    const char *line);

#endif
