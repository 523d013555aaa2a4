#include "sigproxy/core/alg.h"

#include <errno.h>

/* "sip:198.051.100.010:05060".  Linux's ALG takes no port of six digits, so
 * that for one home in nine (all octets from 100, port from 10000) there is
 * no other way to write its address and nothing can be seen. */
#define BAIT_FORM "sip:%03u.%03u.%03u.%03u:%05u"
#define BAIT_MAX 32

const char *
alg_name(enum alg_sign sign)
{
	static const char *const name[] = {
		[ALG_NONE] = "",
		[ALG_ECHO] = "echo",
		[ALG_LENGTH] = "length",
		[ALG_VIA] = "via",
	};

	return name[sign];
}

bool
alg_is_possible(const struct flow *flow)
{
	return flow->zone == ZONE_EXTERNAL &&
	    flow->transport != TRANSPORT_TLS &&
	    flow->remote.family == ADDR_IPV4;
}

static void
put_bait(struct buf *b, const struct addr *home)
{
	const uint8_t *ip = home->ip;

	buf_fmt(b, BAIT_FORM, ip[0], ip[1], ip[2], ip[3], home->port);
}

void
alg_put_bait(struct buf *b, const struct addr *home)
{
	buf_putc(b, '"');
	put_bait(b, home);
	buf_putc(b, '"');
}

int
alg_echo(const struct sip_msg *answer, const struct addr *home,
    bool *altered_out)
{
	struct span said = answer->to.display;
	char mem[BAIT_MAX];
	struct buf bait;

	if (said.len > 1 && said.p[0] == '"')
		said = span_sub(said, 1, said.len - 2);
	if (!span_starts(said, SPAN_LIT("sip:")))
		return -ENODATA;
	buf_init(&bait, mem, sizeof(mem));
	put_bait(&bait, home);
	*altered_out = !span_eq(said, buf_span(&bait));
	return 0;
}

/* ---- what requests show ---- */

/* Some phones end their datagrams with an empty line or a NUL. */
static bool
is_padding(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\0' &&
		    s.p[i] != ' ')
			return false;
	return true;
}

static bool
is_miscounted(const struct sip_msg *m, struct span raw)
{
	uint32_t said;
	size_t at;

	if (!m->has_content_length || m->body.p == NULL ||
	    span_to_u32(sip_value(m, SIP_H_CONTENT_LENGTH), UINT32_MAX,
		&said) != 0)
		return false;
	at = (size_t)(m->body.p - raw.p);
	if (said > raw.len - at)
		return true;
	return said > 0 && !is_padding(span_sub(raw, at + said, raw.len));
}

static bool
is_private_v4(const struct addr *a)
{
	return a->family == ADDR_IPV4 && addr_classify(a) == ADDR_PRIVATE;
}

static bool
is_half_known(const struct sip_msg *m, const struct flow *from)
{
	uint16_t port = m->via.port != 0 ? m->via.port : 5060;
	struct sip_nameaddr contact;

	return !m->via.has_rport && m->via.is_whole &&
	    addr_is_public(&from->remote) &&
	    addr_same_ip(&m->via.ip, &from->remote) &&
	    port == from->remote.port &&
	    sip_nameaddr_parse(sip_value(m, SIP_H_CONTACT), &contact) == 0 &&
	    contact.uri.host_kind == URI_HOST_IP &&
	    is_private_v4(&contact.uri.ip);
}

enum alg_sign
alg_look(const struct sip_msg *m, const struct flow *from, struct span raw)
{
	if (!m->is_request || !alg_is_possible(from))
		return ALG_NONE;
	if (from->transport == TRANSPORT_UDP && is_miscounted(m, raw))
		return ALG_LENGTH;
	if (m->refuse_status == 0 && is_half_known(m, from))
		return ALG_VIA;
	return ALG_NONE;
}
