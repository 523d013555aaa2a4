#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/codec/digest.h"
#include "sigproxy/core/edge.h"
#include "tests/scenario/sig/oracle.h"
#include "tests/scenario/sig/player.h"

#define LINE_MAX_ 2048
#define TEXT_MAX 70000
#define OUT_MAX 1024
#define VARS_MAX 32

struct sent {
	struct flow to;
	size_t len;
	char *text;
};

struct player {
	const char *path;
	FILE *f;
	unsigned line_nr;
	char line[LINE_MAX_];
	struct edge *edge;
	struct edge_conf conf;
	struct steps *st;
	struct mono now;
	struct oracle oracle;
	bool reg_up;
	struct sent out[OUT_MAX];
	unsigned out_first, out_n;
	unsigned keepalives;
	char logged[64][64];
	unsigned n_logged;
	struct {
		char name[32], value[256];
	} var[VARS_MAX];
	unsigned n_vars;
	size_t last_in, last_out;
	char text[TEXT_MAX];
};

static void __attribute__((format(printf, 2, 3), noreturn))
fail(const struct player *p, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", p->path, p->line_nr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(1);
}

static struct addr
address(const struct player *p, const char *text, uint16_t port)
{
	struct addr a;

	if (addr_parse(span_str(text), port, &a) != 0)
		fail(p, "no address: %s", text);
	return a;
}

/* ---- carrying out steps ---- */

static void
keep_sent(struct player *p, const struct step *s)
{
	struct sent *o;

	if (span_eq(s->bytes, SPAN_LIT("\r\n\r\n")) ||
	    span_starts(s->bytes, SPAN_LIT("OPTIONS "))) {
		p->keepalives++;	/* when, is chance: a keyed hash */
		return;
	}
	if (p->out_n == OUT_MAX)
		fail(p, "too many datagrams");
	o = &p->out[p->out_n++];
	o->to = s->flow;
	o->len = s->bytes.len;
	o->text = malloc(o->len + 1);
	memcpy(o->text, s->bytes.p, o->len);
	o->text[o->len] = '\0';
}

static void
hear_answers(struct player *p, struct span frames)
{
	struct span payload;
	uint16_t type;
	size_t used;

	while (frames.len > 0 &&
	    ipc_split(frames, &type, &payload, &used) == 0) {
		frames = span_sub(frames, used, frames.len);
		if (edge_frame(p->edge, p->now, p->st, ROLE_REG, 0, type,
			payload) != 0)
			fail(p, "%s closed the door", ipc_name(type));
	}
}

static void
carry_out(struct player *p)
{
	static char mem[1024 * 1024];
	struct buf answers;

	for (;;) {
		buf_init(&answers, mem, sizeof(mem));
		for (unsigned i = 0; i < p->st->n; i++) {
			struct step *s = &p->st->step[i];

			if (s->kind == STEP_SEND)
				keep_sent(p, s);
			else if (p->n_logged < 64)
				snprintf(p->logged[p->n_logged++], 64, "%s",
				    s->event);
		}
		if (p->reg_up)
			oracle_hear(&p->oracle, buf_span(&p->st->reg),
			    &answers);
		steps_clear(p->st);
		if (answers.len == 0)
			return;
		hear_answers(p, buf_span(&answers));
	}
}

static void
pass(struct player *p, uint64_t ms)
{
	struct mono end = mono_add_ms(p->now, ms);

	while (mono_due(edge_due(p->edge), end)) {
		if (mono_before(p->now, edge_due(p->edge)))
			p->now = edge_due(p->edge);
		edge_tick(p->edge, p->now, p->st);
		carry_out(p);
	}
	p->now = end;
}

/* ---- text, variables, patterns ---- */

static const char *
var_get(const struct player *p, const char *name, size_t len)
{
	for (unsigned i = 0; i < p->n_vars; i++) {
		if (strlen(p->var[i].name) == len &&
		    memcmp(p->var[i].name, name, len) == 0)
			return p->var[i].value;
	}
	return NULL;
}

