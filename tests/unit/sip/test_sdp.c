/* SDP: read within limits, written with other addresses, leaking nothing. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/sip/sdp.h"
#include "tests/unit/sip/lab.h"

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

static struct sdp sdp;

#define HEAD "v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=x\r\n"
#define CONN "c=IN IP4 192.0.2.1\r\n"
#define TIME "t=0 0\r\n"
#define AUDIO "m=audio 4000 RTP/AVP 0 8 101\r\n"

static int
parse(const char *text)
{
	return sdp_parse(lab_guarded(span_str(text)), &sdp);
}

static const struct {
	const char *name, *text;
	int want;
} rows[] = {
	{ "a good one", HEAD CONN TIME AUDIO, 0 },
	{ "LF only", "v=0\no=a 1 2 IN IP4 h\ns=-\nt=0 0\n", 0 },
	{ "no last line end", HEAD CONN TIME "m=audio 4000 RTP/AVP 0", 0 },
	{ "an empty last line", HEAD CONN TIME AUDIO "\r\n", 0 },
	{ "no s= and t= (seen from phones)",
	    "v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\n" CONN AUDIO, 0 },
	{ "empty", "", -EBADMSG },
	{ "v=0 only", "v=0\r\n", -EBADMSG },
	{ "v=1", "v=1\r\no=a 1 2 IN IP4 h\r\n", -EBADMSG },
	{ "o= first", "o=a 1 2 IN IP4 h\r\nv=0\r\n", -EBADMSG },
	{ "an empty line inside", HEAD "\r\n" CONN, -EBADMSG },
	{ "no equals sign", HEAD "c:IN IP4 192.0.2.1\r\n", -EBADMSG },
	{ "a space after the type", HEAD "m =audio 1 RTP/AVP 0\r\n",
	    -EBADMSG },
	{ "an unknown type", HEAD "y=1\r\n", -EBADMSG },
	{ "t= in a media section", HEAD CONN AUDIO TIME, -EBADMSG },
	{ "session number 2^64-1",
	    "v=0\r\no=a 18446744073709551615 2 IN IP4 h\r\n", 0 },
	{ "session number 2^64",
	    "v=0\r\no=a 18446744073709551616 2 IN IP4 h\r\n", -EBADMSG },
	{ "version 2^64",
	    "v=0\r\no=a 1 18446744073709551616 IN IP4 h\r\n", -EBADMSG },
	{ "version -1", "v=0\r\no=a 1 -1 IN IP4 h\r\n", -EBADMSG },
	{ "o= of five parts", "v=0\r\no=1 2 IN IP4 h\r\n", -EBADMSG },
	{ "o= of seven parts", "v=0\r\no=a 1 2 IN IP4 h x\r\n", -EBADMSG },
	{ "o= with two spaces", "v=0\r\no=a  1 2 IN IP4 h\r\n", -EBADMSG },
	{ "c= of another net", HEAD "c=XX IP4 1.2.3.4\r\n", -EBADMSG },
	{ "c= IP5", HEAD "c=IN IP5 1.2.3.4\r\n", -EBADMSG },
	{ "c= IP4 with IPv6", HEAD "c=IN IP4 ::1\r\n", -EBADMSG },
	{ "c= IP6 with IPv4", HEAD "c=IN IP6 1.2.3.4\r\n", -EBADMSG },
	{ "c= with brackets", HEAD "c=IN IP6 [::1]\r\n", -EBADMSG },
	{ "c= with TTL", HEAD "c=IN IP4 224.2.1.1/127\r\n", -EBADMSG },
	{ "c= empty", HEAD "c=\r\n", -EBADMSG },
	{ "c= cut", HEAD "c=IN IP4\r\n", -EBADMSG },
	{ "c= 256", HEAD "c=IN IP4 1.2.3.256\r\n", -EBADMSG },
	{ "c= with a name", HEAD "c=IN IP4 host.example.org\r\n", 0 },
	{ "port 65535", HEAD CONN "m=audio 65535 RTP/AVP 0\r\n", 0 },
	{ "port 65536", HEAD CONN "m=audio 65536 RTP/AVP 0\r\n", -EBADMSG },
	{ "port -1", HEAD CONN "m=audio -1 RTP/AVP 0\r\n", -EBADMSG },
	{ "port 2^32", HEAD CONN "m=audio 4294967296 RTP/AVP 0\r\n",
	    -EBADMSG },
	{ "port count 0", HEAD CONN "m=audio 1/0 RTP/AVP 0\r\n", -EBADMSG },
	{ "port count 65536", HEAD CONN "m=audio 1/65536 RTP/AVP 0\r\n",
	    -EBADMSG },
	{ "port count 2", HEAD CONN "m=audio 1/2 RTP/AVP 0\r\n", 0 },
	{ "payload type 127", HEAD CONN "m=audio 1 RTP/AVP 127\r\n", 0 },
	{ "payload type 128", HEAD CONN "m=audio 1 RTP/AVP 128\r\n",
	    -EBADMSG },
	{ "payload type 2^32", HEAD CONN "m=audio 1 RTP/AVP 4294967296\r\n",
	    -EBADMSG },
	{ "payload type -1", HEAD CONN "m=audio 1 RTP/AVP -1\r\n", -EBADMSG },
	{ "no format", HEAD CONN "m=audio 1 RTP/AVP\r\n", -EBADMSG },
	{ "two spaces", HEAD CONN "m=audio 1 RTP/AVP 0  8\r\n", -EBADMSG },
	{ "a last space (seen from phones)",
	    HEAD CONN "m=audio 1 RTP/AVP 0 8 \r\n", 0 },
	{ "fax", HEAD CONN "m=image 1 udptl t38\r\n", 0 },
	{ "a bad protocol", HEAD CONN "m=audio 1 RTP//AVP 0\r\n", -EBADMSG },
	{ "m= empty", HEAD CONN "m=\r\n", -EBADMSG },
	{ "rtpmap 128", HEAD CONN AUDIO "a=rtpmap:128 x/8000\r\n", -EBADMSG },
	{ "rtpmap 4294967296", HEAD CONN AUDIO
	    "a=rtpmap:4294967296 x/8000\r\n", -EBADMSG },
	{ "fmtp empty", HEAD CONN AUDIO "a=fmtp:\r\n", -EBADMSG },
	{ "rtcp-fb *", HEAD CONN AUDIO "a=rtcp-fb:* nack\r\n", 0 },
	{ "rtcp 65535", HEAD CONN AUDIO "a=rtcp:65535\r\n", 0 },
	{ "rtcp 65536", HEAD CONN AUDIO "a=rtcp:65536\r\n", -EBADMSG },
	{ "rtcp 0", HEAD CONN AUDIO "a=rtcp:0\r\n", -EBADMSG },
	{ "rtcp empty", HEAD CONN AUDIO "a=rtcp:\r\n", -EBADMSG },
	{ "rtcp with half an address", HEAD CONN AUDIO
	    "a=rtcp:1 IN IP4\r\n", -EBADMSG },
	{ "rtcp with more", HEAD CONN AUDIO "a=rtcp:1 IN IP4 1.2.3.4 x\r\n",
	    -EBADMSG },
};

START_TEST(sdp_is_read_or_refused)
{
	int err = parse(rows[_i].text);

	ck_assert_msg(err == rows[_i].want, "%s: %d", rows[_i].name, err);
	if (err != 0)
		ck_assert_uint_eq(sdp.n_media, 0);
}
END_TEST

START_TEST(sdp_is_taken_apart)
{
	ck_assert_int_eq(parse(HEAD CONN TIME "a=group:BUNDLE 0 1\r\n"
	    "a=sendonly\r\n" AUDIO "a=rtcp:5001 IN IP4 192.0.2.9\r\n"
	    "a=mid:0\r\nm=video 0 RTP/SAVPF 96\r\nc=IN IP6 2001:db8::1\r\n"
	    "a=recvonly\r\na=rtcp-mux\r\na=crypto:1 x\r\na=crypto:2 y\r\n"
	    "a=candidate:1 1 UDP 1 192.168.1.1 1 typ host\r\n"
	    "m=audio 65535 UDP/TLS/RTP/SAVP 0\r\nc=IN IP4 0.0.0.0\r\n"
	    "a=fingerprint:sha-256 AA\r\na=inactive\r\n"
	    "m=image 7000 udptl t38\r\n"), 0);
	ck_assert_uint_eq(sdp.n_media, 4);
	ck_assert(sdp.has_bundle);
	ck_assert_uint_eq(sdp.o_session, 1);
	ck_assert_uint_eq(sdp.o_version, 2);
	ck_assert(span_eq(sdp.o_user, SPAN_LIT("a")));
	ck_assert_int_eq(sdp.media[0].dir, SDP_SENDONLY);
	ck_assert(sdp.media[0].has_dir && sdp.media[0].is_rtp);
	ck_assert(!sdp.media[0].is_secure && sdp.media[0].has_rtcp);
	ck_assert_uint_eq(sdp.media[0].rtp.port, 4000);
	ck_assert_uint_eq(sdp.media[0].rtcp.port, 5001);
	ck_assert_uint_eq(sdp.media[0].rtcp.ip[3], 9);
	ck_assert(span_eq(sdp.media[0].mid, SPAN_LIT("0")));
	ck_assert(span_eq(sdp.media[0].fmts, SPAN_LIT("0 8 101")));
	ck_assert_int_eq(sdp.media[1].rtp.family, ADDR_IPV6);
	ck_assert_int_eq(sdp.media[1].dir, SDP_RECVONLY);
	ck_assert_uint_eq(sdp.media[1].port, 0);
	ck_assert_uint_eq(sdp.media[1].n_crypto, 2);
	ck_assert(sdp.media[1].rtcp_mux && sdp.media[1].has_ice);
	ck_assert(sdp.media[1].is_secure);
	ck_assert(sdp.media[2].is_hold_addr && sdp.media[2].has_fingerprint);
	ck_assert(sdp.media[2].is_secure);
	ck_assert_uint_eq(sdp.media[2].rtcp.port, 0);	/* 65536 is none */
	ck_assert_int_eq(sdp.media[2].dir, SDP_INACTIVE);
	ck_assert(!sdp.media[3].is_rtp);
	ck_assert_uint_eq(sdp.media[3].rtp.ip[3], 1);
}
END_TEST

