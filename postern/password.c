/* `postern password`, and passwords for other commands. */
#include <stdio.h>

#include "common/base/secret.h"
#include "postern/cmd.h"
#include "postern/secrets.h"

void
secrets_password(char out[SECRET_PASSWORD_LEN + 1])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char bytes[SECRET_PASSWORD_LEN];

	secret_random(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		out[i] = letters[bytes[i] % 32];
	out[SECRET_PASSWORD_LEN] = '\0';
	secret_wipe(bytes, sizeof(bytes));
}

int
cmd_password(int argc, char **argv)
{
	char text[SECRET_PASSWORD_LEN + 1];
	struct cmd_opts o;

	if (cmd_opts(argc, argv, "j", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern password [--json]");
		return 2;
	}
	secrets_password(text);
	printf(o.json ? "{\"password\":\"%s\"}\n" : "%s\n", text);
	secret_wipe(text, sizeof(text));
	return 0;
}
