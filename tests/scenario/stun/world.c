#include "tests/scenario/stun/world.h"

#define START_MS 1000000000u

struct world w;

struct addr
world_addr(const char *text)
{
	struct addr a = { 0 };

	if (text != NULL && addr_parse(span_str(text), 1, &a) != 0)
		ck_abort_msg("%s", text);
	return a;
}

void
assert_told(const struct told *t, enum public_state state, const char *mapped)
{
	struct addr want = world_addr(mapped);
	char text[ADDR_TEXT_MAX + 1];

	ck_assert(t->heard);
	ck_assert_int_eq(t->state, state);
	ck_assert_msg(t->mapped.family == want.family &&
		(want.family == ADDR_NONE || addr_same_ip(&t->mapped, &want)),
	    "told %s, not %s", addr_text(&t->mapped, text), mapped);
	if (want.port != 1)
		ck_assert_uint_eq(t->mapped.port, want.port);
}

struct mono
world_now(void)
{
	return (struct mono){ (START_MS + w.now_ms) * 1000 };
}

static void
random_bytes(void *p, size_t len)
{
	uint8_t *out = p;

	while (len-- > 0) {
		w.random = w.random * 1664525u + 1013904223u;
		*out++ = (uint8_t)(w.random >> 24);
	}
}

static void
begin(bool stun, unsigned n_servers)
{
	const struct mapping_conf c = { .stun = stun, .n_servers = n_servers,
		.interval_ms = 15000, .n_owners = 3,
		.random = random_bytes };

	memset(&w, 0, sizeof(w));
	w.random = 1;
	w.nat = "198.51.100.1";
	w.n_servers = n_servers;
	w.shortest_ms = UINT64_MAX;
	w.maps = mapping_new(&c);
	ck_assert_ptr_nonnull(w.maps);
}

void
world_begin_quietly(unsigned n_servers)
{
	begin(true, n_servers);
	for (unsigned s = 0; s < n_servers; s++) {
		struct addr a = world_addr("203.0.113.10:3478");

		a.ip[3] = (uint8_t)(10 + s);
		mapping_set_server(w.maps, s, &a, world_now());
	}
}

void
world_up(void)
{
	mapping_owner_up(w.maps, MAPPING_SIP);
	world_want(MAPPING_SIP, SIP_SOCKET, 1);
}

void
world_begin(unsigned n_servers)
{
	world_begin_quietly(n_servers);
	world_up();
}

void
world_given(const char *addr)
{
	struct addr a = world_addr(addr);

	a.port = 0;
	begin(false, 0);
	mapping_set_site(w.maps, &a, world_now());
	mapping_owner_up(w.maps, MAPPING_SIP);
	world_want(MAPPING_SIP, SIP_SOCKET, 1);
}

void
world_end(void)
{
	mapping_free(w.maps);
}

void
world_want(unsigned owner, uint16_t first, unsigned n)
{
	struct ipc_map_want want = { .n_sockets = n };

	for (unsigned i = 0; i < n; i++)
		want.sockets[i].number = (uint16_t)(first + i);
	mapping_want(w.maps, owner, &want, world_now());
}

void
world_addresses(unsigned s, unsigned n, unsigned dead)
{
	struct addr list[MAPPING_ADDRS_MAX];

	for (unsigned i = 0; i < n; i++) {
		list[i] = world_addr("203.0.113.10:3478");
		list[i].ip[3] = (uint8_t)(10 + s + 60 * i);
	}
	w.dead[s] = dead;
	mapping_set_addresses(w.maps, s, list, n, world_now());
}

/* ---- servers ---- */

static void
put_mapped(uint8_t *p, const struct addr *mapped)
{
	static const uint8_t cookie[4] = { 0x21, 0x12, 0xa4, 0x42 };

	p[1] = 0x20;
	p[3] = 8;
	p[5] = 1;
	p[6] = (uint8_t)(mapped->port >> 8) ^ cookie[0];
	p[7] = (uint8_t)mapped->port ^ cookie[1];
	for (int i = 0; i < 4; i++)
		p[8 + i] = mapped->ip[i] ^ cookie[i];
}

size_t
world_put_answer(uint8_t *p, enum character who, const uint8_t *tid,
    const struct addr *mapped)
{
	static const uint8_t head[8] = { 1, 1, 0, 12, 0x21, 0x12, 0xa4,
		0x42 };
	size_t len = 32;

	memset(p, 0, 64);
	memcpy(p, head, sizeof(head));
	memcpy(p + 8, tid, STUN_TID_LEN);
	put_mapped(p + 20, mapped);
	if (who == REFUSING) {
		p[1] = 0x11;
		memcpy(p + 20, "\0\x09\0\x04\0\0\x04\x14", 8);
		len = 28;
	} else if (who == STRANGE) {
		memcpy(p + 32, "\x7f\x01\0\0", 4);
		len = 36;
	} else if (w.other) {
		memcpy(p + 32, "\x80\x2c\0\x08\0\x01\x0d\x97\xcb\0\x71\xc8",
		    12);
		len = 44;
	}
	p[3] = (uint8_t)(len - 20);
	return len;
}

