"""The kinds of NAT that homes and offices stand behind, as nftables rules of a router.

RFC 4787 names two things apart: to which outside port an inside port is mapped, and from whom that port takes
packets. Where Linux maps by itself it keeps the port if it can, which makes the mapping endpoint-independent
for a home with one phone, and lets in only whom the phone has sent to.
"""

MASQUERADE = {
    'port-restricted': 'masquerade',                # Linux keeps the port when it is free
    'symmetric': 'masquerade fully-random',         # a new port for each destination
    'full-cone': 'masquerade',                      # with every high port given to the one phone
}
LAYERED = ('double', 'cgn')     # two routers; the home's own is port-restricted
KINDS = ('full-cone', 'port-restricted', 'symmetric', *LAYERED)

# What a carrier does to UDP ports: each home has a block of its own, so that they are moved, and the same for
# all destinations (RFC 6888).
CGN_BLOCKS = ('0x8000', '0x4000', '0xc000')


def cgn_rules(homes):
    """The source NAT of a carrier's router; homes are inside addresses."""
    blocks = '; '.join(f'oifname "wan" ip saddr {home} meta l4proto udp masquerade to : udp sport ^ {mask}'
                       for home, mask in zip(homes, CGN_BLOCKS, strict=False))
    return f'{blocks}; oifname "wan" masquerade'


def load(router, postrouting, redirect=(), helpers=''):
    """Load a router's rules; redirect is a list of (protocol/ports, inside address).

    Unknown packets to the router itself are dropped without an answer, as shop-bought ones do: otherwise a
    packet that comes before the phone's own leaves an entry in Linux's connection tracking which moves the
    phone's mapping to another port.
    """
    lines = []
    for spec, inside in redirect:
        protocol, ports = spec.split('/')
        lines.append(f'iifname "wan" {protocol} dport {ports} dnat to {inside}')
    router.sysctl(ipv4__ip_forward=1)
    router.run(['nft', '-f', '-'], input=f'''
        table ip nat {{
            chain prerouting {{
                type nat hook prerouting priority dstnat;
                {"; ".join(lines)}
            }}
            chain postrouting {{
                type nat hook postrouting priority srcnat;
                {postrouting}
            }}
        }}
        table ip filter {{
            {helpers}
            chain input {{
                type filter hook input priority filter; policy drop;
                iifname {{ "lo", "lan" }} accept
                ct state established,related accept
            }}
            chain forward {{
                type filter hook forward priority filter; policy drop;
                iifname "lan" accept
                ct state established,related accept
                ct status dnat accept
            }}
        }}''')


def masquerade(kind):
    """The source NAT rule of a router of this kind."""
    return f'oifname "wan" {MASQUERADE[kind]}'
