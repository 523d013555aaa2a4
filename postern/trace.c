#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/ipc/msg.h"
#include "postern/ask.h"
#include "postern/json.h"
#include "postern/systemd.h"
#include "postern/table.h"
#include "postern/trace.h"

#define SYSTEMD_TRACE_DIR "/var/lib/postern-trace"
#define FOR_DEFAULT_S 3600
/* Ids of calls (`postern calls`) are this long; numbers hardly ever. */
#define TICKET_DIGITS 12
#define PROFILES_ALL \
	(TRACE_REGISTRATION | TRACE_SIGNALLING | TRACE_MEDIA)

#define USAGE                                                               \
	"usage: postern trace on NUMBER | CALL | all [--for 1h] "            \
	"[--profile registration,signalling,media] [--hep]\n"              \
	"       postern trace off NR | NUMBER | CALL | all\n"              \
	"       postern trace list [--json]\n"                              \
	"       postern trace show [NUMBER | CALL | FILE]"

struct request {
	struct cmd_opts opts;
	const char *word;	/* what is traced */
	uint8_t profiles;
	uint32_t for_s;
	bool hep, call;
	const char *receiver;	/* --hep HOST:PORT, to be compared */
};

int
trace_find(const struct cmd_opts *o, struct trace_place *out)
{
	struct state s;

	if (o->state == NULL &&
	    access(SYSTEMD_RUN_DIR "/sigproxy.admin.sock", F_OK) == 0) {
		snprintf(out->door, sizeof(out->door), "%s",
		    SYSTEMD_RUN_DIR "/tracer.admin.sock");
		snprintf(out->dir, sizeof(out->dir), "%s", SYSTEMD_TRACE_DIR);
		return 0;
	}
	if (state_open(o->state ? o->state : CMD_STATE, false, &s) != 0)
		return 1;
	state_path(&s, "run/tracer.admin.sock", out->door);
	state_path(&s, STATE_TRACE, out->dir);
	return 0;
}

/* ---- words ---- */

uint32_t
trace_duration(const char *text)
{
	static const struct { char unit; uint32_t s; } units[] = {
		{ '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 },
		{ 'd', 86400 },
	};
	size_t n = strspn(text, "0123456789");
	uint32_t v;

	if (span_to_u32(span_make(text, n), IPC_TRACE_FOR_MAX_S, &v) != 0 ||
	    (text[n] != '\0' && text[n + 1] != '\0'))
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].unit == text[n])
			return v <= IPC_TRACE_FOR_MAX_S / units[i].s ?
			    v * units[i].s : 0;
	}
	return 0;
}

uint8_t
trace_kind_of(const char *word)
{
	size_t len = strlen(word);

	if (strcmp(word, "all") == 0)
		return TRACE_ALL;
	if (strspn(word, "0123456789") == len && len >= TICKET_DIGITS)
		return TRACE_CALL;
	return len <= 32 && strpbrk(word, "@:/ %") == NULL ? TRACE_NUMBER :
							     TRACE_CALL;
}

static int
read_profiles(const char *text, uint8_t *out)
{
	struct span left = span_str(text);
	uint8_t set = 0;

	while (left.len > 0) {
		ptrdiff_t comma = span_find(left, ',');
		struct span one = span_trim(span_sub(left, 0, comma < 0 ?
			left.len : (size_t)comma));

		if (span_eq(one, SPAN_LIT("registration")))
			set |= TRACE_REGISTRATION;
		else if (span_eq(one, SPAN_LIT("signalling")))
			set |= TRACE_SIGNALLING;
		else if (span_eq(one, SPAN_LIT("media")))
			set |= TRACE_MEDIA;
		else
			return -EINVAL;
		left = comma < 0 ? SPAN_NONE :
		    span_sub(left, (size_t)comma + 1, left.len);
	}
	*out = set;
	return set == 0 ? -EINVAL : 0;
}

/* An option of ours at rest[i]; *i goes over its value.  1: it is none. */
static int
read_option(struct request *r, int *i)
{
	char **rest = r->opts.rest;
	const char *name = rest[*i];
	const char *value = *i + 1 < r->opts.n_rest ? rest[*i + 1] : NULL;

	if (strcmp(name, "--hep") == 0) {
		r->hep = true;
		if (value != NULL && strchr(value, ':') != NULL &&
		    r->word != NULL)
			r->receiver = rest[++*i];
		return 0;
	}
	if (strcmp(name, "--call") == 0) {
		r->call = true;
		return 0;
	}
	if (strcmp(name, "--for") != 0 && strcmp(name, "--profile") != 0)
		return 1;
	if (value == NULL)
		return cmd_fail("%s needs a value", name), -EINVAL;
	++*i;
	if (name[2] == 'f') {
		r->for_s = trace_duration(value);
		return r->for_s > 0 ? 0 :
		    (cmd_fail("--for takes 90s, 30m, 2h or 1d, at most 30d"),
			-EINVAL);
	}
	return read_profiles(value, &r->profiles) == 0 ? 0 :
	    (cmd_fail("--profile takes registration, signalling and media, "
		"with commas between"), -EINVAL);
}

