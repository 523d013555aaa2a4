#include "sigproxy/sip/vqreport.h"

#include <errno.h>

enum {
	CALL_ID_MAX = 256,
	MOS_MIN = 100,
	MOS_MAX = 450,
	MOS_WIDEBAND = 500,	/* said by some; our scale ends before */
	JITTER_MAX_MS = 60000,
	RTT_MAX_MS = 20000,
};

/* ---- lines ---- */

/* The next line without its end; false at the end of all. */
static bool
next_line(struct span *rest, struct span *line)
{
	ptrdiff_t end = span_find(*rest, '\n');
	size_t len = end < 0 ? rest->len : (size_t)end;

	if (rest->len == 0)
		return false;
	*line = span_trim(span_sub(*rest, 0, len));
	*rest = span_sub(*rest, len + (end >= 0), rest->len);
	return true;
}

static bool
is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 32 && c != '\t') || c == 127)
			return false;
	}
	return true;
}

/* "Name : value"; or a name alone. */
static void
split(struct span line, struct span *name, struct span *value)
{
	ptrdiff_t colon = span_find(line, ':');
	size_t at = colon < 0 ? line.len : (size_t)colon;

	*name = span_trim(span_sub(line, 0, at));
	*value = span_trim(span_sub(line, at + 1, line.len));
}

static bool
is_report(struct span name)
{
	return span_caseeq(name, SPAN_LIT("VQSessionReport")) ||
	    span_caseeq(name, SPAN_LIT("VQIntervalReport")) ||
	    span_caseeq(name, SPAN_LIT("VQAlertReport"));
}

/* ---- figures ---- */

/* "4.25" is 425; more digits are cut off.  Errors: -EBADMSG, -ERANGE. */
static int
read_centi(struct span s, uint32_t max, uint32_t *out)
{
	ptrdiff_t dot = span_find(s, '.');
	size_t whole_len = dot < 0 ? s.len : (size_t)dot;
	struct span part = span_sub(s, whole_len + 1, 2);
	uint32_t whole, centi = 0;
	int err = span_to_u32(span_sub(s, 0, whole_len), max / 100, &whole);

	if (err == 0 && part.len > 0)
		err = span_to_u32(part, 99, &centi);
	if (err)
		return err;
	if (part.len == 1)
		centi *= 10;
	if (whole * 100 + centi > max)
		return -ERANGE;
	*out = whole * 100 + centi;
	return 0;
}

/* The value of `name=` among words; empty: there is none. */
static struct span
word(struct span words, struct span name)
{
	while (words.len > 0) {
		ptrdiff_t space = span_find(words, ' ');
		size_t len = space < 0 ? words.len : (size_t)space;
		struct span one = span_sub(words, 0, len);

		if (one.len > name.len && one.p[name.len] == '=' &&
		    span_caseeq(span_sub(one, 0, name.len), name))
			return span_sub(one, name.len + 1, one.len);
		words = span_sub(words, len + 1, words.len);
	}
	return SPAN_NONE;
}

static void
read_loss(struct span words, struct vqreport *out)
{
	uint32_t lost, discarded;

	if (read_centi(word(words, SPAN_LIT("NLR")), 10000, &lost) != 0)
		return;
	if (read_centi(word(words, SPAN_LIT("JDR")), 10000, &discarded) != 0)
		discarded = 0;
	lost += discarded;
	out->has_loss = true;
	out->loss_permyriad = lost < 10000 ? (uint16_t)lost : 10000;
}

static void
read_delay(struct span words, struct vqreport *out)
{
	uint32_t centi;

	if (read_centi(word(words, SPAN_LIT("IAJ")), 100 * JITTER_MAX_MS,
		&centi) == 0) {
		out->has_jitter = true;
		out->jitter_us = 10 * centi;
	}
	/* 0 is said when it is not known. */
	if (read_centi(word(words, SPAN_LIT("RTD")), 100 * RTT_MAX_MS,
		&centi) == 0 && centi >= 100) {
		out->has_rtt = true;
		out->rtt_ms = (uint16_t)(centi / 100);
	}
}

static void
read_score(struct span words, struct vqreport *out)
{
	uint32_t centi;

	if (read_centi(word(words, SPAN_LIT("MOSLQ")), MOS_WIDEBAND,
		&centi) != 0 || centi < MOS_MIN)
		return;
	out->has_mos = true;
	out->mos_centi = centi < MOS_MAX ? (uint16_t)centi : MOS_MAX;
}

static void
read_metric(struct span name, struct span value, struct vqreport *out)
{
	if (span_caseeq(name, SPAN_LIT("PacketLoss")))
		read_loss(value, out);
	else if (span_caseeq(name, SPAN_LIT("Delay")))
		read_delay(value, out);
	else if (span_caseeq(name, SPAN_LIT("QualityEst")))
		read_score(value, out);
}

int
vqreport_parse(struct span body, struct vqreport *out)
{
	struct vqreport r = { .call_id = SPAN_NONE };
	struct span line, name, value;
	bool is_local = false;
	unsigned n = 0;

	if (body.len > VQREPORT_BYTES_MAX)
		return -E2BIG;
	while (next_line(&body, &line)) {
		if (!is_printable(line))
			return -EBADMSG;
		split(line, &name, &value);
		if (n == 0 && !is_report(name))
			return -EBADMSG;
		if (n++ == VQREPORT_LINES_MAX)
			return -E2BIG;
		if (span_caseeq(name, SPAN_LIT("LocalMetrics")))
			is_local = true;
		else if (span_caseeq(name, SPAN_LIT("RemoteMetrics")))
			is_local = false;
		else if (r.call_id.len == 0 &&
		    span_caseeq(name, SPAN_LIT("CallID")))
			r.call_id = value;
		else if (is_local)
			read_metric(name, value, &r);
	}
	if (r.call_id.len == 0 || r.call_id.len > CALL_ID_MAX)
		return -EBADMSG;
	*out = r;
	return 0;
}
