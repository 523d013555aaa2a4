"""The provider gives the office another address while people talk: everybody who can come back is soon heard again."""

import re
import threading
import time
from dataclasses import dataclass

from lab.dns import Dns
from lab.expect import hear_each_other
from lab.net import Home
from lab.office import SIP_PORT, Office
from lab.wait import until

DEADLINE = 240
BY_HAND = {'test_ten_calls': 'POSTERN_TEN_CALLS'}
DNS_AFTER_S = 3.0
REFRESH = 0.9                # of its grant, then baresip registers anew
BEFORE_S = 1.5               # the change comes before such a REGISTER, which finds the old address
SOUND_S = 3.0                # from the REGISTER on
STUN_INTERVAL_S = 15         # as it is by default
RARELY_S = 60                # so that the next turn is later than a phone's next REGISTER
CONE_S = 40.0                # from the change on, full-cone homes


@dataclass
class Talk:
    """A phone outside, who it talks to, and how it finds the office."""
    home: object
    desk: object
    kind: str


class Moving(Office):
    """As many homes and desks as kinds; 'bare' is a phone set to the office's address as it was."""

    def __init__(self, kinds, grant_s, apart_s=0.0, interval_s=STUN_INTERVAL_S, **more):
        self.kinds, self.grant_s, self.apart_s = kinds, grant_s, apart_s
        self.INSIDE = tuple(300 + i for i in range(len(kinds)))
        self.OUTSIDE = tuple(400 + i for i in range(len(kinds)))
        homes = [Home(f'H{i}', 'port-restricted' if kind == 'bare' else kind) for i, kind in enumerate(kinds)]
        super().__init__(homes=homes, office_phones=len(kinds),
                         settings={('address', 'stun_interval_s'): interval_s}, **more)

    def talks(self):
        """Register all, and have each home call its desk."""
        self.dns = Dns(self.lab, office=self.lab.office.public)
        # The same target twice: where the first is silent the phone asks for the address of the second.
        self.dns.services['_sip._udp.office.test'] = [(10, 0, 5070, 'office.test'), (20, 0, 5070, 'office.test')]
        talks = []
        for i, kind in enumerate(self.kinds):
            time.sleep(self.apart_s if i else 0)
            desk = self.desk(i, tone=420 + 37 * i)
            options = {} if kind == 'bare' else {'dns': self.dns.server}
            home = self.home(f'H{i}', tone=1100 + 41 * i, interval=self.grant_s, **options)
            talks.append(Talk(home, desk, kind))
        for talk in talks:
            talk.home.call(talk.desk)
        return talks

    def server(self, inside, transport='udp'):
        """Homes are set to a name, but for those without DNS."""
        return super().server(inside, transport) if inside or self._bare else 'office.test'

    def phone(self, number, host, **options):
        """See server()."""
        self._bare = 'dns' not in options
        return super().phone(number, host, **options)


def last_register(phone):
    """When its last REGISTER was answered with 200."""
    return max(packet.time for packet, message in phone.ear._capture.sip()
               if message.start.startswith('SIP/2.0 200') and message.headers['cseq'][0].endswith('REGISTER'))


def change_before(office, phone, before_s=BEFORE_S):
    """The address changes so long before this phone's next REGISTER: as it is, that goes to the old one."""
    every = REFRESH * office.grant_s
    wait = last_register(phone) + every - before_s - time.time()
    time.sleep(wait % every)
    return change(office)


def fell_in_the_window(phone, changed, old):
    """Did a REGISTER of its go to the old address since?"""
    return any(packet.time > changed and packet.destination[0] == old and message.start.startswith('REGISTER ')
               for packet, message in phone.ear._capture.sip())


def change(office):
    """The new address at once, DNS a little later; returns when it happened."""
    office.lab.change_office_address()
    at = time.time()
    follow = threading.Timer(DNS_AFTER_S, office.dns.names.update, [{'office.test': office.lab.office.public}])
    follow.start()
    office.lab.on_close(follow.cancel)
    return at


def registered_at(phone, new, since):
    """When its REGISTER with the right digest went to the new address."""
    for packet, message in phone.ear._capture.sip():
        if packet.time >= since and packet.destination[0] == new and message.start.startswith('REGISTER ') \
                and 'authorization' in message.headers:
            return packet.time
    return None


def first_sound(phone, since):
    """When RTP came in, first, after that moment."""
    return next((p.time for p, _ in phone.ear.incoming(since)), None)


def measure(talk, new, changed):
    """Seconds: change to REGISTER, change to sound at the desk and at home, REGISTER to sound both ways."""
    register = registered_at(talk.home, new, changed)
    back = first_sound(talk.desk, changed + 0.5)
    assert back, f'{talk.desk.name} ({talk.kind}) heard nothing any more'
    home = first_sound(talk.home, changed + 0.5)
    assert home, f'{talk.home.name} ({talk.kind}) heard nothing any more'
    both = max(back, first_sound(talk.home, max(changed + 0.5, register or 0)))
    return (register - changed if register else None), max(back, home) - changed, \
        (both - register if register else None)


