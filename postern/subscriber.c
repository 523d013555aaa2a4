/*
 * `postern subscriber`: what an admin does most, without typing SQL.  The
 * password is made here, goes to the store by a pipe, and is shown once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/secret.h"
#include "postern/cmd.h"
#include "postern/json.h"
#include "postern/secrets.h"
#include "postern/sheet.h"
#include "postern/subscriber.h"
#include "postern/table.h"

#define SQL_MAX 4096

struct subscriber {
	const struct conf *conf;
	bool json;
	const char *number, *name, *username, *class;
	bool internet;
	char default_username[80];
	char password[SECRET_PASSWORD_LEN + 1];
};

/* ---- SQL ---- */

/* 'a', 'b' or NULL; a value that cannot be meant is named. */
static int
add_values(struct buf *b, const char *const *value, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_puts(b, ", ");
		if (store_quote(b, value[i]) != 0)
			return cmd_fail("a value holds control characters");
	}
	if (buf_err(b))
		return cmd_fail("that is too long");
	return 0;
}

/* After UPDATE or DELETE: was there such a row? */
static int
change(const struct subscriber *s, struct buf *b)
{
	char none[128];

	buf_puts(b, " WHERE number = ");
	if (add_values(b, &s->number, 1) != 0)
		return 1;
	snprintf(none, sizeof(none), "there is no subscriber %s", s->number);
	return store_change(s->conf, b, none);
}

/* ---- what the phone is to be told ---- */

static void
print_place(const char *what, const char *host, uint16_t udp, uint16_t tcp,
    uint16_t tls)
{
	printf("%s%s", what, host);
	if (tls != 0)
		printf("  TLS %u", tls);
	if (tcp != 0)
		printf("  TCP %u", tcp);
	if (udp != 0)
		printf("  UDP %u", udp);
	putchar('\n');
}

static void
print_inside(const struct conf *c)
{
	char text[ADDR_TEXT_MAX];
	struct buf b;

	if (c->n_internal == 0)
		return;
	buf_init(&b, text, sizeof(text) - 1);
	addr_put_ip(&b, &c->internal[0]);
	text[b.len] = '\0';
	print_place("in the office      ", text, c->internal_udp,
	    c->internal_tcp, conf_has_tls(c) ? c->internal_tls : 0);
}

static void
print_outside(const struct conf *c)
{
	print_place("from the internet  ",
	    c->name[0] != '\0' ? c->name : c->domain,
	    sheet_outside(c->external_udp_advertised, c->external_udp),
	    sheet_outside(c->external_tcp_advertised, c->external_tcp),
	    conf_has_tls(c) ? sheet_outside(c->external_tls_advertised,
				  c->external_tls) : 0);
}

static void
print_secret(const struct subscriber *s, const struct span *username,
    bool internet)
{
	if (s->json) {
		printf("{\"number\":\"%s\",\"username\":\"%.*s\","
		       "\"password\":\"%s\",\"domain\":\"%s\"}\n",
		    s->number, (int)username->len, username->p, s->password,
		    s->conf->domain);
		return;
	}
	printf("number             %s\nusername           ", s->number);
	table_text(stdout, *username);
	printf("   (\"SIP User ID\", \"authentication name\")\n"
	       "password           %s   (shown only now)\n"
	       "domain             %s\n",
	    s->password, s->conf->domain);
	print_inside(s->conf);
	if (internet)
		print_outside(s->conf);
	else
		printf("It may not register from the internet: postern "
		       "subscriber internet %s on\n", s->number);
}

/* ---- the commands ---- */

static int
do_add(struct subscriber *s)
{
	const char *values[5];
	struct span username;
	struct buf b;
	char mem[SQL_MAX], *said;

	if (s->username == NULL) {
		snprintf(s->default_username, sizeof(s->default_username),
		    "SIP-%s", s->number);
		s->username = s->default_username;
	}
	secrets_password(s->password);
	values[0] = s->number;
	values[1] = s->name != NULL ? s->name : s->username;
	values[2] = s->username;
	values[3] = s->password;
	values[4] = s->class;
	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "INSERT INTO subscriber(number, name, username, "
		     "password");
	buf_puts(&b, s->class != NULL ? ", class, internet) VALUES (" :
		     ", internet) VALUES (");
	if (add_values(&b, values, s->class != NULL ? 5 : 4) != 0)
		return 1;
	buf_puts(&b, s->internet ? ", 1);" : ", 0);");
	said = store_ask_buf(s->conf, &b);
	if (said == NULL)
		return 1;
	free(said);
	secret_wipe(mem, sizeof(mem));
	username = span_str(s->username);
	print_secret(s, &username, s->internet);
	return 0;
}

