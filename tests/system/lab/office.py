"""What most system tests start from: the laboratory with a Postern in the office and phones."""

from . import stun
from .capture import Capture
from .net import Home, Lab, POSTERN_ADDRESS
from .phone import Phone
from .postern import DOMAIN, Postern
from .wait import until

RTP_RANGE = 'udp/16384-16983'
SIP_PORT = 'udp/5070'
SIP_TCP_PORT = 'tcp/5070'
SIP_TLS_PORT = 'tcp/5071'
TONES = {168: 420, 169: 520, 201: 620, 202: 740, 203: 860, 204: 980,   # far apart: a block tells 20 Hz
         170: 1080, 171: 1180, 172: 1280, 173: 1380, 205: 1480, 206: 1580, 207: 1680, 208: 1780}


def password(number):
    """A password good enough to be accepted, different for each number."""
    return f'Quay-{number}-lantern-7c1f'


class Office:
    """Lab, STUN server, Postern and its subscribers; a context manager.

    Numbers 168, 169 are for office phones, 201.. for phones at home; all exist.
    """

    INSIDE, OUTSIDE = (168, 169), (201, 202, 203, 204)

    def __init__(self, homes=(Home('A'),), forward=(SIP_PORT, RTP_RANGE), office_phones=1, settings=(),
                 resolver=None, stun_server=stun.start_server, v6=False, edge=False):
        """stun_server(lab) starts one and gives its (address, port)."""
        self._start_stun = stun_server
        self.lab = Lab(homes=homes, office_forward=forward, office_phones=office_phones, v6=v6,
                       edge=edge)
        self._settings = dict(settings)
        self._resolver = resolver
        self.postern = self.stun = None

    def __enter__(self):
        self.lab.__enter__()
        try:
            self._start()
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(self, *_):
        self.lab.close()

    def _prepare(self):
        """For whom needs another network: change the laboratory and self._settings before Postern starts."""

    def _start(self):
        self._prepare()
        self.stun = self._start_stun(self.lab)
        settings = {('address', 'public'): 'stun', ('address', 'stun'): '%s:%d' % self.stun,
                    ('address', 'stun_interval_s'): 5, **self._settings}
        self.postern = Postern(self.lab.postern_host, self.lab.folder, settings)
        self.postern.resolver = self._resolver
        self.lab.on_close(self.postern.stop)
        self.postern.up()
        statements = [
            'INSERT INTO subscriber(number, name, username, password, internet) VALUES '
            f"('{n}','SIP-{n}','SIP-{n}','{password(n)}',{int(n in self.OUTSIDE)});"
            for n in self.INSIDE + self.OUTSIDE]
        self.postern.sql('\n'.join(statements) + '\n')
        self.postern.in_effect()
        if settings[('address', 'public')] == 'stun':
            self.postern.wait_public(self.lab.office.public)

    def records(self):
        """Each call's record, once no call lives any more."""
        until(lambda: not self.postern.rows('SELECT ticket FROM live_call'), 5, 'no call is live')
        return self.postern.rows('SELECT * FROM call_record ORDER BY ended, ticket')

    # -- phones -----------------------------------------------------------

    def phone(self, number, host, with_stun=False, register=True, **options):
        """A registered phone on a host, with the tone of its number; server='[2001:db8::1]:5070': another way to us."""
        inside = host in self.lab.office.phones
        server = options.pop('server', None) or self.server(inside, options.get('transport', 'udp'))
        options.setdefault('tone', TONES.get(number))
        options.setdefault('domain', DOMAIN)
        phone = Phone(number, server, self.lab.folder, host=host, username=f'SIP-{number}',
                      password=password(number), stun=self.stun if with_stun else None, **options)
        phone.start()
        self.lab.on_close(phone.stop)
        if register:
            phone.register()
        return phone

    def server(self, inside, transport='udp'):
        """Where phones send to: 'address:port'."""
        if inside:
            return f'{POSTERN_ADDRESS}:{5062 if transport == "tls" else 5060}'
        return f'{self.lab.office.public}:{5071 if transport == "tls" else 5070}'

    def desk(self, index=0, **options):
        """An office phone: number 168 + index."""
        return self.phone(self.INSIDE[index], self.lab.office.phones[index], **options)

    def home(self, name='A', index=0, number=None, **options):
        """A phone of home name: number 201 + its place among the homes, unless told."""
        if number is None:
            number = self.OUTSIDE[list(self.lab.homes).index(name)]
        return self.phone(number, self.lab.homes[name].phones[index], **options)

    def watch_outside(self, name='outside.pcap'):
        """Capture all that the office router sends and receives on its public side."""
        return Capture(self.lab.office.router, self.lab.path(name), interface='wan')


__all__ = ['Home', 'Office', 'RTP_RANGE', 'SIP_PORT', 'password']
