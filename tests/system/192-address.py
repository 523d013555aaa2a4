"""How Postern knows its address: servers of bad character, names that move, and what it says of them."""

import contextlib
import os
import time

from lab.net import Lab
from lab.odd_stun import OddServer
from lab.postern import Postern, program
from lab.wait import until
from lab.zone import A, SRV, Zone

DEADLINE = 200
LIE = '192.0.2.99'
NAME = 'gate.example.net'


@contextlib.contextmanager
def alone(settings, resolver=False):
    """The laboratory with a Postern and nobody else; yields (lab, postern), not started yet."""
    with Lab(office_phones=0) as lab:
        postern = Postern(lab.postern_host, lab.folder, {('address', 'public'): 'stun',
                                                         ('address', 'stun_interval_s'): 5, **settings})
        postern.resolver = lab.stun.address if resolver else None
        lab.on_close(postern.stop)
        yield lab, postern


def stunmon(postern):
    """What stunmon says of itself."""
    return next(p['status'] for p in postern.status()['processes'] if p['role'] == 'stunmon')


def wait_for(postern, what, condition, seconds=20):
    """Wait until stunmon's status fulfils condition."""
    until(lambda: condition(stunmon(postern)), seconds, what, 0.2)
    return stunmon(postern)


def names(status):
    """The alarms."""
    return [alarm['name'] for alarm in status['alarms']]


def states(status):
    """The servers' states in order."""
    return [server['state'] for server in status['servers']]


def test_dead_slow_and_lying_servers():
    with alone({('address', 'stun'): ', '.join(f'203.0.113.200:{port}' for port in (3478, 3479, 3480, 3481))}) \
            as (lab, postern):
        dead, slow, liar, honest = (OddServer(lab.stun, port) for port in (3478, 3479, 3480, 3481))
        dead.dead, slow.delay, liar.says = True, 2.0, LIE
        begun = time.monotonic()
        postern.up()
        said = wait_for(postern, 'an address is believed', lambda s: s['public_state'] == 'known')
        print(f'believed after {time.monotonic() - begun:.1f} s: {states(said)}')
        assert said['public'] == lab.office.public, said
        assert states(said)[:3] == ['silent', 'answering', 'wrong'], said['servers']
        assert said['servers'][2]['says'] == LIE, said['servers']
        assert said['history'][-1]['address'] == lab.office.public
        log = postern.logs()
        assert 'stun-server-wrong server=203.0.113.200:3480' in log and f'says={LIE}' in log, log
        assert 'remedy=' in log


def test_silence_is_an_alarm_until_it_ends():
    with alone({('address', 'stun'): '203.0.113.200:3478'}) as (lab, postern):
        server = OddServer(lab.stun, 3478)
        postern.up()
        wait_for(postern, 'an address is believed', lambda s: s['public_state'] == 'known')
        server.dead = True
        said = wait_for(postern, 'silence is an alarm', lambda s: 'stun-silent' in names(s))
        assert said['public_state'] == 'old' and said['public'] == lab.office.public, said
        assert 'no STUN server gives a usable answer' in postern.host.run(
            [program(), 'status', '--state', postern.state], timeout=5).stdout
        server.dead = False
        wait_for(postern, 'the alarm is over', lambda s: s['public_state'] == 'known' and not names(s))
        assert 'back to normal' in postern.logs()


def test_srv_records_and_a_name_that_follows():
    """stun = HOST alone: SRV names two servers, the first with a dead address; and our own name moves."""
    with alone({('address', 'stun'): 'stun.example.net', ('address', 'name'): NAME}, resolver=True) as (lab, postern):
        zone, first, spare = Zone(lab.stun), OddServer(lab.stun, 34780), OddServer(lab.stun, 34781)
        zone.table = {
            ('_stun._udp.stun.example.net', SRV): [(10, 0, 34781, 'b.example.net'), (5, 0, 34780, 'a.example.net')],
            ('a.example.net', A): [lab.stun.address], ('b.example.net', A): [lab.stun.address],
            (NAME, A): [lab.office.public]}
        first.dead = True
        postern.up()
        said = wait_for(postern, 'the spare server is believed', lambda s: s['public_state'] == 'known')
        assert said['servers'][0]['address'] == str(spare) and said['servers'][0]['addresses'] == 2, said['servers']
        assert first.asked > 0
        wait_for(postern, 'the name leads to us', lambda s: s['dns_state'] == 'same', 10)
        old = lab.office.public
        lab.change_office_address()
        new = lab.office.public
        said = wait_for(postern, 'the new address is believed', lambda s: s['public'] == new)
        assert said['dns_state'] == 'differs' and said['dns_addresses'] == [old], said
        assert [row['address'] for row in said['history']][-2:] == [old, new], said['history']
        assert f'public-address-changed state=known source=stun before={old} address={new}' in postern.logs()
        zone.table[(NAME, A)] = [new]
        said = wait_for(postern, 'the name followed', lambda s: s['dns_state'] == 'same', 8)
        assert not said['alarms'], said['alarms']
        del zone.table[(NAME, A)]
        wait_for(postern, 'the account expired', lambda s: s['dns_state'] == 'unresolved', 8)


def test_a_name_that_stays_behind_is_an_alarm():
    with alone({('address', 'stun'): '203.0.113.200:3478, 203.0.113.200:3479', ('address', 'name'): NAME},
               resolver=True) as (lab, postern):
        zone = Zone(lab.stun)
        zone.table = {(NAME, A): ['192.0.2.50']}
        for port in (3478, 3479):
            OddServer(lab.stun, port)
        postern.up()
        wait_for(postern, 'it is an alarm', lambda s: 'dns-differs' in names(s), 150)
        assert f'dns-differs name={NAME} leads_to=192.0.2.50 address={lab.office.public}' in postern.logs()


def test_the_hook_tells_a_new_address():
    """As another user, without a shell, with nothing of ours in its environment; once for each address."""
    with alone({('address', 'stun'): '203.0.113.200:3478'}) as (lab, postern):
        OddServer(lab.stun, 3478)
        told = lab.path('told')
        os.mkdir(told)
        os.chmod(told, 0o777)
        script = lab.path('tell')
        with open(script, 'w') as file:
            file.write('#!/bin/sh\n(id -un; ls /proc/$$/fd | wc -l; env | grep -c .; grep NoNewPrivs /proc/$$/status) '
                       f'> "{told}/$POSTERN_ADDRESS"\necho x >> {told}/times\n')
        os.chmod(script, 0o755)
        os.chmod(lab.folder, 0o755)
        hook = [program(), 'ddns-hook', '--state', postern.state]
        assert postern.host.run(hook + ['--once', script], timeout=5, check=False).returncode == 1, 'root, no --user'
        postern.up()
        lab.postern_host.spawn(hook + ['--user', 'nobody', script])
        first = lab.office.public
        until(lambda: os.path.exists(f'{told}/times'), 15, 'the first address is told')
        lines = open(f'{told}/{first}').read().split('\n')
        assert lines[0] == 'nobody' and lines[3].split()[1] == '1', lines
        assert int(lines[1]) <= 4, f'descriptors inherited: {lines}'     # 0 1 2 and the script
        time.sleep(6)
        assert open(f'{told}/times').read() == 'x\n'


BY_HAND = {'test_silence_is_an_alarm_until_it_ends': 'POSTERN_SLOW',
           'test_a_name_that_stays_behind_is_an_alarm': 'POSTERN_SLOW'}
