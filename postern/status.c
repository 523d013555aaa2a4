/*
 * `postern status`: which processes run, as whom, and what they say.  Without
 * --state it looks at the units of systemd where their doors exist.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postern/cmd.h"
#include "postern/json.h"
#include "postern/members.h"
#include "postern/systemd.h"

static void
print_json(const struct process *list, unsigned n)
{
	printf("{\"processes\":[");
	for (unsigned i = 0; i < n; i++) {
		const struct process *p = &list[i];

		printf("%s\n{\"role\":\"%s\",\"instance\":%u,\"name\":\"%s\","
		       "\"pid\":",
		    i > 0 ? "," : "", p->role, p->instance, p->name);
		if (p->pid > 0)
			printf("%d,\"user\":\"%s\",\"up_s\":%lld", p->pid,
			    p->user, (long long)p->up_s);
		else
			printf("null,\"user\":null,\"up_s\":0");
		printf(",\"answers\":%s,\"status\":",
		    p->asked == 0 ? "true" : "false");
		if (p->asked == 0)
			json_put_safe(stdout, p->said);
		else
			printf("null");
		putchar('}');
	}
	puts("\n]}");
}

static void
print_age(int64_t s)
{
	if (s < 120)
		printf("%lld s", (long long)s);
	else if (s < 7200)
		printf("%lld min", (long long)(s / 60));
	else if (s < 172800)
		printf("%lld h", (long long)(s / 3600));
	else
		printf("%lld days", (long long)(s / 86400));
}

/* s: NULL under systemd. */
static void
print_plain(const struct state *s, const struct process *p)
{
	if (p->pid == 0 && p->asked == -EACCES) {
		printf("%s: only root can see whether it runs\n", p->name);
		return;
	}
	if (p->pid == 0 && s == NULL) {
		printf("%s does not run; journalctl -u 'postern-%s*' says "
		       "why\n",
		    p->name, p->role);
		return;
	}
	if (p->pid == 0) {
		printf("%s does not run; %s/log/%s/current says why\n", p->name,
		    s->dir, p->name);
		return;
	}
	printf("%s runs as %s, process %d, for ", p->name, p->user, p->pid);
	print_age(p->up_s);
	if (p->asked == 0)
		json_print(stdout, p->said, 4);
	else if (p->asked == -EACCES)
		puts("\n    only root may ask it how it is");
	else
		printf("\n    does not answer: %s\n", strerror(-p->asked));
}

int
cmd_status(int argc, char **argv)
{
	static struct process list[PLAN_MEMBERS_MAX];
	struct cmd_opts o;
	struct state s;
	unsigned n, well = 0, hidden = 0;
	bool systemd;

	if (cmd_opts(argc, argv, "csj", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern status [--json] [--state DIR]");
		return 2;
	}
	systemd = o.state == NULL &&
	    access(SYSTEMD_RUN_DIR "/sigproxy.admin.sock", F_OK) == 0;
	if (!systemd &&
	    state_open(o.state ? o.state : CMD_STATE, false, &s) != 0)
		return 1;
	n = systemd ? members_of_systemd(list) : members_of_state(&s, list);
	for (unsigned i = 0; i < n; i++) {
		well += list[i].pid > 0 && list[i].asked == 0;
		hidden += list[i].asked == -EACCES;
	}
	if (hidden > 0)
		cmd_fail("only root can see all of it: run this as root");
	if (o.json) {
		print_json(list, n);
	} else if (n == 0) {
		cmd_fail("nothing runs in %s; `postern up` starts it, or "
			 "systemctl start postern.target",
		    systemd ? SYSTEMD_RUN_DIR : s.dir);
	} else {
		for (unsigned i = 0; i < n; i++)
			print_plain(systemd ? NULL : &s, &list[i]);
	}
	/* the JSON tells; plain words tell by the exit status too */
	return (o.json && hidden == 0) || (n > 0 && well == n) ? 0 : 1;
}
