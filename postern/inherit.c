#include <errno.h>
#include <stdio.h>

#include "postern/inherit.h"

static int
add(struct inherit *list, int fd, struct span owner, struct span name)
{
	struct inherit_fd *f = &list->fds[list->n];

	if (list->n == INHERIT_MAX)
		return -E2BIG;
	if (owner.len >= sizeof(f->owner) || name.len >= sizeof(f->name))
		return -ENAMETOOLONG;
	f->fd = fd;
	memcpy(f->owner, owner.p, owner.len);
	f->owner[owner.len] = '\0';
	memcpy(f->name, name.p, name.len);
	f->name[name.len] = '\0';
	list->n++;
	return 0;
}

int
inherit_add(struct inherit *list, int fd, const char *owner, const char *name)
{
	return add(list, fd, span_str(owner), span_str(name));
}

void
inherit_build(struct buf *b, const struct inherit *list)
{
	for (unsigned i = 0; i < list->n; i++) {
		if (i > 0)
			buf_putc(b, ',');
		buf_put_u64(b, (uint64_t)list->fds[i].fd);
		buf_putc(b, '=');
		buf_puts(b, list->fds[i].owner);
		buf_putc(b, ':');
		buf_puts(b, list->fds[i].name);
	}
}

/* One "FD=OWNER:NAME". */
static int
parse_one(struct span s, struct inherit *list)
{
	ptrdiff_t eq = span_find(s, '='), colon = span_find(s, ':');
	struct span owner, name;
	uint32_t fd;
	int err;

	if (eq <= 0 || colon <= eq + 1 || (size_t)colon + 1 >= s.len)
		return -EBADMSG;
	if (span_to_u32(span_sub(s, 0, (size_t)eq), 65535, &fd) != 0 || fd < 3)
		return -EBADMSG;
	owner = span_sub(s, (size_t)eq + 1, (size_t)(colon - eq) - 1);
	name = span_sub(s, (size_t)colon + 1, s.len);
	err = add(list, (int)fd, owner, name);
	return err == -ENAMETOOLONG ? -EBADMSG : err;
}

int
inherit_parse(struct span text, struct inherit *out)
{
	out->n = 0;
	while (text.len > 0) {
		ptrdiff_t comma = span_find(text, ',');
		size_t len = comma < 0 ? text.len : (size_t)comma;
		int err = parse_one(span_sub(text, 0, len), out);

		if (err)
			return err;
		if (comma >= 0 && len + 1 == text.len)
			return -EBADMSG; /* ends in a comma */
		text = span_sub(text, comma < 0 ? len : len + 1, text.len);
	}
	return 0;
}
