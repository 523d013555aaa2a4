#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/log.h"
#include "stunmon/io/keeper.h"

static void
say(const char *what, int err)
{
	log_begin(LOG_WARN_, what);
	log_err("why", err);
	log_str("remedy", "after a restart while no STUN server answers our "
	    "public address will be unknown");
	log_end();
}

/* All of its blocks, for a page without one cannot be written later. */
static int
fill(int fd)
{
	static const char zero[KEPT_IMAGE];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size == KEPT_IMAGE)
		return 0;
	if (ftruncate(fd, 0) != 0)
		return -errno;
	return pwrite(fd, zero, KEPT_IMAGE, 0) == KEPT_IMAGE ? 0 : -ENOSPC;
}

static int
map(struct keeper *k, int fd)
{
	int ends[2], err;
	void *page;

	page = mmap(NULL, KEPT_IMAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	if (page == MAP_FAILED)
		return -errno;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		err = -errno;
		munmap(page, KEPT_IMAGE);
		return err;
	}
	k->in = ends[1];
	k->out = ends[0];
	k->page = page;
	return 0;
}

static int
open_file(struct keeper *k, const char *dir, char image[KEPT_IMAGE])
{
	char path[512];
	int fd, err;

	if ((size_t)snprintf(path, sizeof(path), "%s/address", dir) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
	    0600);
	if (fd < 0)
		return -errno;
	err = fill(fd);
	if (err == 0 && pread(fd, image, KEPT_IMAGE, 0) != KEPT_IMAGE)
		err = -EIO;
	if (err == 0)
		err = map(k, fd);
	close(fd);
	return err;
}

bool
keeper_open(struct keeper *k, const char *dir, struct kept *out)
{
	char image[KEPT_IMAGE];
	int err;

	*k = (struct keeper){ 0 };
	if (dir == NULL)
		return false;
	err = open_file(k, dir, image);
	if (err) {
		say("address-not-kept", err);
		return false;
	}
	if (kept_get(span_make(image, sizeof(image)), out,
		&k->generation) != 0)
		return false;
	kept_put(out, 1, k->slot);
	return true;
}

/*
 * By way of a pipe: should the file have been cut short, or the disk of a
 * copying filesystem be full, the kernel's copy fails, where our own would
 * end the process.
 */
static int
copy(struct keeper *k, char *to, const char slot[KEPT_SLOT])
{
	if (write(k->in, slot, KEPT_SLOT) != KEPT_SLOT)
		return -errno;
	return read(k->out, to, KEPT_SLOT) == KEPT_SLOT ? 0 : -EIO;
}

void
keeper_write(struct keeper *k, const struct kept *now)
{
	char slot[KEPT_SLOT];
	int err;

	if (k->page == NULL)
		return;
	kept_put(now, 1, slot);
	if (memcmp(slot, k->slot, sizeof(slot)) == 0)
		return;
	memcpy(k->slot, slot, sizeof(slot));
	kept_put(now, ++k->generation, slot);
	err = copy(k, k->page + k->generation % 2 * KEPT_SLOT, slot);
	if (err == 0)
		return;
	k->page = NULL;		/* what is left in the pipe is in the way */
	say("address-not-kept", err);
}
