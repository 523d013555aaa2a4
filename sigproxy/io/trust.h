/* The certificates of CAs by which trunks are believed (tls_client.h). */
#ifndef SIGPROXY_IO_TRUST_H
#define SIGPROXY_IO_TRUST_H

#include "common/base/span.h"

/*
 * Read a file of PEM before the cage closes, as root where there is root; the
 * memory is never freed.
 *
 * Errors:  negative errno; -EFBIG more than TLS_CA_MAX octets.
 */
int trust_read(const char *path, struct span *out);

#endif
