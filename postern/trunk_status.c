/*
 * What the store knows of each trunk (its row, its registration) beside what
 * sigproxy says of it: where it is reached, whether it answers, why not.
 */
#include "postern/trunk_status.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/ask.h"
#include "postern/json.h"
#include "postern/state.h"
#include "postern/store.h"
#include "postern/systemd.h"
#include "postern/table.h"

#define ROWS_MAX 32768
#define SERVERS_MAX 8

#define QUERY								\
	"SELECT t.id, t.name, t.transport, t.address, t.enabled, "	\
	"coalesce(r.state, '') AS registration, "			\
	"coalesce(r.expires, '') AS until, coalesce(r.why, '') AS why "	\
	"FROM trunk AS t LEFT JOIN trunk_registration AS r "		\
	"ON r.trunk = t.name"

/* What is told of one trunk; lent. */
struct view {
	struct span row;	/* of the store */
	struct span told;	/* of sigproxy; empty: nothing */
	bool asked;		/* sigproxy answered at all */
	uint64_t id;
};

/* ---- sigproxy ---- */

static int
ask_sigproxy(const struct cmd_opts *o, char *mem, struct span *said)
{
	char door[STATE_PATH_MAX];
	struct state s;

	if (o->state == NULL &&
	    access(SYSTEMD_RUN_DIR "/sigproxy.admin.sock", F_OK) == 0)
		return ask_status(SYSTEMD_RUN_DIR "/sigproxy.admin.sock", mem,
		    said);
	if (state_open(o->state ? o->state : CMD_STATE, false, &s) != 0)
		return -1;
	return ask_status(state_path(&s, "run/sigproxy.admin.sock", door), mem,
	    said);
}

/* Its trunk with this number. */
static struct span
find(struct span said, uint64_t number)
{
	struct span all, one;
	struct json_each each;
	uint64_t n;

	if (said.len == 0 || !json_member(said, "trunks", &all))
		return SPAN_NONE;
	json_each_item(all, &each);
	while (json_next(&each, NULL, &one)) {
		if (json_number(one, "id", &n) && n == number)
			return one;
	}
	return SPAN_NONE;
}

/* ---- one trunk ---- */

static struct span
text(struct span object, const char *key)
{
	struct span out = SPAN_NONE;

	return object.len > 0 && json_text(object, key, &out) ? out :
								SPAN_NONE;
}

static bool
is_stream(const struct view *v)
{
	return !span_eq(text(v->row, "transport"), SPAN_LIT("udp"));
}

static bool
has_any(struct span object, const char *list)
{
	struct span all, one;

	return object.len > 0 && json_member(object, list, &all) &&
	    json_item(all, 0, &one);
}

static const char *
state_of(const struct view *v)
{
	struct span ping = text(v->told, "answers");
	uint64_t enabled = 0;

	if (json_number(v->row, "enabled", &enabled) && enabled == 0)
		return "off";
	if (!v->asked)
		return "unknown";
	if (v->told.len == 0)
		return "not known yet";
	if (has_any(v->told, "reached_at"))
		return span_eq(ping, SPAN_LIT("down")) ? "down" :
		    span_eq(ping, SPAN_LIT("up")) ? "up" :
		    is_stream(v) ? "connected" : "not asked";
	return is_stream(v) && has_any(v->told, "connections") ?
	    "not connected" : "not resolved";
}

/* By TCP and TLS those that are wanted, each with its state. */
static void
put_servers(struct buf *b, const struct view *v, bool json)
{
	struct span all, one, state;
	struct json_each each;
	bool any = false;

	if (v->told.len == 0 || !json_member(v->told, is_stream(v) ?
		"connections" : "reached_at", &all))
		return;
	json_each_item(all, &each);
	while (json_next(&each, NULL, &one)) {
		state = text(one, "state");
		buf_puts(b, any ? json ? "," : ", " : "");
		buf_puts(b, json ? "{\"address\":\"" : "");
		buf_put(b, text(one, "address"));
		if (json)
			buf_puts(b, "\",\"connection\":");
		if (json && state.len == 0)
			buf_puts(b, "null");
		else if (state.len > 0) {
			buf_puts(b, json ? "\"" : " (");
			buf_put(b, state);
			buf_puts(b, json ? "\"" : ")");
		}
		buf_puts(b, json ? "}" : "");
		any = true;
	}
}

