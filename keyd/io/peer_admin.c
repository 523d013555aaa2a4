/* The admin's question: how are you? */
#include <errno.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/io/cert.h"
#include "common/io/clock.h"
#include "keyd/io/keyd.h"

static void
put_number(struct buf *b, const char *name, uint64_t v)
{
	buf_puts(b, ",\"");
	buf_puts(b, name);
	buf_puts(b, "\":");
	buf_put_u64(b, v);
}

static void
put_string(struct buf *b, const char *name, const char *s)
{
	buf_puts(b, "\"");
	buf_puts(b, name);
	buf_puts(b, "\":");
	text_put_json(b, span_str(s));
}

static void
put_certificate(struct buf *b, const struct keyd_key *key, int64_t now)
{
	int64_t left = cert_days_left(key->until_s, now);

	buf_putc(b, '{');
	put_string(b, "file", key->file);
	buf_putc(b, ',');
	put_string(b, "names", key->names);
	buf_puts(b, key->fits ? ",\"names_domain\":true" :
				",\"names_domain\":false");
	put_number(b, "until_s", (uint64_t)key->until_s);
	put_number(b, "days_left", left > 0 ? (uint64_t)left : 0);
	buf_putc(b, '}');
}

static void
put_status(struct keyd *k, struct buf *b)
{
	int64_t now = clock_wall_s();

	buf_puts(b, "{\"role\":\"keyd\"");
	put_number(b, "pid", (uint64_t)getpid());
	put_number(b, "signed", k->signed_);
	put_number(b, "asked", k->gate.asked);
	put_number(b, "refused_form", k->gate.refused[SIGN_FORM]);
	put_number(b, "refused_key", k->gate.refused[SIGN_KEY]);
	put_number(b, "refused_busy", k->gate.refused[SIGN_BUSY]);
	buf_puts(b, ",\"certificates\":[");
	for (unsigned i = 0; i < k->n_keys; i++) {
		if (i > 0)
			buf_putc(b, ',');
		put_certificate(b, &k->key[i], now);
	}
	buf_puts(b, "]}");
}

int
on_admin_frame(struct keyd *k, uint16_t type, struct span payload)
{
	static char json[12000], mem[12100];
	struct buf text, out;
	struct ipc_status_ask ask;
	struct ipc_status_say say;
	int err;

	if (type != IPC_STATUS_ASK)
		return -EPROTO;
	err = get_status_ask(payload, &ask);
	if (err)
		return err;
	buf_init(&text, json, sizeof(json));
	put_status(k, &text);
	say = (struct ipc_status_say){ ask.id, buf_err(&text) ?
		SPAN_LIT("{}") : buf_span(&text) };
	buf_init(&out, mem, sizeof(mem));
	IPC_FRAME(&out, STATUS_SAY, status_say, &say);
	door_send(k->admin, buf_span(&out));
	return 0;
}
