"""A Kamailio as an ITSP by TCP or TLS, with a telephone behind it: a registrar with digest that answers over the
connection a registration or call came by, as those do that have customers behind routers."""

import json
import os

from . import certs, sip
from .host import end
from .phone import Phone
from .postern import program
from .securephone import SecureEar
from .trunk import ACCOUNT, ITSP, PSTN, REALM, SECRET
from .wait import until

NAME = 'itsp.test'
PORTS = {'tcp': 5060, 'tls': 5061}

CONFIG = '''#!KAMAILIO
debug=2
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
tcp_connection_lifetime=300
listen=udp:{itsp}:5060
listen=tcp:{itsp}:5060
{listen}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "nathelper.so"
loadmodule "auth.so"
loadmodule "ctl.so"
{tls}
modparam("usrloc", "db_mode", 0)
modparam("registrar", "received_avp", "$avp(rcv)")
modparam("nathelper", "received_avp", "$avp(rcv)")
modparam("ctl", "binrpc", "unix:{folder}/ctl")
request_route {{
    xlog("L_WARN", "got $rm $ru by $proto from $si:$sp cseq=$cs\\n");
    if (has_totag() || is_method("ACK|CANCEL")) {{
        loose_route();
        handle_ruri_alias();
        t_relay();
        exit;
    }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("{realm}", "{secret}", "0")) {{
            www_challenge("{realm}", "1");
            exit;
        }}
        fix_nated_register();
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (!is_method("INVITE")) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (src_ip == {pstn}) {{
        $var(number) = $rU;
        $rU = "{account}";
        if (!lookup("location")) {{
            sl_send_reply("404", "Not registered");
            exit;
        }}
        append_hf("P-Called-Party-ID: <sip:$var(number)@{itsp}>\\r\\n");
        record_route();
        t_on_reply("1");
        t_relay();
        exit;
    }}
    if (!pv_proxy_authenticate("{realm}", "{secret}", "0")) {{
        proxy_challenge("{realm}", "1");
        exit;
    }}
    consume_credentials();
    add_contact_alias();
    record_route();
    $ru = "sip:pstn@{pstn}:5060";
    $du = "sip:{pstn}:5060;transport=udp";
    t_relay();
}}
onreply_route[1] {{
    if (status =~ "2..") add_contact_alias();
}}
'''
TLS = '''loadmodule "tls.so"
modparam("tls", "config", "{folder}/tls.cfg")'''
TLS_CFG = '''[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = {key}
certificate = {certificate}
[client:default]
verify_certificate = no
require_certificate = no
'''


class Ca:
    """A CA of one's own, and what it signs."""

    def __init__(self, lab, name='ca'):
        self.lab = lab
        self.pair = certs.make(lab.folder, name, names=('DNS:ca.test',))
        self.file = self.pair[0]

    def sign(self, name, names=(f'DNS:{NAME}',), dates=('20200101000000Z', '20400101000000Z')):
        """A certificate for these names; (file, key)."""
        return certs.signed(self.lab, name, dates, issuer=self.pair, names=names)


class StreamItsp:
    """Kamailio at ITSP, a baresip at PSTN that answers whatever is called."""

    def __init__(self, lab, transport, pair=None, srtp=False):
        self.transport, self.host = transport, lab.public_host('itsp', ITSP)
        self.pstn_host = lab.public_host('pstn', PSTN)
        self.folder = lab.path('itsp')
        self.pair, self._process = pair, None
        os.makedirs(self.folder, exist_ok=True)
        self._log = os.path.join(self.folder, 'log')
        self.start()
        self.phone = Phone('pstn', f'{ITSP}:5060', lab.folder, host=self.pstn_host, domain=ITSP, tone=1900,
                           interval=0, **({'modules': ('srtp.so',), 'account': ('mediaenc=srtp-mand',)} if srtp else {}))
        self.phone.start()
        if srtp:
            self.phone.ear = SecureEar(self.phone)
        self.phone.add_account()
        lab.on_close(self.phone.stop)

    def start(self):
        """It answers when this returns."""
        tls = self.transport == 'tls'
        values = {'itsp': ITSP, 'pstn': PSTN, 'realm': REALM, 'secret': SECRET, 'account': ACCOUNT,
                  'folder': self.folder, 'listen': f'enable_tls=yes\nlisten=tls:{ITSP}:5061' if tls else '',
                  'tls': TLS.format(folder=self.folder) if tls else ''}
        with open(os.path.join(self.folder, 'kamailio.cfg'), 'w') as file:
            file.write(CONFIG.format(**values))
        if tls:
            with open(os.path.join(self.folder, 'tls.cfg'), 'w') as file:
                file.write(TLS_CFG.format(certificate=self.pair[0], key=self.pair[1]))
        with open(self._log, 'ab') as log:
            self._process = self.host.spawn(
                ['kamailio', '-f', os.path.join(self.folder, 'kamailio.cfg'), '-DD', '-E', '-m', '32', '-M', '4',
                 '-Y', self.folder, '-P', os.path.join(self.folder, 'pid')], stdout=log, stderr=log)
        until(self._answers, 10, 'Kamailio answers')

    def _answers(self):
        if self._process.poll() is not None:
            raise AssertionError(f'Kamailio ended at once, see {self._log}: {self.log()[-500:]}')
        sock = self.pstn_host.udp_socket(5099)
        try:
            return sip.ask(sock, (ITSP, 5060), sip.request('OPTIONS', f'sip:{ITSP}', sock.getsockname()), 0.3)
        finally:
            sock.close()

    def stop(self):
        """It is gone, and its connections with it."""
        end(self._process)

    def log(self):
        """All it wrote."""
        with open(self._log, encoding='utf-8', errors='replace') as file:
            return file.read()

    def got(self, method):
        """How requests of a method came: 'tls from 198.51.100.1:40000'."""
        return [line.split(' by ')[1].split(' cseq')[0] for line in self.log().splitlines()
                if f'got {method} ' in line]

    def connections(self):
        """Connections to its port by TCP or TLS, as its host sees them."""
        shown = self.host.run(['ss', '-Htn', 'state', 'established', f'( sport = :{PORTS[self.transport]} )']).stdout
        return [line.split()[3] for line in shown.splitlines()]


def add(office, transport, address=None, **columns):
    """The trunk's row."""
    row = {'name': 'itsp', 'address': address or f'{ITSP}:{PORTS[transport]}', 'transport': transport, 'prefix': '',
           'zone': 'external', 'numbers': 'e164', 'username': ACCOUNT, 'password': SECRET, 'realm': REALM,
           'from_domain': ITSP, 'register': 1, 'ping_s': 10, **columns}
    values = ', '.join("'%s'" % v if isinstance(v, str) else str(v) for v in row.values())
    office.postern.sql(
        "UPDATE class_of_service SET internet = 'internal,national' WHERE name = 'national';"
        f'INSERT INTO trunk({", ".join(row)}) VALUES ({values});'
        "INSERT INTO did(trunk, pattern, target) VALUES ('itsp', '+493012342XX', '2XX');")
    office.postern.in_effect()


def status(office, *words):
    """postern trunk status, as JSON."""
    done = office.postern.host.run([program(), 'trunk', 'status', *words, '--json', '--state', office.postern.state])
    return json.loads(done.stdout)


def registered(office, seconds=10):
    """Wait until it is."""
    def is_it():
        return office.postern.rows('SELECT state FROM trunk_registration')[0]['state'] == 'registered'
    until(is_it, seconds, 'the trunk is registered', 0.1)
