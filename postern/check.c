/*
 * `postern check`: is this office set up rightly?  Looks at the configuration
 * alone before anything runs, and at what runs of it afterwards.  Changes
 * nothing.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/check.h"
#include "postern/cmd.h"
#include "postern/json.h"
#include "postern/sheet.h"
#include "postern/state.h"
#include "postern/systemd.h"
#include "postern/window.h"

/* Could not look, or misused: as bad as an error found. */
#define STATUS_FAILED 2

struct words {
	const char *config, *state, *outside;
	bool json, router, window;
	uint32_t seconds;
};

enum { OPT_CONFIG = 256, OPT_STATE, OPT_JSON, OPT_ROUTER, OPT_WINDOW,
	OPT_OUTSIDE };

static int
read_seconds(const char *text, uint32_t *out)
{
	*out = WINDOW_SECONDS;
	if (text == NULL || (span_to_u32(span_str(text), 600, out) == 0 &&
		*out > 0))
		return 0;
	cmd_fail("--window=SECONDS takes 1 to 600");
	return -EINVAL;
}

static int
read_word(int c, struct words *w)
{
	switch (c) {
	case OPT_CONFIG:
		w->config = optarg;
		return 0;
	case OPT_STATE:
		w->state = optarg;
		return 0;
	case OPT_JSON:
		w->json = true;
		return 0;
	case OPT_ROUTER:
		w->router = true;
		return 0;
	case OPT_OUTSIDE:
		w->outside = optarg;
		return 0;
	case OPT_WINDOW:
		w->window = true;
		return read_seconds(optarg, &w->seconds);
	default:
		return -EINVAL;	/* getopt said why */
	}
}

static int
read_words(int argc, char **argv, struct words *w)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, OPT_CONFIG },
		{ "state", required_argument, NULL, OPT_STATE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "router", no_argument, NULL, OPT_ROUTER },
		{ "window", optional_argument, NULL, OPT_WINDOW },
		{ "outside", required_argument, NULL, OPT_OUTSIDE },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			cmd_fail("see `postern check --help`");
		if (c == '?' || read_word(c, w) != 0)
			return -EINVAL;
	}
	if (optind == argc)
		return 0;
	cmd_fail("usage: postern check [--config FILE] [--state DIR] [--json] "
		 "[--router] [--window[=SECONDS]] [--outside LINE]");
	return -EINVAL;
}

/* ---- which Postern ---- */

static bool
is_same_file(const char *a, const char *b)
{
	char x[PATH_MAX], y[PATH_MAX];

	return realpath(a, x) != NULL && realpath(b, y) != NULL &&
	    strcmp(x, y) == 0;
}

void
check_find_running(struct check *k, const char *state)
{
	static struct process list[PLAN_MEMBERS_MAX];
	static char run_dir[STATE_PATH_MAX], mem[STATE_PATH_MAX];
	struct state s;

	k->list = list;
	if (state == NULL &&
	    access(SYSTEMD_RUN_DIR "/sigproxy.admin.sock", F_OK) == 0 &&
	    is_same_file(k->config, CMD_CONFIG)) {
		k->systemd = true;
		k->run_dir = SYSTEMD_RUN_DIR;
		k->n = members_of_systemd(list);
		return;
	}
	if (state == NULL && access(CMD_STATE, F_OK) != 0)
		return;
	if (state_open(state ? state : CMD_STATE, false, &s) != 0 ||
	    !state_config(&s, mem, sizeof(mem)) ||
	    !is_same_file(mem, k->config))
		return;
	k->run_dir = state_path(&s, "run", run_dir);
	k->n = members_of_state(&s, list);
}

/* ---- the configuration's own faults ---- */

static void
add_complaint(struct findings *fs, const char *line)
{
	bool legacy = strstr(line, "a legacy port") != NULL;
	struct finding *f = finding_new(fs, FINDING_ERROR,
	    legacy ? "port-legacy" : "config");

	finding_what(f, "%s", line);
	finding_seen(f, "the configuration file");
	finding_do(f, "correct that line; nothing starts before");
}

