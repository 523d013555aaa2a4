#include <string.h>

#include "postern/systemd.h"
#include "tests/unit/postern/suite.h"

START_TEST(a_control_group_tells_the_process)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{ "0::/system.slice/postern-sigproxy.service", "sigproxy" },
		{ "1:name=systemd:/system.slice/postern-stunmon.service",
		    "stunmon" },
		{ "0::/system.slice/postern-registrar-db.service",
		    "registrar-db" },
		{ "0::/system.slice/system-postern\\x2dmediaproxy.slice/"
		  "postern-mediaproxy@1.service",
		    "mediaproxy-1" },
		{ "0::/system.slice/postern-mediaproxy@32.service", NULL },
		{ "0::/system.slice/postern-mediaproxy@.service", NULL },
		{ "0::/system.slice/postern-mediaproxy.service", NULL },
		{ "0::/system.slice/postern-firewall.service", NULL },
		{ "0::/system.slice/postern-sigproxy.service/inner", NULL },
		{ "0::/system.slice/postern-.service", NULL },
		{ "0::/user.slice", NULL },
		{ "0::/", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char mem[ROLE_NAME_MAX] = "";
		bool got = systemd_unit_name(span_str(rows[i].line), mem);

		ck_assert_msg(got == (rows[i].want != NULL), "%s",
		    rows[i].line);
		if (got)
			ck_assert_str_eq(mem, rows[i].want);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { a_control_group_tells_the_process };

	return run_suite("systemd", tests, 1);
}
