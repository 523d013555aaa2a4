#include <errno.h>

#include "common/io/clock.h"
#include "stunmon/io/monitor.h"

static int
on_map_want(struct monitor *m, unsigned owner, struct span payload)
{
	struct ipc_map_want want;
	int err;

	err = get_map_want(payload, &want);
	if (err)
		return err;
	mapping_want(m->mappings, owner, &want, clock_mono());
	monitor_run(m);
	return 0;
}

static int
on_map_look(struct monitor *m, unsigned owner, struct span payload)
{
	struct ipc_map_look look;
	int err;

	err = get_map_look(payload, &look);
	if (err)
		return err;
	mapping_look(m->mappings, owner, look.socket, clock_mono());
	monitor_run(m);
	return 0;
}

static int
on_stun_heard(struct monitor *m, unsigned owner, struct span payload)
{
	struct ipc_stun_heard heard;
	int err;

	err = get_stun_heard(payload, &heard);
	if (err)
		return err;
	if (!nat_heard(&m->nat, m->mappings, owner, &heard, clock_mono()))
		mapping_heard(m->mappings, owner, &heard, clock_mono());
	monitor_run(m);
	return 0;
}

int
on_owner_frame(struct monitor *m, unsigned owner, uint16_t type,
    struct span payload)
{
	switch (type) {
	case IPC_MAP_WANT:
		return on_map_want(m, owner, payload);
	case IPC_MAP_LOOK:
		return on_map_look(m, owner, payload);
	case IPC_STUN_HEARD:
		return on_stun_heard(m, owner, payload);
	case IPC_TRUNK_DIAL:
		return dials_frame(m, payload);
	default:
		return -EPROTO;
	}
}

void
on_owner_state(struct monitor *m, unsigned owner, bool up)
{
	/* A sigproxy that starts knows of no open port. */
	if (owner == MAPPING_SIP)
		m->port_open_told = false;
	if (owner == MAPPING_SIP) {
		dials_stop(m);
		if (up)
			trunks_tell_all(m);
	}
	if (up)
		mapping_owner_up(m->mappings, owner);
	else
		mapping_owner_gone(m->mappings, owner);
	monitor_run(m);
}
