/*
 * Plays a script against the core of sigproxy: fake network, fake clock, and
 * an oracle that says what the script tells it to.
 *
 * Lines of a script; `#` begins a comment:
 *
 *   > ZONE HOST:PORT     a datagram from there; its lines follow, ended by a
 *                        line "."; $NAME stands for what was captured
 *   < ZONE HOST:PORT START
 *                        the next datagram that was sent must go there and
 *                        begin with START; each line up to "." must match one
 *                        of its lines (* any text, $NAME: captures or must
 *                        equal; !PATTERN must match none)
 *   bytes> ZONE HOST:PORT TEXT   a datagram with \r \n \0 \xHH escapes
 *   keepalives LEAST MOST   so many were sent since the last time: OPTIONS that
 *                        nobody answers, or CR LF CR LF
 *   quiet                nothing else was sent
 *   +MS                  time passes; timers fire in order
 *   reg up|down, stun up|down
 *   oracle VERDICT       from now on the oracle says so (ok, stale,
 *                        forbidden, not-found, unreachable, brief, busy, bad)
 *   oracle silent        it does not answer; `oracle forgets` ends that, losing
 *                        what waits; `oracle answers` releases what
 *                        waits with the verdict set
 *   nonces on|off        whether it mints any (on)
 *   asked N              REG_ASK and AUTH_ASK seen since the last `asked`
 *   log EVENT            such a line was logged since the last `log`
 *   logged N             so many lines were logged since the last of these two
 *   expires S            what it grants (60)
 *   digest ALGORITHM...  what the site offers from now on; auth-int: that too
 *   nonce-left S         how long the nonces answered still live (300)
 *   binding URI S        what it lists beside what was asked (until cleared
 *                        by `binding none`)
 *   ask FIELD VALUE      a field of the last REG_ASK is this
 *   public ADDRESS       stunmon says our external listener is seen so
 *   status NAME N        a member of edge_status()
 *   shorter-than PERCENT the last datagram out was at most PERCENT % of the
 *                        last one in
 */
#ifndef TESTS_SCENARIO_SIG_PLAYER_H
#define TESTS_SCENARIO_SIG_PLAYER_H

/* 0: passed; else a message with file and line was written to stderr. */
int play(const char *path);

#endif
