/*
 * A small laboratory round the core of sigproxy: phones, an oracle and a
 * relay made of text and numbers, with time as a number.
 *
 * Everything sent to a phone outside is searched for what must not leave the
 * office; a find fails the test at once.
 */
#ifndef TESTS_SIGCALL_LAB_H
#define TESTS_SIGCALL_LAB_H

#include <check.h>
#include <string.h>

#include "sigproxy/core/edge.h"

#define LAB_INBOX 64
#define LAB_TEXT 8192
#define LAB_PHONES 24

#define HAS(msg, what)                                                         \
	ck_assert_msg(strstr((msg), (what)) != NULL, "no %s in\n%s", what, msg)
#define LACKS(msg, what)                                                       \
	ck_assert_msg(strstr((msg), (what)) == NULL, "%s in\n%s", what, msg)

struct lab;

struct phone {
	struct lab *lab;
	const char *number, *name;
	const char *host; /* what it writes into Via, Contact, SDP */
	uint16_t port;    /* the same */
	char name_mem[32], host_mem[32];
	struct flow flow; /* where its packets come from */
	bool is_closed;   /* its connection, if it has one */
	const char *can;  /* Allow and Supported lines; NULL: the usual */
	const char *says; /* lines in each answer of its; NULL: none */
	const char *type; /* Content-Type of bodies; NULL: application/sdp */
	bool is_sips;     /* it writes sips: */
	bool no_events;   /* its SDP has no telephone-event */
	bool is_asked;    /* keepalives get into its inbox */
	const char *instance; /* of its binding, or NULL */
	bool has_ice;	      /* it registered with +sip.ice */
	char inbox[LAB_INBOX][LAB_TEXT];
	unsigned head, tail;
};

struct lab {
	struct edge *edge;
	struct edge_conf conf;
	struct steps *steps;
	struct mono now;
	struct phone phones[LAB_PHONES];
	unsigned n_phones;
	uint64_t n_conns; /* numbers given */
	uint64_t cut;	  /* the connection that was closed last */
	uint8_t rtp_seq;
	uint32_t ssrc;	  /* of who was heard; 0: LAB_SSRC */
	bool forwarded;	  /* the RTP range, as the relay knows */
	bool stolen; /* a phone uses another one's identifiers:
		      * what it reads back is no leak */
	/* The oracle. */
	char nonce[IPC_NONCE_LEN + 1];
	uint8_t verdict;             /* of the next AUTH_ASK */
	const char *caller, *called; /* numbers it says */
	uint8_t hold_of_called, hold_of_caller;
	uint8_t srtp_of_called, srtp_of_caller; /* enum srtp_policy */
	uint64_t ticket; /* counted up */
	bool emergency;  /* so it says of what is called next */
	const char *codecs_of_caller, *codecs_of_called; /* or NULL */
	uint32_t kbps_of_caller, kbps_of_called;
	/* By which trunks the next call goes; none: to phones. */
	unsigned n_ways;
	uint32_t way_trunk[4];
	struct ipc_trunk trunks[4];
	unsigned n_trunks, n_trunk_asks, n_call_ways;
	/* CALL_TRIED: "trunk why status words" each, in one line. */
	char tried[1024];
	uint8_t trunk_verdict; /* of TRUNK_AUTH_ASK; 0: OK */
	bool trunk_mute;
	char trunk_uri[256];
	/* DIVERT_ASK. */
	uint8_t divert_verdict; /* 0: by whether the number has phones */
	bool divert_mute;
	unsigned divert_asks;
	char divert_by[33], divert_to[33];
	/* REFER_ASK. */
	uint8_t refer_verdict; /* 0: OK */
	bool refer_mute;
	unsigned refer_asks;
	char refer_by[33], refer_to[129];
	/* CALL_AWAY: "via by number@host" of the last one. */
	unsigned n_away;
	char away[160];
	struct ipc_call_note notes[64];
	char reasons[64][129];
	unsigned n_notes;
	struct ipc_call_media media[64];
	unsigned n_media;
	struct ipc_call_reach reach; /* the last one */
	unsigned n_reach;
	struct ipc_call_quality quality; /* the last one */
	unsigned n_quality;
	unsigned auth_asks;
	/* What it keeps for us. */
	struct {
		uint64_t ticket; /* 0: not in use */
		bool over;       /* its record has ended */
		uint8_t version;
		size_t len;
		char state[IPC_STATE_MAX];
	} saves[16];
	unsigned n_saves, n_gone;
	struct {
		uint64_t id; /* 0: not in use */
		uint32_t expires_s;
		uint8_t version;
		size_t len;
		char state[IPC_SUB_STATE_MAX];
	} subs[256];
	unsigned n_sub_saves, n_sub_gone;
	struct {
		struct ipc_mailbox box;
		char number[33];
	} boxes[16];
	unsigned n_boxes;
	uint8_t show; /* of a SUBSCRIBE: enum watch_show */
	/* The relay. */
	bool relay_mute, stats_mute;
	uint8_t refusal;
	uint8_t full, mute; /* instances that are, by bit */
	uint16_t next_port;
	struct ipc_relay_open opens[64];
	unsigned n_opens;
	unsigned opens_of[2];   /* by instance */
	uint8_t streams_max;    /* it has ports for so many; 0: for all */
	uint8_t streams_of[1024][16]; /* open, by session and end */
	struct ipc_relay_set sets[256];
	unsigned n_sets;
	unsigned n_closes, n_close_all;
	struct lab_key {
		struct ipc_relay_key m; /* its spans are gone */
		uint8_t in[46], out[46];
		unsigned at; /* n_sets when it came */
	} keys[64];
	unsigned n_keys;
	struct lab_ice { /* RELAY_ICE */
		uint8_t end;
		char ufrag[33], pwd[33];
		struct addr rtp, rtcp;
	} ices[16];
	unsigned n_ices;
	struct ipc_relay_tone tone; /* the last one */
	unsigned n_events;
	struct ipc_relay_events events[8]; /* RELAY_EVENTS, in turn */
	unsigned n_tones;
	uint64_t session;
	struct ipc_relay_trace traced[64]; /* RELAY_TRACE */
	unsigned n_traced;
	/* tracer: what it got. */
	struct lab_seen {
		struct ipc_trace_sip m; /* its spans are those below */
		char call_id[257], text[2048];
	} seen[64];
	unsigned n_seen;
	const char *public_ip; /* what the relay says outside */
	unsigned n_looks;      /* MAP_LOOK */
	unsigned n_lost;       /* lines phone-lost */
	struct lab_lost {
		struct ipc_phone_lost m; /* its span is number */
		char number[33];
	} lost[64]; /* PHONE_LOST that stands; told to the next sigproxy */
};

