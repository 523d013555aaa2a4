#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/ipc/msg.h"
#include "postern/ask.h"
#include "postern/class.h"
#include "postern/state.h"
#include "postern/systemd.h"
#include "postern/table.h"

#define DOOR "registrar-db.admin.sock"
#define DOOR_MAX (STATE_PATH_MAX + 32)

struct heard {
	struct ipc_policy_say say;
	char mem[IPC_PAYLOAD_MAX];	/* its texts lie in it */
};

/* Where registrar-db listens to an admin. */
static int
find_door(const struct cmd_opts *o, char mem[DOOR_MAX])
{
	char dir[STATE_PATH_MAX];
	struct state s;

	snprintf(mem, DOOR_MAX, "%s/%s", SYSTEMD_RUN_DIR, DOOR);
	if (o->state == NULL && access(mem, F_OK) == 0)
		return 0;
	if (state_open(o->state != NULL ? o->state : CMD_STATE, false, &s) != 0)
		return 1;
	snprintf(mem, DOOR_MAX, "%s/%s", state_path(&s, "run", dir), DOOR);
	return 0;
}

static int
ask(const char *door, const struct ipc_policy_ask *question, struct heard *h)
{
	char frames[ASK_FRAMES_MAX];
	struct span payload;
	struct buf b;
	int err;

	buf_init(&b, frames, sizeof(frames));
	IPC_FRAME(&b, POLICY_ASK, policy_ask, question);
	err = buf_err(&b);
	if (err == 0)
		err = ask_frames(door, buf_span(&b), IPC_POLICY_SAY, h->mem,
		    &payload);
	if (err == 0)
		err = get_policy_say(payload, &h->say);
	return err == 0 ? 0 :
	    cmd_no_answer("registrar-db", err);
}

/* What was typed may be anything. */
static void
put_json(const char *name, struct span s)
{
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	text_put_json(&b, span_sub(s, 0, 1000));
	printf("\"%s\":%.*s", name, (int)b.len, mem);
}

static bool
is_allowed(const struct heard *h)
{
	return h->say.verdict == VERDICT_OK;
}

static void
print_json(const struct heard both[2], const char *number,
    const char *dialled)
{
	static const char *const from[] = { "office", "internet" };

	putchar('{');
	put_json("number", span_str(number));
	putchar(',');
	put_json("dialled", span_str(dialled));
	putchar(',');
	put_json("kind", both[0].say.kind);
	putchar(',');
	put_json("as", both[0].say.number);
	putchar(',');
	put_json("pattern", both[0].say.pattern);
	for (int i = 0; i < 2; i++) {
		printf(",\"%s\":{\"may\":%s,", from[i],
		    is_allowed(&both[i]) ? "true" : "false");
		put_json("rule", both[i].say.rule);
		putchar(',');
		put_json("why", both[i].say.why);
		putchar('}');
	}
	puts("}");
}

static void
print_verdict(const char *from, const struct heard *h)
{
	printf("%-19s%s", from, is_allowed(h) ? "yes" : "no");
	if (h->say.why.len > 0) {
		fputs(": ", stdout);
		table_text(stdout, h->say.why);
	}
	if (h->say.rule.len > 0) {
		fputs(" (", stdout);
		table_text(stdout, h->say.rule);
		putchar(')');
	}
	putchar('\n');
}

static void
print_plain(const struct heard both[2], const char *number,
    const char *dialled)
{
	const struct ipc_policy_say *say = &both[0].say;

	printf("%-19s", "number");
	table_text(stdout, span_str(number));
	printf("\n%-19s", "dials");
	table_text(stdout, span_str(dialled));
	if (say->number.len > 0) {
		fputs(", to the rules ", stdout);
		table_text(stdout, say->number);
	}
	printf("\n%-19s", "which is");
	table_text(stdout, say->kind.len > 0 ? say->kind :
					       SPAN_LIT("no number"));
	if (say->pattern.len > 0) {
		fputs(", by the pattern ", stdout);
		table_text(stdout, say->pattern);
	}
	putchar('\n');
	print_verdict("from the office", &both[0]);
	print_verdict("from the internet", &both[1]);
}

int
class_test(const struct cmd_opts *o, const char *number, const char *dialled)
{
	static struct heard both[2];
	struct ipc_policy_ask question = { .by = span_str(number),
		.dialled = span_str(dialled) };
	char door[DOOR_MAX];

	if (find_door(o, door) != 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		question.internet = (uint8_t)i;
		if (ask(door, &question, &both[i]) != 0)
			return 1;
	}
	if (o->json)
		print_json(both, number, dialled);
	else
		print_plain(both, number, dialled);
	return is_allowed(&both[0]) && is_allowed(&both[1]) ? 0 : 1;
}
