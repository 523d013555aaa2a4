"""Every kind of home against every kind of office: calls in both directions, sound measured at both ends.

One office of each kind runs at a time or several do; its homes are tried at once, each with a desk phone of its
own, its cells one after another, each with a new baresip.
"""

import json
import re
import textwrap
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from . import certs, quickear
from .expect import ABSENT, CLEAR
from .net import Home
from .office import Office, RTP_RANGE, SIP_PORT, SIP_TCP_PORT, SIP_TLS_PORT, TONES, password
from .phone import Phone, PhoneError
from .postern import DOMAIN
from .wait import Late, until

TRANSPORTS = ('udp', 'tcp', 'tls')
OFFICES = ('punch', 'forwarded', 'public edge')
HOMES = ('full-cone', 'port-restricted', 'symmetric', 'double NAT', 'CGN', 'same home')
NAT = {'double NAT': 'double', 'CGN': 'cgn', 'same home': 'port-restricted'}
NAMES = dict(zip(HOMES, 'FPSDCH', strict=True))
NEIGHBOUR = 'N'                  # behind the same carrier's address as C
SIP = (SIP_PORT, SIP_TCP_PORT, SIP_TLS_PORT)
FORWARD = {'punch': SIP, 'forwarded': (*SIP, RTP_RANGE), 'public edge': ()}

PACKETS = 40                     # of 20 ms, at each end
PATIENCE = 6.0                   # for them to come, on a busy machine
SILENCE = 4.0                    # so long nothing must come where nothing can, and Postern finds out why

# Why a cell cannot work.
SYMMETRIC = (
    'The home router gives each destination another port, so the port that the phone sends sound from is known to nobody '
    'before a packet of it has arrived; and the office router, which forwards no RTP, drops that packet, since the office '
    'has sent nothing to this port. STUN tells the port that the STUN server sees, which is another one; so is the port that '
    'Postern sees when it asks the phone to send to its SIP port. That the two differ, or that nothing comes from it when the '
    'relay has sent there first, proves it: `media_evidence` in the record, `postern explain` and `postern check` name the ports and '
    'this fact. Remedy: forward the RTP range at the office.')

# What nobody has built, and why.
BY_THE_SIP_PORT = (
    'What a phone sends to the SIP port does reach the office, by whatever home, and the first octet tells RTP from SIP (RFC 7983): '
    'so a phone could be told the SIP port for its sound for good, and its sound would get in and, from that port, back. '
    'Impossible is therefore said of a gate whose media have ports of their own; it is a decision, not physics. '
    'All such calls would then pass through the one socket of sigproxy, the process that strangers talk to: told apart by source address and port only '
    '(two phones of one home could change theirs unseen), every packet crossing two processes, in the way of signalling, and plain sound '
    'in the hands of whoever captures sigproxy, which is what the separation is for. Forwarding the range costs the admin one line in the '
    'router and none of that; so this is not done.')


@dataclass(frozen=True)
class Cell:
    """One combination."""
    office: str
    home: str
    transport: str
    stun: bool

    @property
    def impossible(self):
        """Why no gate could make it work, or None."""
        if self.office != 'punch':
            return None
        return SYMMETRIC if self.home == 'symmetric' else None

    @property
    def verdict(self):
        """What the call's record must say: the one reason, by whatever it signals."""
        return 'symmetric-no-range' if self.impossible else 'ok'

    def __str__(self):
        return f'{self.transport.upper()}, {"STUN" if self.stun else "no STUN"}, {self.home}, {self.office}'


@dataclass
class Result:
    """What happened in a cell: for each call (caller heard, callee heard), and what else is to be said."""
    cell: Cell
    calls: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def works(self):
        """Both calls had sound both ways."""
        return self.calls == [(True, True)] * 2 and not self.notes

    @property
    def silent(self):
        """Both calls were set up and nobody heard anything."""
        return self.calls == [(False, False)] * 2 and not self.notes

    @property
    def right(self):
        """As physics allows."""
        return self.silent if self.cell.impossible else self.works

    def describe(self):
        """In one line."""
        ways = ', '.join(''.join('+' if heard else '-' for heard in call) for call in self.calls) or 'no call'
        return f'{"ok  " if self.right else "FAIL"} {self.cell}: {ways}{"".join("; " + n for n in self.notes)}'


