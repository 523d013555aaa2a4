#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/ipc/msg.h"
#include "postern/program.h"

int
program_find(enum ipc_role role, char *mem)
{
	static const char *const places[] = { "", "../libexec/postern/" };
	char self[PROGRAM_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return -ENOENT;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return -ENOENT;
	slash[1] = '\0';
	for (size_t i = 0; i < 2; i++) {
		if ((size_t)snprintf(mem, PROGRAM_PATH_MAX, "%s%spostern-%s",
			self, places[i],
			ipc_role_name(role)) < PROGRAM_PATH_MAX &&
		    access(mem, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}
