"""A real Kamailio: a registrar with digest, as an ITSP or as the office's PBX.

It is not touched for Postern: who is registered is called by his Contact, who calls shows the password of his
From, and its OPTIONS answers are its own.
"""

import os

from .wait import until

CONFIG = '''#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
disable_tcp={no_tcp}
auto_aliases=no
{listen}
alias="{domain}"
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "htable.so"
loadmodule "ctl.so"
modparam("htable", "htable", "pw=>size=6;")
modparam("usrloc", "db_mode", 0)
modparam("registrar", "default_expires", {expires})
modparam("registrar", "min_expires", {min_expires})
modparam("registrar", "max_expires", {max_expires})
modparam("auth", "nonce_expire", {nonce_s})
modparam("auth", "qop", "auth")
modparam("ctl", "binrpc", "unix:{folder}/ctl")

event_route[htable:mod-init] {{
{passwords}
}}

request_route {{
    xlog("L_WARN", "got $rm $ru from $fu auth=$(hdr(Authorization){{s.len}}) expires=$hdr(Expires)\\n");
    if (!mf_process_maxfwd_header("10")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("OPTIONS")) {{
        {options}
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (has_totag()) {{
        if (loose_route()) {{
            t_relay();
            exit;
        }}
        if (is_method("ACK") && t_check_trans()) {{
            t_relay();
            exit;
        }}
        if (!is_method("ACK")) sl_send_reply("404", "Not here");
        exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{
        {register}
        if (!pv_www_authenticate("{realm}", "$sht(pw=>$tU)", "0")) {{
            www_challenge("{realm}", "1");
            exit;
        }}
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (!is_method("INVITE")) {{
        sl_send_reply("405", "Method Not Allowed");
        exit;
    }}
    if (!pv_proxy_authenticate("{realm}", "$sht(pw=>$fU)", "0")) {{
        proxy_challenge("{realm}", "1");
        exit;
    }}
    consume_credentials();
    record_route();
    {invite}
    if (!lookup("location")) {{
        sl_send_reply("404", "Nobody");
        exit;
    }}
    xlog("L_WARN", "calls $ru\\n");
    t_relay();
}}
'''


class Kamailio:
    """One on a host of the laboratory; users are {name: password}."""

    def __init__(self, host, folder, users, domain=None, realm=None, address=None, port=5060, expires=3600,
                 min_expires=60, max_expires=3600, nonce_s=300, options='sl_send_reply("200", "OK");',
                 register='', invite='', transports=('udp',), name='kamailio'):
        self.host, self.port = host, port
        self.address = address or host.address
        self.domain = domain or self.address
        self.folder = os.path.join(folder, name)
        self._log = os.path.join(self.folder, 'log')
        self._process = None
        self._values = {
            'listen': '\n'.join(f'listen={t}:{self.address}:{port}' for t in transports),
            'no_tcp': 'no' if 'tcp' in transports else 'yes', 'domain': self.domain,
            'realm': realm or self.domain, 'expires': expires, 'min_expires': min_expires,
            'max_expires': max_expires, 'nonce_s': nonce_s, 'options': options, 'register': register,
            'invite': invite, 'folder': self.folder,
            'passwords': '\n'.join(f'    $sht(pw=>{user}) = "{word}";' for user, word in users.items())}

    def start(self):
        """It answers when this returns."""
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, 'kamailio.cfg')
        with open(path, 'w', encoding='ascii') as file:
            file.write(CONFIG.format(**self._values))
        with open(self._log, 'ab') as log:
            self._process = self.host.spawn(
                ['kamailio', '-f', path, '-DD', '-E', '-m', '32', '-M', '4', '-Y', self.folder,
                 '-P', os.path.join(self.folder, 'pid')], stdout=log, stderr=log)
        until(self._is_up, 10, 'Kamailio listens')
        return self

    def _is_up(self):
        if self._process.poll() is not None:
            raise AssertionError(f'Kamailio ended at once, see {self._log}')
        return f':{self.port} ' in self.host.run(['ss', '-Hlnu']).stdout

    def stop(self):
        """It is gone, without a word."""
        from .host import end
        end(self._process)

    def log(self):
        """All it wrote."""
        with open(self._log, encoding='utf-8', errors='replace') as file:
            return file.read()

    def got(self, method):
        """Lines about requests of a method."""
        return [line for line in self.log().splitlines() if f'got {method} ' in line]

    def contacts(self, user):
        """The registered Contacts of a user, as Kamailio has them."""
        shown = self.host.run(['kamcmd', '-s', f'unix:{self.folder}/ctl', 'ul.dump'], check=False).stdout
        found, aor = [], None
        for line in shown.splitlines():
            name, _, value = line.strip().partition(': ')
            if name == 'AoR':
                aor = value
            if name == 'Address' and aor == user:
                found.append(value)
        return found
