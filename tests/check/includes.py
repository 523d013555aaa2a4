"""Which folder may include which (style: layers; design section 5).

Arrows point down only: base < codec, ipc, sip < core < io < main. A process
never includes another process's folders.
"""

import os
import re

from house import PROGRAMS, sources, without_comments, write_tree

# Headers of the C library that do no I/O, read no clock and ask no system.
PLAIN = {'assert.h', 'ctype.h', 'errno.h', 'inttypes.h', 'limits.h', 'stdalign.h', 'stdarg.h', 'stdbool.h',
         'stddef.h', 'stdint.h', 'stdlib.h', 'string.h'}
# Plain for one file and a reason.
ALSO = {
    'common/base/addr.c': {'arpa/inet.h'},        # inet_pton, inet_ntop: text only
    'common/base/buf.c': {'stdio.h'},             # vsnprintf into memory
    'common/base/htab.c': {'sodium.h'},           # SipHash
    'common/base/secret.c': {'sodium.h'},         # locked memory, wiping, random
    'common/codec/digest.c': {'openssl/evp.h', 'sodium.h'},
    'common/codec/stun.c': {'openssl/sha.h'},
    'common/codec/rtp.c': {'sodium.h'},           # keyed hash
    'sigproxy/sip/crypto.c': {'sodium.h'},        # base64
    'mediaproxy/core/srtp_cipher.c': {'openssl/evp.h', 'openssl/sha.h'},
    'registrar-db/core/seal.c': {'sodium.h'},     # sealing
    'registrar-db/core/nonce.c': {'sodium.h'},    # keyed hash
}
KEYED_HASHES = 'sigproxy/core/'                   # branches, tags, masks: crypto_shorthash, crypto_generichash


def layer_of(path):
    """('base'|'codec'|'ipc'|'sip'|'core'|'io'|'main', program or None)."""
    parts = path.split('/')
    if parts[0] == 'common':
        return parts[1], None
    return (parts[1] if len(parts) > 2 else 'main'), parts[0]


def ours_allowed(layer, program):
    """The folders of ours that a layer may include."""
    base, codec, ipc = 'common/base/', 'common/codec/', 'common/ipc/'
    if layer == 'base':
        return (base,)
    if layer == 'codec':
        return (base, codec)
    if layer == 'ipc':
        return (base, ipc)
    if layer == 'sip':
        return (base, codec, 'common/ipc/names.h', f'{program}/sip/')
    if layer == 'core':
        return (base, codec, ipc, f'{program}/sip/', f'{program}/core/')
    if program is None:                           # common/io
        return (base, codec, ipc, 'common/io/')
    return ('common/', f'{program}/')             # io and main


def plain_allowed(path, layer):
    """The headers from elsewhere that a file may include, or None for any."""
    if layer not in ('base', 'codec', 'ipc', 'sip', 'core'):
        return None
    allowed = PLAIN | ALSO.get(path, set())
    return allowed | {'sodium.h'} if path.startswith(KEYED_HASHES) else allowed


def is_ours(header):
    """Is it one of the tree's own headers?"""
    return header.split('/')[0] in ('common',) + PROGRAMS


def check(root):
    """The complaints."""
    for path, text in sources(root):
        layer, program = layer_of(path)
        ours, plain = ours_allowed(layer, program), plain_allowed(path, layer)
        for number, line in enumerate(without_comments(text).split('\n'), 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if not match:
                continue
            header = match.group(1)
            if header.endswith('.c'):
                yield f'{path}:{number}: includes a .c file, {header}'
            elif is_ours(header):
                if not header.startswith(ours):
                    yield f'{path}:{number}: {layer} may not include {header}'
            elif not os.path.dirname(header) and os.path.exists(os.path.join(root, os.path.dirname(path), header)):
                yield f'{path}:{number}: write the path from the root, not "{header}"'
            elif plain is not None and header not in plain:
                yield f'{path}:{number}: {layer} may not include <{header}>'


def planted(root):
    """Lay faults; yield (name, what must be complained of)."""
    write_tree(root, {
        'common/base/a.c': '#include <sys/socket.h>\n',
        'common/codec/b.h': '#include "common/io/log.h"\n',
        'sigproxy/core/c.c': '/* x */ #include <time.h>\n#include <uv.h>\n#include "sigproxy/io/udp.h"\n',
        'sigproxy/io/d.c': '#include "registrar-db/core/seal.h"\n#include <uv.h>\n',
        'mediaproxy/core/e.c': '#include "x.c"\n',
    })
    yield 'base includes sockets', 'common/base/a.c:1: base may not include <sys/socket.h>'
    yield 'codec includes io', 'common/codec/b.h:1: codec may not include common/io/log.h'
    yield 'core includes the clock', 'sigproxy/core/c.c:1: core may not include <time.h>'
    yield 'core includes libuv', 'sigproxy/core/c.c:2: core may not include <uv.h>'
    yield 'core includes io', 'sigproxy/core/c.c:3: core may not include sigproxy/io/udp.h'
    yield "one process includes another's folder", 'sigproxy/io/d.c:1: io may not include registrar-db/core/seal.h'
    yield 'a .c file is included', 'mediaproxy/core/e.c:1: includes a .c file, x.c'
