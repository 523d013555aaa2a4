/*
 * Every message between Postern's processes, declared once.
 *
 * From these rows come the structs, put and get, the permission check, the
 * names, docs/ipc.md and the round-trip, misuse and fuzz tests (msg.h, msg.c,
 * tests/unit/ipc).  Nothing about a message is written anywhere else.
 *
 * A field is F(kind, name, lo, hi):
 *	u8 u16 u32 u64	unsigned number from lo to hi
 *	str		text of lo to hi bytes: UTF-8 without controls (C0, C1)
 *			and characters that turn its direction; put writes '?'
 *			for what is not, get refuses it
 *	blob		any lo to hi bytes
 *	bin		exactly lo bytes
 *	addr		an address with a family; lo, hi unused
 *	oaddr		an address or none
 *	item		a nested item: lo is the item's name
 *	list		0 to hi nested items: lo is the item's name
 *
 * A message is M(NAME, name, number, senders, receivers, answers, meaning).
 * Adding one: HACKING.md.  Numbers are never used again for another meaning.
 */
#ifndef COMMON_IPC_TABLE_H
#define COMMON_IPC_TABLE_H

/* Counted up when a row changes meaning without changing its fields. */
#define IPC_VERSION 2

/* Largest payload of any frame. */
#define IPC_PAYLOAD_MAX 16384

#define IPC_TARGETS_MAX 8	/* bindings of one number */
#define IPC_CONTACTS_MAX 8	/* Contact values in one REGISTER */
#define IPC_NONCE_LEN 32	/* characters of one nonce */
#define IPC_NONCES_MAX 256	/* nonces in one batch */
#define IPC_PLACES_MAX 8	/* addresses of one trunk */
#define IPC_STREAMS_MAX 4	/* m-lines of one call */
#define IPC_SOCKETS_MAX 64	/* sockets whose mapping is wanted */
#define IPC_KEY_LEN 64		/* of sigproxy's key */
#define IPC_STATE_MAX 12000	/* of one call's checkpoint */
#define IPC_SUB_STATE_MAX 4000	/* of one subscription's */
#define IPC_SUB_LEFT_MAX_S 3600	/* no subscription lives longer */
#define IPC_CERTS_MAX 8		/* TLS keys with their certificates */
#define IPC_CHAIN_MAX 15000	/* one chain, in DER */
#define IPC_TBS_MAX 512		/* what a handshake has signed */
#define IPC_SRTP_KEY_MAX 46	/* master key and salt */
#define IPC_ICE_MAX 32		/* characters of ufrag or pwd of ours */
#define IPC_ROCS_MAX 8		/* of one stream, both ways */
#define IPC_DROPS_MAX 250	/* in one message */
#define IPC_WINDOW_CODE 16	/* of a window; see WINDOW_OPEN */
#define IPC_WINDOW_MAX_MS 600000
#define IPC_WINDOW_PORTS 32	/* numbers looked at in one */
#define IPC_TRACES_MAX 16	/* traces at once */
#define IPC_TRACE_TARGET_MAX 200	/* of a Call-ID that is traced */
#define IPC_TRACE_FOR_MAX_S 2592000	/* no trace is longer: 30 days */
#define IPC_TRACE_SIP_MAX 15500	/* of one message; what is longer is cut */
#define IPC_TRACE_HEAD_MAX 76	/* of an RTP or RTCP packet */
#define IPC_TRACE_PACKETS_MAX 64	/* in one frame */
#define IPC_WINDOW_ARRIVALS 64	/* sockets with these numbers */
#define IPC_TRUNKS_MAX 32
#define IPC_TRUNK_ID_MAX 1000000
#define IPC_WAYS_MAX 4		/* by which one call may go out */

/* ---- items: parts of messages, declared like messages ---- */

/* Where a message came from and how to reach its sender again. */
#define IPC_ITEM_flow(F)					\
	F(u8, zone, 1, 2)	/* enum zone */			\
	F(u8, transport, 1, 3)	/* enum transport */		\
	F(u8, listener, 0, 31)	/* index of the socket */	\
	F(addr, remote, 0, 0)					\
	F(u64, conn, 0, INT64_MAX) /* TCP, TLS: which one; UDP: 0 */

/* A digest answer as the phone sent it (RFC 7616 3.4), unquoted. */
#define IPC_ITEM_digest(F)		\
	F(str, method, 1, 32)		\
	F(str, username, 0, 64)		\
	F(str, realm, 0, 128)		\
	F(blob, nonce, 0, 128)		\
	F(str, uri, 0, 512)		\
	F(str, response, 0, 128)	\
	F(str, cnonce, 0, 128)		\
	F(str, nc, 0, 8)		\
	F(str, qop, 0, 16)		\
	F(str, algorithm, 0, 16)	\
	F(str, body_hash, 0, 64) /* hex of the body's, for auth-int */

/* One Contact of a REGISTER (RFC 3261 10.3, RFC 5626). */
#define IPC_ITEM_contact(F)		\
	F(str, uri, 1, 512)		\
	F(u32, expires_s, 0, UINT32_MAX)\
	F(u16, q_permille, 0, 1000)	\
	F(str, instance, 0, 128)	\
	F(u32, reg_id, 0, UINT32_MAX)	\
	F(u8, ice, 0, 1)	/* +sip.ice (RFC 5768) */

/* One binding as a 200 to REGISTER lists it. */
#define IPC_ITEM_binding(F)		\
	F(str, uri, 1, 512)		\
	F(u32, expires_s, 0, UINT32_MAX)\
	F(str, instance, 0, 128)	\
	F(u32, reg_id, 0, UINT32_MAX)

/* One device of the called number. */
#define IPC_ITEM_target(F)		\
	F(item, flow, flow, 0)		\
	F(str, uri, 1, 512)		\
	F(str, instance, 0, 128)	\
	F(u16, q_permille, 0, 1000)	\
	F(u8, ice, 0, 1)	/* its Contact said +sip.ice */

/* Who somebody is, from the subscriber table. */
#define IPC_ITEM_party(F)		\
	F(str, number, 0, 32)		\
	F(str, name, 0, 64)		\
	F(u8, hold, 0, 2)	/* enum hold_mode, 0: the site's */	\
	F(u8, latching, 0, 3)	/* enum latch_mode, 0: the site's */	\
	F(u8, srtp, 0, 3)	/* enum srtp_policy, 0: optional */	\
	F(str, codecs, 0, 120)	/* of sound, from outside; none: all */	\
	F(u32, max_kbps, 0, 100000)	/* from outside; 0: any */

/* Two ports of one stream and what to write into SDP for them. */
#define IPC_ITEM_port(F)		\
	F(u16, rtp, 1, 65535)		\
	F(u16, rtcp, 1, 65535)		\
	F(addr, said_rtp, 0, 0)		\
	F(addr, said_rtcp, 0, 0)

/* Whose packets are not looked at. */
#define IPC_ITEM_drop(F)			\
	F(addr, net, 0, 0)			\
	F(u8, bits, 0, 128)			\
	F(u32, left_s, 1, UINT32_MAX)	/* the largest: for ever */

/* A socket, by the owner's number: a listener index or an RTP port. */
#define IPC_ITEM_socket(F)		\
	F(u16, number, 0, 65535)