ALL = [Cell(office, home, transport, stun)
       for office in OFFICES for home in HOMES for transport in TRANSPORTS for stun in (True, False)]


class MatrixOffice(Office):
    """An office of one kind with the homes that its cells need, and a desk phone for each."""

    INSIDE, OUTSIDE = (168, 169, 170, 171, 172, 173), (201, 202, 203, 204, 205, 206, 207, 208)

    def __init__(self, kind, kinds_of_home):
        self.kind, self.kinds_of_home = kind, list(kinds_of_home)
        self._seen = {}          # number: the last ticket of its calls that were looked at
        homes = [Home(NAMES[home], nat=NAT.get(home, home), phones=2 if home == 'same home' else 1)
                 for home in self.kinds_of_home]
        if 'CGN' in self.kinds_of_home:
            homes.append(Home(NEIGHBOUR, nat='cgn'))
        super().__init__(homes=homes, forward=FORWARD[kind], office_phones=len(homes), edge=kind == 'public edge')

    def _start(self):
        public = self.lab.office.public
        pair = certs.make(self.lab.folder, 'gate', 'p256', names=(f'DNS:{DOMAIN}', f'IP:{public}'))
        self.certificate = pair[0]
        self._settings.update(certs.settings(pair))
        if self.kind == 'public edge':
            self._settings.update({('address', 'external'): public, ('address', 'public'): 'none'})
        super()._start()

    def _phone(self, number, host, cell=None, name=None):
        """A registered baresip: as the cell says, or in the office."""
        transport = cell.transport if cell else 'udp'
        phone = Phone(number, self.server(cell is None, transport), self.lab.folder, host=host, name=name or host.name,
                      username=f'SIP-{number}', password=password(number), domain=DOMAIN, tone=TONES[number],
                      ca=self.certificate, transport=transport, rtp_ports=self._rtp_ports(number), stun=self.stun if cell and cell.stun else None)
        self.lab.on_close(phone.stop)
        phone.start(listen=False)
        phone.ear = quickear.QuickEar(host)
        phone.register(10)
        return phone

    @staticmethod
    def _rtp_ports(number):
        """A range of its own: two phones of one home that send from the same port are another matter (test 104)."""
        first = 10000 + 200 * (number % 100)
        return f'{first}-{first + 199}'

    def _gone(self, phone):
        """Take a phone away, and wait until Postern knows.

        Each cell has a new one: baresip 1.0.0 that is given one account after another sometimes dials with the
        former ("ua_connect failed: Cannot allocate memory").
        """
        phone.stop()
        number = phone.number
        until(lambda: not self.postern.rows(f"SELECT * FROM registration WHERE number = '{number}'"), 5,
              f'{number} is unregistered', 0.1)

    # -- calls --------------------------------------------------------------

    def run_home(self, home, cells):
        """All cells of one home; a list of results."""
        index = self.kinds_of_home.index(home)
        places = list(zip(self.OUTSIDE[index:], self.lab.homes[NAMES[home]].phones))
        if home == 'CGN':
            self._phone(self.OUTSIDE[-1], self.lab.homes[NEIGHBOUR].phones[0], Cell(self.kind, home, 'udp', False))
        desk = None
        if home != 'same home':
            desk = self._phone(self.INSIDE[index], self.lab.office.phones[index])
        return [self._run(cell, places, desk) for cell in cells]

    def _run(self, cell, places, desk):
        result, phones = Result(cell), []
        try:
            for number, host in places:
                name = f'{host.name}-{cell.transport}-{"stun" if cell.stun else "plain"}'
                phones.append(self._phone(number, host, cell, name))
            phone, other = phones if desk is None else (*phones, desk)
            for caller, callee in ((other, phone), (phone, other)):
                caller.call(callee)
                result.calls.append(hear(caller, callee, cell, result.notes))
                caller.hang_up()
                callee.closed()
            self._read_records(result, phone.number)
            for phone in phones:
                self._gone(phone)
        except (Late, PhoneError, OSError) as error:
            result.notes.append(f'{type(error).__name__}: {error}')
        finally:
            for phone in phones:
                phone.stop()
        return result


    def _read_records(self, result, number):
        """What the records of both calls say about the phone at home."""
        query = (f"SELECT * FROM call_record WHERE '{number}' IN (caller, called) "
                 f'AND ticket > {self._seen.get(number, 0)}')
        records = until(lambda: len(rows := self.postern.rows(query)) == 2 and rows, 3,
                        f'{number}: two call records', 0.1)
        self._seen[number] = max(int(record['ticket']) for record in records)
        for record in records:
            side = 'caller' if record['caller'] == str(number) else 'called'
            heard = int(record[f'{side}_packets_in']) > 0
            if heard == bool(result.cell.impossible):
                result.notes.append(f'the record says {record[f"{side}_packets_in"]} packets of {number}')
            if result.cell.impossible and not proves(record[f'{side}_evidence']):
                result.notes.append(f'the record proves nothing: {record["media_evidence"]}')
            if record['media_verdict'] != result.cell.verdict:
                result.notes.append(f'the record says {record["media_verdict"]}, not {result.cell.verdict}: '
                                    f'{record["media_words"]}')
        if result.cell.impossible:
            self._read_check(result, number)

    def _read_check(self, result, number):
        """What `postern check` says about the phone at home, with the ports that prove it."""
        found = [finding for finding in
                 json.loads(self.postern.asked('check', '--json', '--state', self.postern.state).stdout)['findings']
                 if finding['code'] == 'media-not-heard' and finding['what'].startswith(f'{number} ')]
        if not found or result.cell.verdict not in found[0]['seen'] or not found[0]['do'] \
                or not proves(found[0]['seen']):
            result.notes.append(f'postern check says {found} of {number}')


