"""An office that serves TLS, with a certificate for its name and its public address."""

from . import certs
from .linphone import Linphone
from .net import Home, POSTERN_ADDRESS6
from .office import Office, RTP_RANGE, SIP_PORT, SIP_TCP_PORT, SIP_TLS_PORT, TONES, password
from .postern import DOMAIN
from .tlsphone import TlsPhone

FORWARD = (SIP_PORT, SIP_TCP_PORT, SIP_TLS_PORT, RTP_RANGE)


class TlsOffice(Office):
    """Office; .certificate is the file that phones may believe."""

    def __init__(self, homes=(Home('A'),), kind='p256', forward=FORWARD, **options):
        super().__init__(homes=homes, forward=forward, **options)
        self._kind = kind

    def _start(self):
        # linphone (mbedTLS 2.28) finds an address only among the DNS names.
        public = self.lab.office.public
        names = [f'DNS:{DOMAIN}', f'IP:{public}', f'DNS:{public}']
        if self.lab.v6:
            names.append(f'IP:{POSTERN_ADDRESS6}')
        self.pair = certs.make(self.lab.folder, 'gate', self._kind, names=names)
        self.certificate = self.pair[0]
        self._settings.update(certs.settings(self.pair))
        super()._start()

    def counts(self):
        """sigproxy's own numbers."""
        one, = [p['status'] for p in self.postern.status()['processes'] if p['role'] == 'sigproxy']
        return one

    def registration(self, number):
        """The one row of a number."""
        row, = self.postern.rows(f"SELECT * FROM registration WHERE number = '{number}'")
        return row

    @property
    def tls_server(self):
        """(address, port) for phones outside."""
        return self.lab.office.public, 5071

    def tls_phone(self, number, host, **options):
        """A TlsPhone; not connected yet."""
        phone = TlsPhone(host, self.tls_server, number, password(number), **options)
        self.lab.on_close(phone.close)
        return phone

    def linphone(self, number, host, transport='tls', **options):
        """A registered linphone that believes our certificate only; it speaks TLS 1.2."""
        phone = Linphone(number, self.server(False, transport), self.lab.folder, host=host, username=f'SIP-{number}',
                         password=password(number), domain=DOMAIN, tone=TONES[number], transport=transport,
                         root_ca=self.certificate, **options)
        self.lab.on_close(phone.stop)
        return phone.start().register()
