/*
 * Room kept for a full disk: a file of zeros beside the database, given up
 * when SQLite finds no room.  With it the WAL can be moved into the database
 * and used again from its start, so that phones go on refreshing.
 */
#ifndef REGDB_IO_RESERVE_H
#define REGDB_IO_RESERVE_H

#include <stdbool.h>

#define RESERVE_BYTES (4 * 1024 * 1024)

struct reserve {
	int fd; /* -1: none */
	bool held;
};

/*
 * Open or make PATH-reserve; before the cage closes.  A disk with no room
 * for it is no error: it is taken later.
 *
 * Errors:  -errno the file cannot be made.
 */
int reserve_open(struct reserve *r, const char *store_path);
void reserve_close(struct reserve *r);
/* Fill it if the disk has room now.  Gives: true when it is held. */
bool reserve_take(struct reserve *r);
/* Gives: true when there was something to give. */
bool reserve_release(struct reserve *r);

#endif
