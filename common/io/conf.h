/*
 * postern.conf: INI read with inih into one struct, before anything else.
 *
 * A table (conf_keys.h) states section, key, kind, bounds, default and one
 * line of help; the reader, --check, etc/postern.conf.sample and the manual
 * come from it.  Unknown and repeated keys, bad values and contradictions are
 * all reported in one run, each with file, line and what to do.
 */
#ifndef COMMON_IO_CONF_H
#define COMMON_IO_CONF_H

#include <stdio.h>

#include "common/base/addr.h"
#include "common/ipc/names.h"

#define CONF_NAME_MAX 128
#define CONF_PATH_MAX 256
#define CONF_NUMBER_MAX 16
#define CONF_LIST_MAX 8

enum public_how { PUBLIC_STUN, PUBLIC_NONE, PUBLIC_ADDRESS, PUBLIC_NAME };
enum media_mode { MEDIA_AUTO, MEDIA_PUNCH, MEDIA_FORWARDED };

struct conf_host {		/* HOST:PORT, the host a name or an address */
	char host[CONF_NAME_MAX];
	uint16_t port;
	bool port_given;	/* else a name's SRV record is asked first */
	struct addr addr;	/* family ADDR_NONE when host is a name */
};

struct conf {
	/* [site] */
	char domain[CONF_NAME_MAX];
	char realm[CONF_NAME_MAX];
	unsigned digests;	/* 1 << enum digest_alg, or-ed */
	bool auth_int;
	char aliases[CONF_LIST_MAX][CONF_NAME_MAX];
	unsigned n_aliases;
	bool accept_ip;
	char emergency[CONF_LIST_MAX][CONF_NUMBER_MAX];
	unsigned n_emergency;
	struct addr mwi_source[CONF_LIST_MAX];
	unsigned n_mwi_source;
	/* Digits; empty: not told, or none. */
	char country[CONF_NAME_MAX], area[CONF_NAME_MAX];
	char international_prefix[CONF_NAME_MAX];
	char national_prefix[CONF_NAME_MAX];
	/* [address] */
	struct addr internal[CONF_LIST_MAX];
	unsigned n_internal;
	struct addr external[CONF_LIST_MAX];
	unsigned n_external;
	struct addr_prefix lan[CONF_LIST_MAX];	/* key `lan`: who counts as
				 * internal; default: private addresses and
				 * the networks of `internal` */
	unsigned n_lan;
	enum public_how public_how;
	struct addr public_addr;		/* for PUBLIC_ADDRESS */
	char public_name[CONF_NAME_MAX];	/* for PUBLIC_NAME */
	struct conf_host stun[CONF_LIST_MAX];
	unsigned n_stun;
	char name[CONF_NAME_MAX];	/* empty: the domain, perhaps */
	uint32_t stun_interval_s;
	/* [listen]; 0: off */
	uint16_t external_udp, external_tcp, external_tls;
	uint16_t internal_udp, internal_tcp, internal_tls;
	/* what phones outside are told; 0: found out */
	uint16_t external_udp_advertised, external_tcp_advertised;
	uint16_t external_tls_advertised;
	uint32_t dscp_sip;
	/* [media] */
	uint16_t ports_first, ports_last;
	uint16_t internal_ports_first, internal_ports_last;
	uint32_t channels;
	uint32_t reserved;	/* channels beside them, for emergencies */
	uint32_t processes;
	uint32_t dscp_audio, dscp_video;
	enum media_mode mode;
	enum latch_mode latching;
	enum hold_mode hold;
	/* [tls] */
	char tls_certificate[CONF_LIST_MAX][CONF_PATH_MAX];
	unsigned n_tls_certificates;
	char tls_key[CONF_LIST_MAX][CONF_PATH_MAX];
	unsigned n_tls_keys;	/* one for each that is not PKCS#12 */
	char tls_passphrase_file[CONF_PATH_MAX];
	char tls_trunk_ca[CONF_PATH_MAX];
	/* [store] */
	char store_path[CONF_PATH_MAX];
	char store_key[CONF_PATH_MAX];
	uint32_t keep_records_days;	/* 0: as many as there is room for */
	/* [trace] */
	struct addr hep;	/* family ADDR_NONE: nobody */
	uint8_t hep_transport;	/* TRANSPORT_ */
	char hep_tls_name[CONF_NAME_MAX];	/* empty: hep's address */
	char hep_tls_ca[CONF_PATH_MAX];
	uint32_t hep_id;
	uint32_t trace_keep_days, trace_keep_mb, trace_file_mb;
};

/*
 * Read and check a file.
 *
 * Takes:   complaints  where each problem is written, one line each.
 * Gives:   out, complete with defaults, only on success.
 * Errors:  -ENOENT, -EACCES and the like: cannot be read; -EINVAL: complaints
 *          were written.
 */
int conf_read(const char *path, FILE *complaints, struct conf *out);

/* Write the documented sample file. */
void conf_sample(FILE *to);

/* Is there anything to serve TLS with, and a port to serve it on? */
bool conf_has_tls(const struct conf *c);
/* PKCS#12: the certificate's file holds its key. */
bool conf_is_p12(const char *path);

/* The port its socket's owner may ask it at; 0: any, by SRV. */
uint16_t conf_stun_port(const struct conf_host *server);

/*
 * Read a receiver of HEP: ADDRESS:PORT, udp:, tcp: or tls:ADDRESS:PORT.
 *
 * Errors:  -EINVAL.
 */
int conf_hep_parse(struct span text, struct addr *to, uint8_t *transport);
/* "tcp:", "tls:", or nothing. */
const char *conf_hep_way(uint8_t transport);
/* Does tracer dial it, rather than send datagrams? */
bool conf_hep_dials(const struct conf *c);

/* Is this address one of the office's own (internal zone)? */
bool conf_is_lan(const struct conf *c, const struct addr *a);

#endif
