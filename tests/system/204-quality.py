"""How a call sounds stands in its record: loss and jitter that are made here are found again, and a silent phone."""

import json
import struct
import threading
import time

from lab import rtp, sip
from lab.agent import Agent
from lab.models import MODELS
from lab.office import Office, password
from lab.wait import until

DEADLINE = 120

TALK_S = 11                # two reports of baresip, 5 s apart (RFC 3550 6.2)
LATE_S = 0.010             # every second packet of the agent's
BACK_S = 0.080             # that the agent's report takes, all told
REPORT = ('VQSessionReport: CallTerm\r\nCallID: {0}\r\nLocalMetrics:\r\nPacketLoss:NLR=1.5 JDR=0.5\r\n'
          'Delay:RTD=120 ESD=0 SOWD=0 IAJ=3 MAJ=0\r\nQualityEst:MOSLQ=4.1 MOSCQ=4.0\r\n')


def last_record(office):
    """The record of the call that ended last."""
    return {name: value for name, value in office.records()[-1].items()
            if name.startswith(('caller_', 'called_', 'media_', 'ticket'))}


def sides(office, ticket):
    """call_quality's rows of a call, by side."""
    return {row['side']: row for row in office.postern.rows('SELECT * FROM call_quality')
            if str(row['ticket']) == str(ticket)}


def lose_every_20th(router):
    """Of the home's RTP, on its way out."""
    router.run(['nft', '-f', '-'], input='''
        table ip lossy {
            chain forward {
                type filter hook forward priority -10; policy accept;
                iifname "lan" udp length 180 numgen inc mod 20 == 0 drop
            }
        }''')


def talk(office, one, other, seconds):
    """A call of that length; its record."""
    one.call(other)
    time.sleep(seconds)
    one.hang_up()
    other.closed()
    return last_record(office)


def test_clean_then_lossy_then_silent():
    with Office() as office:
        home, desk = office.home(), office.desk()
        clean = talk(office, home, desk, TALK_S)
        print('clean:', clean)
        for side in ('caller', 'called'):
            assert float(clean[f'{side}_loss_pct']) == 0, clean
            assert float(clean[f'{side}_mos']) > 4, clean
            assert float(clean[f'{side}_heard_mos']) > 4, clean
            assert float(clean[f'{side}_jitter_ms']) < 15, clean
            assert 0 <= float(clean[f'{side}_rtt_ms']) < 50, clean
        lose_every_20th(office.lab.homes['A'].router)
        lossy = talk(office, home, desk, TALK_S)
        print('every 20th lost:', lossy)
        assert 4.3 < float(lossy['caller_loss_pct']) < 5.7, lossy
        assert float(lossy['called_loss_pct']) == 0, lossy
        assert 3.4 < float(lossy['caller_mos']) < 4.1 < float(lossy['called_mos']), lossy
        heard = sides(office, lossy['ticket'])
        print('as the desk hears it:', heard['called'])
        assert 2.5 < float(heard['called']['heard_loss_pct']) < 7.5, heard
        assert int(heard['caller']['longest_gap']) == 1, heard
        goes_silent(office, home, desk)
        is_named(office)


def is_named(office):
    """A phone whose own line is bad is named to the admin, and not who heard it."""
    office.postern.sql("UPDATE quality SET mos = 250 WHERE side = 'caller'; UPDATE quality SET heard_mos = 240 "
                       "WHERE side = 'called';")
    registrar = next(p['status'] for p in office.postern.status()['processes'] if p['role'] == 'registrar-db')
    assert registrar['sounds_bad'] == [{'of': 50, 'number': '201', 'calls': 3, 'mos_centi': 250}], registrar
    said = json.loads(office.postern.asked('check', '--json', '--state', office.postern.state).stdout)
    assert any(f['code'] == 'sounds-bad' and f['what'].startswith('201 ') for f in said['findings']), said


def goes_silent(office, home, desk):
    """A phone that sends no more is seen while the call is up, and in the log once."""
    def live():
        rows = office.postern.rows('SELECT * FROM live_call')
        return rows[0] if rows else {'media_state': 'not written down yet'}

    home.call(desk)
    until(lambda: live()['media_state'] == 'two-way', 3, 'both are heard')
    until(lambda: live()['caller_mos'] and float(live()['caller_loss_pct']) > 3, 8, 'figures while the call is up')
    home.freeze()
    start = time.monotonic()
    until(lambda: live()['media_state'] == 'one-way', 7, 'it is seen to be one-way')
    print(f'one-way seen after {time.monotonic() - start:.1f} s: {live()["media_words"]}')
    desk.hang_up()
    home.thaw()
    assert office.records()[-1]['media_verdict'] == 'fell-silent'


