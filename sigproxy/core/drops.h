/*
 * Sources on the internet that are not listened to, as registrar-db tells
 * them: looked up before a packet is parsed, at the same price however many
 * there are.
 *
 * Prefixes of any length; fixed size.  Which of them still have a phone that
 * is registered is the caller's to know.
 */
#ifndef SIGPROXY_CORE_DROPS_H
#define SIGPROXY_CORE_DROPS_H

#include "common/base/addr.h"
#include "common/base/mono.h"
#include "common/ipc/msg.h"

#define DROPS_MAX 2048

struct drops;

/* Errors: NULL for no memory. */
struct drops *drops_new(void);
void drops_free(struct drops *d);

/*
 * DROP_LIST: forget what there was if it is the first of its list, and add.
 * More than fit are left out.
 *
 * Errors:  as get_drop_list(); -EBADMSG a length that its family has not.
 */
int drops_frame(struct drops *d, struct mono now, struct span payload);

bool drops_has(const struct drops *d, struct mono now, const struct addr *a);
/* Of those told last; some of them may be over. */
unsigned drops_count(const struct drops *d);

#endif
