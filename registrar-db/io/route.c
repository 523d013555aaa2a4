/*
 * What a right answer buys, by the method that it covers: sigproxy asks for
 * a lookup, the phone's own digest says which.
 */
#include "registrar-db/io/oracle.h"

#include "common/codec/uri.h"
#include "common/io/clock.h"
#include "common/io/log.h"

#define LOG_PER_S 10

/* A subscriber who asks for numbers that are not there, one after the other,
 * is to be seen: calls have their record, the rest a line. */
static void
log_refused(struct oracle *o, const struct ipc_auth_ask *ask,
    const struct ipc_auth_say *say, struct span number)
{
	struct mono now = clock_mono();

	if (mono_due(mono_add_ms(o->lookup_log_from, 1000), now)) {
		o->lookup_log_from = now;
		o->lookup_log_count = 0;
	}
	if (++o->lookup_log_count > LOG_PER_S)
		return;
	log_begin(LOG_INFO_, "lookup-refused");
	log_span("method", ask->digest.method);
	log_span("by", say->caller.number);
	log_span("number", number);
	log_str("why", say->verdict == VERDICT_FORBIDDEN ? "no right" :
							   "no such number");
	log_end();
}

/* The number is a subscriber's, with devices for a MESSAGE. */
static enum verdict
route_message(struct oracle *o, struct span number, struct party_row *called,
    struct ipc_auth_say *say)
{
	return calls_find(o, number, called, say);
}

/* A voicemail proves who it is with a subscriber's password. */
static enum verdict
route_notify(struct oracle *o, const struct ipc_auth_ask *ask,
    struct span number, struct party_row *called, struct ipc_auth_say *say)
{
	if (ask->flow.zone != ZONE_INTERNAL ||
	    !mailbox_may_say(o, say->caller.number))
		return VERDICT_FORBIDDEN;
	if (party_read(o->store, number, called) != 0 || !called->enabled)
		return VERDICT_NOT_FOUND;
	say->called = called->party;
	return VERDICT_OK;
}

void
route(struct oracle *o, const struct ipc_auth_ask *ask,
    struct party_row *called, struct ipc_auth_say *say)
{
	struct span method = ask->digest.method, number;
	bool is_message = span_eq(method, SPAN_LIT("MESSAGE"));
	bool is_notify = span_eq(method, SPAN_LIT("NOTIFY"));
	char mem[URI_USER_MAX];
	enum verdict v = VERDICT_NOT_FOUND;

	if (!is_message && !is_notify &&
	    !span_eq(method, SPAN_LIT("SUBSCRIBE"))) {
		calls_route(o, ask, called, say);
		return;
	}
	if (calls_number(o, &ask->digest, mem, &number) != 0)
		number = SPAN_NONE;
	else if (is_message)
		v = route_message(o, number, called, say);
	else if (is_notify)
		v = route_notify(o, ask, number, called, say);
	else
		v = watchers_grant(o, ask, number, called, say);
	say->verdict = (uint8_t)v;
	if (v == VERDICT_OK)
		return;
	say->n_targets = 0;
	say->called = (struct ipc_party){ 0 };
	if (v == VERDICT_NOT_FOUND || v == VERDICT_FORBIDDEN)
		log_refused(o, ask, say, number);
}
