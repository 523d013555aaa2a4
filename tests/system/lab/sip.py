"""Just enough SIP for the attacker's host and for reading captures: build, parse, digest."""

import hashlib
import re
import secrets
import select
import time
from collections import namedtuple

Message = namedtuple('Message', 'start headers body')

COMPACT = {'v': 'via', 'f': 'from', 't': 'to', 'i': 'call-id', 'm': 'contact', 'l': 'content-length',
           'c': 'content-type', 's': 'subject', 'k': 'supported', 'e': 'content-encoding'}


def looks_like(data):
    """True for a SIP request or response."""
    line = data.split(b'\r\n', 1)[0]
    return line.startswith(b'SIP/2.0 ') or line.endswith(b' SIP/2.0')


def parse(data):
    """Split a message into its first line, a dict of lower-case names to value lists, and the body."""
    head, _, body = data.partition(b'\r\n\r\n')
    lines = re.sub(r'\r\n[ \t]+', ' ', head.decode('utf-8', 'replace')).split('\r\n')
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(':')
        name = name.strip().lower()
        headers.setdefault(COMPACT.get(name, name), []).append(value.strip())
    return Message(lines[0], headers, body)


def status(message):
    """The status code of a response, None for a request."""
    return int(message.start.split()[1]) if message.start.startswith('SIP/2.0') else None


def request(method, uri, local, to=None, from_='probe', headers=(), body=b'', call_id=None, cseq=1):
    """A well-formed request from local (ip, port)."""
    token = secrets.token_hex(6)
    to = to or uri
    lines = [f'{method} {uri} SIP/2.0',
             f'Via: SIP/2.0/UDP {local[0]}:{local[1]};branch=z9hG4bK{token};rport',
             'Max-Forwards: 70',
             f'From: <sip:{from_}@{local[0]}>;tag={token}',
             f'To: <{to}>',
             f'Call-ID: {call_id or secrets.token_hex(10)}',
             f'CSeq: {cseq} {method}',
             f'Contact: <sip:{from_}@{local[0]}:{local[1]}>',
             *headers,
             f'Content-Length: {len(body)}']
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body


def digest(challenge, method, uri, username, password):
    """The Authorization value for an MD5 challenge, with qop=auth when offered."""
    fields = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge))
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
    first = md5(f'{username}:{fields["realm"]}:{password}')
    second = md5(f'{method}:{uri}')
    value = f'Digest username="{username}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}"'
    if 'qop' in fields:
        cnonce = secrets.token_hex(4)
        answer = md5(f'{first}:{fields["nonce"]}:00000001:{cnonce}:auth:{second}')
        value += f', qop=auth, nc=00000001, cnonce="{cnonce}"'
    else:
        answer = md5(f'{first}:{fields["nonce"]}:{second}')
    if 'opaque' in fields:
        value += f', opaque="{fields["opaque"]}"'
    return value + f', algorithm=MD5, response="{answer}"'


def answers(sock, seconds, enough=None):
    """The SIP messages that reach sock; stops early once enough(message) is true for one."""
    got = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([sock], [], [], left)[0]:
            break
        data = sock.recv(65535)
        if looks_like(data):
            got.append(parse(data))
            if enough and enough(got[-1]):
                break
    return got


def final(message):
    """True for a final response."""
    code = status(message)
    return code is not None and code >= 200


def ask(sock, server, data, seconds=2.0):
    """Send one request; return its final response, or None: one to a request before may come late."""
    asked = {name: found[1].decode(errors='replace').split() for name in ('call-id', 'cseq')
             if (found := re.search(rb'(?i)\r\n%s *: *([^\r]*)\r\n' % name.encode(), data))}

    def is_mine(m):
        return final(m) and all(m.headers.get(name, [''])[0].split() in ([], value) for name, value in asked.items())
    sock.sendto(data, server)
    got = [m for m in answers(sock, seconds, enough=is_mine) if is_mine(m)]
    return got[0] if got else None


def register(sock, server, domain, number, username, password, expires=60, call_id=None, cseq=1):
    """REGISTER as a phone does: challenge, answer; return the last response (None: silence)."""
    local, uri, aor = sock.getsockname(), f'sip:{domain}', f'sip:{number}@{domain}'
    call_id, extra = call_id or secrets.token_hex(10), [f'Expires: {expires}']
    first = ask(sock, server, request('REGISTER', uri, local, to=aor, from_=number, headers=extra,
                                      call_id=call_id, cseq=cseq))
    if first is None or status(first) != 401:
        return first
    value = digest(first.headers['www-authenticate'][0], 'REGISTER', uri, username, password)
    return ask(sock, server, request('REGISTER', uri, local, to=aor, from_=number, call_id=call_id, cseq=cseq + 1,
                                     headers=extra + [f'Authorization: {value}']))
