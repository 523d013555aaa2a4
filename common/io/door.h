/*
 * Doors: the connections between Postern's processes, over libuv.
 *
 * Each pair of processes has a listening Unix socket at both ends, made by
 * the supervisor.  Whoever starts knocks at all its peers (door_knock, before
 * the cage), then only accepts (door_serve, after the cage): a caged process
 * has no connect().  Of several connections to one peer the one dialled by
 * the later-started process is used; the others are read until they end.
 * A door checks who is on the other side twice: SO_PEERCRED when accepting,
 * and the greeting's version, table and role.
 *
 * A frame that breaks the table, or is not for that door, closes the
 * connection, is counted and logged once.  Nothing from a peer exits us.
 *
 *	doors_init(&d, loop, ROLE_SIG, 0, on_frame, arg);
 *	p = doors_peer(&d, ROLE_REG, 0, uid);
 *	door_knock(p, path); door_inherit(p, fd);
 *	... cage_close() ...
 *	door_serve_all(&d);
 */
#ifndef COMMON_IO_DOOR_H
#define COMMON_IO_DOOR_H

#include <sys/types.h>
#include <uv.h>

#include "common/base/mono.h"
#include "common/ipc/msg.h"

struct door;

/*
 * A frame that passed ipc_permit() came from this peer.  The payload is lent
 * for the call.  Return 0, or the negative errno of get_*() (or -EPROTO for
 * a wrong content): then the door closes that connection.
 */
typedef int door_frame_cb(void *arg, struct door *from, uint16_t type,
    struct span payload);
/* The peer came (up) or went.  Never called before doors_serve(). */
typedef void door_state_cb(void *arg, struct door *peer, bool up);
/* All frames that waited together have been handed over: one flush point,
 * one commit.  May be NULL. */
typedef void door_drained_cb(void *arg);

struct doors_ops {
	door_frame_cb *on_frame;
	door_state_cb *on_state;
	door_drained_cb *on_drained;
	void *arg;
};

struct doors;

/*
 * Errors: NULL for no memory.  ops is copied.  SIGPIPE is ignored from now
 * on: a peer that ends while we write must not end us.
 */
struct doors *doors_new(uv_loop_t *loop, enum ipc_role self, uint8_t instance,
    const struct doors_ops *ops);
/* Closes all; the memory goes when the loop has run the close callbacks.
 * Not from within a callback of these doors.  NULL is fine. */
void doors_free(struct doors *d);

/* Declare a peer and the uid it must have ((uid_t)-1: any, for tests and for
 * running without root as one user). */
struct door *doors_peer(struct doors *d, enum ipc_role role, uint8_t instance,
    uid_t uid);

/* Before the cage: keep the inherited listening socket of this peer's door. */
int door_inherit(struct door *p, int listen_fd);
/* Before the cage: dial the peer's door for us.  A peer that is not there is
 * no error: it will knock at ours.  Errors: negative errno, for the log. */
int door_knock(struct door *p, const char *path);
/* After the cage: accept, greet, read.  Errors: negative errno of libuv. */
int doors_serve(struct doors *d);

/*
 * Send whole frames (made with IPC_FRAME) to the peer.
 *
 * Errors:  -ENOTCONN nobody is there; -ENOBUFS more than DOOR_QUEUE_MAX bytes
 *          wait already.  Nothing is sent then: fail closed.
 */
int door_send(struct door *p, struct span frames);
#define DOOR_QUEUE_MAX (1024 * 1024)

/*
 * Descriptors (SCM_RIGHTS): one with one frame, by doors that said before the
 * cage that they take them.  By every other door the kernel throws them away.
 *
 * A peer that sends two at once, or one that the frame it came with does not
 * take, breaks the rules.
 */
void door_takes_fds(struct door *p);
/* From within on_frame: the descriptor that came with this frame, which is
 * the caller's from now on; -1: none did. */
int door_take_fd(struct door *p);
/* One frame with a descriptor, which stays the caller's.  Errors: as
 * door_send(); -ENOBUFS also while anything waits to be written. */
int door_send_fd(struct door *p, struct span frame, int fd);

bool door_is_up(const struct door *p);
enum ipc_role door_role(const struct door *p);
uint8_t door_instance(const struct door *p);
/* Does an answer to the frame being handled reach who asked?  Not when a newer
 * process of that role has come meanwhile. */
bool door_may_answer(const struct door *p);
/* When the process at the other end started, as it says; 0 when nobody is
 * there.  It tells a peer that came back from one that restarted. */
struct mono door_peer_start(const struct door *p);
/* Which of the connections to the peer is used: a number that each has for
 * itself, 0 when nobody is there.  What was sent by another one may be read
 * after what is sent by this one. */
uint64_t door_connection(const struct door *p);
/* Connections refused or closed because they broke the rules. */
uint64_t door_faults(const struct door *p);

#endif