static void
var_set(struct player *p, const char *name, size_t len, const char *value,
    size_t value_len)
{
	if (p->n_vars == VARS_MAX || len >= 32 || value_len >= 256)
		fail(p, "variable does not fit");
	memcpy(p->var[p->n_vars].name, name, len);
	memcpy(p->var[p->n_vars].value, value, value_len);
	p->n_vars++;
}

static size_t
name_len(const char *s)
{
	size_t n = 0;

	while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= '0' && s[n] <= '9') ||
	    s[n] == '_')
		n++;
	return n;
}

static void
put_expanded(struct player *p, struct buf *b, const char *s)
{
	while (*s != '\0') {
		size_t n = *s == '$' ? name_len(s + 1) : 0;
		const char *v = n > 0 ? var_get(p, s + 1, n) : NULL;

		if (n > 0 && v == NULL)
			fail(p, "unknown $%.*s", (int)n, s + 1);
		if (v != NULL) {
			buf_puts(b, v);
			s += n + 1;
		} else {
			buf_putc(b, *s++);
		}
	}
}

static bool
matches(struct player *p, const char *pat, const char *s)
{
	for (; *pat != '\0'; pat++, s++) {
		if (*pat == '*') {
			for (; ; s++) {
				if (matches(p, pat + 1, s))
					return true;
				if (*s == '\0')
					return false;
			}
		}
		if (*pat == '$' && name_len(pat + 1) > 0) {
			size_t n = name_len(pat + 1), len = 0;
			const char *v = var_get(p, pat + 1, n);

			if (v != NULL) {
				if (strncmp(s, v, strlen(v)) != 0)
					return false;
				return matches(p, pat + 1 + n, s + strlen(v));
			}
			while (s[len] != '\0' && s[len] != '"' &&
			    s[len] != ';' && s[len] != '>' && s[len] != ',')
				len++;
			if (!matches(p, pat + 1 + n, s + len))
				return false;
			var_set(p, pat + 1, n, s, len);
			return true;
		}
		if (*pat != *s)
			return false;
	}
	return *s == '\0';
}

static bool
has_line(struct player *p, const char *text, const char *pat)
{
	char line[LINE_MAX_];

	while (*text != '\0') {
		size_t n = strcspn(text, "\r\n");

		if (n < sizeof(line)) {
			memcpy(line, text, n);
			line[n] = '\0';
			if (n > 0 && matches(p, pat, line))
				return true;
		}
		text += n;
		text += strspn(text, "\r\n");
	}
	return false;
}

/* ---- the script ---- */

static bool
next_line(struct player *p)
{
	if (fgets(p->line, sizeof(p->line), p->f) == NULL)
		return false;
	p->line_nr++;
	p->line[strcspn(p->line, "\r\n")] = '\0';
	return true;
}

/* "external 198.51.100.7:5060 REST" */
static struct flow
flow_of(const struct player *p, const char *s, const char **rest)
{
	char zone[16] = "", where[64] = "";
	int n = 0;
	struct flow f = { 0 };

	if (sscanf(s, "%15s %63s %n", zone, where, &n) < 2)
		fail(p, "zone and address wanted");
	f.zone = strcmp(zone, "external") == 0 ? ZONE_EXTERNAL :
	    ZONE_INTERNAL;
	f.transport = TRANSPORT_UDP;
	f.listener = f.zone == ZONE_EXTERNAL ? 0 : 1;
	f.remote = address(p, where, 5060);
	*rest = s + n;
	return f;
}

static void
deliver(struct player *p, const struct flow *from, struct span bytes)
{
	p->last_in = bytes.len;
	edge_message(p->edge, p->now, p->st, from, bytes);
	carry_out(p);
}

static void
cmd_in(struct player *p, const char *args)
{
	const char *rest;
	struct flow from = flow_of(p, args, &rest);
	struct buf b;

	buf_init(&b, p->text, sizeof(p->text));
	while (next_line(p) && strcmp(p->line, ".") != 0) {
		put_expanded(p, &b, p->line);
		buf_puts(&b, "\r\n");
	}
	deliver(p, &from, buf_span(&b));
}

