#include <errno.h>

#include "common/io/clock.h"
#include "stunmon/io/monitor.h"

int
on_admin_frame(struct monitor *m, uint16_t type, struct span payload)
{
	struct ipc_status_ask ask;
	struct ipc_status_say say;
	char json[12000], mem[12000 + 64];
	struct buf text, b;
	int err;

	if (type != IPC_STATUS_ASK)
		return -EPROTO;
	err = get_status_ask(payload, &ask);
	if (err)
		return err;
	buf_init(&text, json, sizeof(json));
	status_put(&text, m, clock_mono());
	say.id = ask.id;
	say.json = text.err ? SPAN_LIT("{}") : buf_span(&text);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STATUS_SAY, status_say, &say);
	door_send(m->admin, buf_span(&b));
	return 0;
}