static int
read_request(struct request *r)
{
	r->profiles = PROFILES_ALL;
	r->for_s = FOR_DEFAULT_S;
	for (int i = 1; i < r->opts.n_rest; i++) {
		int got = read_option(r, &i);

		if (got < 0)
			return got;
		if (got == 0)
			continue;
		if (r->word != NULL || r->opts.rest[i][0] == '-')
			return cmd_fail("`%s` is not understood\n" USAGE,
			    r->opts.rest[i]), -EINVAL;
		r->word = r->opts.rest[i];
	}
	return 0;
}

/* ---- on and off ---- */

static const char *
refusal_text(uint8_t refusal)
{
	switch (refusal) {
	case TRACE_FULL:
		return "so many traces are on already; end one: postern trace "
		       "list, postern trace off";
	case TRACE_NO_HEP:
		return "nobody takes HEP: tracer may not dial, so write "
		       "[trace] hep = ADDRESS:PORT into the configuration and "
		       "start Postern anew";
	case TRACE_UNKNOWN:
		return "there is no such trace; see: postern trace list";
	case TRACE_DISK:
		return "it is on, but could not be written down: the next "
		       "start of tracer forgets it; is the disk full?";
	default:
		return "neither a number nor a call";
	}
}

static int
ask_tracer(const struct trace_place *place, struct span frame, char *mem,
    struct ipc_trace_say *say)
{
	struct span payload;
	int err = ask_frames(place->door, frame, IPC_TRACE_SAY, mem,
	    &payload);

	if (err == 0)
		err = get_trace_say(payload, say);
	if (err)
		return cmd_no_answer("tracer", err);
	return say->refusal == TRACE_OK ? 0 :
	    cmd_fail("%s", refusal_text(say->refusal));
}

/* The receiver stands in the configuration; another one cannot be had. */
static int
check_receiver(const struct request *r)
{
	char mem[STATE_PATH_MAX], text[ADDR_TEXT_MAX + 1];
	static struct conf conf;
	const char *config;
	struct addr want;
	uint8_t by;

	if (r->receiver == NULL)
		return 0;
	config = state_find_config(r->opts.config, r->opts.state, mem,
	    sizeof(mem));
	if (config == NULL || conf_read(config, stderr, &conf) != 0)
		return 1;
	/* How it goes there need not be said. */
	if (conf_hep_parse(span_str(r->receiver), &want, &by) == 0 &&
	    addr_eq(&want, &conf.hep) &&
	    (by == TRANSPORT_UDP || by == conf.hep_transport))
		return 0;
	if (conf.hep.family == ADDR_NONE)
		return cmd_fail("%s", refusal_text(TRACE_NO_HEP));
	return cmd_fail("HEP goes to [trace] hep = %s%s, and nowhere else: "
			"tracer may dial nobody it is asked to",
	    conf_hep_way(conf.hep_transport), addr_text(&conf.hep, text));
}

static int
trace_on(const struct request *r, const struct trace_place *place)
{
	char frame[512], mem[IPC_PAYLOAD_MAX];
	struct ipc_trace_on m = { .profiles = r->profiles,
		.for_s = r->for_s, .hep = r->hep };
	struct ipc_trace_say say = { 0 };
	struct buf b;

	m.kind = r->call ? TRACE_CALL : trace_kind_of(r->word);
	m.target = m.kind == TRACE_ALL ? SPAN_NONE : span_str(r->word);
	if (m.target.len > IPC_TRACE_TARGET_MAX)
		return cmd_fail("%s", refusal_text(TRACE_BAD));
	if (check_receiver(r) != 0 ||
	    trace_check_target(&r->opts, m.kind, r->word) != 0)
		return 1;
	buf_init(&b, frame, sizeof(frame));
	IPC_FRAME(&b, TRACE_ON, trace_on, &m);
	if (buf_err(&b))
		return cmd_fail("%s", refusal_text(TRACE_BAD));
	if (ask_tracer(place, buf_span(&b), mem, &say) != 0)
		return 1;
	if (r->opts.json) {
		printf("{\"trace\":%u,\"target\":", say.number);
		json_put(stdout, r->word);
		printf(",\"for_s\":%u,\"hep\":%s,\"files\":", r->for_s,
		    r->hep ? "true" : "false");
		json_put(stdout, place->dir);
		puts("}");
		return 0;
	}
	printf("trace %u: %s %s for %u s; files in %s\n", say.number,
	    m.kind == TRACE_NUMBER ? "number" : m.kind == TRACE_CALL ?
	    "call" : "everything", m.kind == TRACE_ALL ? "" : r->word,
	    r->for_s, place->dir);
	return 0;
}

/* What tracer says of itself, and the list in it. */
static int
read_traces(const struct trace_place *place, char *mem, struct span *said,
    struct span *traces)
{
	int err = ask_status(place->door, mem, said);

	if (err || !json_member(*said, "traces", traces))
		return cmd_no_answer("tracer", err ? err : -EBADMSG);
	return 0;
}

