#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "postern/cmd.h"

/* What was typed, or stands in a row, may be anything. */
int
cmd_fail(const char *fmt, ...)
{
	char said[8192], mem[sizeof(said)];
	struct buf b;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(said, sizeof(said), fmt, ap) < 0)
		said[0] = '\0';
	va_end(ap);
	buf_init(&b, mem, sizeof(mem));
	text_put_plain(&b, span_str(said));
	for (size_t i = 0; i < b.len; i++)
		if (said[i] == '\n')
			mem[i] = '\n';
	fflush(stdout);
	fprintf(stderr, "postern: %.*s\n", (int)b.len, mem);
	return 1;
}

int
cmd_no_config(const char *path, int err)
{
	if (err == -EINVAL)
		return cmd_fail("%s has the faults above", path);
	if (err == -ENOENT)
		return cmd_fail("there is no configuration %s: name yours by "
				"--config FILE, or by --state DIR what `postern "
				"up` runs; `postern sample` prints one to begin "
				"with", path);
	return cmd_fail("%s: %s%s", path, strerror(-err), err == -EACCES ?
		" (run this as root)" : "");
}

int
cmd_no_answer(const char *role, int err)
{
	if (err == -EACCES)
		return cmd_fail("only root may ask %s: run this as root", role);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return cmd_fail("%s does not run; `postern status` says what "
				"does, postern up starts it", role);
	return cmd_fail("%s does not answer: %s; `postern status` and its log "
			"say more", role, strerror(-err));
}

int
cmd_opts(int argc, char **argv, const char *known, struct cmd_opts *out)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "log", no_argument, NULL, 'l' },
		{ "out", required_argument, NULL, 'o' },
		{ "load", no_argument, NULL, 'L' },
		{ NULL, 0, NULL, 0 },
	};
	struct cmd_opts o = { 0 };
	int c, index = 0;

	optind = 1;
	/* Our options are long ones; `-json` and its like belong to what
	 * follows (sqlite3). */
	while (optind < argc && strncmp(argv[optind], "--", 2) == 0 &&
	    (c = getopt_long(argc, argv, "+", options, &index)) != -1) {
		if (c == '?') {	/* getopt said why */
			cmd_fail("see `postern %s --help`", argv[0]);
			return -EINVAL;
		}
		if (strchr(known, c) == NULL) {
			cmd_fail("%s does not take --%s", argv[0],
			    options[index].name);
			return -EINVAL;
		}
		if (c == 'c')
			o.config = optarg;
		else if (c == 's')
			o.state = optarg;
		else if (c == 'o')
			o.out = optarg;
		else if (c == 'j')
			o.json = true;
		else if (c == 'L')
			o.load = true;
		else
			o.log = true;
	}
	o.rest = argv + optind;
	o.n_rest = argc - optind;
	*out = o;
	return 0;
}

int
cmd_opts_mixed(int argc, char **argv, const char *known, struct cmd_opts *out)
{
	struct cmd_opts o = { 0 };
	int kept = 0;

	for (int i = 1; i < argc; i++) {
		const char **to = strcmp(argv[i], "--config") == 0 ?
		    &o.config : strcmp(argv[i], "--state") == 0 ? &o.state :
		    NULL;

		if (to != NULL && strchr(known, argv[i][2]) != NULL) {
			if (i + 1 == argc) {
				cmd_fail("%s needs a value", argv[i]);
				return -EINVAL;
			}
			*to = argv[++i];
		} else if (strcmp(argv[i], "--json") == 0 &&
		    strchr(known, 'j') != NULL) {
			o.json = true;
		} else {
			argv[1 + kept++] = argv[i];
		}
	}
	o.rest = argv + 1;
	o.n_rest = kept;
	*out = o;
	return 0;
}