def check(talk, new, changed, within_s):
    """One call's figures and what they must be."""
    register, back, after = measure(talk, new, changed)
    says = ', '.join([f'registered {register:.1f} s after the change' if register else 'not registered yet',
                      f'both heard again after {back:.1f} s'] + ([f'{after:.2f} s after its REGISTER'] if register else []))
    print(f'{talk.home.name} ({talk.kind}): {says}')
    if talk.kind == 'full-cone':
        assert back <= CONE_S, says
    else:
        assert register is not None and register <= within_s, says
        assert after <= SOUND_S, says


def who_is_lost(office):
    """Numbers that postern status names."""
    found = re.search(r'"phones_lost":\[(.*?)\]', office.postern.status_text())
    return re.findall(r'"number":"(\d+)"', found[1]) if found else []


def same_processes(office, before):
    assert office.postern.pids() == before, 'something was restarted'


def everybody_is_back(kinds, grant_s, within_s, apart_s=0.0):
    """The whole story; the first phone's REGISTER falls before DNS follows."""
    with Moving(kinds, grant_s, apart_s) as office:
        talks = office.talks()
        hear_each_other(talks[0].home, talks[0].desk, 1)
        pids, old = office.postern.pids(), office.lab.office.public
        changed = change_before(office, talks[0].home)
        new = office.lab.office.public
        named = [talk for talk in talks if talk.kind != 'bare']
        bare = [talk for talk in talks if talk.kind == 'bare']
        until(lambda: f'"calls_readdressed":{len(named)}' in office.postern.status_text(), within_s + 5,
              f'{len(named)} phones are told', 0.2)
        print(f'all told {time.time() - changed:.1f} s after the change')
        time.sleep(1.0)
        missed = [talk.home.name for talk in named if fell_in_the_window(talk.home, changed, old)]
        print(f'registered at the old address meanwhile: {missed}')
        assert talks[0].home.name in missed, missed
        for talk in named:
            check(talk, new, changed, within_s)
        for talk in named:
            hear_each_other(talk.home, talk.desk, 1)
        until(lambda: len(who_is_lost(office)) == len(bare), grant_s + 15 - (time.time() - changed),
              'who cannot come back is named', 0.2)
        print(f'named as lost {time.time() - changed:.1f} s after the change')
        assert who_is_lost(office) == [str(talk.home.number) for talk in bare], who_is_lost(office)
        log = [line for line in office.postern.logs().splitlines() if 'phone-lost' in line]
        print('\n'.join(log))
        assert len(log) == len(bare) and all(old in line and 'sip.example.org' in line for line in log), log
        same_processes(office, pids)
        for talk in named:
            talk.home.hang_up()
            talk.desk.closed()
        for talk in talks:              # none of them takes its time to unregister
            talk.home.vanish()
            talk.desk.vanish()


def test_short_grants():
    """Two homes that must register first, one that need not, one that never will."""
    everybody_is_back(['port-restricted', 'full-cone', 'symmetric', 'bare'], 30, 45)


def test_ten_calls():
    """As promised: grants of 60 s, ten calls, their REGISTERs spread over the minute; all registered within 75 s."""
    kinds = ['port-restricted'] * 5 + ['symmetric'] * 2 + ['full-cone'] * 3 + ['bare']
    everybody_is_back(kinds, 60, 75, 3.0)


def no_turn_is_near(office):
    """stunmon looked lately; its next turn is nine tenths of its interval later, or more."""
    def lately():
        status = next(p['status'] for p in office.postern.status()['processes'] if p['role'] == 'stunmon')
        return status['sockets'][0]['checked_s'] < RARELY_S / 3
    until(lately, RARELY_S * 1.1, 'stunmon looks', 0.2)


def register_makes_it_look(kinds, **more):
    """Phones register when DNS has followed and no turn of stunmon is near: they have sound soon all the same."""
    with Moving(kinds, 30, interval_s=RARELY_S, **more) as office:
        talks = office.talks()
        for talk in talks:
            hear_each_other(talk.home, talk.desk, 1)
        pids = office.postern.pids()
        no_turn_is_near(office)
        changed, new = change_before(office, talks[0].home, DNS_AFTER_S + 0.5), office.lab.office.public
        until(lambda: f'"calls_readdressed":{len(talks)}' in office.postern.status_text(), 20, 'all are told', 0.1)
        print(f'all told {time.time() - changed:.1f} s after the change')
        time.sleep(1)
        for talk in talks:
            check(talk, new, changed, 20)
            hear_each_other(talk.home, talk.desk, 1)
        same_processes(office, pids)
        for talk in talks:
            talk.home.vanish()
            talk.desk.vanish()


def test_a_register_makes_stunmon_look():
    """Homes of each kind; the first phone registers half a second after DNS followed, the others a moment later."""
    register_makes_it_look(['port-restricted', 'symmetric', 'full-cone'])


def test_the_same_without_a_forwarded_range():
    """Silent phones are asked where their sound comes from meanwhile, in vain."""
    register_makes_it_look(['port-restricted', 'full-cone'], forward=[SIP_PORT])