def proves(text):
    """Does it name the ports, and that the relay sent there first in vain?"""
    return re.search(r'(it announced|STUN told it) [0-9.]+:\d+', text) and 'our SIP port from ' in text \
        and 'sent first' in text and 'nothing came' in text


def hears(listener, speaker, heard):
    """Is it the speaker, clearly and alone?"""
    return heard.strength(speaker.tone) >= CLEAR and heard.strength(listener.tone) <= ABSENT and not heard.silent


def hear(caller, callee, cell, notes):
    """(does the caller hear the callee, the callee the caller)."""
    packets, patience = (1, SILENCE) if cell.impossible else (PACKETS, PATIENCE)
    at_caller, at_callee = quickear.listen([caller.ear, callee.ear], packets, patience)
    ways = ((caller, callee, at_caller), (callee, caller, at_callee))
    for listener, speaker, heard in ways:
        if heard.packets and not hears(listener, speaker, heard):
            notes.append(f'{listener.name} heard {heard.describe(speaker.tone, listener.tone)}')
        if heard.lost > heard.packets // 10:
            notes.append(f'{listener.name} lost {heard.lost} of {heard.packets} packets')
    return tuple(hears(*way) for way in ways)


def run_office(kind, cells, tell=print):
    """The cells of one kind of office; a list of results."""
    by_home = {}
    for cell in cells:
        by_home.setdefault(cell.home, []).append(cell)
    with MatrixOffice(kind, by_home) as office, ThreadPoolExecutor(len(by_home)) as pool:
        def one_home(home):
            try:
                results = office.run_home(home, by_home[home])
            except Exception as error:      # a home that could not be set up fails with all its cells
                traceback.print_exc()
                results = [Result(cell, notes=[f'{type(error).__name__}: {error}']) for cell in by_home[home]]
            for result in results:
                tell(result.describe())
            return results
        return [result for results in pool.map(one_home, by_home) for result in results]


