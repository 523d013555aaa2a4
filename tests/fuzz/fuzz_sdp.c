/*
 * The SDP reader, and its writer with every stream relayed: what comes out
 * is SDP again, names our addresses only, and does not change any more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/sip/sdp.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct sdp_edit edit;
	struct buf b, b2;
	int err;

	if (sdp_parse(span_make(data, len), &sdp) != 0)
		return 0;
	edit.origin = addr_from_bytes("\xcb\x00\x71\x05", 4, 0);
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		edit.media[i].what = SDP_RELAY;
		edit.media[i].rtp = edit.origin;
		edit.media[i].rtp.port = (uint16_t)(16384 + 2 * i);
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
	buf_init(&b2, mem2, sizeof(mem2));
	insist(sdp_build(&b2, &again, &edit) == 0 &&
	    span_eq(buf_span(&b), buf_span(&b2)), "second copy differs");
	return 0;
}