/* What one end of one stream saw. */
#define IPC_ITEM_counter(F)			\
	F(u8, end, 0, 15)			\
	F(u8, stream, 0, 3)			\
	F(u64, packets_in, 0, UINT64_MAX)	\
	F(u64, bytes_in, 0, UINT64_MAX)		\
	F(u64, packets_out, 0, UINT64_MAX)	\
	F(u64, lost, 0, UINT64_MAX)	/* gaps in sequence numbers */	\
	F(u64, refused, 0, UINT64_MAX)	/* from addresses not allowed */	\
	F(u64, rtcp_in, 0, UINT64_MAX)	\
	F(u32, silent_ms, 0, UINT32_MAX) /* since the last packet */	\
	F(oaddr, learnt, 0, 0)

/* How one direction of a stream sounds: docs/quality.md. */
#define IPC_ITEM_figures(F)			\
	F(u8, known, 0, 7)	/* bits of enum figure */	\
	F(u16, loss_permyriad, 0, 10000)	\
	F(u32, jitter_us, 0, 60000000)		\
	F(u16, rtt_ms, 0, 20000)		\
	F(u16, mos_centi, 0, 450)	/* below 100: not known */

/* How one stream of one phone sounds, since its relay began. */
#define IPC_ITEM_quality(F)			\
	F(u8, resumed, 0, 1)	/* another relay had it before */	\
	F(u32, expected, 0, UINT32_MAX)	/* packets from it */	\
	F(u32, late, 0, UINT32_MAX)	/* out of order */	\
	F(u32, twice, 0, UINT32_MAX)	\
	F(u16, gap, 0, 65535)	/* lost one after another, at most */	\
	F(u32, jitter_max_us, 0, 60000000)	\
	F(item, came, figures, 0)	/* from it, as they came here */	\
	F(item, heard, figures, 0)	/* to it: its RTCP (RFC 3550) */	\
	F(item, said, figures, 0)	/* the same: its own judgement */

/* A mailbox, as its voicemail said it last (RFC 3842). */
#define IPC_ITEM_mailbox(F)			\
	F(str, number, 1, 32)			\
	F(u8, waiting, 0, 1)			\
	F(u8, counted, 0, 1)	/* 0: the counts were not told */	\
	F(u32, fresh, 0, 999999)		\
	F(u32, old, 0, 999999)			\
	F(u32, urgent_fresh, 0, 999999)		\
	F(u32, urgent_old, 0, 999999)

/* How far SRTP of one source is (RFC 3711 3.2.1), its index with the rollover
 * counter. */
#define IPC_ITEM_roc(F)				\
	F(u8, out, 0, 1)	/* 1: sent to the phone */		\
	F(u32, ssrc, 0, UINT32_MAX)		\
	F(u8, rtp, 0, 1)	/* index is valid */	\
	F(u64, index, 0, 281474976710655)	\
	F(u8, rtcp, 0, 1)	/* rtcp_index is */	\
	F(u32, rtcp_index, 0, 2147483647)

/* What came to one port of a window. */
#define IPC_ITEM_arrival(F)			\
	F(u16, port, 1, 65535)			\
	F(u8, zone, 1, 2)			\
	F(u32, right, 0, UINT32_MAX)	/* aimed at this port */	\
	F(u32, wrong, 0, UINT32_MAX)	/* aimed at another one */	\
	F(oaddr, source, 0, 0)	/* of the last */

/* What is traced. */
#define IPC_ITEM_traced(F)			\
	F(u32, number, 1, UINT32_MAX)		\
	F(u8, kind, 1, 3)	/* enum trace_kind */	\
	F(u8, profiles, 1, 7)	/* enum trace_profile, or-ed */	\
	F(str, target, 0, IPC_TRACE_TARGET_MAX)	/* TRACE_ALL: none */

/* A trace, by its number. */
#define IPC_ITEM_trace(F)			\
	F(u32, number, 1, UINT32_MAX)

/* The beginning of one packet of a traced call. */
#define IPC_ITEM_packet(F)			\
	F(u64, call, 1, UINT64_MAX)		\
	F(u64, at_us, 0, INT64_MAX)	/* CLOCK_MONOTONIC */	\
	F(u8, out, 0, 1)	/* 1: sent */	\
	F(addr, local, 0, 0)			\
	F(addr, remote, 0, 0)			\
	F(u16, len, 0, 65535)	/* of the whole of it */	\
	F(blob, head, 0, IPC_TRACE_HEAD_MAX)

/* One way to a number that is no subscriber's. */
#define IPC_ITEM_way(F)				\
	F(u32, trunk, 1, IPC_TRUNK_ID_MAX)	\
	F(u32, route, 0, INT32_MAX)	/* its row; 0: trunk.prefix */	\
	F(str, number, 1, 32)		/* as it is sent */		\
	F(str, caller, 0, 64)		/* who calls, there */

/* One of a trunk's addresses. */
#define IPC_ITEM_place(F)			\
	F(addr, address, 0, 0)

#define IPC_ITEMS(I)	\
	I(flow)		\
	I(digest)	\
	I(contact)	\
	I(binding)	\
	I(target)	\
	I(party)	\
	I(port)		\
	I(socket)	\
	I(counter)	\
	I(figures)	\
	I(quality)	\
	I(mailbox)	\
	I(place)	\
	I(roc)		\
	I(arrival)	\
	I(traced)	\
	I(trace)	\
	I(packet)	\
	I(way)	\
	I(drop)

/* ---- messages ---- */

#define IPC_F_hello(F)				\
	F(u32, version, 0, UINT32_MAX)		\
	F(u64, table, 0, UINT64_MAX)		\
	F(u8, role, 1, 64)			\
	F(u8, instance, 0, 31)			\
	F(u64, started_us, 0, UINT64_MAX)

#define IPC_F_status_ask(F)			\
	F(u32, id, 0, UINT32_MAX)
#define IPC_F_status_say(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(blob, json, 2, 14000)

#define IPC_F_nonce_ask(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u16, count, 1, IPC_NONCES_MAX)
#define IPC_F_nonce_say(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u32, lifetime_ms, 1, 3600000)		\
	F(blob, nonces, IPC_NONCE_LEN, IPC_NONCES_MAX * IPC_NONCE_LEN)

#define IPC_F_reg_ask(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(item, flow, flow, 0)			\
	F(item, digest, digest, 0)		\
	F(str, aor_user, 0, 64)			\
	F(str, call_id, 1, 256)			\
	F(u32, cseq, 0, 2147483647)		\
	F(u8, nated, 0, 1)			\
	F(u8, star, 0, 1)			\
	F(str, user_agent, 0, 128)		\
	F(list, contacts, contact, IPC_CONTACTS_MAX)
#define IPC_F_reg_say(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u8, verdict, 1, 8)			\
	F(str, number, 0, 32)			\
	F(u32, min_expires_s, 0, UINT32_MAX)	\
	F(u32, retry_after_s, 0, 3600)		\
	F(u32, nonce_left_s, 0, 3600)	/* of the nonce answered */	\
	F(list, bindings, binding, IPC_TARGETS_MAX)

