/*
 * Every key of postern.conf, declared once:
 *	K(section, key, kind, field, field2, lo, hi, value, example, help)
 *
 * kind     which reader of conf_value.c
 * field    member of struct conf that gets it; field2 the second one (the
 *          count of a list, the end of a range) or the same again
 * lo, hi   bounds of the number, of each range end, or of the text's length
 * value    default as text, NULL: none (the field stays empty)
 * example  what the sample file shows; NULL: the default, commented out
 *
 * Adding one: HACKING.md.
 */
#ifndef COMMON_IO_CONF_KEYS_H
#define COMMON_IO_CONF_KEYS_H

#define CONF_KEYS(K)							\
	K(site, domain, host_name, domain, domain, 1, 127, NULL,	\
	    "sip.example.org",						\
	    "What stands after the @ of every subscriber's address.")	\
	K(site, realm, text, realm, realm, 1, 127, NULL, NULL,		\
	    "Digest realm; default the domain. A change needs new "	\
	    "passwords.")						\
	K(site, digest, digests, digests, digests, 0, 0, "md5", NULL,	\
	    "What phones are asked for: md5, sha256, sha512-256, or "	\
	    "several of them.")						\
	K(site, auth_int, yes_no, auth_int, auth_int, 0, 1, "no", NULL,	\
	    "Offer phones to sign bodies too (qop=auth-int).")		\
	K(site, aliases, names, aliases, n_aliases, 1, 127, NULL, NULL,	\
	    "Other names phones may use for the domain: NAME, NAME.")	\
	K(site, accept_ip, yes_no, accept_ip, accept_ip, 0, 1, "yes",	\
	    NULL, "Is our public address also a name of ours?")		\
	K(site, emergency, numbers, emergency, n_emergency, 1, 15,	\
	    "112, 911", NULL,						\
	    "Emergency numbers, as they are dialled: what is reserved is "	\
	    "for them.")						\
	K(site, mwi_source, addresses, mwi_source, n_mwi_source, 0, 0,	\
	    NULL, NULL,							\
	    "Voicemail servers in the office, by ADDRESS, whose word about " \
	    "mailboxes is believed without a password.")		\
	K(site, country, digits, country, country, 1, 3, NULL, "49",	\
	    "Country code, without +: numbers are compared in the form "	\
	    "+49 30 123 (docs/policy.md).")				\
	K(site, area, digits, area, area, 1, 7, NULL, NULL,		\
	    "Area code, without the national prefix, if numbers of the " \
	    "same town are dialled without it.")			\
	K(site, international_prefix, digits, international_prefix,	\
	    international_prefix, 1, 5, "00", NULL,			\
	    "What is dialled in place of +.")				\
	K(site, national_prefix, digits, national_prefix,		\
	    national_prefix, 1, 3, "0", NULL,				\
	    "What is dialled in front of an area code: 0, 1, or none.") \
	K(address, internal, addresses, internal, n_internal, 0, 0, NULL, \
	    "192.168.10.2",						\
	    "Our own addresses towards the office.")			\
	K(address, external, addresses, external, n_external, 0, 0, NULL, \
	    "192.168.10.2",						\
	    "Our own addresses towards the internet; may be the same "	\
	    "interface, behind the office router.")			\
	K(address, lan, prefixes, lan, n_lan, 0, 0,			\
	    "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 127.0.0.0/8, "	\
	    "169.254.0.0/16, ::1, fe80::/10, fc00::/7", NULL,		\
	    "Who belongs to the office. Carrier addresses (100.64.0.0/10) " \
	    "do not unless named here.")				\
	K(address, public, public_how, public_how, public_how, 0, 0,	\
	    "stun", "none",						\
	    "How we learn our public address: stun, none (we have it "	\
	    "ourselves), an ADDRESS, or a dynamic NAME.")		\
	K(address, stun, hosts, stun, n_stun, 3478, 0, NULL, NULL,	\
	    "STUN servers, the preferred first (your ITSP's): HOST:PORT, " \
	    "or HOST alone for its SRV record, else port 3478.")	\
	K(address, name, host_name, name, name, 1, 127, NULL, NULL,	\
	    "The DNS name by which phones find us, compared with our "	\
	    "address; default the domain, once it has led to us.")	\
	K(address, stun_interval_s, number, stun_interval_s,		\
	    stun_interval_s, 5, 3600, "15", NULL,			\
	    "Seconds between checks of our public address.")		\
	K(listen, external_udp, port, external_udp, external_udp, 0,	\
	    65535, "5070", NULL,					\
	    "SIP from the internet over UDP; 0 = off. Forward this one.") \
	K(listen, external_tcp, port, external_tcp, external_tcp, 0,	\
	    65535, "5070", NULL,					\
	    "The same over TCP; 0 = off. Forward this one too.")		\
	K(listen, external_tls, port, external_tls, external_tls, 0,	\
	    65535, "5071", NULL,					\
	    "The same over TLS, once [tls] names a certificate; 0 = off.")	\
	K(listen, external_udp_advertised, port, external_udp_advertised, \
	    external_udp_advertised, 1, 65535, NULL, NULL,		\
	    "The UDP port phones outside use, if the router forwards "	\
	    "another one than external_udp's number.")			\
	K(listen, external_tcp_advertised, port, external_tcp_advertised, \
	    external_tcp_advertised, 1, 65535, NULL, NULL,		\
	    "The same for TCP.")					\
	K(listen, external_tls_advertised, port, external_tls_advertised, \
	    external_tls_advertised, 1, 65535, NULL, NULL,		\
	    "The same for TLS: 443, say, which every guest network lets "	\
	    "through.")							\
	K(listen, internal_udp, port, internal_udp, internal_udp, 0,	\
	    65535, "5060", NULL,					\
	    "SIP from the office over UDP; 0 = off. Never forward it.")	\
	K(listen, internal_tcp, port, internal_tcp, internal_tcp, 0,	\
	    65535, "5060", NULL, "The same over TCP; 0 = off.")		\
	K(listen, internal_tls, port, internal_tls, internal_tls, 0,	\
	    65535, "5062", NULL,					\
	    "The same over TLS, once [tls] names a certificate; 0 = off.")	\
	K(listen, dscp, number, dscp_sip, dscp_sip, 0, 63, "24", NULL,	\
	    "DSCP of SIP: 24 is CS3; 0 = not marked.")			\
	K(media, ports, range, ports_first, ports_last, 1024, 65535,	\
	    "16384-16983", NULL,					\
	    "RTP ports towards the internet: even first, odd last, two "	\
	    "for each channel.")					\
	K(media, internal_ports, range, internal_ports_first,		\
	    internal_ports_last, 1024, 65535, "17000-17599", NULL,	\
	    "RTP ports towards the office; never forward them.")	\
	K(media, channels, number, channels, channels, 1, 5000, "60",	\
	    NULL, "Internet devices and trunk calls at the same time.")	\
	K(media, reserved, number, reserved, reserved, 0, 100, "2",	\
	    NULL, "Channels beside these that only emergency calls get.")	\
	K(media, processes, number, processes, processes, 1, 8, "1",	\
	    NULL, "Relay processes that share the channels.")		\
	K(media, dscp_audio, number, dscp_audio, dscp_audio, 0, 63, "46", \
	    NULL, "DSCP of sound and fax: 46 is EF; 0 = not marked.")	\
	K(media, dscp_video, number, dscp_video, dscp_video, 0, 63, "34", \
	    NULL, "DSCP of video: 34 is AF41; 0 = not marked.")		\
	K(media, mode, media_mode, mode, mode, 0, 0, "auto", NULL,	\
	    "auto, punch (no ports forwarded) or forwarded.")		\
	K(media, latching, latching, latching, latching, 0, 0, "strict", \
	    NULL, "Whose RTP is accepted: strict, signalled or open.")	\
	K(media, hold, hold, hold, hold, 0, 0, "transparent", NULL,	\
	    "How hold reaches remote phones: transparent or sendrecv.")	\
	K(tls, certificate, paths, tls_certificate, n_tls_certificates, 1, \
	    255, NULL, NULL,						\
	    "Certificate chain, PEM, or .p12 with its key; up to 8: "	\
	    "FILE, FILE. A name without a folder lies beside the first.")	\
	K(tls, key, paths, tls_key, n_tls_keys, 1, 255, NULL, NULL,	\
	    "Private keys, PEM, one for each certificate that is not "	\
	    ".p12, in the same order.")					\
	K(tls, passphrase_file, path, tls_passphrase_file,		\
	    tls_passphrase_file, 1, 255, NULL, NULL,			\
	    "A file whose first line opens encrypted keys and .p12.")	\
	K(tls, trunk_ca, path, tls_trunk_ca, tls_trunk_ca, 1, 255,	\
	    "/etc/ssl/certs/ca-certificates.crt", NULL,			\
	    "CA certificates, PEM, by which a trunk's certificate is "	\
	    "believed (docs/trunks.md).")				\
	K(store, path, path, store_path, store_path, 1, 255,		\
	    "/var/lib/postern/postern.db", NULL, "The database.")	\
	K(store, key, path, store_key, store_key, 1, 255,		\
	    "/etc/postern/store.key", NULL,				\
	    "The key that seals passwords; keep a copy elsewhere.")	\
	K(store, keep_records_days, number, keep_records_days,		\
	    keep_records_days, 0, 3650, "0", NULL,			\
	    "Call records older than this are deleted; 0: only the "	\
	    "oldest of more than 200,000.")				\
	K(trace, hep, hep, hep, hep_transport, 0, 0, NULL, NULL,	\
	    "Who takes traces by HEP (Homer, sngrep): ADDRESS:PORT by "	\
	    "UDP, tcp:ADDRESS:PORT or tls:ADDRESS:PORT. A trace is sent "	\
	    "there only if it is asked to be.")				\
	K(trace, hep_tls_name, host_name, hep_tls_name, hep_tls_name, 1, \
	    127, NULL, NULL,						\
	    "The name in that receiver's certificate, for tls:; default "	\
	    "its address.")						\
	K(trace, hep_tls_ca, path, hep_tls_ca, hep_tls_ca, 1, 255,	\
	    "/etc/ssl/certs/ca-certificates.crt", NULL,			\
	    "CA certificates, PEM, one of which signed it.")		\
	K(trace, hep_id, number, hep_id, hep_id, 1, 65535, "2001", NULL, \
	    "Our number as a capture agent of HEP.")			\
	K(trace, keep_days, number, trace_keep_days, trace_keep_days, 1, \
	    365, "7", NULL, "Files of traces older than this are deleted.") \
	K(trace, keep_mb, number, trace_keep_mb, trace_keep_mb, 1, 100000, \
	    "200", NULL,						\
	    "The oldest are deleted when all together are larger.")	\
	K(trace, file_mb, number, trace_file_mb, trace_file_mb, 1, 1000, \
	    "8", NULL, "A file that is as large ends; another one begins.")

#endif