def table(results):
    """The matrix for people: a line for each home and office, a column for each kind of phone."""
    known = {result.cell: result for result in results}
    columns = [(transport, stun) for transport in TRANSPORTS for stun in (True, False)]
    lines = ['| office | home | ' + ' | '.join(f'{t.upper()}, {"STUN" if s else "no STUN"}' for t, s in columns) + ' |',
             '| --- ' * (2 + len(columns)) + '|']
    for office in OFFICES:
        for home in HOMES:
            row = [known.get(Cell(office, home, *column)) for column in columns]
            if any(row):
                lines.append(f'| {office} | {home} | ' + ' | '.join(map(_word, row)) + ' |')
    return '\n'.join(lines)


def _word(result):
    if result is None:
        return ''
    if not result.right:
        return '**fails**'
    return 'impossible' if result.cell.impossible else 'works'


PAGE = """# The NAT matrix

Written by `tests/nat-matrix --write` (as root, a minute and a half), which builds every combination of phone, home and office
below in network namespaces, with real routers (nftables) and a real phone (baresip). In each cell the office calls the
home and the home calls the office (or, in "same home", each of two phones at home calls the other); the sound is
measured at both ends. `works` is said when both hear the other's tone, and only that, in both calls. The most telling
cells are part of `./run-tests`.

| word | meaning |
| --- | --- |
| full-cone | the home's router keeps the phone's ports and lets everybody in |
| port-restricted | it keeps them, and lets in only whom the phone has sent to |
| symmetric | it gives each destination another port |
| double NAT | a port-restricted router behind another one, the provider's |
| CGN | a port-restricted router behind a carrier's (100.64.0.0/10), which moves ports to a block for each home and shares its address with a neighbour |
| same home | two phones behind one port-restricted router, with RTP ports of their own |
| punch | the office's router, port-restricted, forwards the SIP port only |
| forwarded | it forwards the RTP range too |
| public edge | no router: Postern itself has the public address |
| STUN | the phone asks a STUN server where its sound comes from |

{table}

## What cannot work, and why

{reasons}

### By the SIP port?

{by_the_sip_port}

## What works only since it is looked for

In CGN without STUN the carrier moves the phone's port, which the phone does not know: it announces its own, where nobody is.
So does a router with two phones of one home that send from the same RTP port: once both have sent to the same place (a STUN
server, say), it keeps the port for one and moves the other for a minute or two. The relay hears nothing then, and Postern
asks the phone, by a re-INVITE, to send its sound to the SIP port for a moment, which the office's router does forward; it sees the
port, has the relay send first to it, and tells the phone the relay's port again ([media.md](media.md)). The first two seconds
of such a call are lost; with STUN in the phone (the SIP port itself answers it), or the RTP range forwarded, none are.

A home whose router forgets its mappings in mid-call, and gives others, is found in the same way.

`media_verdict`, `media_words` and `media_evidence` in `call_record` and `live_call` say of each call what became of its sound.
"""


def reasons(results):
    """A paragraph for each reason, with the cells that have it."""
    groups = {}
    for result in results:
        if result.cell.impossible:
            groups.setdefault(result.cell.impossible, []).append(result.cell)
    return '\n\n'.join(
        '\n'.join(f'* {cell}: the record says `{cell.verdict}`' for cell in cells) + f'\n\n{textwrap.fill(reason, 118)}' for reason, cells in groups.items())


def write_page(path, results):
    """docs/nat-matrix.md, the same whenever and wherever it is written."""
    with open(path, 'w') as file:
        file.write(PAGE.format(table=table(results), reasons=reasons(results),
                               by_the_sip_port=textwrap.fill(BY_THE_SIP_PORT, 118)))