/* Two listeners for UDP, TCP and TLS each, one relay, everything up. */
struct lab *lab_new(uint32_t channels, uint32_t max_calls);
void lab_free(struct lab *lab);

/* The second mediaproxy's door opens. */
void lab_second_relay(struct lab *lab);

/* Phone in the office: 192.168.10.x; at home: behind 198.51.100.x. */
struct phone *lab_office(struct lab *lab, const char *number, uint8_t last);
struct phone *lab_home(struct lab *lab, const char *number, uint8_t last);
/* Like a home, but nobody's registration. */
struct phone *lab_stranger(struct lab *lab, const char *number, uint8_t last);

/* From now on by TCP, by a new connection with a new port. */
void phone_connect(struct phone *p);
/* The same by TLS; sips: what it writes. */
void phone_connect_tls(struct phone *p, bool sips);
/* That closes. */
void phone_disconnect(struct phone *p);
/* Nobody knows where its next message begins; head is what there was. */
void phone_loses_frame(struct phone *p, const char *head);
/* It registered by its flow, the first of a connection, with this Contact. */
void phone_is_back(struct phone *p, const char *contact);

/* What the internet sees is this now, say stunmon and the relay. */
void lab_public(struct lab *lab, const char *public_ip);
/* No STUN server answers: this was the last good one. */
void lab_stun_silent(struct lab *lab, const char *last);
/* It registers by its flow for a minute; server: what it is set to, an
 * address, or NULL for a name. */
void phone_registers(struct phone *p, const char *server);
/* The oracle says that it did by another flow than this one before. */
void phone_moved(struct phone *p, const struct flow *was);
/* It says that its binding ended. */
void phone_gone(struct phone *p);

/* Time passes, timers fire. */
void lab_pass(struct lab *lab, uint64_t ms);
/* The same; both answer every OPTIONS meanwhile.  Gives how many came. */
unsigned lab_pass_alive(
    struct lab *lab, uint64_t ms, struct phone *a, struct phone *b);
/* Until the next timer; false when there is none within max_ms. */
bool lab_next(struct lab *lab, uint64_t max_ms);

