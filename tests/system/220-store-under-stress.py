"""The store under stress: locks, open readers, a full disk, damage, backup and restore; the phones stay up."""

import ctypes
import os
import pwd
import secrets
import shutil
import subprocess
import threading
import time

from lab import sip
from lab.expect import hear_each_other
from lab.net import POSTERN_ADDRESS
from lab.office import Office, password
from lab.postern import DOMAIN, Postern, program
from lab.wait import Late, until

DEADLINE = 120

RETRANSMIT = (0.5, 1, 2, 4, 4, 4, 4)     # RFC 3261 17.1.2.2
INSERT = ("INSERT INTO subscriber(number, name, username, password, internet) "
          "VALUES ('{0}','SIP-{0}','SIP-{0}','{1}',0);\n")
CLONE_NEWNS = 0x20000


def ask(sock, server, data):
    """Send a request until its final response comes, as a phone does; None after 20 s."""
    asked = sip.parse(data).headers

    def ours(answer):
        """A late answer to a repeated earlier request is none to this one."""
        return sip.final(answer) and all(answer.headers[name] == asked[name] for name in ('call-id', 'cseq'))

    for seconds in RETRANSMIT:
        sock.sendto(data, server)
        for answer in sip.answers(sock, seconds, enough=ours):
            if ours(answer):
                return answer
    return None


def register(sock, number, secret=None, server=(POSTERN_ADDRESS, 5060), expires=60):
    """REGISTER with patience; the status of the last response."""
    local, uri, aor = sock.getsockname(), f'sip:{DOMAIN}', f'sip:{number}@{DOMAIN}'
    call_id, extra = secrets.token_hex(10), [f'Expires: {expires}']
    first = ask(sock, server, sip.request('REGISTER', uri, local, to=aor, from_=number, headers=extra,
                                          call_id=call_id))
    if first is None or sip.status(first) != 401:
        return first and sip.status(first)
    for cseq in (2, 3):
        value = sip.digest(first.headers['www-authenticate'][0], 'REGISTER', uri, f'SIP-{number}',
                           secret or password(number))
        last = ask(sock, server, sip.request('REGISTER', uri, local, to=aor, from_=number, call_id=call_id,
                                             cseq=cseq, headers=extra + [f'Authorization: {value}']))
        # A phone answers a challenge that says stale=true once more, without asking its user.
        if not last or sip.status(last) != 401 or 'stale=true' not in last.headers['www-authenticate'][0]:
            break
        print(f'{number}: its nonce was called stale')
        first = last
    return last and sip.status(last)


def add(office, numbers):
    """Insert office subscribers."""
    office.postern.sql(''.join(INSERT.format(n, password(n)) for n in numbers))
    until(lambda: not office.postern.rows('SELECT 1 FROM subscriber WHERE password IS NOT NULL'), 5, 'all are sealed')


class Load:
    """Phones of the office that register again and again; statuses collects what they were told."""

    def __init__(self, office, numbers, pause=0.2):
        self.statuses, self._pause, self._end = [], pause, threading.Event()
        host = office.lab.office.phones[0]
        self._threads = [threading.Thread(target=self._run, args=(host.udp_socket(), n), daemon=True)
                         for n in numbers]

    def _run(self, sock, number):
        while not self._end.is_set():
            self.statuses.append((number, register(sock, number)))
            self._end.wait(self._pause)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join(25)

    def all_right(self):
        wrong = [pair for pair in self.statuses if pair[1] != 200]
        assert self.statuses and not wrong, f'of {len(self.statuses)}: {wrong[:5]}'
        print(len(self.statuses), 'registrations, all 200')