/* Its username and rights, for the sheet. */
static int
find(const struct subscriber *s, char **said_out, struct span *row_out)
{
	char mem[SQL_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "SELECT number, name, username, internet, enabled, "
		     "class, hold, latching, max_contacts, codecs, "
		     "max_kbps, realm, "
		     "created_at AS created, changed_at AS changed, "
		     "(SELECT group_concat(prefix) FROM allowed_from AS f "
		     "WHERE f.number = s.number) AS allowed_from, "
		     "(SELECT count(*) FROM registration AS r WHERE "
		     "r.number = s.number AND expires_at > unixepoch()) AS "
		     "phones FROM subscriber AS s WHERE number = ");
	if (add_values(&b, &s->number, 1) != 0)
		return 1;
	buf_putc(&b, ';');
	*said_out = store_ask_buf(s->conf, &b);
	if (*said_out == NULL)
		return 1;
	if (json_item(span_str(*said_out), 0, row_out))
		return 0;
	free(*said_out);
	*said_out = NULL;
	return cmd_fail("there is no subscriber %s; `postern subscriber "
			"show` lists all", s->number);
}

static int
do_passwd(struct subscriber *s)
{
	struct span row, username = SPAN_NONE;
	const char *password = s->password;
	char mem[SQL_MAX], *said;
	uint64_t internet = 0;
	struct buf b;
	int rc;

	if (find(s, &said, &row) != 0)
		return 1;
	json_text(row, "username", &username);
	json_number(row, "internet", &internet);
	secrets_password(s->password);
	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "UPDATE subscriber SET password = ");
	rc = add_values(&b, &password, 1);
	if (rc == 0)
		rc = change(s, &b);
	secret_wipe(mem, sizeof(mem));
	if (rc == 0)
		print_secret(s, &username, internet != 0);
	if (rc == 0 && !s->json)
		printf("What registered with the old one ends within a second, "
		       "and so do its calls\nunless on_disable of its class "
		       "is 'keep'.\n");
	free(said);
	return rc;
}

static int do_show(struct subscriber *s);

static int
set(struct subscriber *s, const char *assignment, const char *done)
{
	char mem[SQL_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "UPDATE subscriber SET ");
	buf_puts(&b, assignment);
	if (change(s, &b) != 0)
		return 1;
	if (s->json)
		return do_show(s);
	printf("%s %s\n", s->number, done);
	return 0;
}

/* Everything of it that is not a record of what was. */
static int
do_remove(struct subscriber *s)
{
	char mem[SQL_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "DELETE FROM subscriber");
	if (change(s, &b) != 0)
		return 1;
	if (s->json)
		puts("{\"done\":true}");
	else
		printf("%s is gone, with its password, grants and numbers of "
		       "trunks; its registrations and calls end within a "
		       "second, its call records stay\n", s->number);
	return 0;
}

static int
do_show(struct subscriber *s)
{
	static const char all[] = "SELECT number, name, username, internet, "
		"enabled, class, (SELECT count(*) FROM registration AS r "
		"WHERE r.number = s.number AND expires_at > unixepoch()) AS "
		"phones FROM subscriber AS s ORDER BY number;";
	struct span row;
	char *said;
	int rc = 0;

	if (s->number != NULL) {
		if (find(s, &said, &row) != 0)
			return 1;
		if (s->json)
			json_put_line(row);
		else
			table_print_one(stdout, row);
		free(said);
		return 0;
	}
	said = store_ask(s->conf, SPAN_LIT(all));
	if (said == NULL)
		return 1;
	rc = table_show(said, s->json, "there is no subscriber yet: postern "
	    "subscriber add NUMBER");
	free(said);
	return rc;
}

