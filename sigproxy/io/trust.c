#include "sigproxy/io/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sigproxy/io/tls_client.h"

static int
read_all(int fd, char *mem, size_t len)
{
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		n = read(fd, mem + at, len - at);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	return 0;
}

static int
read_file(int fd, struct span *out)
{
	struct stat st;
	char *mem;
	int err;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > TLS_CA_MAX)
		return -EFBIG;
	mem = malloc((size_t)st.st_size + 1);
	if (mem == NULL)
		return -ENOMEM;
	err = read_all(fd, mem, (size_t)st.st_size);
	if (err) {
		free(mem);
		return err;
	}
	*out = span_make(mem, (size_t)st.st_size);
	return 0;
}

int
trust_read(const char *path, struct span *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	err = read_file(fd, out);
	close(fd);
	return err;
}
