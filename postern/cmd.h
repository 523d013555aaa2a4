/*
 * The admin command: one function for each word after `postern`.
 *
 * Each takes its arguments (argv[0] is the word), says what is wrong in
 * plain words on stderr, and returns the exit status: 0 done, 1 it could
 * not be done, 2 misuse.
 */
#ifndef POSTERN_CMD_H
#define POSTERN_CMD_H

#include <stdbool.h>

#define CMD_CONFIG "/etc/postern/postern.conf"
#define CMD_STATE "/var/lib/postern-state"

int cmd_up(int argc, char **argv);
int cmd_down(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_sql(int argc, char **argv);
int cmd_password(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_nft(int argc, char **argv);
int cmd_sample(int argc, char **argv);
int cmd_units(int argc, char **argv);
int cmd_cert(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_subscriber(int argc, char **argv);
int cmd_trunk(int argc, char **argv);
int cmd_grant(int argc, char **argv);
int cmd_route(int argc, char **argv);
int cmd_did(int argc, char **argv);
int cmd_mirror(int argc, char **argv);
int cmd_class(int argc, char **argv);
int cmd_drops(int argc, char **argv);
int cmd_calls(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_registrations(int argc, char **argv);
int cmd_bundle(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_ddns_hook(int argc, char **argv);
int cmd_watchdog(int argc, char **argv);

/* Options that several commands know. */
struct cmd_opts {
	const char *config; /* NULL: not given */
	const char *state;
	bool json;
	const char *out;   /* units: where to */
	bool log;	   /* exec: the log service of the role */
	bool load;	   /* nft: hand it to the kernel */
	char **rest; /* lent from argv */
	int n_rest;
};

/*
 * Read options; those not in `known` (of "csjloL": config, state, json, log,
 * out, load) are refused.  Reading ends at the first word that is no option.
 *
 * Errors:  -EINVAL after saying what is wrong.
 */
int cmd_opts(int argc, char **argv, const char *known, struct cmd_opts *out);

/*
 * The same for commands with words and options of their own: --config,
 * --state and --json may stand anywhere, the rest is left in its order.
 */
int cmd_opts_mixed(int argc, char **argv, const char *known,
    struct cmd_opts *out);

/* Say why a configuration could not be read (conf_read's error, which is not
 * 0), and what to do; always returns 1. */
int cmd_no_config(const char *path, int err);

/* Say why a process gave no answer (ask_status's error), and what to do;
 * always returns 1. */
int cmd_no_answer(const char *role, int err);

/* "postern: TEXT\n" on stderr; always returns 1. */
int cmd_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
