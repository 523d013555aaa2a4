#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registrar-db/io/reserve.h"

#define CHUNK (64 * 1024)

int
reserve_open(struct reserve *r, const char *store_path)
{
	char path[4096];

	r->fd = -1;
	r->held = false;
	if ((size_t)snprintf(path, sizeof(path), "%s-reserve", store_path) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	r->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (r->fd < 0)
		return errno == ENOSPC ? 0 : -errno;
	reserve_take(r);
	return 0;
}

void
reserve_close(struct reserve *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

bool
reserve_take(struct reserve *r)
{
	static const char zeros[CHUNK];
	struct stat st;

	if (r->fd < 0 || r->held)
		return r->held;
	if (fstat(r->fd, &st) == 0 && st.st_size == RESERVE_BYTES &&
	    st.st_blocks * 512 >= RESERVE_BYTES) {
		r->held = true;
		return true;
	}
	for (off_t at = 0; at < RESERVE_BYTES; at += CHUNK) {
		if (pwrite(r->fd, zeros, CHUNK, at) != CHUNK) {
			(void)!ftruncate(r->fd, 0);
			return false;
		}
	}
	r->held = true;
	return true;
}

bool
reserve_release(struct reserve *r)
{
	if (!r->held || ftruncate(r->fd, 0) != 0)
		return false;
	r->held = false;
	return true;
}