/* One for each clock, and no more than there is room for. */
START_TEST(events_of_several_clocks_are_read)
{
	ck_assert_int_eq(parse(HEAD CONN TIME
	    "m=audio 4000 RTP/AVP 0 101 102 103 104 105\r\n"
	    "a=rtpmap:101 telephone-event/8000\r\n"
	    "a=rtpmap:100 telephone-event/16000\r\n"
	    "a=rtpmap:102 Telephone-Event/48000/1\r\n"
	    "a=rtpmap:102 telephone-event/48000\r\n"
	    "a=rtpmap:103 telephone-event/48001\r\n"
	    "a=rtpmap:103 telephone-event/32000\r\n"
	    "a=rtpmap:104 telephone-event/24000\r\n"
	    "a=rtpmap:105 telephone-event/16000\r\n"), 0);
	ck_assert_uint_eq(sdp.media[0].tones.n, SDP_TONES_MAX);
	ck_assert_uint_eq(sdp_tone_for(&sdp.media[0].tones, 48000).pt, 102);
	ck_assert_uint_eq(sdp_tone_for(&sdp.media[0].tones, 24000).pt, 104);
	ck_assert_uint_eq(sdp_tone_for(&sdp.media[0].tones, 16000).pt, 101);
	ck_assert_uint_eq(sdp_tone_for(&sdp.media[0].tones, 0).rate, 8000);
	ck_assert_int_eq(parse(HEAD CONN TIME AUDIO), 0);
	ck_assert_uint_eq(sdp.media[0].tones.n, 0);
	ck_assert_uint_eq(sdp_tone_for(&sdp.media[0].tones, 8000).rate, 0);
}
END_TEST

