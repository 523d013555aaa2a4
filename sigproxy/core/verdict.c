#include "common/codec/uri.h"
#include "sigproxy/core/verdict.h"

enum home_nat
verdict_home(const struct flow *flow, struct span contact,
    const struct addr *media)
{
	struct uri uri;
	struct addr said;

	if (flow->zone != ZONE_EXTERNAL || flow->transport != TRANSPORT_UDP ||
	    uri_parse(contact, &uri) != 0 ||
	    addr_parse_ip(uri.host, &said) != 0)
		return HOME_UNKNOWN;
	if (uri_port_or_default(&uri) == flow->remote.port)
		return HOME_KEEPS;
	return addr_same_ip(&said, &flow->remote) ||
		       addr_same_ip(media, &flow->remote)
		   ? HOME_SYMMETRIC
		   : HOME_CHANGES;
}

bool
verdict_asks_stun(const struct flow *flow, const struct addr *media)
{
	return flow->zone == ZONE_EXTERNAL && addr_is_public(media) &&
	       addr_same_ip(media, &flow->remote);
}

/* Its own signalling tells nothing of the router, or that it keeps ports. */
static enum media_verdict
punched_in_vain(const struct verdict_in *in)
{
	if (in->asks_stun)
		return VERDICT_MEDIA_NEVER_HEARD_WITH_STUN;
	if (in->same_port)
		return VERDICT_MEDIA_SAME_PORT_IN_HOME;
	if (in->home == HOME_UNKNOWN && (in->others == HOME_CHANGES ||
					    in->others == HOME_SYMMETRIC))
		return VERDICT_MEDIA_HOME_MOVES_PORTS;
	return VERDICT_MEDIA_NEVER_HEARD;
}

static enum media_verdict
never(const struct verdict_in *in)
{
	if (in->refused)
		return VERDICT_MEDIA_WRONG_SOURCE;
	if (in->way == MEDIA_INTERNAL || in->way == MEDIA_PUBLIC)
		return VERDICT_MEDIA_PHONE_SILENT;
	if (in->address_old)
		return VERDICT_MEDIA_ADDRESS_OLD;
	if (in->range == RANGE_OPEN)
		return VERDICT_MEDIA_PHONE_SILENT;
	if (in->way == MEDIA_RANGE)
		return VERDICT_MEDIA_RANGE_NOT_FORWARDED;
	switch (in->home) {
	case HOME_SYMMETRIC:
		return VERDICT_MEDIA_SYMMETRIC_NO_RANGE;
	case HOME_CHANGES:
		/* It keeps ports, but that one was another phone's. */
		return in->same_port && in->others == HOME_KEEPS ?
		    VERDICT_MEDIA_SAME_PORT_IN_HOME :
		    VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE;
	default:
		return punched_in_vain(in);
	}
}

enum media_verdict
verdict_media(const struct verdict_in *in)
{
	switch (in->heard) {
	case MEDIA_HEARD:
		return VERDICT_MEDIA_OK;
	case MEDIA_SILENT:
		return VERDICT_MEDIA_FELL_SILENT;
	default:
		return never(in);
	}
}

const char *
verdict_code(enum media_verdict v)
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
	};

	return code[v];
}

const char *
verdict_words(enum media_verdict v)
{
	static const char *const words[] = {
		[VERDICT_MEDIA_NONE] = "",
		[VERDICT_MEDIA_OK] = "its packets came",
		[VERDICT_MEDIA_FELL_SILENT] =
		    "its packets came, then no more",
		[VERDICT_MEDIA_PHONE_SILENT] =
		    "no packet ever came, though nothing of ours stands in "
		    "the way: the phone sends none, or its own network drops "
		    "them",
		[VERDICT_MEDIA_WRONG_SOURCE] =
		    "packets came, but not from the phone's address: they "
		    "were refused",
		[VERDICT_MEDIA_RANGE_NOT_FORWARDED] =
		    "no packet ever came: the office's router does not "
		    "forward the RTP range",
		[VERDICT_MEDIA_SYMMETRIC_NO_RANGE] =
		    "no packet ever came from the home: its router moves ports "
		    "although the phone asks STUN (another port to every peer) "
		    "or the phone sends none, and the office's RTP range is "
		    "not forwarded",
		[VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE] =
		    "no packet ever came from the home: its router changes "
		    "the phone's ports, the phone does not ask STUN, and the "
		    "office's RTP range is not forwarded",
		[VERDICT_MEDIA_NEVER_HEARD] =
		    "no packet ever came: the phone sends none, or its router "
		    "gave its media another port; forward the RTP range, or "
		    "let the phone ask STUN",
		[VERDICT_MEDIA_NEVER_HEARD_WITH_STUN] =
		    "no packet ever came, although the phone asks "
		    "STUN: its router gives another port to every "
		    "peer, or the phone sends none; forward the RTP "
		    "range",
		[VERDICT_MEDIA_HOME_MOVES_PORTS] =
		    "no packet ever came from the home: its router changes "
		    "ports, as another phone at its address shows, this phone "
		    "does not ask STUN, and the office's RTP range is not "
		    "forwarded",
		[VERDICT_MEDIA_SAME_PORT_IN_HOME] =
		    "no packet ever came from the home: another phone in a "
		    "call there uses the same RTP port, of which its router "
		    "can keep one only, and this phone does not ask STUN",
		[VERDICT_MEDIA_ADDRESS_OLD] =
		    "no packet ever came, and no STUN server "
		    "confirms the public address that the phone was "
		    "told: it may not be ours any more",
	};

	return words[v];
}
