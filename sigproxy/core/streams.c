#include "sigproxy/core/streams.h"

#include "sigproxy/core/ice.h"
#include "sigproxy/core/offer.h"
#include "sigproxy/core/secure.h"

/* ---- lines and streams ---- */

static bool
is_fax(const struct sdp_media *m)
{
	return m->is_udptl && sdp_type_of(m->type) == SDP_TYPE_IMAGE;
}

static bool
is_media(const struct sdp_media *m)
{
	switch (sdp_type_of(m->type)) {
	case SDP_TYPE_AUDIO:
	case SDP_TYPE_VIDEO:
	case SDP_TYPE_TEXT:
		return m->is_rtp;
	default:
		return is_fax(m);
	}
}

bool
streams_can_relay(const struct sdp_media *m)
{
	/* DTLS would have to end here (RFC 5763). */
	return m->port != 0 && !m->has_fingerprint && is_media(m);
}

int
streams_find(const struct stream_map *map, unsigned line)
{
	for (unsigned nr = 0; nr < map->n; nr++)
		if (map->line[nr] == line)
			return (int)nr;
	return -1;
}

static void
add_line(struct stream_map *map, const struct sdp *offer, unsigned line)
{
	if (map->n < IPC_STREAMS_MAX && streams_find(map, line) < 0 &&
	    streams_can_relay(&offer->media[line]))
		map->line[map->n++] = (uint8_t)line;
}

void
streams_map(struct stream_map *map, const struct sdp *offer)
{
	for (unsigned i = 0; i < offer->n_media && map->n == 0; i++)
		if (sdp_type_of(offer->media[i].type) == SDP_TYPE_AUDIO)
			add_line(map, offer, i);
	for (unsigned i = 0; i < offer->n_media; i++)
		add_line(map, offer, i);
}

/* ---- what an SDP says ---- */

/* Is this an address a relay could ever send to? */
static bool
is_target(const struct addr *a)
{
	enum addr_class c = addr_classify(a);

	return a->family != ADDR_NONE && a->port != 0 && c != ADDR_UNUSABLE &&
	       c != ADDR_MULTICAST;
}

static struct media_stream
read_line(const struct sdp *sdp, const struct sdp_media *m,
    const struct addr *at)
{
	struct media_stream out = {
		.known = true,
		.refused = m->port == 0,
		.form = m->is_udptl ? STREAM_UDPTL : STREAM_RTP,
		.type = (uint8_t)sdp_type_of(m->type),
		.tones = m->tones,
		.dir = hold_meant(m),
	};

	out.mux_said = m->is_rtp && m->rtcp_mux;
	secure_read(m, &out);
	ice_read(sdp, m, &out);
	if (out.refused || m->is_hold_addr)
		return out;
	if (is_target(&m->rtp)) {
		out.rtp = m->rtp;
		if (is_target(&m->rtcp))
			out.rtcp = m->rtcp;
	} else {
		out.rtp = *at;
		out.rtp.port = m->port;
	}
	/* That is how one says it who cannot do otherwise (RFC 5761 5.1.3). */
	out.mux = out.form == STREAM_RTP && out.rtcp.port == out.rtp.port &&
		  addr_same_ip(&out.rtcp, &out.rtp);
	return out;
}

void
streams_mux(struct media_stream *m, bool may)
{
	if (!m->mux_said || !may)
		return;
	m->mux = true;
	m->rtcp = m->rtp;
}

static void
read_offered(const struct stream_map *map, const struct sdp *sdp,
    const struct addr *at, struct media *out)
{
	for (unsigned nr = 0; nr < map->n; nr++) {
		unsigned line = map->line[nr];
		const struct sdp_media *m = &sdp->media[line];

		if (line < sdp->n_media &&
		    (m->port == 0 || streams_can_relay(m)))
			out->stream[nr] = read_line(sdp, m, at);
	}
}

/* What the answer says of an offered line; m NULL: nothing. */
static struct media_stream
read_answered(const struct sdp *sdp, const struct sdp_media *m,
    const struct media_stream *offered, const struct addr *at)
{
	struct media_stream out = *offered;

	if (m != NULL && !offered->refused && m->port != 0 && is_media(m) &&
	    m->is_udptl == (offered->form == STREAM_UDPTL))
		return read_line(sdp, m, at);
	out.refused = true;
	out.rtp = out.rtcp = (struct addr){ 0 };
	return out;
}

void
streams_read(const struct stream_map *map, const struct sdp *sdp,
    const struct media *offer, const struct addr *at, struct media *out)
{
	uint8_t order[SDP_MEDIA_MAX];

	*out = (struct media){ .known = true,
		.n_lines = (uint8_t)sdp->n_media };
	for (unsigned i = 0; i < sdp->n_media; i++)
		out->type[i] = (uint8_t)sdp_type_of(sdp->media[i].type);
	if (offer == NULL) {
		read_offered(map, sdp, at, out);
		return;
	}
	streams_order(sdp, offer, order);
	for (unsigned nr = 0; nr < map->n; nr++) {
		unsigned i = map->line[nr];

		if (offer->stream[nr].known && i < offer->n_lines)
			out->stream[nr] = read_answered(sdp,
			    order[i] == SDP_MISSING ? NULL
						    : &sdp->media[order[i]],
			    &offer->stream[nr], at);
	}
}

/* ---- an answer's lines ---- */

static bool
is_taken(const uint8_t *order, unsigned n, unsigned line)
{
	for (unsigned i = 0; i < n; i++)
		if (order[i] == line)
			return true;
	return false;
}

void
streams_order(
    const struct sdp *answer, const struct media *offer, uint8_t *order)
{
	const struct sdp_media *m = answer->media;

	for (unsigned i = 0; i < offer->n_lines; i++)
		order[i] = i < answer->n_media &&
				   sdp_type_of(m[i].type) == offer->type[i]
			       ? (uint8_t)i
			       : SDP_MISSING;
	for (unsigned i = 0; i < offer->n_lines; i++)
		for (unsigned k = 0;
		     k < answer->n_media && order[i] == SDP_MISSING; k++)
			if (sdp_type_of(m[k].type) == offer->type[i] &&
			    !is_taken(order, offer->n_lines, k))
				order[i] = (uint8_t)k;
}

/* ---- what both agreed ---- */

bool
streams_agreed(
    const struct media *offer, const struct media *answer, unsigned nr)
{
	const struct media_stream *o = &offer->stream[nr];
	const struct media_stream *a = &answer->stream[nr];

	return o->known && a->known && !o->refused && !a->refused;
}

uint8_t
streams_sound(
    const struct media *offer, const struct media *answer, uint8_t before)
{
	int first = -1;

	for (unsigned nr = 0; nr < IPC_STREAMS_MAX; nr++) {
		if (!streams_agreed(offer, answer, nr))
			continue;
		if (offer->stream[nr].type == SDP_TYPE_AUDIO)
			return (uint8_t)nr;
		if (first < 0)
			first = (int)nr;
	}
	return first < 0 ? before : (uint8_t)first;
}
