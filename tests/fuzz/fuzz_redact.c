/*
 * What is crossed out for a trace: of any message that parses the copy keeps
 * its length and its lines, is crossed out once and for all, and holds no
 * `inline:` key.
 */
#include <stdlib.h>
#include <string.h>

#include "sigproxy/sip/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct sip_msg m;
static char once[SIP_BYTES_MAX + 1], twice[SIP_BYTES_MAX + 1];

/* In its own memory: a read beyond it is seen. */
static void
check(const char *bytes, size_t n)
{
	char *copy = malloc(n + (n == 0));

	if (copy == NULL)
		return;
	memcpy(copy, bytes, n);
	redact(&m, copy, n);
	for (size_t i = 0; i < n; i++) {
		if (copy[i] != bytes[i] && (copy[i] != 'x' ||
		    bytes[i] == '\r' || bytes[i] == '\n'))
			abort();
	}
	memcpy(once, copy, n);
	free(copy);
}

static void
check_refused(const char *bytes, size_t n)
{
	char *copy = malloc(n + (n == 0));

	if (copy == NULL)
		return;
	memcpy(copy, bytes, n);
	redact_refused(span_make(bytes, n), copy, n);
	for (size_t i = 0; i < n; i++) {
		if (copy[i] != bytes[i] && (copy[i] != 'x' ||
		    bytes[i] == '\r' || bytes[i] == '\n'))
			abort();
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t n;

	if (sip_parse(span_make(data, len), SIP_DATAGRAM, &m, NULL) != 0) {
		check_refused((const char *)data, len);
		return 0;
	}
	n = m.bytes.len;
	check(m.bytes.p, n / 2);
	check(m.bytes.p, n);
	/* What was crossed out may parse otherwise; then nothing is said. */
	memcpy(twice, once, n);
	if (sip_parse(span_make(twice, n), SIP_DATAGRAM, &m, NULL) == 0)
		check(m.bytes.p, m.bytes.len);
	return 0;
}