static void
cmd_bytes(struct player *p, const char *args)
{
	const char *s;
	struct flow from = flow_of(p, args, &s);
	struct buf b;
	unsigned hex;

	buf_init(&b, p->text, sizeof(p->text));
	while (*s != '\0') {
		if (*s != '\\') {
			buf_putc(&b, *s++);
		} else if (s[1] == 'x' && sscanf(s + 2, "%2x", &hex) == 1) {
			buf_putc(&b, (char)hex);
			s += 4;
		} else {
			buf_putc(&b, s[1] == 'r' ? '\r' :
				s[1] == 'n' ? '\n' : '\0');
			s += 2;
		}
	}
	deliver(p, &from, buf_span(&b));
}

static void
cmd_out(struct player *p, const char *args)
{
	const char *start;
	struct flow to = flow_of(p, args, &start);
	const struct sent *o;
	char where[ADDR_TEXT_MAX + 1];

	if (p->out_first == p->out_n)
		fail(p, "nothing was sent");
	o = &p->out[p->out_first++];
	p->last_out = o->len;
	if (!flow_eq(&o->to, &to))
		fail(p, "went to %s:\n%s", addr_text(&o->to.remote, where),
		    o->text);
	if (strncmp(o->text, start, strlen(start)) != 0)
		fail(p, "what was sent begins otherwise:\n%s", o->text);
	while (next_line(p) && strcmp(p->line, ".") != 0) {
		bool wanted = p->line[0] != '!';

		if (has_line(p, o->text, p->line + !wanted) != wanted)
			fail(p, "%s line %s:\n%s", wanted ? "no such" :
				"unwanted", p->line, o->text);
	}
}

static void
cmd_quiet(struct player *p, const char *args)
{
	if (p->out_first < p->out_n)
		fail(p, "was sent:\n%s", p->out[p->out_first].text);
}

static void
cmd_peer(struct player *p, enum ipc_role role, const char *args)
{
	bool up = strcmp(args, "up") == 0;

	if (role == ROLE_REG)
		p->reg_up = up;
	edge_peer(p->edge, p->now, p->st, role, 0, up);
	carry_out(p);
}

static void
cmd_reg(struct player *p, const char *args)
{
	cmd_peer(p, ROLE_REG, args);
}

static void
cmd_stun(struct player *p, const char *args)
{
	cmd_peer(p, ROLE_STUN, args);
}

static void
release(struct player *p)
{
	static char mem[1024 * 1024];
	struct buf answers;

	buf_init(&answers, mem, sizeof(mem));
	oracle_release(&p->oracle, &answers);
	hear_answers(p, buf_span(&answers));
	carry_out(p);
}

static void
cmd_oracle(struct player *p, const char *args)
{
	static const char *const name[] = { [VERDICT_OK] = "ok",
		[VERDICT_STALE] = "stale", [VERDICT_FORBIDDEN] = "forbidden",
		[VERDICT_NOT_FOUND] = "not-found",
		[VERDICT_UNREACHABLE] = "unreachable",
		[VERDICT_BRIEF] = "brief", [VERDICT_BUSY] = "busy",
		[VERDICT_BAD] = "bad", [VERDICT_DENIED] = "denied" };

	if (strcmp(args, "silent") == 0) {
		p->oracle.silent = true;
	} else if (strcmp(args, "forgets") == 0) {
		p->oracle.n_held = 0;
		p->oracle.silent = false;
	} else if (strcmp(args, "answers") == 0) {
		release(p);
	} else {
		for (unsigned i = VERDICT_OK; i <= VERDICT_DENIED; i++) {
			if (strcmp(args, name[i]) == 0) {
				p->oracle.verdict = i;
				return;
			}
		}
		fail(p, "no such verdict: %s", args);
	}
}

static void
cmd_nonces(struct player *p, const char *args)
{
	p->oracle.mints = strcmp(args, "on") == 0;
}

static void
cmd_asked(struct player *p, const char *args)
{
	if (p->oracle.asked != (unsigned)atoi(args))
		fail(p, "it was asked %u times", p->oracle.asked);
	p->oracle.asked = 0;
}

