/* Where the programs of the roles lie. */
#ifndef POSTERN_PROGRAM_H
#define POSTERN_PROGRAM_H

#include <limits.h>

#include "common/ipc/names.h"

#define PROGRAM_PATH_MAX PATH_MAX

/*
 * Find postern-ROLE beside this program, or in ../libexec/postern.
 *
 * Gives:   path in mem of PROGRAM_PATH_MAX bytes.
 * Errors:  -ENOENT.
 */
int program_find(enum ipc_role role, char *mem);

#endif