class Speaker(threading.Thread):
    """An agent that sends sound, every second packet late; and answers each sender report after a while."""

    def __init__(self, agent, packets, late_s):
        super().__init__(daemon=True)
        self.agent, self.packets, self.late_s = agent, packets, late_s
        self.sent = []                      # when each left: a busy machine adds jitter of its own

    def run(self):
        start = time.monotonic()
        for number in range(self.packets):
            due = start + 0.02 * number + self.late_s * (number % 2)
            time.sleep(max(0, due - time.monotonic()))
            self.sent.append(time.monotonic())
            packet = rtp.make(0, number, 160 * number, self.agent.number, bytes(160))
            self.agent.rtp.sendto(packet, self.agent.media)


    def jitter_ms(self):
        """The mean of RFC 3550's estimate, of what was sent."""
        estimate, total = 0, 0
        for before, after in zip(self.sent, self.sent[1:]):
            estimate += (abs(after - before - 0.02) - estimate) / 16
            total += estimate
        return total / (len(self.sent) - 1) * 1000


def sender_report(ssrc, middle):
    """An SR whose time has this in the middle."""
    return struct.pack('>BBHIHIHIII', 0x80, 200, 6, ssrc, 0, middle, 0, 0, 0, 0)


def receiver_report(ssrc, about, middle, kept_s):
    """An RR that names that SR."""
    return struct.pack('>BBHI', 0x81, 201, 7, ssrc) + \
        struct.pack('>IIIIII', about, 0, 1000, 0, middle, int(kept_s * 65536))


def exchange_reports(one, other, times):
    """one's SR goes through the relay to other, who answers BACK_S too late and says that it kept it not at all."""
    def rtcp(agent):
        return agent.rtcp, (agent.media[0], agent.media[1] + 1)

    for number in range(1, times + 1):
        for agent in (one, other):          # its port is learnt by what comes from it
            sock, to = rtcp(agent)
            sock.sendto(receiver_report(agent.number, 0, 0, 0), to)
        sock, to = rtcp(one)
        sock.sendto(sender_report(one.number, number), to)
        sock, to = rtcp(other)
        sock.settimeout(2)
        while True:
            data = sock.recv(2048)
            if data[1] == 200:
                break
        time.sleep(BACK_S)
        sock.sendto(receiver_report(other.number, one.number, number, 0), to)
        time.sleep(0.1)


def publish(agent, call_id):
    """Its word on a call; the status of the answer."""
    uri = agent.text(agent.model.server)
    agent.challenge = None
    answer = agent.ask('PUBLISH', uri, f'<{agent.text(agent.model.aor)}>', f'report-{agent.number}-{call_id[:6]}',
                       ['Event: vq-rtcpxr', 'Content-Type: application/vq-rtcpxr'], REPORT.format(call_id).encode())
    return sip.status(answer)


def agent(office, host, number, inside):
    """A Yealink with an RTCP port beside its RTP port."""
    server = office.server(inside).split(':')
    made = Agent(host, (server[0], int(server[1])), MODELS['T19P'], number, password(number),
                 port=5062, rtp_port=11000)
    made.rtcp = host.udp_socket(11001)
    assert sip.status(made.register()) == 200
    return made


def test_jitter_delay_and_the_phones_own_word():
    with Office() as office:
        lab = office.lab
        home = agent(office, lab.homes['A'].phones[0], 201, False)
        desk = agent(office, lab.office.phones[0], 168, True)
        with home, desk:
            home.call(168, desk)
            speakers = [Speaker(home, 250, LATE_S), Speaker(desk, 250, 0)]
            for speaker in speakers:
                speaker.start()
            time.sleep(0.5)
            exchange_reports(desk, home, 5)
            for speaker in speakers:
                speaker.join()
            call_id, desk_id = home.dialog['call_id'], desk.dialog['call_id']
            home.hang_up(desk)
            assert publish(home, call_id) == 200
            assert publish(desk, call_id if call_id != desk_id else 'x') == 200    # not as it knows the call
            record = last_record(office)
            until(lambda: sides(office, record['ticket'])['caller']['said_mos'], 3, 'the report is in the record')
            rows = sides(office, record['ticket'])
            print('caller:', rows['caller'], '\ncalled:', rows['called'])
            for side, speaker in zip(('caller', 'called'), speakers):
                print(f'{side}: jitter sent {speaker.jitter_ms():.2f} ms, measured {rows[side]["jitter_ms"]:.2f} ms')
                assert abs(speaker.jitter_ms() - rows[side]['jitter_ms']) < 3, rows[side]
            assert rows['caller']['jitter_ms'] > 4, rows['caller']
            assert BACK_S * 1000 <= float(rows['caller']['rtt_ms']) < BACK_S * 1000 + 60, rows
            assert (rows['caller']['said_mos'], rows['caller']['said_loss_pct'], rows['caller']['said_jitter_ms'],
                    rows['caller']['said_rtt_ms']) == (4.1, 2.0, 3.0, 120), rows['caller']
            assert not rows['called']['said_mos'], rows['called']
