/*
 * Files that somebody may read at any moment: written whole beside the old
 * one, then put in its place.
 */
#ifndef POSTERN_PUT_H
#define POSTERN_PUT_H

#include <openssl/bio.h>
#include <sys/types.h>

/*
 * Put a file in place: it is on disk when this returns.
 *
 * Takes:   from  all that is in this BIO.
 *          mode  0400 for secrets; the owner is whoever runs this.
 * Errors:  negative errno, said.
 */
int put_file(const char *path, BIO *from, mode_t mode);

/*
 * The same in two steps, for files that belong together: all are written
 * before the first takes its place, which then takes no time.
 * put_drop() forgets what was written.
 */
int put_write(const char *path, BIO *from, mode_t mode);
int put_place(const char *path);
void put_drop(const char *path);

#endif