class Session:
    """An admin's sqlite3 session left open."""

    def __init__(self, office, sql):
        self._process = office.lab.postern_host.spawn(
            [program(), 'sql', '--state', office.postern.state], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        self._process.stdin.write(sql + "\nSELECT 'in';\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            assert 'rror' not in line, line
            if line.strip() == 'in':
                return

    def end(self, sql):
        """The last statement."""
        said = self._process.communicate(sql + '\n', timeout=10)[0]
        assert 'rror' not in said, said


def clear_text(office, secret):
    """The files below the state folder that hold secret."""
    found = []
    for path in office.postern.state_files():
        with open(path, 'rb') as file:
            if secret.encode() in file.read():
                found.append(path)
    return found


def hold_lock(begin, end):
    numbers = range(400, 420)
    with Office() as office:
        add(office, numbers)
        desk, home = office.desk(), office.home()
        with Load(office, numbers) as load:
            time.sleep(1)
            before, started = len(load.statuses), time.monotonic()
            session = Session(office, begin)
            desk.call(home)
            hear_each_other(desk, home)
            desk.hang_up()
            assert time.monotonic() - started < 5, 'the call waited for the lock'
            time.sleep(max(0.0, 5 - (time.monotonic() - started)))
            session.end(end)
            time.sleep(2)
            assert len(load.statuses) >= before + len(numbers)
        load.all_right()
        rows = {row['number'] for row in office.postern.rows('SELECT number FROM registration')}
        assert {str(n) for n in numbers} <= rows, rows


def test_write_lock_for_five_seconds():
    hold_lock('BEGIN IMMEDIATE;', 'COMMIT;')


def test_exclusive_lock_with_a_change_for_five_seconds():
    hold_lock("BEGIN EXCLUSIVE; UPDATE subscriber SET name = 'X' WHERE number = '169';", 'ROLLBACK;')


def test_read_lock_for_five_seconds():
    hold_lock('BEGIN; SELECT count(*) FROM registration;', 'COMMIT;')


def test_reader_left_open():
    """The WAL grows and that is said; a password goes within two seconds of the reader's end."""
    with Office(homes=()) as office:
        session = Session(office, 'BEGIN; SELECT count(*) FROM subscriber;')
        secret = 'Zebra-crossing-91-quartz'
        office.postern.sql(INSERT.format(300, secret))
        office.postern.sql('CREATE TABLE big(x); INSERT INTO big VALUES (zeroblob(70000000)); DROP TABLE big;\n')
        sock = office.lab.office.phones[0].udp_socket()
        until(lambda: register(sock, 300, secret) == 200, 5, 'the new phone registers meanwhile', 0.3)
        assert clear_text(office, secret)
        until(lambda: 'wal-grows' in office.postern.logs(), 5, 'the long WAL is said')
        until(lambda: 'password-not-wiped-yet' in office.postern.logs(), 5, 'so is the password')
        session.end('COMMIT;')
        until(lambda: not clear_text(office, secret), 2, 'the password is gone from all files')
        wal = os.path.getsize(office.postern.database() + '-wal')
        assert wal < 17 << 20, wal
        assert register(sock, 300, secret) == 200


def test_thousand_inserts_during_registrations():
    numbers = range(400, 410)
    with Office(homes=()) as office:
        add(office, numbers)
        with Load(office, numbers, pause=0.1) as load:
            started = time.monotonic()
            office.postern.sql(''.join(INSERT.format(n, password(n)) for n in range(5000, 6000)), seconds=60)
            print(f'1,000 inserts in {time.monotonic() - started:.1f} s')
        load.all_right()
        assert office.postern.rows('SELECT count(*) AS n FROM subscriber WHERE number >= 5000')[0]['n'] == 1000
        until(lambda: not office.postern.rows('SELECT 1 FROM subscriber WHERE password IS NOT NULL'), 5, 'all sealed')
        until(lambda: not clear_text(office, '-lantern-7c1f'), 2, 'no clear password is left')
        assert register(office.lab.office.phones[0].udp_socket(), 5999) == 200


def small_disk(megabytes):
    """A disk of its own for the store, seen by this test only; returns its mount point."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
    subprocess.run(['mount', '--make-rprivate', '/'], check=True)
    where = os.path.join(os.environ['POSTERN_LAB_FOLDER'], 'disk')
    os.mkdir(where)
    user = pwd.getpwnam('postern-db')
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={megabytes}m,mode=0700,uid={user.pw_uid},gid={user.pw_gid}',
                    'tmpfs', where], check=True)
    return where


def test_full_disk():
    """Phones go on refreshing, calls go on; no 200 for what is not stored; then all is well again."""
    disk = small_disk(12)
    with Office(settings={('store', 'path'): os.path.join(disk, 'postern.db')}) as office:
        numbers = range(400, 410)
        add(office, numbers)
        desk, home = office.desk(), office.home()
        socks = {n: office.lab.office.phones[0].udp_socket() for n in numbers}
        assert {register(sock, n) for n, sock in socks.items()} == {200}
        try:
            with open(os.path.join(disk, 'ballast'), 'wb', buffering=0) as ballast:
                for size in (1 << 16, 1 << 12):
                    try:
                        while ballast.write(b'x' * size) == size:
                            pass
                    except OSError:
                        pass
            told = [register(sock, n) for _ in range(40) for n, sock in socks.items()]
            refused = [status for status in told if status != 200]
            print(len(told), 'refreshes on a full disk, refused:', refused)
            assert len(refused) <= 20 and set(refused) <= {500, 503}, refused
            assert told[-len(numbers):] == [200] * len(numbers), told[-len(numbers):]
            assert 'disk-full' in office.postern.logs()
            desk.call(home)
            hear_each_other(desk, home)
            desk.hang_up()
            old = office.postern.kill('registrar-db')
            office.postern.wait_restarted('registrar-db', old)
            rows = {row['number'] for row in office.postern.rows('SELECT number FROM registration')}
            assert {str(n) for n in numbers} <= rows, rows
        finally:
            os.unlink(os.path.join(disk, 'ballast'))
        assert {register(sock, n) for n, sock in socks.items()} == {200}


def as_store_user(*command):
    """The documented form of a backup command."""
    return subprocess.run(['runuser', '-u', 'postern-db', '--', *command], check=True, capture_output=True,
                          text=True, cwd='/').stdout


def backup(office):
    """docs/store.md, "Backup"; the file."""
    folder = office.lab.path('backup')
    os.mkdir(folder, 0o700)
    shutil.chown(folder, 'postern-db', 'postern-db')
    file = os.path.join(folder, 'postern.db')
    as_store_user('sqlite3', '-init', '/dev/null', office.postern.database(), '.timeout 5000', 'BEGIN',
                  'SELECT count(*) FROM subscriber', f'.backup {file}')
    return file


def test_backup_and_restore_while_running():
    numbers = range(400, 410)
    with Office(homes=()) as office:
        add(office, numbers)
        with Load(office, numbers, pause=0.05) as load:
            time.sleep(0.5)
            file = backup(office)
            office.postern.sql("DELETE FROM subscriber WHERE number = '169';\n" + INSERT.format(300, password(300)))
            time.sleep(1)
            assert register(office.lab.office.phones[0].udp_socket(), 169) == 403
            as_store_user('sqlite3', '-init', '/dev/null', office.postern.database(), '.timeout 5000',
                          f'.restore {file}')
            pid = office.postern.pids()['registrar-db']
            time.sleep(1)
            assert register(office.lab.office.phones[0].udp_socket(), 169) == 200
            assert register(office.lab.office.phones[0].udp_socket(), 300) == 403
        load.all_right()
        assert office.postern.pids()['registrar-db'] == pid
        assert office.postern.sql('PRAGMA integrity_check;\n').strip() == 'ok'
        assert 'schema-' not in office.postern.logs()


def start(postern, message):
    """Start what will not come up whole; wait for the message that says why."""
    try:
        postern.up(seconds=1)
    except Late:
        pass
    until(lambda: message in postern.logs(), 5, f'the log says {message}')
    print([line for line in postern.logs().splitlines() if message in line][-1])
    assert 'remedy' in [line for line in postern.logs().splitlines() if message in line][-1]


def test_restore_on_another_machine():
    """The backup and the key are all it takes; without the right key it says so and answers no 403."""
    with Office(homes=()) as office:
        file = backup(office)
        office.postern.down()
        other = Postern(office.lab.postern_host, office.lab.path('other'))
        office.lab.on_close(other.stop)
        os.makedirs(os.path.join(other.state, 'store'))
        os.chmod(os.path.join(other.state, 'store'), 0o700)
        shutil.copy(file, other.settings['store', 'path'])
        for path in (os.path.join(other.state, 'store'), other.settings['store', 'path']):
            shutil.chown(path, 'postern-db', 'postern-db')
        start(other, 'key-missing')
        key = other.settings['store', 'key']
        with open(key, 'wb') as made:
            made.write(os.urandom(32))
        os.chmod(key, 0o400)
        until(lambda: 'key-does-not-fit' in other.logs(), 5, 'the log says that it is another key')
        sock = office.lab.office.phones[0].udp_socket()
        assert register(sock, 168) in (500, 503, None)
        shutil.copy(office.postern.settings['store', 'key'], key + '.right')
        os.chmod(key + '.right', 0o400)
        os.rename(key + '.right', key)
        until(lambda: 'registrar-db' in other.pids(), 10, 'registrar-db runs')
        assert register(sock, 168) == 200


def test_damage_owner_and_mode_are_named():
    with Office(homes=()) as office:
        postern = office.postern
        path, folder = postern.database(), os.path.dirname(postern.database())
        good = backup(office)

        def meanwhile(message):
            """Kill it; it must name what is wrong, and the calls in flight of others go on."""
            os.kill(postern.pids()['registrar-db'], 9)
            until(lambda: message in postern.logs(), 5, f'the log says {message}')
            line = [line for line in postern.logs().splitlines() if message in line][-1]
            print(line)
            assert 'remedy=' in line, line
            assert {'sigproxy', 'mediaproxy', 'stunmon'} <= postern.pids().keys()

        def again():
            until(lambda: 'registrar-db' in postern.pids(), 10, 'registrar-db runs again', 0.1)
            sock = office.lab.office.phones[0].udp_socket()
            until(lambda: register(sock, 168) == 200, 10, 'the phone registers', 0.2)

        os.chmod(folder, 0o755)
        meanwhile('store-directory')
        os.chmod(folder, 0o700)
        again()
        shutil.chown(path, 'root', 'root')
        os.chmod(path, 0o600)
        meanwhile('store-not-opened')
        shutil.chown(path, 'postern-db', 'postern-db')
        again()
        office.postern.sql('PRAGMA wal_checkpoint(TRUNCATE);\n')
        with open(path, 'r+b') as file:
            file.write(b'not a database at all')
        os.truncate(path + '-wal', 0)
        meanwhile('damaged')
        for name in (path + '-wal', path + '-shm'):
            if os.path.exists(name):
                os.unlink(name)
        shutil.copy(good, path)
        again()