static int
from(struct subscriber *s, const char *places)
{
	if (subscriber_from(s->conf, s->number, places) != 0)
		return 1;
	if (s->json)
		return do_show(s);
	printf("%s may register and call from %s\n", s->number,
	    strcmp(places, "anywhere") == 0 ? places : "there only: what it "
	    "has elsewhere ends within a second");
	return 0;
}

/* ---- the command line ---- */

#define USAGE \
	"usage: postern subscriber add NUMBER [--name NAME] " \
	"[--username NAME]\n" \
	"                              [--class CLASS] [--internet]\n" \
	"       postern subscriber passwd | disable | enable | remove " \
	"NUMBER\n" \
	"       postern subscriber internet NUMBER on | off\n" \
	"       postern subscriber from NUMBER PREFIX[,PREFIX ...] | " \
	"anywhere\n" \
	"       postern subscriber show [NUMBER]\n" \
	"each with [--json] [--config FILE | --state DIR]"

static int
misuse(void)
{
	fputs(USAGE "\n", stderr);
	return 2;
}

struct words {
	const char *verb, *last;
	int n;
};

static int
take_words(struct subscriber *s, struct words *w, const struct cmd_opts *o)
{
	for (int i = 0; i < o->n_rest; i++) {
		const char *word = o->rest[i];
		const char **to = strcmp(word, "--name") == 0 ? &s->name :
		    strcmp(word, "--username") == 0 ? &s->username :
		    strcmp(word, "--class") == 0 ? &s->class : NULL;

		if (to != NULL) {
			if (++i == o->n_rest)
				return -1;
			*to = o->rest[i];
		} else if (strcmp(word, "--internet") == 0) {
			s->internet = true;
		} else if (word[0] == '-' || w->n == 3) {
			return -1;
		} else {
			const char **place[] = { &w->verb, &s->number,
				&w->last };

			*place[w->n++] = word;
		}
	}
	return w->n == 0 ? -1 : 0;
}

static int
run(struct subscriber *s, const struct words *w)
{
	bool plain = s->name == NULL && s->username == NULL &&
	    s->class == NULL && !s->internet;

	if (strcmp(w->verb, "add") == 0)
		return w->n == 2 ? do_add(s) : misuse();
	if (!plain)
		return misuse();
	if (strcmp(w->verb, "show") == 0)
		return w->n <= 2 ? do_show(s) : misuse();
	if (strcmp(w->verb, "internet") == 0) {
		if (w->n != 3)
			return misuse();
		if (strcmp(w->last, "on") == 0)
			return set(s, "internet = 1", "may register and call "
				"from the internet");
		return strcmp(w->last, "off") == 0 ? set(s, "internet = 0",
			"may register in the office only: what it has on the "
			"internet ends within a second") : misuse();
	}
	if (strcmp(w->verb, "from") == 0)
		return w->n == 3 ? from(s, w->last) : misuse();
	if (w->n != 2)
		return misuse();
	if (strcmp(w->verb, "passwd") == 0)
		return do_passwd(s);
	if (strcmp(w->verb, "remove") == 0 || strcmp(w->verb, "del") == 0)
		return do_remove(s);
	if (strcmp(w->verb, "disable") == 0)
		return set(s, "enabled = 0", "is shut out: its registrations "
			"end within a second, and so do its calls unless "
			"on_disable of its class is 'keep'");
	if (strcmp(w->verb, "enable") == 0)
		return set(s, "enabled = 1", "may register again");
	return misuse();
}

int
cmd_subscriber(int argc, char **argv)
{
	static struct conf conf;
	struct subscriber s = { .conf = &conf };
	struct words w = { 0 };
	struct cmd_opts o;
	int rc;

	if (cmd_opts_mixed(argc, argv, "csj", &o) != 0)
		return 2;
	s.json = o.json;
	if (take_words(&s, &w, &o) != 0)
		return misuse();
	if (store_conf(&o, &conf) != 0)
		return 1;
	rc = run(&s, &w);
	secret_wipe(s.password, sizeof(s.password));
	return rc;
}
