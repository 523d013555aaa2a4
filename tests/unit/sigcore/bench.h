/* The transaction layer on a bench: every datagram with the time it left. */
#ifndef TESTS_SIGCORE_BENCH_H
#define TESTS_SIGCORE_BENCH_H

#include "sigproxy/core/txn_client.h"
#include "sigproxy/core/txn_server.h"

#define BENCH_SENT 64

struct bench {
	struct txns txns;
	struct timerq timers;
	struct steps *steps;
	struct mono now;
	struct flow phone;		/* UDP, outside */
	struct sip_msg in;
	char in_text[4096];
	struct {
		uint64_t ms;
		char text[2048];
	} sent[BENCH_SENT];
	unsigned n_sent, n_lines;	/* lines for the log */
	/* What the owner was told. */
	unsigned responses, timeouts, ended, cancelled, no_ack;
	uint16_t last_status;
	uint64_t told_ms;		/* when it was told last */
};

extern const struct stxn_ops bench_server_ops;
extern const struct ctxn_ops bench_client_ops;

void bench_init(struct bench *b, uint32_t n, uint8_t transport);
void bench_clear(struct bench *b);
/* Time goes on to ms after the start; timers fire in order. */
void bench_until(struct bench *b, uint64_t ms);
/* Keep what was sent. */
void bench_collect(struct bench *b);
/* Do the first words of the sent datagrams and their times equal this list:
 * "0 INVITE, 500 INVITE"? */
void bench_sent_is(struct bench *b, const char *list);

/* Parse a request as if it came from the phone; method and branch vary. */
const struct sip_msg *bench_request(struct bench *b, const char *method,
    const char *branch, const char *extra);
struct stxn *bench_server(struct bench *b, const char *method);
struct ctxn *bench_client(struct bench *b, const char *method);
/* A response of the phone to the bench_client() request. */
bool bench_response(struct bench *b, const char *method, unsigned status,
    const char *tag);

#endif
