/* What a stranger's server may answer to `postern probe`, and what may be
 * pasted into `postern check --outside`. */
#include <stdlib.h>

#include "postern/check.h"
#include "postern/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct findings fs;
	struct conf c = { .external_udp = 5070, .external_tcp = 5070,
		.external_tls = 5071 };
	struct probe_target t = { .id = "0123456789abcdef" };
	bool altered = false;
	char *line;

	addr_parse(SPAN_LIT("192.168.1.7:4000"), 0, &t.own);
	addr_parse(SPAN_LIT("198.51.100.10:4000"), 0, &t.mapped);
	probe_read_answer(span_make(data, size), &t, &altered);
	line = malloc(size + 1);
	if (line == NULL)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	fs.n = 0;
	check_outside(&fs, &c, line);
	free(line);
	return 0;
}
