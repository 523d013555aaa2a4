/*
 * Could a text tell a stranger something about the office's network?
 *
 * Used for what Postern passes on without understanding it: unknown header
 * fields and opaque bodies.  When in doubt the answer is yes.
 */
#ifndef SIGPROXY_CORE_LEAK_H
#define SIGPROXY_CORE_LEAK_H

#include "sigproxy/core/edge.h"

/* Does s hold an IP address, or a host name that is not one of ours? */
bool leak_in(const struct edge_conf *conf, struct span s);

#endif
