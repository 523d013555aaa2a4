/*
 * The watchdog under runit, which has none: systemd's protocol (sd_notify(3),
 * WatchdogSec=), so that the processes need not know who watches.
 *
 * Each process has a datagram socket of its own, RUN/watchdog.NAME.sock, and
 * a note there twice in WATCHDOG_MS.  A service of its own (`postern
 * watchdog`) listens, and has runsv kill who was heard once and is silent.
 * It reads no byte of a note: the kernel says which process wrote.
 */
#ifndef POSTERN_WATCHDOG_H
#define POSTERN_WATCHDOG_H

/* As WatchdogSec= in the units. */
#define WATCHDOG_MS 2000
/* The service, and the owner of its sockets in the inventory; a socket's
 * name there is that of the process. */
#define WATCHDOG_NAME "watchdog"
/* Its socket below the state directory. */
#define WATCHDOG_FILE "run/" WATCHDOG_NAME ".%s.sock"

#endif
