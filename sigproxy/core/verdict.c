#include "common/codec/uri.h"
#include "sigproxy/core/verdict.h"

enum home_nat
verdict_home(const struct flow *flow, struct span contact)
{
	struct uri uri;
	struct addr said;

	if (flow->zone != ZONE_EXTERNAL || flow->transport != TRANSPORT_UDP ||
	    uri_parse(contact, &uri) != 0 ||
	    addr_parse_ip(uri.host, &said) != 0)
		return HOME_UNKNOWN;
	if (uri_port_or_default(&uri) == flow->remote.port)
		return HOME_KEEPS;
	return addr_same_ip(&said, &flow->remote) ? HOME_SYMMETRIC
						  : HOME_CHANGES;
}

bool
verdict_asks_stun(const struct flow *flow, const struct addr *media)
{
	return flow->zone == ZONE_EXTERNAL && addr_is_public(media) &&
	       addr_same_ip(media, &flow->remote);
}

/* Its sound was looked for at our SIP port: that is certain. */
static enum media_verdict
by_sight(const struct verdict_in *in)
{
	switch (in->sight) {
	case SEEN_SILENT:
		return VERDICT_MEDIA_PHONE_SILENT;
	case SEEN_AS_SAID:
		return VERDICT_MEDIA_OFFICE_ROUTER;
	case SEEN_MOVED:
		return VERDICT_MEDIA_HOME_MOVES_PORTS;
	case SEEN_EACH_PEER:
		return VERDICT_MEDIA_SYMMETRIC_NO_RANGE;
	default:
		return VERDICT_MEDIA_NONE;
	}
}

/* The call was too short for that, or its phone would not. */
static enum media_verdict
by_signs(const struct verdict_in *in)
{
	enum home_nat home = in->home == HOME_UNKNOWN ? in->others : in->home;

	if (in->home == HOME_SYMMETRIC || in->others == HOME_SYMMETRIC)
		return VERDICT_MEDIA_SYMMETRIC_NO_RANGE;
	if (in->asks_stun)
		return VERDICT_MEDIA_NEVER_HEARD_WITH_STUN;
	/* It keeps ports that are free. */
	if (in->others == HOME_KEEPS)
		home = HOME_KEEPS;
	if (in->same_port && (home == HOME_KEEPS || home == HOME_UNKNOWN))
		return VERDICT_MEDIA_SAME_PORT_IN_HOME;
	return home == HOME_CHANGES ? VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE
				    : VERDICT_MEDIA_NEVER_HEARD;
}

static enum media_verdict
never(const struct verdict_in *in)
{
	enum media_verdict seen = by_sight(in);

	if (in->refused)
		return VERDICT_MEDIA_WRONG_SOURCE;
	if (in->way == MEDIA_INTERNAL || in->way == MEDIA_PUBLIC)
		return VERDICT_MEDIA_PHONE_SILENT;
	if (seen != VERDICT_MEDIA_NONE && in->way == MEDIA_PUNCHED)
		return seen;
	if (in->address_old)
		return VERDICT_MEDIA_ADDRESS_OLD;
	if (in->range == RANGE_OPEN)
		return VERDICT_MEDIA_PHONE_SILENT;
	if (in->way == MEDIA_RANGE)
		return VERDICT_MEDIA_RANGE_NOT_FORWARDED;
	return by_signs(in);
}

/* It was heard, and is not any more. */
static enum media_verdict
silent(const struct verdict_in *in)
{
	switch (in->sight) {
	case SEEN_SILENT:
		return VERDICT_MEDIA_STOPPED_SENDING;
	case SEEN_MOVED:
	case SEEN_EACH_PEER:
		return VERDICT_MEDIA_MOVED_IN_CALL;
	case SEEN_LOST:
		return VERDICT_MEDIA_HOME_LOST;
	default:
		return VERDICT_MEDIA_FELL_SILENT;
	}
}

enum media_verdict
verdict_media(const struct verdict_in *in)
{
	switch (in->heard) {
	case MEDIA_HEARD:
	case MEDIA_PAUSED:
		return VERDICT_MEDIA_OK;
	case MEDIA_SILENT:
		return silent(in);
	default:
		return never(in);
	}
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
		    "no packet ever came, though nothing of ours stands"
		    " in the way: the phone sends none, or its own "
		    "network drops them",
		[VERDICT_MEDIA_WRONG_SOURCE] =
		    "packets came, but not from the phone's address: "
		    "they were refused",
		[VERDICT_MEDIA_RANGE_NOT_FORWARDED] =
		    "no packet ever came: the office's router does not "
		    "forward the RTP range",
		[VERDICT_MEDIA_SYMMETRIC_NO_RANGE] =
		    "no packet ever came from the home: its router, or "
		    "its carrier's, gives each peer another port, so "
		    "that nobody can know the one it has for us, not "
		    "even by STUN, and the office's RTP range is not "
		    "forwarded",
		[VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE] =
		    "no packet ever came from the home: its router, or "
		    "its carrier's, changes ports, this phone does not "
		    "ask STUN, and the office's RTP range is not "
		    "forwarded; the call was too short to find the port"
		    " out",
		[VERDICT_MEDIA_NEVER_HEARD] =
		    "no packet ever came: the phone sends none, or its "
		    "router gave its media another port; the call was "
		    "too short to find out, or the phone would not be "
		    "asked",
		[VERDICT_MEDIA_NEVER_HEARD_WITH_STUN] =
		    "no packet ever came, although the phone asks STUN:"
		    " its router gives another port to every peer, or "
		    "the phone sends none; the call was too short to "
		    "find out, or the phone would not be asked",
		[VERDICT_MEDIA_HOME_MOVES_PORTS] =
		    "no packet ever came from the home: its sound "
		    "leaves by another port than the phone announced, "
		    "as our SIP port saw: its router, or its carrier's,"
		    " changes ports; the call ended before it was heard"
		    " from there",
		[VERDICT_MEDIA_SAME_PORT_IN_HOME] =
		    "no packet ever came from the home: another phone "
		    "in a call there uses the same RTP port, of which "
		    "its router can keep one only, and this phone does "
		    "not ask STUN",
		[VERDICT_MEDIA_ADDRESS_OLD] =
		    "no packet ever came, and no STUN server confirms "
		    "the public address that the phone was told: it may"
		    " not be ours any more",
		[VERDICT_MEDIA_OFFICE_ROUTER] =
		    "the phone's sound comes to our SIP port, from the "
		    "very port that it announced and the relay sends "
		    "to, but never to the relay: the office's router "
		    "loses it, having given the relay another port than"
		    " STUN saw, or drops it",
		[VERDICT_MEDIA_STOPPED_SENDING] =
		    "its packets came, then no more, not even to our SIP"
		    " port when it was asked to send them there: the "
		    "phone stopped sending (muted, say), or its own "
		    "network drops them",
		[VERDICT_MEDIA_MOVED_IN_CALL] =
		    "its packets came, then no more: in mid-call its "
		    "home's router gave its sound another port, as our "
		    "SIP port saw, and the relay was not reached from "
		    "there; the office's RTP range is not forwarded",
		[VERDICT_MEDIA_HOME_LOST] =
		    "its packets came, then no more, and it did not "
		    "answer any more: its home's router forgot the way "
		    "to it, or lost its line; such a phone is looked for"
		    " as soon as it registers again",
	};

	return words[v];
}
