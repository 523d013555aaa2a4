#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/log.h"
#include "registrar-db/core/seal.h"
#include "registrar-db/io/key.h"

static int
refuse(const char *event, const char *path, const char *remedy, int err)
{
	log_begin(LOG_ERROR_, event);
	log_str("path", path);
	log_err("why", err);
	log_str("remedy", remedy);
	log_end();
	return err;
}

static int
key_make(const char *path)
{
	uint8_t key[SEAL_KEY_LEN];
	int fd, err = 0;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0400);
	if (fd < 0)
		return -errno;
	secret_random(key, sizeof(key));
	if (write(fd, key, sizeof(key)) != (ssize_t)sizeof(key) ||
	    fsync(fd) != 0)
		err = -EIO;
	secret_wipe(key, sizeof(key));
	close(fd);
	if (err)
		unlink(path);
	return err;
}

/*
 * Did systemd hand the key over (LoadCredential=store.key:FILE)?  Then it
 * lies in a folder that only this process may enter.
 */
static bool
credential(char *mem, size_t size)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	return dir != NULL &&
	    (size_t)snprintf(mem, size, "%s/store.key", dir) < size &&
	    access(mem, F_OK) == 0;
}

static int
key_load(int fd, mode_t others, struct secret *out)
{
	struct stat st;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_mode & others) != 0 ||
	    (st.st_uid != 0 && st.st_uid != geteuid()))
		return -EPERM;
	if (st.st_size != SEAL_KEY_LEN)
		return -EBADMSG;
	err = secret_new(out, SEAL_KEY_LEN);
	if (err)
		return err;
	if (read(fd, out->p, SEAL_KEY_LEN) == SEAL_KEY_LEN)
		return 0;
	secret_free(out);
	return -EIO;
}

int
priv_key_read(const char *path, const char *store_path, bool may_make,
    struct secret *out)
{
	bool fresh = access(store_path, F_OK) != 0;
	char given[4096];
	mode_t others = 077;
	int fd, err;

	if (credential(given, sizeof(given))) {
		path = given;
		others = 037;	/* the group's bits are those of its ACL */
	}
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && fresh && !may_make)
		return 0;	/* it will be made at the first start */
	if (fd < 0 && errno == ENOENT && fresh) {
		err = key_make(path);
		if (err)
			return refuse("key-not-made", path,
			    "make its directory, or the key by hand: "
			    "head -c 32 /dev/urandom > FILE; chmod 400 FILE",
			    err);
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0 && errno == ENOENT)
		return refuse("key-missing", path,
		    "the database was sealed with it: restore it from the "
		    "backup; or make a new one (head -c 32 /dev/urandom > "
		    "FILE; chmod 400 FILE) and give every subscriber a new "
		    "password", -ENOENT);
	if (fd < 0)
		return refuse("key-not-read", path, "start as root, or give "
			      "the file to the user of registrar-db", -errno);
	err = key_load(fd, others, out);
	close(fd);
	if (err == -EPERM)
		return refuse("key-not-safe", path,
		    "only its owner, root or the user of registrar-db, may "
		    "read it: chmod 400 FILE", err);
	if (err)
		return refuse("key-not-read", path,
		    "it must be 32 bytes", err);
	return 0;
}

int
priv_store_directory(const char *store_path, uid_t uid, gid_t gid)
{
	char dir[4096];
	const char *slash = strrchr(store_path, '/');
	struct stat st;
	size_t len = slash == NULL ? 0 : (size_t)(slash - store_path);

	if (len == 0 || len >= sizeof(dir))
		return refuse("store-directory", store_path,
		    "[store] path must be an absolute path in a directory of "
		    "its own", -EINVAL);
	memcpy(dir, store_path, len);
	dir[len] = '\0';
	if (mkdir(dir, 0700) == 0) {
		if (lchown(dir, uid, gid) < 0)
			return refuse("store-directory", dir,
			    "start as root once", -errno);
	} else if (errno != EEXIST) {
		return refuse("store-directory", dir,
		    "make its parent directory", -errno);
	}
	if (lstat(dir, &st) < 0)
		return refuse("store-directory", dir, "look at it", -errno);
	if (!S_ISDIR(st.st_mode) || st.st_uid != uid ||
	    (st.st_mode & 077) != 0)
		return refuse("store-directory", dir,
		    "it must belong to the user of registrar-db alone: chown "
		    "postern-db DIR; chmod 700 DIR", -EPERM);
	return 0;
}