/* Errors: negative errno; the complaints are findings. */
static int
read_config(struct check *k, struct conf *c)
{
	char *text = NULL, *line, *end;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	int err;

	if (to == NULL)
		return -ENOMEM;
	err = conf_read(k->config, to, c);
	fclose(to);
	for (line = text; line != NULL && *line != '\0'; line = end) {
		end = line + strcspn(line, "\n");
		if (*end == '\n')
			*end++ = '\0';
		add_complaint(k->found, line);
	}
	free(text);
	return err;
}

/* ---- looking, and telling ---- */

static void
look(struct check *k)
{
	check_host(k);
	check_run(k);
	check_ports_plan(k->found, k->conf);
	check_address(k->found, k->conf, check_said(k, "stunmon"),
	    check_said(k, "mediaproxy"));
	check_phones(k->found, check_said(k, "sigproxy"));
	check_sound(k->found, check_said(k, "registrar-db"));
	check_names(k);
	check_tls(k);
	check_store(k);
	check_trunks(k);
}

static void
print_sheet(const struct check *k)
{
	struct span said = check_said(k, "stunmon"), text;
	struct addr a = check_public(k->conf, said);
	char ip[ADDR_TEXT_MAX + 1];
	struct buf b;

	if (said.p != NULL && json_text(said, "words", &text)) {
		fputs("stunmon says: ", stdout);
		json_print_text(stdout, text);
		putchar('\n');
	}
	buf_init(&b, ip, sizeof(ip) - 1);
	addr_put_ip(&b, &a);
	ip[b.len] = '\0';
	sheet_print(stdout, k->conf, a.family != ADDR_NONE ? ip : NULL);
}

static void
print_summary(const struct check *k)
{
	unsigned errors = findings_count(k->found, FINDING_ERROR);
	unsigned warnings = findings_count(k->found, FINDING_WARNING);

	if (errors + warnings == 0)
		printf("\n%s is right; nothing is missing\n", k->config);
	else
		printf("\n%u errors, %u warnings; docs/check.md explains each "
		       "[code]\n", errors, warnings);
}

static int
tell(const struct check *k, const struct words *w)
{
	if (w->json) {
		fputs("{\"running\":", stdout);
		fputs(k->n > 0 ? "true," : "false,", stdout);
		findings_json(stdout, k->found);
		puts("}");
		return findings_status(k->found);
	}
	/* The sheet makes sense with a configuration that does. */
	if (k->conf->n_external > 0 && !w->window && w->outside == NULL) {
		print_sheet(k);
		puts("\nChecks");
	}
	findings_print(stdout, k->found);
	print_summary(k);
	return findings_status(k->found);
}

static int
check_with(struct check *k, const struct words *w, struct conf *c)
{
	int err = read_config(k, c);
	struct addr public;

	if (err && err != -EINVAL) {
		cmd_no_config(k->config, err);
		return STATUS_FAILED;
	}
	if (err)
		return tell(k, w);
	check_find_running(k, w->state);
	if (w->router) {
		public = check_public(c, check_said(k, "stunmon"));
		if (w->json)
			sheet_router_json(stdout, c, &public);
		else
			sheet_router(stdout, c, &public);
		return 0;
	}
	if (w->window && window_run(k, w->seconds) != 0)
		return STATUS_FAILED;
	if (w->outside != NULL)
		check_outside(k->found, c, w->outside);
	if (!w->window && w->outside == NULL)
		look(k);
	return tell(k, w);
}

int
cmd_check(int argc, char **argv)
{
	static struct findings found;
	static struct conf storage;
	struct words w = { 0 };
	struct check k = { .conf = &storage, .found = &found };
	char mem[STATE_PATH_MAX];

	if (read_words(argc, argv, &w) != 0)
		return STATUS_FAILED;
	k.config = state_find_config(w.config, w.state, mem, sizeof(mem));
	if (k.config == NULL)
		return STATUS_FAILED;
	return check_with(&k, &w, &storage);
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