/* The last thing that went wrong and is so still. */
static struct span
error_of(const struct view *v)
{
	struct span why = text(v->told, "why");

	if (why.len > 0)
		return why;
	if (strcmp(state_of(v), "down") == 0)
		return SPAN_LIT("it does not answer OPTIONS, or is out of "
		    "service");
	return text(v->row, "why");
}

static void
put_member(struct buf *b, const char *key, struct span value)
{
	buf_fmt(b, "\"%s\":\"", key);
	buf_put(b, value);	/* checked JSON text, as it stands there */
	buf_puts(b, "\",");
}

static void
put_registration(struct buf *b, const struct view *v)
{
	struct span state = text(v->row, "registration");

	put_member(b, "registration", state.len > 0 ? state : SPAN_LIT("none"));
	put_member(b, "registered_until", text(v->row, "until"));
}

static void
put_one(struct buf *b, const struct view *v, bool json)
{
	uint64_t calls = 0;

	if (v->told.len > 0)
		(void)json_number(v->told, "calls", &calls);
	buf_putc(b, '{');
	put_member(b, "name", text(v->row, "name"));
	put_member(b, "transport", text(v->row, "transport"));
	put_member(b, "address", text(v->row, "address"));
	put_member(b, "state", span_str(state_of(v)));
	buf_puts(b, json ? "\"servers\":[" : "\"servers\":\"");
	put_servers(b, v, json);
	buf_puts(b, json ? "]," : "\",");
	put_registration(b, v);
	buf_fmt(b, "\"calls\":%llu,", (unsigned long long)calls);
	put_member(b, "last_error", error_of(v));
	b->len--;	/* the last comma */
	buf_putc(b, '}');
}

/* ---- all ---- */

static void
put_all(struct buf *b, struct span rows, struct span said, bool json)
{
	struct view v = { .asked = said.len > 0 };
	struct json_each each;
	bool any = false;

	buf_putc(b, '[');
	json_each_item(rows, &each);
	while (json_next(&each, NULL, &v.row)) {
		if (!json_number(v.row, "id", &v.id))
			continue;
		v.told = find(said, v.id);
		buf_puts(b, any ? "," : "");
		put_one(b, &v, json);
		any = true;
	}
	buf_putc(b, ']');
}

static char *
ask_store(const struct conf *c, const char *name)
{
	char mem[1024];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, QUERY);
	if (name != NULL) {
		buf_puts(&b, " WHERE t.name = ");
		if (store_quote(&b, name) != 0) {
			cmd_fail("a name has no such characters");
			return NULL;
		}
	}
	buf_puts(&b, " ORDER BY t.name;");
	if (buf_err(&b) == 0)
		return store_ask(c, buf_span(&b));
	cmd_fail("that is too long");
	return NULL;
}

static int
print(const struct buf *b, const struct cmd_opts *o, const char *name)
{
	struct span all = buf_span(b), one;

	if (buf_err(b))
		return cmd_fail("there are too many trunks");
	if (o->json && (name == NULL || !json_item(all, 0, &one)))
		json_put_line(all);
	else if (o->json)
		json_put_line(one);
	else if (name != NULL && json_item(all, 0, &one))
		table_print_one(stdout, one);
	else if (table_print(stdout, all) == 0)
		puts("there is no trunk yet: postern trunk add NAME ADDRESS");
	return 0;
}

/* A status has an end. */
static void
say_left_out(struct span said)
{
	uint64_t n = 0;

	if (said.len > 0 && json_number(said, "trunks_left_out", &n) && n > 0)
		cmd_fail("sigproxy has no room to tell of the last %llu "
			 "trunks: their state is \"not known yet\"",
		    (unsigned long long)n);
}

int
trunk_status(const struct conf *c, const struct cmd_opts *o, const char *name)
{
	static char mem[ASK_MAX], out[ROWS_MAX];
	struct span said = SPAN_NONE, one;
	char *rows = ask_store(c, name);
	struct buf b;
	int err;

	if (rows == NULL)
		return 1;
	if (name != NULL && !json_item(span_str(rows), 0, &one)) {
		free(rows);
		return cmd_fail("there is no trunk %s; `postern trunk show` "
				"lists all", name);
	}
	err = ask_sigproxy(o, mem, &said);
	if (err != 0 && !o->json)
		cmd_fail("sigproxy does not answer: what it knows is left "
			 "out");
	say_left_out(err == 0 ? said : SPAN_NONE);
	buf_init(&b, out, sizeof(out));
	put_all(&b, span_str(rows), err == 0 ? said : SPAN_NONE, o->json);
	free(rows);
	return print(&b, o, name);
}