START_TEST(floods_of_lines_are_counted)
{
	static char text[SDP_BYTES_MAX + 100];
	struct buf b;

	for (unsigned n = 0; n <= SDP_MEDIA_MAX + 5; n++) {
		buf_init(&b, text, sizeof(text));
		buf_puts(&b, HEAD CONN TIME);
		for (unsigned i = 0; i < n; i++)
			buf_puts(&b, "m=audio 4000 RTP/AVP 0\r\n");
		ck_assert_int_eq(sdp_parse(lab_guarded(buf_span(&b)), &sdp),
		    n <= SDP_MEDIA_MAX ? 0 : -E2BIG);
	}
	for (unsigned n = SDP_LINES_MAX - 6; n <= SDP_LINES_MAX; n++) {
		buf_init(&b, text, sizeof(text));
		buf_puts(&b, HEAD CONN TIME);	/* five lines */
		for (unsigned i = 0; i < n; i++)
			buf_puts(&b, "a=x\r\n");
		ck_assert_int_eq(sdp_parse(lab_guarded(buf_span(&b)), &sdp),
		    n + 5 <= SDP_LINES_MAX ? 0 : -EMSGSIZE);
	}
	memset(text, 'x', sizeof(text));
	memcpy(text, HEAD "i=", sizeof(HEAD "i=") - 1);
	ck_assert_int_eq(sdp_parse(span_make(text, SDP_BYTES_MAX), &sdp), 0);
	ck_assert_int_eq(sdp_parse(span_make(text, SDP_BYTES_MAX + 1), &sdp),
	    -EMSGSIZE);
}
END_TEST