#define IPC_F_auth_ask(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(item, flow, flow, 0)			\
	F(item, digest, digest, 0)		\
	F(str, from_user, 0, 64)		\
	F(str, call_id, 0, 256)			\
	F(u8, want, 0, 1)	/* 1: also route the number called */
#define IPC_F_auth_say(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u8, verdict, 1, 9)			\
	F(u64, ticket, 0, UINT64_MAX)		\
	F(item, caller, party, 0)		\
	F(item, called, party, 0)		\
	F(list, targets, target, IPC_TARGETS_MAX)	\
	F(u8, show, 0, 2)	/* SUBSCRIBE: enum watch_show */	\
	F(u8, emergency, 0, 1)	/* passes every limit */	\
	F(str, why, 0, 64)	/* VERDICT_DENIED: in words */	\
	F(list, ways, way, IPC_WAYS_MAX)	/* without targets */

#define IPC_F_call_note(F)			\
	F(u64, ticket, 1, UINT64_MAX)		\
	F(u8, state, 1, 5)			\
	F(u16, status, 0, 699)			\
	F(str, reason, 0, 128)			\
	F(u8, channels, 0, 8)			\
	F(u8, relayed, 0, 1)			\
	F(oaddr, called_at, 0, 0)		\
	F(str, caller, 0, 32)	/* for a row that a crash lost */	\
	F(str, called, 0, 32)			\
	F(u8, ended_by, 0, 3)	/* enum ended_by */
#define IPC_F_call_media(F)			\
	F(u64, ticket, 1, UINT64_MAX)		\
	F(u8, called, 0, 1)	/* 0: the caller's side, 1: the called */	\
	F(item, counter, counter, 0)

#define IPC_F_divert_ask(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u32, id, 0, UINT32_MAX)		\
	F(str, by, 1, 32)	/* whose phone redirects */	\
	F(str, number, 1, 32)	/* to whom */
#define IPC_F_divert_say(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u32, id, 0, UINT32_MAX)		\
	F(u8, verdict, 1, 9)			\
	F(item, called, party, 0)		\
	F(list, targets, target, IPC_TARGETS_MAX)	\
	F(list, ways, way, IPC_WAYS_MAX)

#define IPC_F_call_end(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u8, why, 1, 6)	/* enum stop_why */
#define IPC_F_refer_ask(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u32, id, 0, UINT32_MAX)		\
	F(str, by, 1, 32)	/* whose phone sent REFER */	\
	F(str, number, 1, 128)	/* to whom */
#define IPC_F_refer_say(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u32, id, 0, UINT32_MAX)		\
	F(u8, verdict, 1, 9)			\
	F(str, why, 0, 64)	/* VERDICT_DENIED: in words */
#define IPC_F_call_away(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u8, via, 1, 2)	/* enum away_via */	\
	F(str, by, 1, 32)	/* whose phone wished it */	\
	F(str, number, 0, 32)	/* the user of that URI */	\
	F(str, host, 0, 64)	/* empty: ours, or none */

#define IPC_F_flow_keep(F)			\
	F(item, flow, flow, 0)			\
	F(u8, nated, 0, 1)			\
	F(u32, expires_s, 0, UINT32_MAX)	\
	F(str, number, 0, 32)
#define IPC_F_flow_gone(F)			\
	F(item, flow, flow, 0)			\
	F(u8, why, 1, 3)	/* enum gone_why */
#define IPC_F_flow_moved(F)			\
	F(item, from, flow, 0)			\
	F(item, to, flow, 0)			\
	F(str, number, 1, 32)
#define IPC_F_home_pace(F)			\
	F(addr, address, 0, 0)	/* port 0 */	\
	F(u8, stream, 0, 1)	/* 1: TCP and TLS, 0: UDP */	\
	F(u32, proven_ms, 1, 3600000)		\
	F(u32, lost_ms, 0, 3600000)	/* 0: none was */ \
	F(u8, alg, 0, 3)	/* enum alg_sign: what shows a SIP ALG */
#define IPC_F_phone_lost(F)			\
	F(str, number, 1, 32)			\
	F(u8, state, 0, 2)	/* enum lost_state */	\
	F(addr, at, 0, 0)	/* where it was reached last */	\
	F(oaddr, server, 0, 0)	/* which it is set to; none: a name */	\
	F(u32, seen_s, 0, UINT32_MAX)	/* so long ago */	\
	F(u32, due_s, 0, UINT32_MAX)	/* LOST_SOON: until then */
#define IPC_F_conn_gone(F)			\
	F(item, flow, flow, 0)

#define IPC_F_sig_keys(F)			\
	F(bin, key, IPC_KEY_LEN, IPC_KEY_LEN)
#define IPC_F_call_save(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u8, version, 1, 255)	/* of the state's form */	\
	F(blob, state, 1, IPC_STATE_MAX)
#define IPC_F_call_gone(F)			\
	F(u64, ticket, 1, INT64_MAX)
#define IPC_F_call_restore(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u8, lives, 0, 1)	/* 0: its record has ended */	\
	F(u8, version, 1, 255)			\
	F(blob, state, 1, IPC_STATE_MAX)
#define IPC_F_call_restored(F)			\
	F(u32, calls, 0, 100000)

#define IPC_F_sub_save(F)			\
	F(u64, id, 1, INT64_MAX)	/* ticket of the SUBSCRIBE */	\
	F(u32, expires_s, 1, IPC_SUB_LEFT_MAX_S)	\
	F(u8, version, 1, 255)	/* of the state's form */	\
	F(blob, state, 1, IPC_SUB_STATE_MAX)
#define IPC_F_sub_gone(F)			\
	F(u64, id, 1, INT64_MAX)
#define IPC_F_sub_restore(F)			\
	F(u64, id, 1, INT64_MAX)		\
	F(u32, left_s, 1, IPC_SUB_LEFT_MAX_S)	\
	F(u8, version, 1, 255)			\
	F(blob, state, 1, IPC_SUB_STATE_MAX)
#define IPC_F_sub_end(F)			\
	F(u64, id, 1, INT64_MAX)		\
	F(u8, again, 0, 1)	/* 1: it may be asked for anew */
#define IPC_F_mwi_save(F)			\
	F(item, mailbox, mailbox, 0)
#define IPC_F_mwi_restore(F)			\
	F(item, mailbox, mailbox, 0)

#define IPC_F_account_want(F)			\
	F(u64, id, 0, INT64_MAX)	/* ACCOUNT_ALL: 0 */	\
	F(u8, kind, 0, 3)	/* enum account_kind */		\
	F(u32, trunk, 0, IPC_TRUNK_ID_MAX)	/* whose registrar */	\
	F(u64, stamp, 0, UINT64_MAX)	/* another one: do it anew */	\
	F(str, user, 0, 64)	/* of its address of record */	\
	F(str, host, 0, 255)	/* of it and of the registrar's URI */	\
	F(str, number, 0, 32)	/* the subscriber it is for; of a mirror */ \
	F(u32, expires_s, 0, 86400)	/* asked for */		\
	F(u32, left_s, 0, 86400)	/* it lasts so long still */
#define IPC_F_account_ask(F)			\
	F(u64, id, 1, INT64_MAX)		\
	F(u32, question, 0, UINT32_MAX)		\
	F(str, realm, 0, 128)			\
	F(blob, nonce, 0, 256)			\
	F(str, algorithm, 0, 16)		\
	F(str, qop, 0, 8)	/* none or "auth" */	\
	F(str, nc, 0, 8)			\
	F(str, cnonce, 0, 32)