/* The number of the trace that follows this word; 0: none. */
static uint32_t
number_of(const struct trace_place *place, const char *word)
{
	static char mem[ASK_MAX];
	struct span said = SPAN_NONE, traces = SPAN_NONE, one, target;
	struct json_each each;
	uint64_t number;

	if (read_traces(place, mem, &said, &traces) != 0)
		return 0;
	json_each_item(traces, &each);
	while (json_next(&each, NULL, &one)) {
		if (json_text(one, "target", &target) &&
		    span_eq(target, span_str(word)) &&
		    json_number(one, "number", &number))
			return (uint32_t)number;
	}
	return 0;
}

static int
trace_off(const struct request *r, const struct trace_place *place)
{
	char frame[64], mem[IPC_PAYLOAD_MAX];
	struct ipc_trace_off m = { 0 };
	struct ipc_trace_say say = { 0 };
	struct buf b;

	if (strcmp(r->word, "all") != 0) {
		m.number = number_of(place, r->word);
		if (m.number == 0 && span_to_u32(span_str(r->word),
			INT32_MAX, &m.number) != 0)
			m.number = 0;
		if (m.number == 0)
			return cmd_fail("%s", refusal_text(TRACE_UNKNOWN));
	}
	buf_init(&b, frame, sizeof(frame));
	IPC_FRAME(&b, TRACE_OFF, trace_off, &m);
	if (ask_tracer(place, buf_span(&b), mem, &say) != 0)
		return 1;
	if (r->opts.json)
		printf("{\"off\":%u}\n", m.number);
	else
		puts(m.number == 0 ? "nothing is traced any more" : "off");
	return 0;
}

/* ---- list ---- */

static void
print_text(struct span object, const char *key)
{
	struct span text;

	if (json_text(object, key, &text))
		table_text(stdout, text);
}

static void
print_trace(struct span one)
{
	uint64_t number = 0, until = 0, messages = 0;
	int64_t left;

	json_number(one, "number", &number);
	json_number(one, "until_s", &until);
	json_number(one, "messages", &messages);
	left = (int64_t)until - clock_wall_s();
	printf("%llu  ", (unsigned long long)number);
	print_text(one, "kind");
	putchar(' ');
	print_text(one, "target");
	printf("  ");
	print_text(one, "profiles");
	printf("  %llu messages, %lld s left%s\n",
	    (unsigned long long)messages, (long long)(left > 0 ? left : 0),
	    json_truth(one, "hep") == JSON_YES ? ", by HEP too" : "");
}

/* How it is with a receiver that is dialled: "HEP to tls:192.0.2.9:9061: away
 * (it cannot be reached: Connection refused), 12 messages wait, 0 lost". */
static void
print_hep(struct span said)
{
	uint64_t waiting = 0, lost = 0;
	struct span why = SPAN_NONE;

	if (!json_number(said, "hep_waiting", &waiting))
		return;
	json_number(said, "hep_lost", &lost);
	json_text(said, "hep_why", &why);
	printf("HEP to ");
	print_text(said, "hep");
	printf(": ");
	print_text(said, "hep_state");
	if (why.len > 0) {
		printf(" (");
		table_text(stdout, why);
		putchar(')');
	}
	printf(", %llu messages wait, %llu lost\n",
	    (unsigned long long)waiting, (unsigned long long)lost);
}

static int
trace_list(const struct request *r, const struct trace_place *place)
{
	static char mem[ASK_MAX];
	struct span said = SPAN_NONE, traces = SPAN_NONE, one;
	struct json_each each;
	unsigned n = 0;

	if (read_traces(place, mem, &said, &traces) != 0)
		return 1;
	if (r->opts.json) {
		json_put_line(traces);
		return 0;
	}
	json_each_item(traces, &each);
	for (; json_next(&each, NULL, &one); n++)
		print_trace(one);
	if (n == 0)
		puts("nothing is traced");
	print_hep(said);
	return 0;
}

/* A file that is named may lie anywhere. */
static int
show(const struct request *r)
{
	struct trace_place place = { .dir = "" };

	if ((r->word == NULL || strchr(r->word, '/') == NULL) &&
	    trace_find(&r->opts, &place) != 0)
		return 1;
	return trace_show(&place, r->word, r->opts.json);
}

static int
ask(const struct request *r,
    int (*run)(const struct request *, const struct trace_place *))
{
	struct trace_place place;

	return trace_find(&r->opts, &place) != 0 ? 1 : run(r, &place);
}

int
cmd_trace(int argc, char **argv)
{
	struct request r = { 0 };
	const char *verb;

	if (cmd_opts_mixed(argc, argv, "csj", &r.opts) != 0)
		return 2;
	verb = r.opts.n_rest > 0 ? r.opts.rest[0] : "";
	if (read_request(&r) != 0)
		return 2;
	if (strcmp(verb, "show") == 0)
		return show(&r);
	if (strcmp(verb, "list") == 0 && r.word == NULL)
		return ask(&r, trace_list);
	if (strcmp(verb, "on") == 0 && r.word != NULL)
		return ask(&r, trace_on);
	if (strcmp(verb, "off") == 0 && r.word != NULL)
		return ask(&r, trace_off);
	cmd_fail("%s", USAGE);
	return 2;
}