#define SPECIMEN HEAD CONN TIME "a=sendrecv\r\n" AUDIO \
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"

/* NUL, CR and LF at every place: refused, or read as lines, never harm. */
START_TEST(odd_octets_at_every_place)
{
	static const char odd[] = { 0, '\r', '\n', 1, 127, (char)0xff };
	char text[sizeof(SPECIMEN)];

	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		for (int k = 0; k < N(odd); k++) {
			int err;

			memcpy(text, SPECIMEN, sizeof(text));
			text[i] = odd[k];
			err = sdp_parse(lab_guarded(span_make(text,
			    sizeof(text) - 1)), &sdp);
			if (odd[k] == 0 || odd[k] == 1)
				ck_assert_int_eq(err, -EBADMSG);
		}
	}
}
END_TEST

START_TEST(a_cut_body_never_harms)
{
	for (size_t len = 0; len < sizeof(SPECIMEN); len++)
		sdp_parse(lab_guarded(span_make(SPECIMEN, len)), &sdp);
}
END_TEST

/* ---- writing ---- */

static char mem[2 * SDP_BYTES_MAX];
static struct buf b;

static struct addr
address(const char *text)
{
	struct addr a = { 0 };

	ck_assert_int_eq(addr_parse(span_str(text), 0, &a), 0);
	return a;
}

static struct sdp_edit
relay_all(void)
{
	struct sdp_edit e = { .origin = address("203.0.113.5") };

	for (int i = 0; i < SDP_MEDIA_MAX; i++) {
		e.media[i].what = SDP_RELAY;
		e.media[i].rtp = address("203.0.113.5:16384");
		e.media[i].rtcp_port = 16385;
	}
	return e;
}

static void
assert_written(const struct sdp_edit *e, const char *want)
{
	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(sdp_build(&b, &sdp, e), 0);
	ck_assert_msg(span_eq(buf_span(&b), span_str(want)),
	    "wrote:\n%.*s\nnot:\n%s", (int)b.len, b.p, want);
}

