/* `postern password`: a password no phone owner would think up. */
#include <stdio.h>

#include "common/base/secret.h"
#include "postern/cmd.h"

/* 32 letters and digits that nobody mixes up when typing them into a desk
 * phone: 24 of them are 120 bits. */
#define LENGTH 24

int
cmd_password(int argc, char **argv)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char bytes[LENGTH];
	char text[LENGTH + 1];

	if (argc > 1) {
		cmd_fail("usage: postern password");
		return 2;
	}
	secret_random(bytes, sizeof(bytes));
	for (size_t i = 0; i < LENGTH; i++)
		text[i] = letters[bytes[i] % 32];
	text[LENGTH] = '\0';
	puts(text);
	secret_wipe(bytes, sizeof(bytes));
	secret_wipe(text, sizeof(text));
	return 0;
}
