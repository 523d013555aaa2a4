#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/sip/lab.h"

#ifndef VECTORS
#define VECTORS "tests/vectors"
#endif

struct span
lab_file(const char *set, const char *name)
{
	static char mem[1 << 17];
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", VECTORS, set, name);
	f = fopen(path, "rb");
	if (f == NULL) {
		perror(path);
		abort();
	}
	n = fread(mem, 1, sizeof(mem), f);
	fclose(f);
	return span_make(mem, n);
}

#define GUARDED_MAX (1u << 17)

struct span
lab_guarded(struct span s)
{
	static char *mem;
	char *p;

	if (mem == NULL) {
		size_t page = (size_t)sysconf(_SC_PAGESIZE);

		mem = mmap(NULL, GUARDED_MAX + page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (mem == MAP_FAILED ||
		    mprotect(mem + GUARDED_MAX, page, PROT_NONE) != 0)
			abort();
	}
	if (s.len > GUARDED_MAX)
		abort();
	p = mem + GUARDED_MAX - s.len;
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return span_make(p, s.len);
}

static void
put_nameaddr_line(struct buf *b, const struct sip_hdr *h)
{
	struct sip_nameaddr na;

	if (sip_nameaddr_parse(h->value, &na) != 0) {
		b->err = -EBADMSG;
		return;
	}
	build_open(b, (enum sip_hdr_id)h->id);
	build_nameaddr(b, na.display, na.uri.all, na.params, na.tag);
	build_close(b);
}

static void
put_contacts(struct buf *b, const struct sip_msg *m)
{
	struct sip_values it = sip_values(m, SIP_H_CONTACT);
	struct sip_contact c;
	struct span value;

	while (sip_values_next(&it, &value) == 0) {
		if (sip_contact_parse(value, &c) != 0)
			b->err = -EBADMSG;
		if (c.is_star) {
			build_hdr_str(b, SIP_H_CONTACT, "*");
			continue;
		}
		build_open(b, SIP_H_CONTACT);
		build_nameaddr(b, c.na.display, c.na.uri.all, c.na.params,
		    SPAN_NONE);
		build_close(b);
	}
}

int
lab_forward(struct buf *b, const struct sip_msg *m)
{
	if (m->is_request)
		build_request_line(b, m->method_name, m->ruri.all);
	else
		build_status_line(b, m->status, NULL);
	for (unsigned i = 0; i < m->n_hdrs; i++) {
		const struct sip_hdr *h = &m->hdr[i];

		switch (h->id) {
		case SIP_H_FROM:
		case SIP_H_TO:
			put_nameaddr_line(b, h);
			break;
		case SIP_H_CSEQ:
			build_cseq(b, m->cseq.number, m->cseq.method_name);
			break;
		case SIP_H_CONTACT:
			if (h == sip_first(m, SIP_H_CONTACT))
				put_contacts(b, m);
			break;
		case SIP_H_CONTENT_LENGTH:
			break;
		default:
			build_copy_line(b, h);
			break;
		}
	}
	build_end(b, m->body);
	return buf_err(b);
}

static void
read_value(struct span v)
{
	struct sip_param p;
	struct sip_via via;
	struct sip_nameaddr na;
	struct sip_cseq cseq;
	struct sip_contact contact;
	struct sip_digest digest;
	struct sip_media_type type;
	struct sip_word word;
	struct sip_rack rack;
	struct sip_replaces replaces;
	struct uri uri, same;
	struct span name, value, user;
	uint32_t n;
	char mem[URI_USER_MAX];

	sip_via_parse(v, &via);
	sip_cseq_parse(v, &cseq);
	sip_contact_parse(v, &contact);
	sip_digest_parse(v, &digest);
	sip_delta_parse(v, &n);
	sip_media_type_parse(v, &type);
	sip_word_parse(v, &word);
	sip_rack_parse(v, &rack);
	sip_replaces_parse(v, &replaces);
	sip_param_find(v, "tag", &p);
	if (uri_parse(v, &uri) == 0) {
		uri_user_unescape(&uri, mem, &user);
		while (uri_param_next(&uri.params, &name, &value))
			;
	}
	if (sip_nameaddr_parse(v, &na) == 0) {
		uri_user_unescape(&na.uri, mem, &user);
		if (uri_parse(na.uri.all, &same) != 0 ||
		    !uri_same_user(&na.uri, &same))
			abort();
	}
}

void
lab_read_all(const struct sip_msg *m)
{
	static char mem[SIP_BYTES_MAX];
	struct sip_list list;
	struct span item;
	struct buf b;

	for (unsigned i = 0; i < m->n_hdrs; i++) {
		read_value(m->hdr[i].value);
		list = sip_list_start(m->hdr[i].value);
		while (sip_list_next(&list, &item) == 0)
			read_value(item);
		buf_init(&b, mem, sizeof(mem));
		sip_unquote(m->hdr[i].value, &b);
	}
}
