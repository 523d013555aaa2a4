#include "common/ipc/proof.h"

/* @a what it announced, @s where it was seen or looked for, @b where it had
 * come from, @r the relay's port, @t how long it was not heard. */
static const char *const words[] = {
	[PROOF_NONE] = "",
	[PROOF_SENT_FIRST] = "it announced @a; the relay (@r) sent first to "
			     "@s, and nothing came",
	[PROOF_ASKED] = "it announced @a; asked to send its sound to our SIP "
			"port it sent nothing there either",
	[PROOF_AS_SAID] = "it announced @a; its sound came to our SIP port "
			  "from @s; the relay (@r) sent first to there, and "
			  "nothing came",
	[PROOF_SEEN] = "it announced @a; its sound came to our SIP port from "
		       "@s, where the relay had not sent first yet",
	[PROOF_SEEN_STUN] = "STUN told it @a, to where the relay (@r) sent "
			    "first, and nothing came; its sound came to our "
			    "SIP port from @s: each peer gets another port",
	[PROOF_SEEN_SENT] = "it announced @a; its sound came to our SIP port "
			    "from @s; the relay (@r) sent first to there, too,"
			    " and nothing came",
	[PROOF_BACK] = "in mid-call its sound moved from @b to @s; it was not "
		       "heard for @t s",
	[PROOF_UNREACHED] = "its sound came from @b, and stopped; it did not "
			    "answer when it was asked where it is",
	[PROOF_REFUSED] = "its sound came from @b, and stopped; asked to send "
			  "it to our SIP port, it refused",
	[PROOF_STRANGE] = "its sound came from @b, and stopped; asked to send "
			  "it to our SIP port, it took that, and sound with "
			  "another SSRC came there from @s: a new stream of "
			  "its own, or a neighbour's",
};

static void
put_field(struct buf *b, char field, const struct ipc_call_reach *m)
{
	switch (field) {
	case 'a':
		addr_put(b, &m->announced);
		break;
	case 's':
		addr_put(b, &m->seen);
		break;
	case 'b':
		addr_put(b, &m->before);
		break;
	case 'r':
		addr_put(b, &m->said);
		break;
	default:
		buf_fmt(b, "%u.%u", m->after_ms / 1000,
		    m->after_ms % 1000 / 100);
		break;
	}
}

static bool
is_known(char field, const struct ipc_call_reach *m)
{
	return (field != 'a' || m->announced.family != ADDR_NONE) &&
	    (field != 's' || m->seen.family != ADDR_NONE) &&
	    (field != 'b' || m->before.family != ADDR_NONE);
}

void
proof_put(struct buf *b, const struct ipc_call_reach *m)
{
	const char *text = words[m->proof];

	for (const char *p = text; *p != '\0'; p++)
		if (*p == '@' && !is_known(p[1], m))
			return;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '@')
			put_field(b, *++p, m);
		else
			buf_putc(b, *p);
	}
}

const char *
media_verdict_code(unsigned v)
{
	static const char *const code[] = {
		[VERDICT_MEDIA_NONE] = "",
		[VERDICT_MEDIA_OK] = "ok",
		[VERDICT_MEDIA_FELL_SILENT] = "fell-silent",
		[VERDICT_MEDIA_PHONE_SILENT] = "phone-silent",
		[VERDICT_MEDIA_WRONG_SOURCE] = "wrong-source",
		[VERDICT_MEDIA_RANGE_NOT_FORWARDED] = "range-not-forwarded",
		[VERDICT_MEDIA_SYMMETRIC_NO_RANGE] = "symmetric-no-range",
		[VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE] =
		    "ports-changed-no-range",
		[VERDICT_MEDIA_NEVER_HEARD] = "never-heard",
		[VERDICT_MEDIA_NEVER_HEARD_WITH_STUN] =
		    "never-heard-with-stun",
		[VERDICT_MEDIA_HOME_MOVES_PORTS] = "home-moves-ports",
		[VERDICT_MEDIA_SAME_PORT_IN_HOME] = "same-port-in-home",
		[VERDICT_MEDIA_ADDRESS_OLD] = "address-old",
		[VERDICT_MEDIA_OFFICE_ROUTER] = "office-router",
		[VERDICT_MEDIA_STOPPED_SENDING] = "stopped-sending",
		[VERDICT_MEDIA_MOVED_IN_CALL] = "moved-in-call",
		[VERDICT_MEDIA_HOME_LOST] = "home-lost",
	};

	return v < sizeof(code) / sizeof(code[0]) ? code[v] : "";
}