#define IPC_F_account_say(F)			\
	F(u64, id, 1, INT64_MAX)		\
	F(u32, question, 0, UINT32_MAX)		\
	F(u8, refusal, 0, 4)	/* enum account_refusal */	\
	F(str, username, 0, 64)			\
	F(str, uri, 0, 300)	/* which the response is for */	\
	F(str, response, 0, 64)
#define IPC_F_account_note(F)			\
	F(u64, id, 1, INT64_MAX)		\
	F(u8, state, 1, 3)	/* enum account_state */	\
	F(u16, status, 0, 699)	/* of the registrar; 0: none came */	\
	F(u32, expires_s, 0, 86400)		\
	F(str, why, 0, 120)	/* in plain words */
#define IPC_F_trunk_at(F)			\
	F(u32, trunk, 1, IPC_TRUNK_ID_MAX)	\
	F(str, host, 1, 255)	/* of which name */	\
	F(list, places, place, IPC_PLACES_MAX)
#define IPC_F_trunk_dial(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u32, trunk, 1, IPC_TRUNK_ID_MAX)	\
	F(addr, address, 0, 0)
#define IPC_F_trunk_conn(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u32, trunk, 1, IPC_TRUNK_ID_MAX)	\
	F(addr, address, 0, 0)			\
	F(u8, refusal, 0, 6)	/* enum dial_refusal */

#define IPC_F_relay_open(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, zone, 1, 2)			\
	F(u8, family, 4, 6)			\
	F(u8, latching, 0, 3)			\
	F(u8, streams, 1, IPC_STREAMS_MAX)	\
	F(addr, phone, 0, 0)	/* where its signalling comes from */	\
	F(list, want, socket, IPC_STREAMS_MAX)	/* RTP ports it had */	\
	F(oaddr, local, 0, 0)	/* our address that its signalling uses */ \
	F(u8, emergency, 0, 1)	/* may have what is reserved */
#define IPC_F_relay_say(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, refusal, 0, 3)			\
	F(list, ports, port, IPC_STREAMS_MAX)
#define IPC_F_relay_set(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, stream, 0, 3)			\
	F(u8, to_end, 0, 255)	/* end that gets its packets; 255: none */	\
	F(oaddr, rtp, 0, 0)	/* announced in SDP; none: hold-off */	\
	F(oaddr, rtcp, 0, 0)			\
	F(u8, mux, 0, 1)			\
	F(u8, relearn, 0, 1)	/* a new offer or answer allows learning */	\
	F(u8, held, 0, 1)	/* silence is meant */	\
	F(u8, video, 0, 1)	/* its packets are marked as video */	\
	F(u8, form, 0, 1)	/* enum stream_form */	\
	F(addr, phone, 0, 0)			\
	F(oaddr, learnt, 0, 0)	/* RTP source before a restart */	\
	F(oaddr, learnt_rtcp, 0, 0)
#define IPC_F_relay_key(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, stream, 0, 3)			\
	F(u8, suite_in, 0, 6)	/* enum srtp_suite; 0: plain RTP */	\
	F(blob, key_in, 0, IPC_SRTP_KEY_MAX)	/* the phone's */	\
	F(u8, mki_len, 0, 4)	/* bytes before the phone's tags */	\
	F(u32, mki, 0, UINT32_MAX)		\
	F(u8, suite_out, 0, 6)			\
	F(blob, key_out, 0, IPC_SRTP_KEY_MAX)	\
	F(list, rocs, roc, IPC_ROCS_MAX)	/* before a restart */
#define IPC_F_relay_ice(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, stream, 0, 3)			\
	F(str, ufrag, 0, IPC_ICE_MAX)	/* ours; none: no ICE */	\
	F(str, pwd, 0, IPC_ICE_MAX)		\
	F(oaddr, rtp, 0, 0)	/* nominated before a restart */	\
	F(oaddr, rtcp, 0, 0)
#define IPC_F_relay_nominated(F)		\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, stream, 0, 3)			\
	F(oaddr, rtp, 0, 0)			\
	F(oaddr, rtcp, 0, 0)
#define IPC_F_relay_roc(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, stream, 0, 3)			\
	F(u32, bad, 0, UINT32_MAX)	/* packets with a wrong tag */	\
	F(list, rocs, roc, IPC_ROCS_MAX)
#define IPC_F_relay_events(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)	/* whose phone sends them */	\
	F(u8, stream, 0, 3)			\
	F(u8, payload_type, 0, 127)		\
	F(u32, rate, 0, 48000)	/* of its clock; 0: they pass */
#define IPC_F_relay_digit(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)	/* whose phone sent it */	\
	F(u8, stream, 0, 3)			\
	F(u8, event, 0, 16)			\
	F(u16, duration_ms, 40, 6000)
#define IPC_F_relay_tone(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)	/* whose phone gets it */	\
	F(u8, stream, 0, 3)			\
	F(u8, event, 0, 16)	/* RFC 4733 3.2: digits, *, #, A-D, flash */ \
	F(u16, duration_ms, 40, 6000)		\
	F(u8, payload_type, 0, 127)		\
	F(u32, rate, 8000, 48000)	/* of its clock */
#define IPC_F_relay_close(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 255)	/* 255: all of it */
#define IPC_F_relay_stats(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(item, counter, counter, 0)
#define IPC_F_relay_news(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, stream, 0, 3)			\
	F(u8, what, 1, 4)			\
	F(oaddr, addr, 0, 0)

#define IPC_F_relay_reach(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, stream, 0, 3)			\
	F(u8, heard, 0, 5)	/* enum media_heard */	\
	F(u8, refused, 0, 1)	/* packets of others came */	\
	F(u8, way, 1, 4)	/* enum media_way */	\
	F(u8, range, 0, 2)	/* enum media_range */	\
	F(u32, ssrc, 0, UINT32_MAX)	/* of its RTP; 0: none came */	\
	F(addr, said, 0, 0)	/* for it in SDP */
#define IPC_F_call_reach(F)			\
	F(u64, ticket, 1, UINT64_MAX)		\
	F(u8, called, 0, 1)	/* 0: the caller's side, 1: the called */	\
	F(u8, way, 1, 4)	/* enum media_way */	\
	F(u8, verdict, 0, 16)	/* enum media_verdict */	\
	F(addr, said, 0, 0)	\
	F(u8, srtp, 0, 6)	/* enum srtp_suite; 0: plain RTP */	\
	F(u8, proof, 0, 10)	/* enum media_proof */	\
	F(oaddr, announced, 0, 0)	/* by the phone */	\
	F(oaddr, seen, 0, 0)	/* where its sound was looked for or came from */ \
	F(oaddr, before, 0, 0)	/* where it had come from */	\
	F(u32, after_ms, 0, UINT32_MAX)	/* heard again */

#define IPC_F_relay_quality(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u8, end, 0, 15)			\
	F(u8, stream, 0, 3)			\
	F(item, quality, quality, 0)