static void
cmd_log(struct player *p, const char *args)
{
	for (unsigned i = 0; i < p->n_logged; i++) {
		if (strcmp(p->logged[i], args) == 0) {
			p->n_logged = 0;
			return;
		}
	}
	fail(p, "no such line was logged");
}

static void
cmd_logged(struct player *p, const char *args)
{
	if (p->n_logged != (unsigned)atoi(args))
		fail(p, "%u lines were logged", p->n_logged);
	p->n_logged = 0;
}

static void
cmd_expires(struct player *p, const char *args)
{
	p->oracle.expires_s = (uint32_t)atoi(args);
}

static void
cmd_digest(struct player *p, const char *args)
{
	p->conf.digests = 0;
	for (int i = 0; i < DIGEST_ALGS; i++) {
		if (strstr(args, digest_alg_name((enum digest_alg)i)) != NULL)
			p->conf.digests |= 1u << i;
	}
	p->conf.auth_int = strstr(args, "auth-int") != NULL;
}

static void
cmd_nonce_left(struct player *p, const char *args)
{
	p->oracle.nonce_left_s = (uint32_t)atoi(args);
}

static void
cmd_binding(struct player *p, const char *args)
{
	struct oracle *o = &p->oracle;
	char *uri = o->extra_uri[o->n_extra % IPC_TARGETS_MAX];
	unsigned s;

	if (strcmp(args, "none") == 0) {
		o->n_extra = 0;
		return;
	}
	if (sscanf(args, "%511s %u", uri, &s) != 2 ||
	    o->n_extra == IPC_TARGETS_MAX)
		fail(p, "URI and seconds wanted");
	o->extra[o->n_extra++] = (struct ipc_binding){ span_str(uri), s,
		SPAN_NONE, 0 };
}

static void
cmd_ask(struct player *p, const char *args)
{
	const struct ipc_reg_ask *a = &p->oracle.last;
	char name[32], got[1200];
	int n = 0;
	struct buf b;

	if (sscanf(args, "%31s %n", name, &n) < 1)
		fail(p, "field wanted");
	buf_init(&b, got, sizeof(got) - 1);
	if (strcmp(name, "aor_user") == 0)
		buf_put(&b, a->aor_user);
	else if (strcmp(name, "nated") == 0)
		buf_put_u64(&b, a->nated);
	else if (strcmp(name, "star") == 0)
		buf_put_u64(&b, a->star);
	else if (strcmp(name, "contacts") == 0)
		buf_put_u64(&b, a->n_contacts);
	else if (strcmp(name, "uri") == 0)
		buf_put(&b, a->contacts[0].uri);
	else if (strcmp(name, "expires_s") == 0)
		buf_put_u64(&b, a->contacts[0].expires_s);
	else if (strcmp(name, "instance") == 0)
		buf_put(&b, a->contacts[0].instance);
	else if (strcmp(name, "reg_id") == 0)
		buf_put_u64(&b, a->contacts[0].reg_id);
	else if (strcmp(name, "q_permille") == 0)
		buf_put_u64(&b, a->contacts[0].q_permille);
	else if (strcmp(name, "username") == 0)
		buf_put(&b, a->digest.username);
	else if (strcmp(name, "algorithm") == 0)
		buf_put(&b, a->digest.algorithm);
	else if (strcmp(name, "body_hash") == 0)
		buf_put(&b, a->digest.body_hash);
	else if (strcmp(name, "cseq") == 0)
		buf_put_u64(&b, a->cseq);
	else if (strcmp(name, "flow") == 0)
		addr_put(&b, &a->flow.remote);
	else
		fail(p, "no such field");
	got[b.len] = '\0';
	if (strcmp(got, args + n) != 0)
		fail(p, "%s is %s", name, got);
}

static void
cmd_public(struct player *p, const char *args)
{
	struct ipc_public_addr m = { 0, PUBLIC_KNOWN, address(p, args, 0) };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_public_addr(&b, &m);
	if (edge_frame(p->edge, p->now, p->st, ROLE_STUN, 0, IPC_PUBLIC_ADDR,
		buf_span(&b)) != 0)
		fail(p, "PUBLIC_ADDR closed the door");
	carry_out(p);
}