/* A datagram from a phone; printf form. */
void phone_send(struct phone *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The oldest datagram not yet read, or NULL. */
const char *phone_recv(struct phone *p);
/* The oldest one that begins so; what is before it is dropped; or NULL. */
const char *phone_expect(struct phone *p, const char *begin);

/* Value of a header in a message, copied into rotating memory; "" if none. */
const char *hdr(const char *msg, const char *name);
/* The body. */
const char *body(const char *msg);
/* A parameter of a header's value, such as "tag". */
const char *param(const char *value, const char *name);
/* Request-URI of a request; URI of a Contact. */
const char *ruri(const char *msg);
const char *contact_uri(const char *msg);

/* One dialog as a phone sees it. */
struct dlg {
	struct phone *phone;
	char call_id[256], local[256], remote[256], target[512];
	unsigned cseq;
	unsigned branch;
};

/* An SDP with one audio stream of this phone; direction may be NULL. */
const char *sdp_of(const struct phone *p, uint16_t port, const char *direction);

/*
 * Phone a calls b's number with credentials: sends, answers the challenge,
 * and fills d.  number may be a whole URI.  sdp may be NULL.  extra: whole
 * header lines or "".
 */
void dlg_call(struct dlg *d, struct phone *a, const char *number,
    const char *sdp, const char *extra);
/* d from an INVITE that p got. */
void dlg_from_invite(struct dlg *d, struct phone *p, const char *invite);
/* What a 2xx or 18x to d's INVITE tells: tag and target. */
void dlg_learn(struct dlg *d, const char *answer);
/* A request inside; sdp or body by content type; extra header lines. */
void dlg_send(struct dlg *d, const char *method, const char *type,
    const char *text, const char *extra);
/*
 * A request out of any dialog that p sends to a number and proves, once
 * challenged: d is then its dialog.  extra: whole header lines.
 * Gives: the answer to the proof; or the first, if it was no challenge.
 */
const char *dlg_ask(struct dlg *d, struct phone *p, const char *method,
    const char *number, const char *type, const char *text,
    const char *extra);
/* The same without body, with credentials for this 401; INVITE brings its
 * SDP. */
void dlg_send_auth(struct dlg *d, const char *method, const char *challenge);
/* The same for any method, with header lines of its own. */
void dlg_send_with(struct dlg *d, const char *method, const char *challenge,
    const char *extra);
/* ACK to the INVITE with this CSeq. */
void dlg_ack(struct dlg *d, unsigned cseq, const char *sdp);
/* CANCEL of d's last request: its first INVITE, or one in the dialog. */
void dlg_cancel(struct dlg *d);
void dlg_cancel_inside(struct dlg *d);
/* Answer request msg. sdp may be NULL. tag is p's own for dialogs. */
void phone_answer(struct phone *p, const char *msg, unsigned status,
    const char *tag, const char *sdp);

/* A call from a to b's number that b answers: ringing, 200, ACK. */
struct talk {
	struct lab *lab;
	struct dlg a, b;
};
void talk_begin(struct talk *t, struct phone *a, struct phone *b);

/* tracer wants this traced, and nothing else; kind 0: nothing. */
void lab_trace(struct lab *lab, uint8_t kind, const char *target,
    uint8_t profiles);

/* sigproxy is killed and starts anew: all it has is what was saved. */
void lab_restart(struct lab *lab);
/* registrar-db goes, or comes: sigproxy stays. */
void lab_registrar(struct lab *lab, bool up);
/* registrar-db came back and tells what it has. */
void lab_tell_saved(struct lab *lab);
/* Subscriptions that it keeps now. */
unsigned lab_subs_saved(const struct lab *lab);
/* It ends one: the place is in lab->subs. */
/* p is a trunk's server from now on; trunks have numbers from 1. */
uint32_t lab_trunk(struct lab *lab, struct phone *p);
/* registrar-db ends a call. */
void lab_call_end(struct lab *lab, uint64_t ticket, enum stop_why why);
void lab_sub_end(struct lab *lab, unsigned at, bool again);
/* It tells one subscription of a life before. */
void lab_sub_restore(struct lab *lab, uint64_t id, struct span state);
/* Saved states now. */
unsigned lab_saved(const struct lab *lab);
/* The first relay dies, or comes back knowing nothing. */
void lab_relay(struct lab *lab, bool up);
/* It says where the newest session's end is heard from. */
void lab_learnt(struct lab *lab, uint8_t end, const struct addr *from);
/* The same of its RTCP. */
void lab_learnt_rtcp(struct lab *lab, uint8_t end, const struct addr *from);
/* It took a digit out of what that end's phone sends. */
void lab_digit(struct lab *lab, uint8_t end, uint8_t event);
/* A check nominated that address for it. */
void lab_nominated(struct lab *lab, uint8_t end, const struct addr *rtp);
/* It says how far SRTP of that end is. */
void lab_roc(struct lab *lab, const struct ipc_relay_roc *roc);
/* It hears that end no more, or again. */
void lab_silent(struct lab *lab, uint8_t end, bool silent);
/* What it says of that end's way in: 1.5 s after a SET, say. */
void lab_reach(struct lab *lab, uint8_t end, enum media_heard heard);
/* RTP comes to our SIP port from that port of p's home; false: nobody took
 * it for anything. */
#define LAB_SSRC 7	/* of the sound that the relay heard */
bool lab_rtp(struct phone *p, uint16_t from, uint32_t ssrc);
/* How a stream sounds. */
void lab_quality(struct lab *lab, const struct ipc_relay_quality *m);
/* The newest note; the newest RELAY_SET of an end's first stream, or of
 * another one. */
const struct ipc_relay_set *lab_set_of(
    const struct lab *lab, uint8_t end, uint8_t stream);
const struct ipc_call_note *lab_note(const struct lab *lab);
const struct ipc_relay_set *lab_set(const struct lab *lab, uint8_t end);
/* Nothing is left: no call, leg, exchange or channel. */
void lab_expect_empty(struct lab *lab);

/* Status members, from edge_status(). */
uint64_t lab_count(struct lab *lab, const char *member);

#endif