#define IPC_F_call_quality(F)			\
	F(u64, ticket, 1, UINT64_MAX)		\
	F(u8, called, 0, 1)	/* 0: the caller's side, 1: the called */	\
	F(item, quality, quality, 0)

#define IPC_F_map_want(F)			\
	F(list, sockets, socket, IPC_SOCKETS_MAX)
#define IPC_F_map_look(F)			\
	F(u16, socket, 0, 31)	/* as in flow: a listener */
#define IPC_F_stun_send(F)			\
	F(u16, socket, 0, 65535)		\
	F(bin, tid, 12, 12)			\
	F(addr, server, 0, 0)
#define IPC_F_stun_heard(F)			\
	F(u16, socket, 0, 65535)		\
	F(addr, source, 0, 0)			\
	F(blob, packet, 20, 576)
#define IPC_F_public_addr(F)			\
	F(u16, socket, 0, 65535)		\
	F(u8, state, 1, 3)			\
	F(oaddr, mapped, 0, 0)

#define IPC_F_port_open(F)			\
	F(u16, socket, 0, 65535)		\
	F(u8, open, 0, 1)

#define IPC_F_stun_test(F)			\
	F(u16, socket, 0, 65535)		\
	F(bin, tid, 12, 12)			\
	F(addr, server, 0, 0)			\
	F(u8, to, 0, 3)				\
	F(u8, change, 0, 3)
#define IPC_F_stun_hairpin(F)			\
	F(u16, socket, 0, 65535)		\
	F(bin, tid, 12, 12)			\
	F(addr, target, 0, 0)

#define IPC_F_key_cert(F)			\
	F(u8, index, 0, 7)			\
	F(u8, total, 1, IPC_CERTS_MAX)		\
	F(blob, chain, 1, IPC_CHAIN_MAX)
#define IPC_F_sign_ask(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u8, index, 0, 7)			\
	F(u16, scheme, 0, 65535)	/* RFC 8446 4.2.3 */	\
	F(blob, tbs, 1, IPC_TBS_MAX)
#define IPC_F_sign_say(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u8, refusal, 0, 3)	/* enum sign_refusal */	\
	F(blob, signature, 0, 512)

#define IPC_F_window_open(F)			\
	F(bin, code, IPC_WINDOW_CODE, IPC_WINDOW_CODE)	\
	F(u32, open_ms, 0, IPC_WINDOW_MAX_MS)	/* 0: close it */	\
	F(list, ports, socket, IPC_WINDOW_PORTS)
#define IPC_F_window_ask(F)			\
	F(u32, id, 1, UINT32_MAX)
#define IPC_F_window_say(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u32, left_ms, 0, IPC_WINDOW_MAX_MS)	\
	F(list, arrivals, arrival, IPC_WINDOW_ARRIVALS)

#define IPC_F_trace_on(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u8, kind, 1, 3)	/* enum trace_kind */	\
	F(u8, profiles, 1, 7)	/* enum trace_profile, or-ed */	\
	F(str, target, 0, IPC_TRACE_TARGET_MAX)	\
	F(u32, for_s, 1, IPC_TRACE_FOR_MAX_S)	\
	F(u8, hep, 0, 1)	/* 1: send it on by HEP, too */
#define IPC_F_trace_off(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u32, number, 0, 2147483647)	/* 0: all */
#define IPC_F_trace_say(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u32, number, 0, UINT32_MAX)		\
	F(u8, refusal, 0, 5)	/* enum trace_refusal */
#define IPC_F_trace_rules(F)			\
	F(list, traced, traced, IPC_TRACES_MAX)
#define IPC_F_trace_sip(F)			\
	F(u64, at_us, 0, INT64_MAX)	/* CLOCK_MONOTONIC */	\
	F(u8, out, 0, 1)	/* 1: sent */	\
	F(u8, zone, 1, 2)	/* enum zone */	\
	F(u8, transport, 1, 3)	/* enum transport */	\
	F(addr, local, 0, 0)			\
	F(addr, remote, 0, 0)			\
	F(list, traces, trace, IPC_TRACES_MAX)	/* which want it */	\
	F(u64, call, 0, UINT64_MAX)	/* 0: of no call */	\
	F(str, call_id, 0, 256)	/* of the call's first leg */	\
	F(str, refused, 0, 80)	/* why it is no SIP; empty: it is */	\
	F(u32, len, 1, 65535)	/* of the whole of it */	\
	F(blob, message, 1, IPC_TRACE_SIP_MAX)
#define IPC_F_trace_rtp(F)			\
	F(list, packets, packet, IPC_TRACE_PACKETS_MAX)
#define IPC_F_relay_trace(F)			\
	F(u64, session, 1, UINT64_MAX)		\
	F(u64, call, 0, UINT64_MAX)	/* 0: no longer */
#define IPC_F_trunk(F)				\
	F(u32, set, 0, UINT32_MAX)		\
	F(u32, trunk, 1, IPC_TRUNK_ID_MAX)	\
	F(str, name, 1, 64)			\
	F(str, host, 1, 255)			\
	F(u16, port, 0, 65535)	/* 0: as DNS says, or the usual one */	\
	F(u8, transport, 1, 3)			\
	F(u8, zone, 1, 2)			\
	F(str, domain, 1, 255)			\
	F(str, user, 0, 64)	/* of From and REGISTER */	\
	F(u8, registers, 0, 1)			\
	F(u8, has_secret, 0, 1)			\
	F(u8, outbound, 0, 1)			\
	F(u8, trust, 0, 1)			\
	F(u8, mirror, 0, 1)			\
	F(u8, verify, 0, 1)	/* its certificate */	\
	F(u32, expires_s, 60, 86400)		\
	F(u16, ping_s, 0, 3600)			\
	F(u16, channels, 0, 1000)	/* 0: no limit */	\
	F(u8, wait_s, 1, 32)			\
	F(u8, latching, 0, 3)			\
	F(u8, srtp, 0, 3)			\
	F(str, sources, 0, 255)			\
	F(str, stun, 0, 255)
#define IPC_F_trunks(F)				\
	F(u32, set, 0, UINT32_MAX)		\
	F(u16, count, 0, IPC_TRUNKS_MAX)
#define IPC_F_trunk_auth_ask(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u32, id, 0, UINT32_MAX)		\
	F(u32, trunk, 1, IPC_TRUNK_ID_MAX)	\
	F(str, uri, 1, 512)			\
	F(str, realm, 0, 128)			\
	F(str, nonce, 1, 256)			\
	F(str, algorithm, 0, 16)		\
	F(u8, qop, 0, 1)	/* "auth" is offered */
#define IPC_F_trunk_auth_say(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u32, id, 0, UINT32_MAX)		\
	F(u8, verdict, 1, 9)			\
	F(str, username, 0, 64)			\
	F(str, response, 0, 64)			\
	F(str, cnonce, 0, 32)
#define IPC_F_trunk_call_ask(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u32, trunk, 1, IPC_TRUNK_ID_MAX)	\
	F(item, flow, flow, 0)			\
	F(str, called, 0, 64)	/* as the trunk writes it */	\
	F(str, caller, 0, 64)			\
	F(str, name, 0, 64)			\
	F(str, call_id, 0, 256)
#define IPC_F_call_way(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u32, trunk, 1, IPC_TRUNK_ID_MAX)	\
	F(u32, route, 0, INT32_MAX)		\
	F(str, sent, 1, 32)
