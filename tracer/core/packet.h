/*
 * One message or packet as tracer writes it down and sends it on.
 */
#ifndef TRACER_CORE_PACKET_H
#define TRACER_CORE_PACKET_H

#include "common/ipc/msg.h"

struct packet {
	uint64_t at_us;		/* since 1970 */
	bool out;		/* we sent it */
	uint8_t zone;		/* enum zone; 0: RTP and RTCP */
	uint8_t transport;	/* enum transport; RTP: UDP */
	struct addr local, remote;
	struct span bytes;	/* perhaps cut */
	uint32_t len;		/* of the whole of it */
};

#endif