static void
cmd_status(struct player *p, const char *args)
{
	char json[12000], want[128], name[64];
	struct buf b;
	unsigned n;

	if (sscanf(args, "%63s %u", name, &n) != 2)
		fail(p, "name and number wanted");
	buf_init(&b, json, sizeof(json) - 1);
	edge_status(p->edge, p->now, &b);
	json[b.len] = '\0';
	snprintf(want, sizeof(want), "\"%s\":%u", name, n);
	if (strstr(json, want) == NULL ||
	    strchr(",}", strstr(json, want)[strlen(want)]) == NULL)
		fail(p, "status is %s", json);
}

static void
cmd_shorter(struct player *p, const char *args)
{
	if (p->last_out * 100 > p->last_in * (size_t)atoi(args))
		fail(p, "%zu bytes out for %zu in", p->last_out, p->last_in);
}

static void
cmd_keepalives(struct player *p, const char *args)
{
	unsigned least, most;

	if (sscanf(args, "%u %u", &least, &most) != 2)
		fail(p, "least and most wanted");
	if (p->keepalives < least || p->keepalives > most)
		fail(p, "%u keepalives", p->keepalives);
	p->keepalives = 0;
}

static const struct {
	const char *name;
	void (*run)(struct player *p, const char *args);
} commands[] = {
	{ ">", cmd_in }, { "<", cmd_out }, { "bytes>", cmd_bytes },
	{ "quiet", cmd_quiet }, { "reg", cmd_reg }, { "stun", cmd_stun },
	{ "oracle", cmd_oracle }, { "nonces", cmd_nonces },
	{ "asked", cmd_asked }, { "log", cmd_log }, { "logged", cmd_logged },
	{ "expires", cmd_expires }, { "binding", cmd_binding },
	{ "ask", cmd_ask }, { "public", cmd_public },
	{ "digest", cmd_digest }, { "nonce-left", cmd_nonce_left },
	{ "keepalives", cmd_keepalives },
	{ "status", cmd_status }, { "shorter-than", cmd_shorter },
};

static void
run(struct player *p)
{
	size_t n = strcspn(p->line, " ");
	const char *args = p->line + n + strspn(p->line + n, " ");

	if (p->line[0] == '\0' || p->line[0] == '#')
		return;
	if (p->line[0] == '+') {
		pass(p, (uint64_t)atoll(p->line + 1));
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strlen(commands[i].name) == n &&
		    memcmp(commands[i].name, p->line, n) == 0) {
			commands[i].run(p, args);
			return;
		}
	}
	fail(p, "no such command");
}

static void
site(struct player *p)
{
	struct edge_conf *c = &p->conf;

	c->listeners[0] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_UDP, address(p, "192.168.10.2:5070", 0) };
	c->listeners[1] = (struct edge_listener){ ZONE_INTERNAL,
		TRANSPORT_UDP, address(p, "192.168.10.2:5060", 0) };
	c->n_listeners = 2;
	c->domain = SPAN_LIT("sip.example.org");
	c->realm = SPAN_LIT("SMO-SIP");
	c->accept_ip = true;
	addr_prefix_parse(SPAN_LIT("192.168.0.0/16"), &c->lan[0]);
	c->n_lan = 1;
	c->stun_servers[0] = address(p, "203.0.113.53:3478", 0);
	c->n_stun_servers = 1;
	c->n_relays = 1;
	c->max_transactions = 512;
	c->max_calls = 16;
	c->max_flows = 64;
}

int
play(const char *path)
{
	static struct player p;

	memset(&p, 0, sizeof(p));
	p.path = path;
	p.f = fopen(path, "r");
	if (p.f == NULL) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	site(&p);
	p.now.us = 1000000;
	oracle_init(&p.oracle);
	p.edge = edge_new(&p.conf);
	p.st = steps_new();
	while (next_line(&p))
		run(&p);
	fclose(p.f);
	for (unsigned i = 0; i < p.out_n; i++)
		free(p.out[i].text);
	steps_free(p.st);
	edge_free(p.edge);
	return 0;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (play(argv[i]) != 0)
			return 1;
	}
	return 0;
}
