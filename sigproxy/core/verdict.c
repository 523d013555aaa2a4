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

static enum media_verdict
never(const struct verdict_in *in)
{
	if (in->refused)
		return VERDICT_MEDIA_WRONG_SOURCE;
	if (in->way == MEDIA_INTERNAL || in->way == MEDIA_PUBLIC ||
	    in->range == RANGE_OPEN)
		return VERDICT_MEDIA_PHONE_SILENT;
	if (in->way == MEDIA_RANGE)
		return VERDICT_MEDIA_RANGE_NOT_FORWARDED;
	switch (in->home) {
	case HOME_SYMMETRIC:
		return VERDICT_MEDIA_SYMMETRIC_NO_RANGE;
	case HOME_CHANGES:
		return VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE;
	default:
		return VERDICT_MEDIA_NEVER_HEARD;
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
	};

	return words[v];
}