START_TEST(addresses_are_replaced_and_order_is_kept)
{
	struct sdp_edit e = relay_all();

	ck_assert_int_eq(parse("v=0\no=alice 5 6 IN IP4 192.168.1.2\ns=Talk\n"
	    "i=free\nu=http://h\ne=a@b\np=+1\nc=IN IP4 192.168.1.2\nb=AS:64\n"
	    "t=0 0\na=tool:x 1.2\na=X-nat:0\na=sendonly\n"
	    "m=audio 4000/2 RTP/AVP 0 101\ni=label\nc=IN IP4 10.0.0.1\n"
	    "b=TIAS:64000\na=rtpmap:0 PCMU/8000\n"
	    "a=rtcp:4001 IN IP4 10.0.0.1\na=ptime:20\n"
	    "a=candidate:1 1 UDP 1 192.168.1.2 4000 typ host\n"
	    "a=ice-ufrag:x\na=mid:0\na=ssrc:1 cname:u@192.168.1.2\n"
	    "a=rtpmap:101 telephone-event/8000\n"), 0);
	assert_written(&e, "v=0\r\no=- 5 6 IN IP4 203.0.113.5\r\ns=-\r\n"
	    "c=IN IP4 203.0.113.5\r\nb=AS:64\r\nt=0 0\r\na=X-nat:0\r\n"
	    "m=audio 16384 RTP/AVP 0 101\r\nb=TIAS:64000\r\n"
	    "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
	    "a=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n");
	e.o_user = SPAN_LIT("us");
	e.o_session = 7;
	e.o_version = 8;
	e.media[0].rtp = address("203.0.113.6:20000");
	e.media[0].rtcp_port = 20007;
	e.media[0].dir = SDP_SENDRECV;
	assert_written(&e, "v=0\r\no=us 7 8 IN IP4 203.0.113.5\r\ns=-\r\n"
	    "c=IN IP4 203.0.113.5\r\nb=AS:64\r\nt=0 0\r\na=X-nat:0\r\n"
	    "m=audio 20000 RTP/AVP 0 101\r\nc=IN IP4 203.0.113.6\r\n"
	    "b=TIAS:64000\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
	    "a=rtpmap:101 telephone-event/8000\r\na=rtcp:20007\r\n"
	    "a=sendrecv\r\n");
	e.media[0].rtcp = address("203.0.113.9");
	e.media[0].dir = SDP_DIR_NONE;
	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(sdp_build(&b, &sdp, &e), 0);
	ck_assert(memmem(b.p, b.len, "a=rtcp:20007 IN IP4 203.0.113.9\r\n",
	    33) != NULL);
}
END_TEST

START_TEST(streams_are_refused_relayed_or_left)
{
	struct sdp_edit e = relay_all();

	ck_assert_int_eq(parse("v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\n"
	    "m=audio 4000 RTP/SAVP 0\r\nc=IN IP6 2001:db8::1\r\n"
	    "a=crypto:1 A inline:k\r\na=rtcp-mux\r\n"
	    "m=video 5000 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\na=x\r\n"
	    "m=audio 6000 RTP/AVP 8\r\nc=IN IP4 192.0.2.7\r\n"
	    "a=crypto:1 A inline:k\r\na=recvonly\r\n"), 0);
	e.media[1].what = SDP_REFUSE;
	e.media[2].what = SDP_AS_IS;
	assert_written(&e, "v=0\r\no=- 1 1 IN IP4 203.0.113.5\r\ns=-\r\n"
	    "c=IN IP4 203.0.113.5\r\nt=0 0\r\n"
	    "m=audio 16384 RTP/SAVP 0\r\na=crypto:1 A inline:k\r\n"
	    "m=video 0 RTP/AVP 31\r\n"
	    "m=audio 6000 RTP/AVP 8\r\nc=IN IP4 192.0.2.7\r\n"
	    "a=crypto:1 A inline:k\r\na=recvonly\r\n");
	e.media[0].mux = true;
	e.media[0].rtcp_port = 0;
	e.media[2].what = SDP_RELAY;
	assert_written(&e, "v=0\r\no=- 1 1 IN IP4 203.0.113.5\r\ns=-\r\n"
	    "c=IN IP4 203.0.113.5\r\nt=0 0\r\n"
	    "m=audio 16384 RTP/SAVP 0\r\na=crypto:1 A inline:k\r\n"
	    "a=rtcp-mux\r\n"
	    "m=video 0 RTP/AVP 31\r\n"
	    "m=audio 16384 RTP/AVP 8\r\na=recvonly\r\n");
}
END_TEST

