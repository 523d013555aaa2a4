/*
 * The key file and the store's directory: looked at before the user is
 * dropped and the cage closed, and never again.
 */
#ifndef REGDB_IO_KEY_H
#define REGDB_IO_KEY_H

#include <sys/types.h>

#include "common/base/secret.h"

/*
 * Read the sealing key, 32 raw bytes.  Where there is no database yet and
 * the file does not exist, it is made: mode 0400, the current user's.
 * A credential store.key of systemd (CREDENTIALS_DIRECTORY) goes before path.
 *
 * Errors:  negative errno, logged with the remedy.
 */
int priv_key_read(const char *path, const char *store_path, bool may_make,
    struct secret *out);

/*
 * Make the database's directory (not its parents) if it is missing; check
 * that it belongs to uid alone.
 *
 * Errors:  negative errno, logged with the remedy.
 */
int priv_store_directory(const char *store_path, uid_t uid, gid_t gid);

#endif