static void
deliver(unsigned i)
{
	struct ipc_stun_send ask = w.answer[i].ask;
	unsigned owner = w.answer[i].owner, s = w.answer[i].server;
	struct addr mapped = world_addr(w.nat);
	struct ipc_stun_heard heard = { .socket = ask.socket,
		.source = ask.server };
	uint8_t packet[64];

	w.answer[i] = w.answer[--w.n_answers];
	mapped.port = (uint16_t)(40000 + ask.socket % 1000 +
	    (w.symmetric ? 1000 * s : 0));
	if (w.server[s] == FROZEN)
		mapped.ip[0] = 198, mapped.ip[1] = 51, mapped.ip[2] = 100,
		mapped.ip[3] = 1;
	if (w.server[s] == LIAR)
		mapped.ip[2] ^= 1;
	if (w.server[s] == FICKLE)
		random_bytes(&mapped.ip[1], 3);
	if (w.server[s] == PRIVATE)
		mapped.ip[0] = 10;
	heard.packet = span_make(packet, world_put_answer(packet, w.server[s],
	    ask.tid, &mapped));
	mapping_heard(w.maps, owner, &heard, world_now());
}

void
world_forge(const char *from, const uint8_t *tid, const char *mapped)
{
	struct ipc_stun_heard heard = { .socket = SIP_SOCKET,
		.source = world_addr(from) };
	struct addr a = world_addr(mapped);
	uint8_t packet[64];

	heard.packet = span_make(packet, world_put_answer(packet, HONEST, tid, &a));
	mapping_heard(w.maps, MAPPING_SIP, &heard, world_now());
}

/* ---- steps ---- */

static void
on_ask(const struct mapping_step *step)
{
	unsigned s = (step->ask.server.ip[3] - 10u) % 60;
	unsigned which = (step->ask.server.ip[3] - 10u) / 60;

	if (s == 0 && step->owner == MAPPING_SIP && w.asked[0] > 0) {
		uint64_t gap = w.now_ms - w.asked_at[0];

		if (gap < w.shortest_ms)
			w.shortest_ms = gap;
		if (gap > w.longest_ms)
			w.longest_ms = gap;
	}
	w.asked[s]++;
	w.asked_at[s] = w.now_ms;
	if (w.server[s] == DEAD || (w.dead[s] & 1u << which) ||
	    (step->owner == MAPPING_SIP ? w.sip_deaf : w.relay_deaf))
		return;
	if (w.n_answers == 256)
		ck_abort_msg("too many questions at once");
	w.answer[w.n_answers].at_ms = w.now_ms +
	    (w.server[s] == SLOW ? 2000 : RTT_MS);
	w.answer[w.n_answers].owner = step->owner;
	w.answer[w.n_answers].server = s;
	w.answer[w.n_answers++].ask = step->ask;
}

static void
on_told(const struct mapping_step *step)
{
	struct told *t = step->told.socket == MAPPING_SITE ? &w.site :
	    step->owner == MAPPING_SIP ? &w.sip : &w.relay;

	t->heard = true;
	t->state = (enum public_state)step->told.state;
	t->mapped = step->told.mapped;
	t->at_ms = w.now_ms;
	t->times++;
}

static void
take_steps(void)
{
	struct mapping_step step;

	while (mapping_next(w.maps, world_now(), &step)) {
		switch (step.what) {
		case MAPPING_ASK:
			on_ask(&step);
			break;
		case MAPPING_TELL:
			on_told(&step);
			break;
		case MAPPING_NEWS:
			w.news++;
			break;
		}
	}
}

static void
take_alarms(void)
{
	enum alarm_id id;

	alarm_look(&w.alarms, w.maps, world_now());
	while (alarm_next(&w.alarms, world_now(), &id)) {
		if (w.alarms.alarm[id].raised) {
			w.raised[id]++;
			w.raised_at[id] = w.now_ms;
		} else {
			w.cleared[id]++;
		}
	}
}

static uint64_t
next_event(uint64_t end_ms)
{
	struct mono due = mono_min(mapping_due(w.maps),
	    alarm_due(&w.alarms));
	uint64_t next = end_ms;

	if (due.us != MONO_NEVER.us && due.us / 1000 < START_MS + next)
		next = due.us / 1000 > START_MS ? due.us / 1000 - START_MS : 0;
	for (unsigned i = 0; i < w.n_answers; i++) {
		if (w.answer[i].at_ms < next)
			next = w.answer[i].at_ms;
	}
	return next > w.now_ms ? next : w.now_ms;
}

static bool
deliver_due(void)
{
	for (unsigned i = 0; i < w.n_answers; i++) {
		if (w.answer[i].at_ms <= w.now_ms) {
			deliver(i);
			return true;
		}
	}
	return false;
}

void
world_run(uint64_t ms)
{
	uint64_t end_ms = w.now_ms + ms;
	unsigned still = 0;

	for (;;) {
		uint64_t before = w.now_ms;

		while (deliver_due())
			;
		if (w.look != NULL)
			w.look(world_now());
		take_steps();
		take_alarms();
		if (w.now_ms >= end_ms)
			return;
		w.now_ms = next_event(end_ms);
		still = w.now_ms == before ? still + 1 : 0;
		if (still > 1000)
			ck_abort_msg("time stands still at %llu",
			    (unsigned long long)w.now_ms);
	}
}
