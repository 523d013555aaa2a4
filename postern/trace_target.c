/* `postern trace on`: is there anything that could be traced? */
#include <stdlib.h>
#include <string.h>

#include "common/ipc/msg.h"
#include "postern/json.h"
#include "postern/store.h"
#include "postern/trace.h"

/* The first row of sql, in which the word stands between the two parts; p
 * NULL: none.  *said_out is to be freed. */
static struct span
ask(const struct conf *c, const char *sql, const char *word,
    const char *after, char **said_out)
{
	char mem[512];
	struct span row = SPAN_NONE;
	struct buf b;

	*said_out = NULL;
	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, sql);
	if (store_quote(&b, word) != 0)
		return SPAN_NONE;
	buf_puts(&b, after);
	if (buf_err(&b) == 0)
		*said_out = store_ask(c, buf_span(&b));
	return *said_out != NULL && json_is_array(span_str(*said_out)) &&
	    json_item(span_str(*said_out), 0, &row) ? row : SPAN_NONE;
}

static int
check_call(const struct conf *c, const char *ticket)
{
	struct span row, ended;
	int rc = 0;
	char *said;

	row = ask(c, "SELECT coalesce(datetime(ended_at, 'unixepoch'), '') AS "
		     "ended FROM call WHERE ticket = CAST(", ticket,
	    " AS INTEGER);", &said);
	if (said == NULL)
		return 0; /* why is said already; the trace is no less */
	if (row.p == NULL)
		rc = cmd_fail("there is no call %s; `postern calls` shows the "
			      "ids of those of now", ticket);
	else if (json_text(row, "ended", &ended) && ended.len > 0)
		rc = cmd_fail("call %s ended at %.*s UTC: trace its number, "
			      "then call again", ticket, (int)ended.len,
		    ended.p);
	free(said);
	return rc;
}

static void
check_number(const struct conf *c, const char *number)
{
	struct span row;
	char *said;

	row = ask(c, "SELECT 1 AS n FROM subscriber WHERE number = ", number,
	    ";", &said);
	if (said != NULL && row.p == NULL)
		cmd_fail("note: no subscriber has the number %s: only calls "
			 "with that outside number will be in the trace. "
			 "`postern subscriber show` lists those of the office",
		    number);
	free(said);
}

int
trace_check_target(const struct cmd_opts *o, uint8_t kind, const char *word)
{
	static struct conf conf;

	/* A Call-ID may come yet. */
	if (kind == TRACE_ALL || (kind == TRACE_CALL &&
		strspn(word, "0123456789") != strlen(word)))
		return 0;
	if (store_conf(o, &conf) != 0)
		return 1;
	if (kind == TRACE_CALL)
		return check_call(&conf, word);
	check_number(&conf, word);
	return 0;
}
