/*
 * What runit's runsv keeps about a service: its status file and its control
 * pipe (runsv(8)), read and written without running `sv`.
 */
#ifndef POSTERN_RUNIT_H
#define POSTERN_RUNIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct runit_status {
	pid_t pid;       /* 0: not running */
	int64_t since_s; /* wall clock of the last start or stop */
};

/* Errors: negative errno; -EBADMSG not a status file. */
int runit_read(const char *service_dir, struct runit_status *out);

/* Decode the 20 bytes of supervise/status.  Errors: -EBADMSG. */
int runit_parse(const uint8_t *bytes, size_t len, struct runit_status *out);

/* Send command letters ("x": end for good, "k": kill) to a service.
 * Errors: -ENXIO no runsv there; other negative errno. */
int runit_control(const char *service_dir, const char *letters);

#endif
