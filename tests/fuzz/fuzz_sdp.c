/*
 * The SDP reader, and its writer with every stream relayed: what comes out
 * is SDP again, names our addresses only, and does not change any more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/sip/sdp.h"
#include "sigproxy/sip/sdp_ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct sdp sdp, again;
static char mem[4 * SDP_BYTES_MAX], mem2[4 * SDP_BYTES_MAX];

static void
insist(bool true_thing, const char *what)
{
	if (true_thing)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* What is read of ICE lies inside; what is written has ours alone. */
static void
look_at_ice(const struct sdp *s, bool is_ours)
{
	struct sdp_ice ice;

	for (unsigned i = 0; i < s->n_media; i++) {
		sdp_ice_read(s, &s->media[i], &ice);
		insist(ice.ufrag.len == 0 || (ice.ufrag.p > s->body.p &&
			ice.ufrag.p + ice.ufrag.len <=
			    s->body.p + s->body.len &&
			ice.pwd.len > 0), "a ufrag outside");
		insist(!is_ours || (span_eq(ice.ufrag, SPAN_LIT("ours")) &&
			!ice.has_rtcp && !ice.is_mismatched),
		    "ICE that is not ours");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct sdp_edit edit;
	struct buf b, b2;
	int err;

	if (sdp_parse(span_make(data, len), &sdp) != 0)
		return 0;
	look_at_ice(&sdp, false);
	edit.ice_lite = true;
	edit.origin = addr_from_bytes("\xcb\x00\x71\x05", 4, 0);
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		edit.media[i].what = SDP_RELAY;
		edit.media[i].rtp = edit.origin;
		edit.media[i].rtp.port = (uint16_t)(16384 + 2 * i);
		edit.media[i].ice = SPAN_LIT("a=ice-ufrag:ours\r\n"
		    "a=ice-pwd:passwordOfOursForTheTest\r\n");
		edit.media[i].rtcp_port = (uint16_t)(16385 + 4 * i);
	}
	buf_init(&b, mem, sizeof(mem));
	insist(sdp_build(&b, &sdp, &edit) == 0, "cannot be written");
	err = sdp_parse(buf_span(&b), &again);
	if (err == -EMSGSIZE)
		return 0;
	insist(err == 0 && again.n_media == sdp.n_media,
	    "what we wrote is refused");
	for (unsigned i = 0; i < again.n_media; i++)
		insist(addr_same_ip(&again.media[i].rtp, &edit.origin) &&
		    again.media[i].port == edit.media[i].rtp.port &&
		    again.media[i].rtcp.port == edit.media[i].rtcp_port,
		    "a stream that is not ours");
	look_at_ice(&again, true);
	buf_init(&b2, mem2, sizeof(mem2));
	insist(sdp_build(&b2, &again, &edit) == 0 &&
	    span_eq(buf_span(&b), buf_span(&b2)), "second copy differs");
	return 0;
}