START_TEST(the_extension_of_a_bundle_goes_with_it)
{
	struct sdp_edit e = relay_all();

	ck_assert_int_eq(parse(HEAD CONN TIME
	    "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
	    "m=audio 4000 RTP/AVP 0\r\na=mid:0\r\n"
	    "a=extmap:3/sendonly urn:ietf:params:rtp-hdrext:sdes:mid x\r\n"
	    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:middle\r\n"
	    "a=extmap:5 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"),
	    0);
	assert_written(&e, "v=0\r\no=- 1 2 IN IP4 203.0.113.5\r\ns=-\r\n"
	    "c=IN IP4 203.0.113.5\r\nt=0 0\r\nm=audio 16384 RTP/AVP 0\r\n"
	    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:middle\r\n"
	    "a=extmap:5 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n");
}
END_TEST

/* One line each that shows 10.9.8.7 or its side: none may come out. */
static const char *const leaks[] = {
	"a=rtcp:4001 IN IP4 10.9.8.7", "a=alt:1 1 : x y 10.9.8.7 4000",
	"a=candidate:1 1 UDP 1 10.9.8.7 4000 typ host",
	"a=remote-candidates:1 10.9.8.7 4000", "a=ssrc:1 cname:u@10.9.8.7",
	"a=source-filter: incl IN IP4 * 10.9.8.7", "a=tool:10.9.8.7",
	"a=path:msrp://10.9.8.7:7394/x;tcp", "a=X-something:10.9.8.7:4000",
	"a=X-private:10.9.8.7", "a=X-be:10.9.8.7:4000", "a=X-face:fd00::77",
	"a=unknown (10.9.8.7)", "a=unknown sip:u@10.9.8.7;x", "a=x:10.9.8.7.",
	"a=direction:active 10.9.8.7", "a=ice-options:10.9.8.7",
	"a=10.9.8.7", "i=10.9.8.7", "a=msid:10.9.8.7", "k=uri:10.9.8.7",
	"a=fmtp:0 host=10.9.8.7", "a=mid:10-9-8-7.10.9.8.7x",
	"a=label:desk-10.9.8.7-", "a=x:2001:db8::77", "a=x [2001:db8::77]:5", "a=y:fd00::77,1",
};

START_TEST(nothing_of_the_other_side_comes_out)
{
	char text[1024];
	struct sdp_edit e = relay_all();

	for (int where = 0; where < 2; where++) {
		snprintf(text, sizeof(text), "v=0\r\n"
		    "o=10.9.8.7 1 1 IN IP4 10.9.8.7\r\ns=10.9.8.7\r\n"
		    "u=http://10.9.8.7\r\ne=u@10.9.8.7\r\np=10.9.8.7\r\n"
		    "c=IN IP4 10.9.8.7\r\nt=0 0\r\n%s%s"
		    "m=audio 4000 RTP/AVP 0\r\n%s%s",
		    where ? "" : leaks[_i], where ? "" : "\r\n",
		    where ? leaks[_i] : "", where ? "\r\n" : "");
		ck_assert_int_eq(parse(text), 0);
		buf_init(&b, mem, sizeof(mem));
		ck_assert_int_eq(sdp_build(&b, &sdp, &e), 0);
		ck_assert_msg(memmem(b.p, b.len, "10.9.8.7", 8) == NULL &&
		    memmem(b.p, b.len, "::77", 4) == NULL, "%.*s", (int)b.len,
		    b.p);
	}
}
END_TEST

START_TEST(harmless_attributes_stay)
{
	static const char *const stay[] = {
		"a=fmtp:0 annexb=no;x=1.2.3", "a=ptime:20",
		("a=fingerprint:sha-1 AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:"
		 "77:88:99:AA:BB:CC:DD"), "a=setup:actpass", "a=X-vendor:1:2:3",
		"a=T38FaxVersion:0", "a=framerate:29.97",
		"a=rtcp-xr:rcvr-rtt=all", "a=sdplang:en", "a=x:::",
		"a=rtcp-fb:* nack pli", "a=quality:10", "a=x:1.2.3.4.5",
	};
	char text[1024];
	struct sdp_edit e = relay_all();

	for (int i = 0; i < N(stay); i++) {
		snprintf(text, sizeof(text), HEAD CONN TIME AUDIO "%s\r\n",
		    stay[i]);
		ck_assert_int_eq(parse(text), 0);
		buf_init(&b, mem, sizeof(mem));
		ck_assert_int_eq(sdp_build(&b, &sdp, &e), 0);
		ck_assert_msg(memmem(b.p, b.len, stay[i], strlen(stay[i])) !=
		    NULL, "%s", stay[i]);
	}
}
END_TEST

