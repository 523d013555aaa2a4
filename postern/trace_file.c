#include <errno.h>

#include "postern/trace_file.h"

#define BLOCK_PACKET 6
#define BLOCK_LEAST 12		/* type, and its length at both ends */
#define PACKET_HEAD 20		/* interface, time, both lengths */

enum { OPTION_COMMENT = 1, OPTION_FLAGS = 2 };

static uint32_t
le32(const char *p)
{
	const uint8_t *u = (const uint8_t *)p;

	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 |
	    (uint32_t)u[3] << 24;
}

static uint16_t
le16(const char *p)
{
	return (uint16_t)((uint8_t)p[0] | (uint8_t)p[1] << 8);
}

static uint16_t
be16(const char *p)
{
	return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

/* ---- IP and UDP ---- */

static int
read_udp(struct span s, struct trace_packet *out)
{
	if (s.len < 8)
		return -EBADMSG;
	out->from.port = be16(s.p);
	out->to.port = be16(s.p + 2);
	out->bytes = span_sub(s, 8, s.len);
	return 0;
}

static int
read_ip(struct span s, struct trace_packet *out)
{
	unsigned version = s.len == 0 ? 0 : (uint8_t)s.p[0] >> 4;

	if (version == 4 && s.len >= 20 && s.p[9] == 17 &&
	    (s.p[0] & 0x0f) == 5) {
		out->from = addr_from_bytes(s.p + 12, 4, 0);
		out->to = addr_from_bytes(s.p + 16, 4, 0);
		return read_udp(span_sub(s, 20, s.len), out);
	}
	if (version == 6 && s.len >= 40 && s.p[6] == 17) {
		out->from = addr_from_bytes(s.p + 8, 16, 0);
		out->to = addr_from_bytes(s.p + 24, 16, 0);
		return read_udp(span_sub(s, 40, s.len), out);
	}
	return -EBADMSG;
}

/* ---- blocks ---- */

static void
read_options(struct span s, struct trace_packet *out)
{
	while (s.len >= 4) {
		uint16_t code = le16(s.p), len = le16(s.p + 2);
		struct span value = span_sub(s, 4, len);

		if (code == 0 || value.len < len)
			return;
		if (code == OPTION_COMMENT)
			out->comment = value;
		else if (code == OPTION_FLAGS && len == 4)
			out->out = (le32(value.p) & 3) == 2;
		s = span_sub(s, 4 + (len + 3u) / 4 * 4, s.len);
	}
}

static int
read_packet(struct span body, struct trace_packet *out)
{
	struct trace_packet p = { 0 };
	uint32_t len;
	int err;

	if (body.len < PACKET_HEAD)
		return -EBADMSG;
	p.interface = le32(body.p);
	p.at_us = (uint64_t)le32(body.p + 4) << 32 | le32(body.p + 8);
	len = le32(body.p + 12);
	if (len > body.len - PACKET_HEAD)
		return -EBADMSG;
	err = read_ip(span_sub(body, PACKET_HEAD, len), &p);
	if (err)
		return err;
	read_options(span_sub(body, PACKET_HEAD + ((size_t)len + 3) / 4 * 4,
	    body.len), &p);
	*out = p;
	return 0;
}

int
trace_file_next(struct trace_file *f, struct trace_packet *out)
{
	while (f->left.len > 0) {
		struct span body;
		uint32_t type, len;

		if (f->left.len < BLOCK_LEAST)
			return -EBADMSG;
		type = le32(f->left.p);
		len = le32(f->left.p + 4);
		if (len < BLOCK_LEAST || len % 4 != 0 || len > f->left.len)
			return -EBADMSG;
		body = span_sub(f->left, 8, len - BLOCK_LEAST);
		f->left = span_sub(f->left, len, f->left.len);
		if (type == BLOCK_PACKET && read_packet(body, out) == 0)
			return 0;
	}
	return -ENOENT;
}
