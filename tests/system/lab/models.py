"""How single models of phones write their messages: headers, URIs, parameters, as in their traces.

Addresses are filled in later: {server} is what the user typed as server or domain, {local} the phone's own
address and port, {T} the transport in capitals.
"""

from dataclasses import dataclass

from . import tlsphone

YEALINK_ALLOW = ('Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, '
                 'UPDATE, MESSAGE')
ZOIPER_ALLOW = 'Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE'
ZOIPER_SUPPORTED = 'Supported: replaces, norefersub, extended-refer, timer, outbound, path, X-cisco-serviceuri'


@dataclass(frozen=True)
class Model:
    """One kind of phone."""

    user_agent: str
    rport: bool                  # does its Via ask for rport?
    expires: int
    server: str                  # the Request-URI of a REGISTER, without the user
    aor: str                     # From and To
    contact: str
    call_id: str
    headers: tuple               # in every request
    sdp: str
    display: bool = False        # a display name in From
    digests: tuple = ('MD5',)    # what it can answer
    several: bool = False        # does it cope with several challenges?
    tls: dict | None = None      # what limits its TLS: arguments of tlsphone.context()


YEALINK_SDP = ('v=0\r\no=- 20047 20047 IN IP4 {ip}\r\ns=SDP data\r\nc=IN IP4 {ip}\r\nt=0 0\r\n'
               'm=audio {port} RTP/AVP 0 8 18 9 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n'
               'a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:9 G722/8000\r\na=fmtp:101 0-15\r\n'
               'a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n')
ZOIPER_SDP = ('v=0\r\no=Zoiper_user 0 0 IN IP4 {ip}\r\ns=Zoiper_session\r\nc=IN IP4 {ip}\r\nt=0 0\r\n'
              'm=audio {port} RTP/AVP 0 8 3 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n')


def yealink(name, firmware, tls=None):
    """T19P and T41P of firmware 72: no rport, the port in every URI, commas without blanks in Allow-Events."""
    return Model(
        user_agent=f'Yealink SIP-{name} {firmware}', rport=False, expires=300, display=True,
        server='sip:{server}', aor='sip:{number}@{server}', contact='<sip:{number}@{local}{transport}>',
        call_id='0_{token}@{ip}',
        headers=(YEALINK_ALLOW, 'Max-Forwards: 70', 'Allow-Events: talk,hold,conference,refer,check-sync',
                 'Mac: 00:15:65:5d:0a:11', 'Line: 1'),
        sdp=YEALINK_SDP, tls=tls)


def zoiper(user_agent):
    """Zoiper's apps: transport= in every URI, rinstance in Contact, extensions that nobody else knows."""
    return Model(
        user_agent=user_agent, rport=True, expires=60, server='sip:{server};transport={T}',
        aor='sip:{number}@{server};transport={T}',
        contact='<sip:{number}@{local};rinstance={token};transport={T}>', call_id='{token}..',
        headers=('Max-Forwards: 70', ZOIPER_ALLOW, ZOIPER_SUPPORTED, 'Allow-Events: presence, kpml, talk'),
        sdp=ZOIPER_SDP)


T19P = yealink('T19P', '31.72.0.48')
T41P = yealink('T41P', '36.72.0.57', tlsphone.T41P_TLS)
ZOIPER_IOS = zoiper('Zoiper for iOS 2.17')
ZOIPER_ANDROID = zoiper('Zoiper for Android 1.51.17')
MODELS = {'T19P': T19P, 'T41P': T41P, 'Zoiper iOS': ZOIPER_IOS, 'Zoiper Android': ZOIPER_ANDROID}