/* CVE-2022-24764: the largest body we read, as large as it can become. */
START_TEST(the_largest_body_can_be_written)
{
	static char text[SDP_BYTES_MAX + 1];
	struct sdp_edit e = relay_all();
	struct buf in;

	buf_init(&in, text, SDP_BYTES_MAX);
	buf_puts(&in, HEAD CONN TIME);
	for (int i = 0; i < SDP_MEDIA_MAX; i++) {
		buf_puts(&in, "m=audio 65535/65535 RTP/SAVPF 0\r\n");
		e.media[i].rtp = address("[2001:db8:1111:2222:3333:4444:5555:"
		    "6666]:65534");
		e.media[i].rtcp = e.media[i].rtp;
		e.media[i].dir = SDP_SENDRECV;
	}
	while (buf_err(&in) == 0)
		buf_puts(&in, "a=rtpmap:96 telephone-event/8000\r\n");
	ck_assert_int_eq(sdp_parse(lab_guarded(buf_span(&in)), &sdp), 0);
	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(sdp_build(&b, &sdp, &e), 0);
	ck_assert_uint_gt(b.len, in.len);
}
END_TEST

START_TEST(an_edit_without_an_address_is_refused)
{
	struct sdp_edit e = relay_all();

	ck_assert_int_eq(parse(SPECIMEN), 0);
	buf_init(&b, mem, sizeof(mem));
	e.media[0].rtp.family = ADDR_NONE;
	ck_assert_int_eq(sdp_build(&b, &sdp, &e), -EINVAL);
	e = relay_all();
	e.origin.family = ADDR_NONE;
	ck_assert_int_eq(sdp_build(&b, &sdp, &e), -EINVAL);
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(what_is_written_is_read_again_and_fits_at_every_size)
{
	struct sdp_edit e = relay_all();
	size_t whole;

	ck_assert_int_eq(parse(SPECIMEN), 0);
	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(sdp_build(&b, &sdp, &e), 0);
	whole = b.len;
	for (size_t cap = 0; cap < whole; cap++) {
		buf_init(&b, mem, cap);
		ck_assert_int_eq(sdp_build(&b, &sdp, &e), -EMSGSIZE);
	}
	buf_init(&b, mem, sizeof(mem));
	ck_assert_int_eq(sdp_build(&b, &sdp, &e), 0);
	ck_assert_int_eq(sdp_parse(buf_span(&b), &sdp), 0);
	ck_assert_uint_eq(sdp.n_media, 1);
	ck_assert_uint_eq(sdp.media[0].rtp.port, 16384);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sdp");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, sdp_is_read_or_refused, 0, N(rows));
	tcase_add_test(t, sdp_is_taken_apart);
	tcase_add_test(t, events_of_several_clocks_are_read);
	tcase_add_test(t, floods_of_lines_are_counted);
	tcase_add_test(t, odd_octets_at_every_place);
	tcase_add_test(t, a_cut_body_never_harms);
	tcase_add_test(t, addresses_are_replaced_and_order_is_kept);
	tcase_add_test(t, streams_are_refused_relayed_or_left);
	tcase_add_test(t, the_extension_of_a_bundle_goes_with_it);
	tcase_add_loop_test(t, nothing_of_the_other_side_comes_out, 0,
	    N(leaks));
	tcase_add_test(t, harmless_attributes_stay);
	tcase_add_test(t, the_largest_body_can_be_written);
	tcase_add_test(t, an_edit_without_an_address_is_refused);
	tcase_add_test(t, what_is_written_is_read_again_and_fits_at_every_size);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