#define IPC_F_call_tried(F)			\
	F(u64, ticket, 1, INT64_MAX)		\
	F(u32, trunk, 1, IPC_TRUNK_ID_MAX)	\
	F(addr, at, 0, 0)	\
	F(u8, why, 1, 9)	/* enum tried_why */	\
	F(u16, status, 0, 699)	/* 0: no final answer came */	\
	F(str, words, 0, 96)	/* the trunk's own */

#define IPC_F_policy_ask(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(str, by, 1, 32)			\
	F(str, dialled, 1, 64)			\
	F(u8, internet, 0, 1)
#define IPC_F_policy_say(F)			\
	F(u32, id, 0, UINT32_MAX)		\
	F(u8, verdict, 0, 9)	/* enum verdict */	\
	F(str, kind, 0, 16)			\
	F(str, number, 0, 32)	/* as the rules see it */	\
	F(str, pattern, 0, 32)			\
	F(str, rule, 0, 64)			\
	F(str, why, 0, 64)

#define IPC_F_drop_list(F)			\
	F(u8, first, 0, 1)	/* what was told before is over */	\
	F(list, drops, drop, IPC_DROPS_MAX)

#define IPC_TABLE(M)							\
	M(HELLO, hello, 1, ROLE_ANY, ROLE_ANY, 0,			\
	    "First frame on every connection, both ways. A different "	\
	    "version or table, or a role the door is not for, closes it.") \
	M(STATUS_ASK, status_ask, 2, ROLE_ADMIN, ROLE_DAEMONS, 0,	\
	    "The admin command asks a process how it is.")		\
	M(STATUS_SAY, status_say, 3, ROLE_DAEMONS, ROLE_ADMIN,		\
	    IPC_STATUS_ASK, "How the process is, as one JSON object.")	\
	M(NONCE_ASK, nonce_ask, 10, ROLE_SIG, ROLE_REG, 0,		\
	    "Fetch fresh nonces, so that a challenge needs no round trip.") \
	M(NONCE_SAY, nonce_say, 11, ROLE_REG, ROLE_SIG, IPC_NONCE_ASK,	\
	    "Nonces, one after the other, each usable for lifetime_ms.") \
	M(REG_ASK, reg_ask, 12, ROLE_SIG, ROLE_REG, 0,			\
	    "A REGISTER with its digest answer: check it and, if right, "	\
	    "store, refresh or remove the bindings.")			\
	M(REG_SAY, reg_say, 13, ROLE_REG, ROLE_SIG, IPC_REG_ASK,	\
	    "The verdict. OK means the change is on disk; bindings are "	\
	    "what the 200 lists.")					\
	M(AUTH_ASK, auth_ask, 14, ROLE_SIG, ROLE_REG, 0,		\
	    "Any other request with its digest answer. A right answer to "	\
	    "an INVITE buys one lookup of the number in the digest's uri.") \
	M(AUTH_SAY, auth_say, 15, ROLE_REG, ROLE_SIG, IPC_AUTH_ASK,	\
	    "The verdict, who the caller is, and for a lookup the devices "	\
	    "of the called number. The ticket names the call's record.") \
	M(CALL_NOTE, call_note, 16, ROLE_SIG, ROLE_REG, 0,		\
	    "What became of the call with this ticket; for live_call and "	\
	    "call_record, kept apart from what the oracle itself decided.") \
	M(CALL_MEDIA, call_media, 17, ROLE_SIG, ROLE_REG, 0,		\
	    "What was counted so far at one side of a call's sound, for "	\
	    "call_record.")	\
	M(FLOW_KEEP, flow_keep, 18, ROLE_REG, ROLE_SIG, 0,		\
	    "A binding is reached by this flow: keep it alive. Sent for "	\
	    "each binding when sigproxy connects.")			\
	M(FLOW_GONE, flow_gone, 19, ROLE_REG, ROLE_SIG, 0,		\
	    "No binding uses this flow any more: it ended, the phone came "	\
	    "by another one, or an admin shut it out, then it is cut.")	\
	M(FLOW_MOVED, flow_moved, 58, ROLE_REG, ROLE_SIG, 0,		\
	    "The same device of this number showed its password by another " \
	    "flow: what it talks goes there. Sent before FLOW_GONE.")	\
	M(SIG_KEYS, sig_keys, 20, ROLE_REG, ROLE_SIG, 0,		\
	    "The key of sigproxy's branches, tags and masked Call-IDs: "	\
	    "the same after a restart. Sent first of all.")		\
	M(CALL_SAVE, call_save, 21, ROLE_SIG, ROLE_REG, 0,		\
	    "What this call needs after a restart of sigproxy; replaces "	\
	    "what was kept. Opaque: never a ground for permission.")	\
	M(CALL_GONE, call_gone, 22, ROLE_SIG, ROLE_REG, 0,		\
	    "This call needs nothing any more.")			\
	M(CALL_RESTORE, call_restore, 23, ROLE_REG, ROLE_SIG, 0,	\
	    "What a sigproxy before kept of a call.")			\
	M(CALL_RESTORED, call_restored, 24, ROLE_REG, ROLE_SIG, 0,	\
	    "That was all: so many calls.")				\
	M(HOME_PACE, home_pace, 25, ROLE_SIG | ROLE_REG,		\
	    ROLE_SIG | ROLE_REG, 0,					\
	    "How long this home's router keeps the way to its phones open: "	\
	    "the longest silence answered, the shortest that was not; and "	\
	    "what shows that it rewrites SIP, if it does. Told "	\
	    "to registrar-db when learnt, and back to the next sigproxy.")	\
	M(PHONE_LOST, phone_lost, 105, ROLE_SIG | ROLE_REG,		\
	    ROLE_SIG | ROLE_REG, 0,					\
	    "A phone that our public address left behind, or will have "	\
	    "when its registration ends; or it is back. Told to "		\
	    "registrar-db, and back to the next sigproxy.")		\
	M(CONN_GONE, conn_gone, 26, ROLE_SIG, ROLE_REG, 0,		\
	    "A connection that carried a registration closed: nobody is "	\
	    "reached by it any more.")					\
	M(SUB_SAVE, sub_save, 27, ROLE_SIG, ROLE_REG, 0,		\
	    "What this subscription needs after a restart of sigproxy; "	\
	    "only for the ticket that AUTH_SAY gave to its SUBSCRIBE. "	\
	    "Opaque: never a ground for permission.")			\
	M(SUB_GONE, sub_gone, 28, ROLE_SIG, ROLE_REG, 0,		\
	    "This subscription needs nothing any more.")		\
	M(SUB_RESTORE, sub_restore, 29, ROLE_REG, ROLE_SIG, 0,		\
	    "What a sigproxy before kept of a subscription, and how long "	\
	    "it lasts. Sent before CALL_RESTORED.")			\
	M(RELAY_OPEN, relay_open, 30, ROLE_SIG, ROLE_MEDIA, 0,		\
	    "Give one device of a call ports in a zone. The first one of "	\
	    "a session number makes the session. With want: exactly those "	\
	    "ports, which stood in an SDP before a restart.")		\
	M(RELAY_SAY, relay_say, 31, ROLE_MEDIA, ROLE_SIG,		\
	    IPC_RELAY_OPEN, "The ports, and the addresses that SDP says.") \
	M(RELAY_SET, relay_set, 32, ROLE_SIG, ROLE_MEDIA, 0,		\
	    "After an offer or answer: where the device says it listens, "	\
	    "and which other end its packets go to.")			\
	M(RELAY_KEY, relay_key, 38, ROLE_SIG, ROLE_MEDIA, 0,		\
	    "SRTP keys of one stream, before its RELAY_SET. The same keys "	\
	    "as before change nothing; other ones begin at rollover 0, or "	\
	    "where a relay before was.")				\
	M(RELAY_ROC, relay_roc, 45, ROLE_MEDIA, ROLE_SIG, 0,		\
	    "How far SRTP of one stream is, for the relay after this one: " \
	    "told with each new source and rollover, and each second of "	\
	    "what a phone sends. And that tags are wrong.")		\
	M(RELAY_ICE, relay_ice, 110, ROLE_SIG, ROLE_MEDIA, 0,		\
	    "Our ICE-lite credential of one stream, before its RELAY_SET: " \
	    "whose checks are answered there, and may nominate.")	\
	M(RELAY_NOMINATED, relay_nominated, 111, ROLE_MEDIA, ROLE_SIG, 0, \
	    "Where a check nominated the phone's ports, for the relay "	\
	    "after this one.")						\
	M(RELAY_TONE, relay_tone, 59, ROLE_SIG, ROLE_MEDIA, 0,		\
	    "A phone sent a digit by INFO: give it to this one as events "	\
	    "of RFC 4733, in its stream.")				\
	M(RELAY_EVENTS, relay_events, 109, ROLE_SIG, ROLE_MEDIA, 0,	\
	    "Take events of RFC 4733 out of what this phone sends, since "	\
	    "the other one knows only INFO: of this payload type.")	\
	M(RELAY_DIGIT, relay_digit, 112, ROLE_MEDIA, ROLE_SIG, 0,	\
	    "A digit that was taken out.")				\
	M(RELAY_CLOSE, relay_close, 33, ROLE_SIG, ROLE_MEDIA, 0,	\
	    "Give the ports back. Answered by RELAY_STATS for each stream.") \
	M(RELAY_STATS, relay_stats, 34, ROLE_MEDIA, ROLE_SIG, 0,	\
	    "Last counters of a closed end.")				\
	M(RELAY_NEWS, relay_news, 35, ROLE_MEDIA, ROLE_SIG, 0,		\
	    "An end learnt its device's address, fell silent, or was "	\
	    "heard again.")						\
	M(SUB_END, sub_end, 40, ROLE_REG, ROLE_SIG, 0,			\
	    "The watcher may not have this subscription any more, or not "	\
	    "see what it shows.")					\
	M(MWI_SAVE, mwi_save, 41, ROLE_SIG, ROLE_REG, 0,		\
	    "A mailbox changed. Kept if there is such a number.")	\
	M(MWI_RESTORE, mwi_restore, 42, ROLE_REG, ROLE_SIG, 0,		\
	    "A mailbox as it was kept. Sent before CALL_RESTORED.")	\
	M(ACCOUNT_WANT, account_want, 86, ROLE_REG, ROLE_SIG, 0,	\
	    "Keep this registration of ours at a trunk, or end it. All of " \
	    "them are told when sigproxy connects, then ACCOUNT_ALL: "	\
	    "others are no more.")					\
	M(ACCOUNT_ASK, account_ask, 87, ROLE_SIG, ROLE_REG, 0,		\
	    "The registrar of this registration asks for a digest. It "	\
	    "covers REGISTER to that registrar and nothing else: method "	\
	    "and URI are the oracle's own.")				\
	M(ACCOUNT_SAY, account_say, 88, ROLE_REG, ROLE_SIG,		\
	    IPC_ACCOUNT_ASK, "The response, or why there is none.")	\
	M(ACCOUNT_NOTE, account_note, 89, ROLE_SIG, ROLE_REG, 0,	\
	    "What became of a registration of ours: for an admin, and "	\
	    "how long it lasts for the next sigproxy.")			\
	M(TRUNK_AT, trunk_at, 90, ROLE_STUN, ROLE_SIG, 0,		\
	    "Where a trunk is that has a name: its addresses with their "	\
	    "ports, the best first (RFC 3263). Said again when it changes.") \
	M(TRUNK_DIAL, trunk_dial, 103, ROLE_SIG, ROLE_STUN, 0,		\
	    "Make a connection to this address of a trunk by TCP or TLS. "	\
	    "Only addresses that stunmon knows as this trunk's are dialled, " \
	    "each at most twice a second.")				\
	M(TRUNK_CONN, trunk_conn, 104, ROLE_STUN, ROLE_SIG,		\
	    IPC_TRUNK_DIAL, "The connection, as the one descriptor that "	\
	    "goes along with this frame (SCM_RIGHTS); or why there is none.") \
	M(RELAY_REACH, relay_reach, 43, ROLE_MEDIA, ROLE_SIG, 0,	\
	    "How an end's media gets in, which address was said for it, "	\
	    "and whether its phone was heard. Told when that changes, "	\
	    "once after 1.5 s without a packet (it is awaited), when one "	\
	    "that never paused has sent nothing for a second, after "	\
	    "5 s without a packet, and before RELAY_STATS.")		\
	M(CALL_REACH, call_reach, 44, ROLE_SIG, ROLE_REG, 0,		\
	    "The same for live_call and call_record, with what is to be "	\
	    "concluded.")						\
	M(RELAY_QUALITY, relay_quality, 48, ROLE_MEDIA, ROLE_SIG, 0,	\
	    "How a stream sounds: after 5 s, then every 10 s, and before "	\
	    "RELAY_STATS.")						\
	M(CALL_QUALITY, call_quality, 49, ROLE_SIG, ROLE_REG, 0,	\
	    "The same for live_call and call_record. Also a phone's own "	\
	    "report (RFC 6035), with nothing but `said`.")		\
	M(MAP_WANT, map_want, 50, ROLE_SIG | ROLE_MEDIA, ROLE_STUN, 0,	\
	    "These sockets, and no others, are to be kept mapped.")	\
	M(MAP_LOOK, map_look, 91, ROLE_SIG, ROLE_STUN, 0,		\
	    "This socket's mapping is another one, perhaps: look now, and "	\
	    "not only at the next turn. One that was looked at less than 4 s " \
	    "ago waits until then.")						\
	M(STUN_SEND, stun_send, 51, ROLE_STUN, ROLE_SIG | ROLE_MEDIA, 0, \
	    "Send a Binding Request from this socket. The owner builds "	\
	    "it and refuses servers that are not configured.")		\
	M(STUN_HEARD, stun_heard, 52, ROLE_SIG | ROLE_MEDIA, ROLE_STUN,	0, \
	    "A STUN packet came to this socket.")			\
	M(PUBLIC_ADDR, public_addr, 53, ROLE_STUN, ROLE_SIG | ROLE_MEDIA, 0, \
	    "What the internet sees instead of this socket's address.")	\
	M(PORT_OPEN, port_open, 54, ROLE_STUN, ROLE_SIG, 0,		\
	    "Whether a stranger's packet was seen to come in by this "	\
	    "socket's mapping.")					\
	M(STUN_TEST, stun_test, 55, ROLE_STUN, ROLE_SIG, 0,		\
	    "Test the NAT (RFC 5780): a Binding Request to one of a "	\
	    "configured server's own addresses (bit 0: its other IP, bit " \
	    "1: its other port, as it told sigproxy itself), to be "	\
	    "answered from another of them.")				\
	M(STUN_HAIRPIN, stun_hairpin, 56, ROLE_STUN, ROLE_MEDIA, 0,	\
	    "Send a Binding Request from this socket to our own SIP "	\
	    "port's mapping: does the router turn it back?")		\
	M(KEY_CERT, key_cert, 60, ROLE_KEY, ROLE_SIG, 0,		\
	    "A chain of certificates, leaf first, DER, one after the "	\
	    "other. All of them are sent, in order, when sigproxy "	\
	    "connects.")						\
	M(SIGN_ASK, sign_ask, 61, ROLE_SIG, ROLE_KEY, 0,		\
	    "Sign for a handshake: the whole of what is signed, as TLS "	\
	    "1.3 CertificateVerify or TLS 1.2 ServerKeyExchange has it.")	\
	M(SIGN_SAY, sign_say, 62, ROLE_KEY, ROLE_SIG, IPC_SIGN_ASK,	\
	    "The signature, or why there is none.")			\
	M(WINDOW_OPEN, window_open, 63, ROLE_ADMIN, ROLE_MEDIA, 0,	\
	    "For so long count packets that bear this code at these RTP "	\
	    "ports, and answer none: does the router forward them? "	\
	    "Replaces the window before.")				\
	M(WINDOW_ASK, window_ask, 64, ROLE_ADMIN, ROLE_MEDIA, 0,	\
	    "What came to the ports of the window so far?")					\
	M(WINDOW_SAY, window_say, 65, ROLE_MEDIA, ROLE_ADMIN,		\
	    IPC_WINDOW_ASK, "One row for each socket of those ports.")	\
	M(DIVERT_ASK, divert_ask, 70, ROLE_SIG, ROLE_REG, 0,		\
	    "The called phone of a granted, unanswered call redirects "	\
	    "it (3xx). One lookup, under the right of the number that "	\
	    "redirects; at most five for one call.")			\
	M(DIVERT_SAY, divert_say, 71, ROLE_REG, ROLE_SIG,		\
	    IPC_DIVERT_ASK, "The verdict, and the devices of the number "	\
	    "that the call goes to. OK means it stands in the record.") \
	M(CALL_END, call_end, 72, ROLE_REG, ROLE_SIG, 0,		\
	    "End this call: a cap is reached, a right withdrawn, its "	\
	    "subscriber or trunk disabled. Said again until it has ended.")	\
	M(REFER_ASK, refer_ask, 73, ROLE_SIG, ROLE_REG, 0,		\
	    "A phone of this live call sends the other one elsewhere "	\
	    "(REFER): may its subscriber call there himself?")		\
	M(REFER_SAY, refer_say, 74, ROLE_REG, ROLE_SIG,			\
	    IPC_REFER_ASK, "The verdict; a denial stands in a record of "	\
	    "its own.")							\
	M(CALL_AWAY, call_away, 75, ROLE_SIG, ROLE_REG, 0,		\
	    "A phone of this live call wanted it, or the other phone, to "	\
	    "go where no number of ours is. It was refused: one record.")	\
	M(TRUNK, trunk, 80, ROLE_REG, ROLE_SIG | ROLE_STUN, 0,		\
	    "One enabled trunk, without its secret. All are told when the " \
	    "door opens, and all again when an admin changed one.")	\
	M(TRUNKS, trunks, 81, ROLE_REG, ROLE_SIG | ROLE_STUN, 0,	\
	    "Those were all of this set: there are no others any more.")	\
	M(TRUNK_AUTH_ASK, trunk_auth_ask, 82, ROLE_SIG, ROLE_REG, 0,	\
	    "A trunk challenges the INVITE of this call. Answered only "	\
	    "for a call that was granted by this trunk, to the number that " \
	    "was granted, a few times for each.")			\
	M(TRUNK_AUTH_SAY, trunk_auth_say, 83, ROLE_REG, ROLE_SIG,	\
	    IPC_TRUNK_AUTH_ASK, "The digest answer, nc 00000001.")	\
	M(TRUNK_CALL_ASK, trunk_call_ask, 84, ROLE_SIG, ROLE_REG, 0,	\
	    "An INVITE came from a trunk's address: for whom is it? "	\
	    "Answered by AUTH_SAY.")					\
	M(CALL_WAY, call_way, 85, ROLE_SIG, ROLE_REG, 0,		\
	    "A granted call goes out by this trunk now, for live_call and " \
	    "call_record.")							\
	M(TRACE_ON, trace_on, 96, ROLE_ADMIN, ROLE_TRACE, 0,		\
	    "Trace this from now on, for so long.")			\
	M(TRACE_OFF, trace_off, 97, ROLE_ADMIN, ROLE_TRACE, 0,		\
	    "Trace it no longer. What was written stays.")		\
	M(TRACE_SAY, trace_say, 98, ROLE_TRACE, ROLE_ADMIN,		\
	    IPC_TRACE_ON, "Which trace began or ended, or why not; to "	\
	    "TRACE_OFF as well.")					\
	M(TRACE_RULES, trace_rules, 99, ROLE_TRACE, ROLE_SIG, 0,	\
	    "All that is traced now; replaces what was. Sent when "	\
	    "sigproxy connects, and with each change.")			\
	M(TRACE_SIP, trace_sip, 100, ROLE_SIG, ROLE_TRACE, 0,		\
	    "A message of what is traced, as it was on the wire, but for "	\
	    "digests, keys and bodies of MESSAGE, which are crossed out; of "	\
	    "one that was not understood all that is not known to be harmless.")	\
	M(TRACE_RTP, trace_rtp, 101, ROLE_MEDIA, ROLE_TRACE, 0,		\
	    "Packets of traced calls, without what they carry.")	\
	M(RELAY_TRACE, relay_trace, 102, ROLE_SIG, ROLE_MEDIA, 0,	\
	    "Tell tracer the packets of this session, as this call's; or "	\
	    "no longer.")							\
	M(POLICY_ASK, policy_ask, 94, ROLE_ADMIN, ROLE_REG, 0,		\
	    "The admin command asks: if this subscriber dialled that now, "	\
	    "from the office or the internet, what would be decided?")	\
	M(POLICY_SAY, policy_say, 95, ROLE_REG, ROLE_ADMIN,		\
	    IPC_POLICY_ASK, "The decision, and by which rule.")		\
	M(DROP_LIST, drop_list, 92, ROLE_REG, ROLE_SIG, 0,		\
	    "Sources on the internet whose packets are dropped unread, "	\
	    "unless a phone is registered there. The whole list, in "	\
	    "several messages if it is long, whenever it changed.")	\
	M(CALL_TRIED, call_tried, 113, ROLE_SIG, ROLE_REG, 0,		\
	    "This trunk did not take a granted call, and why: for "	\
	    "call_try.")

#endif
