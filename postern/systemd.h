/*
 * Which of our processes run under systemd: known by the control group it
 * put them in, so that neither systemctl nor its bus is needed.
 */
#ifndef POSTERN_SYSTEMD_H
#define POSTERN_SYSTEMD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/span.h"
#include "common/io/role.h"

#define SYSTEMD_RUN_DIR "/run/postern" /* where the socket units put doors */

struct systemd_process {
	char name[ROLE_NAME_MAX]; /* "mediaproxy-0" */
	pid_t pid;
	int64_t since_s; /* wall clock of its start */
};

/*
 * Find the processes of postern-ROLE.service and postern-ROLE@N.service.
 * Gives their number, at most max.
 */
unsigned systemd_find(struct systemd_process *out, unsigned max);

/*
 * The process name that a line of /proc/PID/cgroup tells, "sigproxy" or
 * "mediaproxy-1", into mem of ROLE_NAME_MAX.
 * Gives false for any other line.
 */
bool systemd_unit_name(struct span line, char *mem);

#endif
