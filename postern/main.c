/* postern: the admin's command.  Finds the word and hands over. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postern/cmd.h"
#include "postern/std.h"

static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
	const char *usage, *help;
} commands[] = {
	{ "up", cmd_up, "--config FILE --state DIR",
	    "start everything and stay in the foreground" },
	{ "down", cmd_down, "--state DIR", "end everything" },
	{ "status", cmd_status, "[--json] [--state DIR]",
	    "which processes run, and how they are" },
	{ "subscriber", cmd_subscriber, "add | passwd | disable | enable | "
	    "remove | internet | from | show ...",
	    "who may register: make one, give it a new password, look" },
	{ "trunk", cmd_trunk, "add | set | password | disable | enable | "
	    "remove | show | status ...",
	    "the office's PBX and providers: where calls go and come from" },
	{ "registrations", cmd_registrations,
	    "[NUMBER] [--json] [--config FILE | --state DIR]",
	    "which phones are registered, and how they are reached" },
	{ "calls", cmd_calls,
	    "[NUMBER] [--watch | --past[=N]] [--json] ...",
	    "calls of now, live, or the last N that ended" },
	{ "explain", cmd_explain,
	    "NUMBER | CALL | trunk NAME [--json] [--config FILE | --state DIR]",
	    "why does this phone not register, why had this call no sound?" },
	{ "class", cmd_class,
	    "show | set | remove | numbers | number | give | test ...",
	    "who may call what: classes of service, kinds of numbers" },
	{ "grant", cmd_grant, "add NUMBER COLUMN=VALUE ... | list | del ID",
	    "what one subscriber may beside its class, from when to when" },
	{ "route", cmd_route, "add PATTERN TRUNK ... | list | del ID",
	    "by which trunk numbers go out, and by which next" },
	{ "did", cmd_did, "add TRUNK PATTERN NUMBER | list | del ...",
	    "which phone rings for a number of the world outside" },
	{ "mirror", cmd_mirror, "add NUMBER TRUNK USERNAME | list | del ...",
	    "who is registered at a PBX by us while his phone is here" },
	{ "drops", cmd_drops, "[add | clear | never PREFIX] ...",
	    "whose packets are dropped unread, and until when" },
	{ "trace", cmd_trace, "on NUMBER | CALL | all | off ... | list | show",
	    "write down what a phone and we say to each other" },
	{ "bundle", cmd_bundle, "FILE.tar.gz [--hide-numbers] [--config FILE | "
	    "--state DIR]",
	    "gather what somebody who helps must know, and no secret" },
	{ "sql", cmd_sql, "[--json] [--config FILE | --state DIR] [SQL ...]",
	    "open the database safely while everything runs" },
	{ "password", cmd_password, "[--json]",
	    "print a fresh strong password" },
	{ "check", cmd_check,
	    "[--router] [--window] [--outside LINE] [--json] ...",
	    "is the office set up rightly, and what do router and phones "
	    "need?" },
	{ "probe", cmd_probe, "ADDRESS [--json] ...",
	    "on a machine outside: what of an office can be reached?" },
	{ "nft", cmd_nft, "[--load] [--config FILE]",
	    "print, or load, the firewall table that keeps captured "
	    "processes in" },
	{ "units", cmd_units, "[--config FILE] [--out DIR]",
	    "write what systemd must know of the configuration" },
	{ "sample", cmd_sample, "",
	    "print a configuration file with every key explained" },
	{ "cert", cmd_cert, "create | show | install | p12 ...",
	    "make, look at and install TLS certificates" },
	{ "reload", cmd_reload, "[--config FILE] [--state DIR]",
	    "take new certificates into use; nothing is disconnected" },
	{ "ddns-hook", cmd_ddns_hook,
	    "[--state DIR] [--user NAME] [--once] COMMAND ...",
	    "run a command when our public address changed" },
	{ "exec", cmd_exec, "ROLE [--log] --config FILE --state DIR",
	    "become one process (used by the supervisor)" },
	{ "watchdog", cmd_watchdog, "--state DIR",
	    "kill a process that hangs (used by the supervisor)" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
usage(FILE *to)
{
	fputs("usage: postern COMMAND ...\n\n", to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  postern %s %s\n      %s\n", commands[i].word,
		    commands[i].usage, commands[i].help);
	fputs("\n  postern --version\n  postern help\n\n"
	      "FILE is " CMD_CONFIG " and DIR is " CMD_STATE
	      " when not given.\n",
	    to);
}

/* Those with words of their own tell them when they get none. */
static int
help(size_t i)
{
	static const char *const with_words[] = { "subscriber", "trunk",
		"class", "trace", "cert", "grant", "route", "did", "mirror" };
	char word[16], *argv[] = { word, NULL };

	printf("postern %s %s\n    %s\n", commands[i].word,
	    commands[i].usage, commands[i].help);
	for (size_t k = 0; k < sizeof(with_words) / sizeof(with_words[0]); k++)
		if (strcmp(commands[i].word, with_words[k]) == 0) {
			snprintf(word, sizeof(word), "%s", with_words[k]);
			fflush(stdout);
			dup2(STDOUT_FILENO, STDERR_FILENO);
			commands[i].run(1, argv);
		}
	puts("More: man postern");
	return 0;
}

static size_t
find(const char *word)
{
	size_t i = 0;

	while (i < N_COMMANDS && strcmp(commands[i].word, word) != 0)
		i++;
	return i;
}

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	    strcmp(word, "help") == 0;
}

int
main(int argc, char **argv)
{
	size_t i;

	if (std_hold() != 0)
		return 1;
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--version") == 0 ||
	    strcmp(argv[1], "version") == 0) {
		puts("postern " POSTERN_VERSION);
		return 0;
	}
	if (is_help(argv[1]) && argc == 2) {
		usage(stdout);
		return 0;
	}
	i = find(argv[is_help(argv[1]) ? 2 : 1]);
	if (i == N_COMMANDS) {
		cmd_fail("there is no command `%s`; see `postern help`",
		    argv[is_help(argv[1]) ? 2 : 1]);
		return 2;
	}
	if (is_help(argv[1]) || (argc == 3 && is_help(argv[2])))
		return help(i);
	return commands[i].run(argc - 1, argv + 1);
}
