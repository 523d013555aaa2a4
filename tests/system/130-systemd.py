"""The units of etc/systemd: right, tight, and with the doors that postern up makes.

That they run is for tests/systemd/boot, which boots a systemd.
"""

import glob
import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import tempfile

from lab import certs
from lab.expect import Skip
from lab.net import Lab
from lab.postern import Postern, REPOSITORY, build, program
from lab.wait import until

SOURCE = os.path.join(REPOSITORY, 'etc', 'systemd')
MOST = {'firewall': 1.5, 'key': 1.0, 'keyd': 0.5, 'mediaproxy@': 1.5, 'registrar-db': 0.5, 'sigproxy': 0.5,
        'stunmon': 1.5, 'tracer': 0.5}


def units(folder):
    """Copy all units into folder, with the programs of this build; their paths."""
    if not shutil.which('systemd-analyze'):
        raise Skip('no systemd-analyze')
    made = glob.glob(os.path.join(build(), 'etc', 'systemd', '*.service'))
    for path in made + glob.glob(f'{SOURCE}/*.socket') + glob.glob(f'{SOURCE}/*.target'):
        with open(path) as file:
            text = file.read()
        text = re.sub(r'/\S+/(postern(?:-[a-z-]+)?)(?= (?:--config|nft))', rf'{build()}/\1', text)
        with open(os.path.join(folder, os.path.basename(path)), 'w') as file:
            file.write(text)
    paths = sorted(glob.glob(f'{folder}/*'))
    assert len(made) == len(MOST) and len(paths) == len(made) + 29, paths
    return paths


def analyze(folder, *words):
    """Run systemd-analyze where it finds our units before its own."""
    return subprocess.run(['systemd-analyze', '--no-pager', *words], text=True, capture_output=True,
                          env={**os.environ, 'SYSTEMD_UNIT_PATH': f'{folder}:'})


def test_units_are_right():
    """systemd-analyze verify has nothing to say."""
    with tempfile.TemporaryDirectory() as folder:
        for path in units(folder):
            done = analyze(folder, 'verify', '--man=no', path)
            said = [line for line in done.stderr.splitlines() if 'postern' in line]
            assert not said, said
            assert done.returncode == 0, f'{path}: {done.stderr}'


def test_exposure():
    """systemd-analyze security: at most the figures above, in no case 2.0."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {os.path.basename(path): path for path in units(folder)}
        for name, most in MOST.items():
            done = analyze(folder, 'security', '--offline=true', f'--threshold={int(most * 10)}',
                           paths[f'postern-{name}.service'])
            level = re.search(r'exposure level for \S+: ([\d.]+)', done.stdout)
            assert level, done.stderr
            print(f'{name}: {level[1]}')
            assert done.returncode == 0 and float(level[1]) <= most < 2.0, f'{name}: {level[1]}'


def test_doors_are_those_of_postern_up():
    """Every door: same name, same visitor, same mode; and a socket for the notes of each to runit's watchdog."""
    wanted = {}
    for path in glob.glob(f'{SOURCE}/postern-door-*.socket'):
        with open(path) as file:
            unit = dict(re.findall(r'^(\w+)=(.*)', file.read().replace('%i', '0'), re.M))
        name = os.path.basename(unit['ListenStream'])
        wanted[name] = unit['SocketUser'], unit['SocketMode']
        owner, knocker, _ = name.split('.')
        assert unit['FileDescriptorName'] == f'door-{knocker}', path
        assert unit['Service'] == f"postern-{owner.replace('-0', '@0')}.service", path
    with Lab(homes=(), office_phones=0) as lab:
        postern = Postern(lab.postern_host, lab.folder, certs.plain())
        lab.on_close(postern.stop)
        postern.up()
        found = {}
        for path in glob.glob(os.path.join(postern.state, 'run', '*.sock')):
            at = os.stat(path)
            found[os.path.basename(path)] = pwd.getpwuid(at.st_uid).pw_name, f'{stat.S_IMODE(at.st_mode):04o}'
        postern.down()
    notes = {f'watchdog.{role}.sock': (user, '0600') for role, user in
             (('sigproxy', 'postern-sig'), ('mediaproxy-0', 'postern-media'), ('stunmon', 'postern-stun'),
              ('registrar-db', 'postern-db'), ('keyd', 'postern-key'), ('tracer', 'postern-trace'))}
    wanted.update(notes)
    assert found == wanted, f'{found} is not {wanted}'


def test_socket_activation():
    """systemd-socket-activate hands registrar-db its doors by name at the first knock."""
    if not shutil.which('systemd-socket-activate') or os.geteuid() != 0:
        raise Skip('no systemd-socket-activate, or not root')
    with Lab(homes=(), office_phones=0) as lab:
        postern = Postern(lab.postern_host, lab.folder)
        os.makedirs(postern.state)
        postern.write_config()
        doors = [os.path.join(lab.folder, f'registrar-db.{who}.sock') for who in ('sigproxy', 'admin')]
        with open(lab.path('activate.log'), 'w+') as log:
            lab.postern_host.spawn(
                ['systemd-socket-activate', '-l', doors[0], '-l', doors[1], '--fdname=door-sigproxy:door-admin',
                 program() + '-registrar-db', '--config', postern.config], stdout=log, stderr=log)

            def said(word):
                log.seek(0)
                return word in log.read()
            until(lambda: os.path.exists(doors[1]), 5, 'the sockets are there')
            with socket.socket(socket.AF_UNIX) as knock:
                until(lambda: knock.connect_ex(doors[1]) == 0, 5, 'a door listens')
                until(lambda: said('registrar-db info ready'), 10, 'registrar-db is ready')
                assert not said('door-not-usable')
                knock.settimeout(5)
                assert knock.recv(64), 'no greeting'
