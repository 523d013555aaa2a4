#include <errno.h>

#include "common/ipc/msg.h"

#define FIELD(kind, name, lo, hi) { #kind, #name, #lo, #hi },

#define ITEM_FIELDS(item) \
	static const struct ipc_field item_##item[] = { \
		IPC_ITEM_##item(FIELD) };
IPC_ITEMS(ITEM_FIELDS)

#define MSG_FIELDS(NAME, msg, nr, from, to, answers, meaning) \
	static const struct ipc_field msg_##msg[] = { IPC_F_##msg(FIELD) };
IPC_TABLE(MSG_FIELDS)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct ipc_row rows[] = {
#define ROW(NAME, msg, nr, from, to, answers, meaning) \
	{ #NAME, nr, from, to, answers, meaning, msg_##msg, COUNT(msg_##msg) },
	IPC_TABLE(ROW)
};

static const struct {
	const char *name;
	const struct ipc_field *fields;
	size_t n;
} items[] = {
#define ITEM(item) { #item, item_##item, COUNT(item_##item) },
	IPC_ITEMS(ITEM)
};

const struct ipc_row *
ipc_row_at(size_t i)
{
	return i < COUNT(rows) ? &rows[i] : NULL;
}

const struct ipc_row *
ipc_row(uint16_t type)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].type == type)
			return &rows[i];
	}
	return NULL;
}

bool
ipc_item_at(size_t i, const char **name_out,
    const struct ipc_field **fields_out, size_t *n_out)
{
	if (i >= COUNT(items))
		return false;
	*name_out = items[i].name;
	*fields_out = items[i].fields;
	*n_out = items[i].n;
	return true;
}

const char *
ipc_name(uint16_t type)
{
	const struct ipc_row *row = ipc_row(type);

	return row == NULL ? "?" : row->name;
}

const char *
ipc_role_name(enum ipc_role role)
{
	switch (role) {
	case ROLE_SIG:
		return "sigproxy";
	case ROLE_MEDIA:
		return "mediaproxy";
	case ROLE_STUN:
		return "stunmon";
	case ROLE_REG:
		return "registrar-db";
	case ROLE_ADMIN:
		return "admin";
	case ROLE_KEY:
		return "keyd";
	case ROLE_TRACE:
		return "tracer";
	default:
		return "?";
	}
}

int
ipc_permit(uint16_t type, enum ipc_role from, enum ipc_role to, size_t len)
{
	const struct ipc_row *row = ipc_row(type);

	if (row == NULL)
		return -ENOMSG;
	if (!(row->from & from) || !(row->to & to))
		return -EPERM;
	return len > IPC_PAYLOAD_MAX ? -EMSGSIZE : 0;
}

/* FNV-1a: tells tables apart, protects nothing. */
static uint64_t
mix(uint64_t h, const char *s)
{
	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return (h ^ '|') * 1099511628211u;
}

static uint64_t
mix_fields(uint64_t h, const struct ipc_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		h = mix(h, f[i].kind);
		h = mix(h, f[i].name);
		h = mix(h, f[i].lo);
		h = mix(h, f[i].hi);
	}
	return h;
}

uint64_t
ipc_table_mark(void)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < COUNT(items); i++)
		h = mix_fields(mix(h, items[i].name), items[i].fields,
		    items[i].n);
	for (size_t i = 0; i < COUNT(rows); i++) {
		h = (h ^ rows[i].type) * 1099511628211u;
		h = mix_fields(mix(h, rows[i].name), rows[i].fields,
		    rows[i].n_fields);
	}
	return h;
}
