/*
 * Every SQL statement of this process, one row each: name, R or W (reads only,
 * or may write), text.  All are prepared at start, so that a schema
 * that does not fit is found before the first request.  There is no other
 * SQL but schema/ and the pragmas in io/store.c, and none is ever built.
 */
#ifndef REGDB_STMTS_H
#define REGDB_STMTS_H

#define FLOW_COLUMNS "source, transport, zone, listener, connection"

/* In the order in which io/rows.c reads a binding. */
#define BINDING_COLUMNS                                               \
	"slot, contact, instance, call_id, reg_id, cseq, q, " FLOW_COLUMNS \
	", nated, registered_at, expires_at, granted_s, number, closed_at, " \
	"reconnects, user_agent, ice"

/* One side's counters; the sums of all its streams. */
/* Each time all of it so far: told again, nothing is counted twice. */
#define SO_FAR(column, at) column " = max(" column ", " at ")"
#define MEDIA_UPDATE(side)                                              \
	"UPDATE call SET "                                              \
	SO_FAR(side "_packets_in", "?2") ", "                           \
	SO_FAR(side "_bytes_in", "?3") ", "                             \
	SO_FAR(side "_packets_out", "?4") ", "                          \
	SO_FAR(side "_packets_lost", "?5") ", "                         \
	SO_FAR(side "_packets_refused", "?6") ", "                      \
	SO_FAR(side "_rtcp_in", "?7") ", "                              \
	SO_FAR(side "_silent_ms", "?8") ", "                            \
	side "_learnt = coalesce(?9, " side "_learnt) WHERE ticket = ?1"

/* The office's own side says nothing about how the other one got in. */
#define REACH_UPDATE(side)                                              \
	"UPDATE call SET " side "_media = ?2, " side "_said = ?3, "     \
	side "_srtp = ?5, "                                             \
	side "_evidence = CASE WHEN ?6 = '' AND " side "_media = ?2 "   \
	"THEN " side "_evidence ELSE ?6 END, "                          \
	"media_way = CASE ?4 WHEN '' THEN media_way ELSE ?4 END "       \
	"WHERE ticket = ?1"

/*
 * A new figure replaces the old one; what is not known leaves it.  A relay
 * that took over from another (?3) knows nothing of what was before: then
 * the worse of the two stays.
 */
#define FIGURE(column, worse)                                           \
	column " = CASE WHEN ?3 THEN coalesce(" worse "(excluded." column \
	", quality." column "), excluded." column ", quality." column   \
	") ELSE coalesce(excluded." column ", quality." column ") END"
#define FIGURES(prefix)                                                 \
	FIGURE(prefix "loss", "max") ", "                               \
	FIGURE(prefix "jitter_us", "max") ", "                          \
	FIGURE(prefix "rtt_ms", "max") ", "                             \
	FIGURE(prefix "mos", "min")
/* They only grow; a relay begins at nothing. */
#define GROWS(column)                                                   \
	column " = max(excluded." column ", quality." column ")"

#define STMTS(S)                                                        \
	/* who is it */                                                 \
	S(FIND_USER, R, "SELECT id FROM subscriber WHERE username = ?1") \
	S(MAX_SUBSCRIBER, R, "SELECT max(id) FROM subscriber")          \
	S(ACCOUNT, R, "SELECT s.id, s.username, s.realm, s.enabled, "   \
	    "s.internet, s.number, s.name, s.hold, s.latching, s.srtp, " \
	    "c.md5, c.sha256, c.sha512_256, s.min_digest, s.codecs, "   \
	    "s.max_kbps FROM subscriber s "                             \
	    "LEFT JOIN credential c ON c.subscriber = s.id "            \
	    "WHERE s.id >= ?1 ORDER BY s.id LIMIT 1")                   \
	S(PARTY, R, "SELECT number, name, hold, latching, srtp, enabled, " \
	    "codecs, max_kbps FROM subscriber WHERE number = ?1")       \
	S(MAY_STILL, R, "SELECT number, enabled, internet, max_contacts " \
	    "FROM subscriber WHERE id = ?1")                            \
	/* bindings */                                                  \
	S(TARGETS, R, "SELECT " BINDING_COLUMNS " FROM registration "   \
	    "WHERE number = ?1 AND expires_at > ?2 "                    \
	    "ORDER BY q DESC, registered_at DESC LIMIT 8")              \
	S(BINDINGS, R, "SELECT " BINDING_COLUMNS " FROM registration "  \
	    "WHERE number = ?1 AND expires_at > ?2 "                    \
	    "ORDER BY slot LIMIT 8")                                    \
	S(BINDING_PUT, W, "INSERT OR REPLACE INTO registration(number, " \
	    "slot, contact, instance, call_id, reg_id, cseq, q, "       \
	    FLOW_COLUMNS ", nated, registered_at, expires_at, "         \
	    "granted_s, user_agent, reconnects, ice) "                  \
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "                      \
	    "?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, " \
	    "?20)")                                                     \
	S(BINDING_CLOSED, W, "UPDATE registration SET closed_at = ?6 "  \
	    "WHERE source = ?1 AND transport = ?2 AND zone = ?3 "       \
	    "AND listener = ?4 AND connection = ?5 "                    \
	    "AND closed_at IS NULL")                                    \
	S(BINDING_REFRESH, W, "UPDATE registration SET cseq = ?3, "     \
	    "registered_at = ?4, expires_at = ?5 "                      \
	    "WHERE number = ?1 AND slot = ?2")                          \
	S(BINDING_DROP, W, "DELETE FROM registration "                  \
	    "WHERE number = ?1 AND slot = ?2")                          \
	S(STREAMS_CLOSED, W, "UPDATE registration SET closed_at = ?1 "  \
	    "WHERE transport <> 'udp' AND closed_at IS NULL")           \
	S(FLOW_USED, R, "SELECT 1 FROM registration WHERE source = ?1 " \
	    "AND transport = ?2 AND zone = ?3 AND listener = ?4 "       \
	    "AND connection = ?5 "                                      \
	    "LIMIT 1")                                                  \
	S(WALK, R, "SELECT " BINDING_COLUMNS " FROM registration "      \
	    "WHERE (number, slot) > (?1, ?2) "                          \
	    "ORDER BY number, slot LIMIT ?3")                           \
	S(EXPIRED, W, "DELETE FROM registration "                       \
	    "WHERE number = ?1 AND slot = ?2 AND expires_at <= ?3")     \
	S(BINDINGS_CLAMP, W, "UPDATE registration "                     \
	    "SET expires_at = ?1 + granted_s "                          \
	    "WHERE expires_at > ?1 + granted_s")                        \
	S(BINDINGS_MOVE, W, "UPDATE registration "                      \
	    "SET registered_at = registered_at + ?1, "                  \
	    "expires_at = expires_at + ?1")                             \
	S(CALLS_MOVE, W, "UPDATE call SET granted_at = granted_at + ?1, " \
	    "answered_at = answered_at + ?1 WHERE ended_at IS NULL")    \
	S(NUMBER_ID, R, "SELECT id FROM subscriber WHERE number = ?1")  \
	/* an admin's changes */                                        \
	S(UNSEALED, R, "SELECT id, username, password, number "         \
	    "FROM subscriber WHERE password IS NOT NULL LIMIT ?1")      \
	S(CREDENTIAL_PUT, W, "INSERT OR REPLACE INTO "                  \
	    "credential(subscriber, md5, sha256, sha512_256) "          \
	    "VALUES (?1, ?2, ?3, ?4)")                                  \
	S(SEALED, W, "UPDATE subscriber SET password = NULL, "          \
	    "realm = ?2, changed_at = datetime('now') WHERE id = ?1")   \
	S(GONE, R, "SELECT " FLOW_COLUMNS ", id FROM flow_gone "        \
	    "ORDER BY id LIMIT ?1")                                     \
	S(GONE_TOLD, W, "DELETE FROM flow_gone WHERE id <= ?1")         \
	S(OTHER_REALM, R, "SELECT number FROM subscriber "              \
	    "WHERE realm <> ?1 AND password IS NULL "                   \
	    "ORDER BY number LIMIT 20")                                 \
	S(SEALED_IDS, R, "SELECT s.id FROM subscriber s "               \
	    "JOIN credential c ON c.subscriber = s.id "                 \
	    "WHERE s.password IS NULL ORDER BY s.id")                  \
	/* calls */                                                     \
	S(LAST_TICKET, R, "SELECT coalesce(max(ticket), 0) FROM call")  \
	S(CALL_OPEN, W, "INSERT INTO call(ticket, caller, caller_name, " \
	    "called, verdict, from_zone, from_source, call_id, "        \
	    "granted_at, ended_at, state, number_class, pattern, rule, " \
	    "payer, payer_zone, cost_minute, trunk, route, sent, "      \
	    "status, reason) VALUES (?1, ?2, ?3, ?4, "                  \
	    "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "   \
	    "?17, ?18, ?19, ?20, ?21, ?22)")                            \
	S(CALL_DENIED, W, "INSERT INTO call(ticket, caller, "           \
	    "caller_name, called, verdict, from_zone, from_source, "    \
	    "call_id, granted_at, ended_at, state, number_class, "      \
	    "pattern, rule, via, status, reason) SELECT ?1, ?2, "       \
	    "coalesce((SELECT name FROM subscriber WHERE number = ?2), ''), " \
	    "?3, ?4, "                                                  \
	    "?5, (SELECT from_source FROM call WHERE ticket = ?6 "      \
	    "AND caller = ?2 UNION ALL SELECT '' LIMIT 1), "            \
	    "(SELECT call_id FROM call WHERE ticket = ?6), ?7, ?7, "    \
	    "'refused', ?8, ?9, ?10, ?11, ?12, ?13")                    \
	S(CALL_NOTE, W, "UPDATE call SET state = ?2, "                  \
	    "status = CASE WHEN ?3 = 0 THEN status ELSE ?3 END, "       \
	    "reason = CASE WHEN ?4 = '' THEN reason ELSE ?4 END, "      \
	    "channels = max(channels, ?5), relayed = max(relayed, ?6), " \
	    "called_source = coalesce(?7, called_source), "             \
	    "answered_at = coalesce(answered_at, ?8), "                 \
	    "ended_at = coalesce(ended_at, ?9), "                       \
	    "ended_by = CASE WHEN ?10 = '' THEN ended_by ELSE ?10 END " \
	    "WHERE ticket = ?1 AND (ended_at IS NULL OR ?9 IS NOT NULL)") \
	S(HAS_CALL, R, "SELECT 1 FROM call WHERE ticket = ?1")           \
	S(CALL_DIVERTS, R, "SELECT called, redirected_to, redirects "   \
	    "FROM call WHERE ticket = ?1 AND verdict = 'granted' "      \
	    "AND answered_at IS NULL AND ended_at IS NULL")             \
	S(CALL_DIVERT, W, "UPDATE call SET redirected_to = ?2, "        \
	    "redirects = redirects + 1 WHERE ticket = ?1")              \
	S(CALL_PAYER, W, "UPDATE call SET number_class = ?2, "          \
	    "pattern = ?3, rule = ?4, payer = ?5, payer_zone = ?6, "    \
	    "cost_minute = ?7 WHERE ticket = ?1")                       \
	S(CALL_ASKED, W, "UPDATE call SET redirects = redirects + 1 "   \
	    "WHERE ticket = ?1")                                        \
	S(CALL_PARTIES, R, "SELECT caller, called, redirected_to, "     \
	    "from_zone, redirects FROM call WHERE ticket = ?1 "         \
	    "AND verdict LIKE 'granted%' AND ended_at IS NULL")         \
	S(CALL_LIVES, R, "SELECT ended_at IS NULL, ended_at >= ?2 "     \
	    "FROM call WHERE ticket = ?1")                              \
	S(CALL_TOLD, W, "INSERT INTO call(ticket, caller, caller_name, " \
	    "called, verdict, from_zone, from_source, call_id, "        \
	    "granted_at, state) VALUES (?1, ?2, '', ?3, "               \
	    "'granted (told by sigproxy)', '', '', '', ?4, 'granted')") \
	S(MEDIA_CALLER, W, MEDIA_UPDATE("caller"))                      \
	S(MEDIA_CALLED, W, MEDIA_UPDATE("called"))                      \
	S(REACH_CALLER, W, REACH_UPDATE("caller"))                      \
	S(REACH_CALLED, W, REACH_UPDATE("called"))                      \
	S(QUALITY, W, "INSERT INTO quality(ticket, side, expected, late, " \
	    "twice, gap, jitter_max_us, loss, jitter_us, rtt_ms, mos, " \
	    "heard_loss, heard_jitter_us, heard_rtt_ms, heard_mos, "    \
	    "said_loss, said_jitter_us, said_rtt_ms, said_mos) "        \
	    "SELECT ticket, ?2, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "    \
	    "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21 FROM call "    \
	    "WHERE ticket = ?1 AND (ended_at IS NULL OR ended_at >= ?4) " \
	    "ON CONFLICT(ticket, side) DO UPDATE SET "                  \
	    GROWS("expected") ", " GROWS("late") ", " GROWS("twice") ", " \
	    GROWS("gap") ", " FIGURE("jitter_max_us", "max") ", "       \
	    FIGURES("") ", " FIGURES("heard_") ", " FIGURES("said_"))   \
	/* Whose line is bad: what came from it; or what it hears though  \
	 * the other one's came in well. */                             \
	S(SOUNDS_BAD, R, "SELECT CASE a.side WHEN 'caller' THEN c.caller " \
	    "ELSE c.called END AS phone, count(*), "                    \
	    "min(min(ifnull(a.mos, 450), ifnull(a.heard_mos, 450), "    \
	    "ifnull(a.said_mos, 450))) "                                \
	    "FROM (SELECT ticket, caller, called FROM call "            \
	    "ORDER BY ticket DESC LIMIT 50) AS c "                      \
	    "JOIN quality AS a ON a.ticket = c.ticket "                 \
	    "LEFT JOIN quality AS b ON b.ticket = a.ticket "            \
	    "AND b.side <> a.side "                                     \
	    "WHERE a.mos < 360 OR (ifnull(b.mos, 450) >= 360 AND "      \
	    "min(ifnull(a.heard_mos, 450), ifnull(a.said_mos, 450)) < 360) " \
	    "GROUP BY phone ORDER BY 2 DESC, phone LIMIT 8")            \
	S(CALLS_LOST, W, "UPDATE call SET state = 'ended', "            \
	    "ended_at = ?1, reason = 'signalling restarted' "           \
	    "WHERE ended_at IS NULL AND ticket < ?2 "                   \
	    "AND ticket NOT IN (SELECT ticket FROM checkpoint)")        \
	S(CALLS_OLD, W, "DELETE FROM call WHERE ticket IN ("            \
	    "SELECT ticket FROM call WHERE ended_at IS NOT NULL "       \
	    "ORDER BY ticket LIMIT ?1)")                                \
	/* A flood of refusals pushes out refusals, and no call. */        \
	S(REFUSED_FIRST, R, "SELECT 4 * sum(state = 'refused') > "      \
	    "count(*) FROM call")                                       \
	S(CALLS_REFUSED, W, "DELETE FROM call WHERE ticket IN ("        \
	    "SELECT ticket FROM call WHERE state = 'refused' "          \
	    "ORDER BY ticket LIMIT ?1)")                                \
	S(CALLS_OLDER, W, "DELETE FROM call WHERE ticket IN ("          \
	    "SELECT ticket FROM (SELECT ticket, ended_at FROM call "    \
	    "WHERE ended_at IS NOT NULL ORDER BY ticket LIMIT 200) "    \
	    "WHERE ended_at < ?1)")                                     \
	S(SPENT_OLD, W, "DELETE FROM spent WHERE day < ?1")             \
	/* who may call what */                                         \
	S(NUMBER_CLASSES, R, "SELECT pattern, class, cost_minute "      \
	    "FROM number_class ORDER BY pattern LIMIT 4096")            \
	S(SERVICE, R, "SELECT c.name, c.office, c.internet, c.hours, "  \
	    "c.days, c.max_calls, c.minutes_day, c.cost_day "           \
	    "FROM subscriber s JOIN class_of_service c "                \
	    "ON c.name = coalesce(s.rights, s.class) "                  \
	    "WHERE s.number = ?1")                                      \
	S(GRANTS, R, "SELECT id, allows, max_calls, minutes_day, "      \
	    "cost_day FROM class_grant WHERE number = ?1 "              \
	    "AND zone IN ('both', ?2) "                                 \
	    "AND unixepoch(starts, 'utc') <= ?3 AND (ends IS NULL "     \
	    "OR unixepoch(ends, 'utc') > ?3) ORDER BY id LIMIT 16")     \
	S(SPENT, R, "SELECT seconds, cost FROM spent "                  \
	    "WHERE number = ?1 AND day = ?2")                           \
	S(SPENDING, R, "SELECT answered_at, cost_minute FROM call "     \
	    "WHERE ended_at IS NULL AND payer <> '' AND payer = ?1 "    \
	    "LIMIT 10000")                                              \
	S(FROM_OUTSIDE, R, "SELECT 1 FROM registration "                \
	    "WHERE number = ?1 AND zone = 'external' "                  \
	    "AND expires_at > ?2 LIMIT 1")                              \
	S(CALLS_WATCHED, R, "SELECT ticket, number_class, pattern, "    \
	    "payer, payer_zone, cost_minute, stop, rule FROM call "     \
	    "WHERE ended_at IS NULL AND (payer <> '' OR stop <> '') "   \
	    "AND ticket > ?1 ORDER BY ticket LIMIT ?2")                 \
	S(CALLS_RUNNING, R, "SELECT ticket, caller, called, "           \
	    "redirected_to, from_zone, from_source, called_source, "    \
	    "channels, rule, coalesce(trunk, '') FROM call "            \
	    "WHERE ended_at IS NULL AND stop = '' "                     \
	    "AND number_class <> 'emergency' "                          \
	    "AND verdict LIKE 'granted%' AND ticket > ?1 "              \
	    "ORDER BY ticket LIMIT ?2")                                 \
	S(OFF_INTERNET, R, "SELECT 1 FROM subscriber "                  \
	    "WHERE number = ?1 AND internet = 0")                       \
	S(BINDINGS_PLACED, R, "SELECT number, slot, source "            \
	    "FROM registration WHERE number IN "                        \
	    "(SELECT number FROM allowed_from)")                        \
	S(FLOWS_SHUT, W, "INSERT INTO flow_gone(" FLOW_COLUMNS ") "     \
	    "SELECT " FLOW_COLUMNS " FROM registration "                \
	    "WHERE number = ?1 AND ?2 IN (0, slot)")                    \
	S(BINDINGS_SHUT, W, "DELETE FROM registration "                 \
	    "WHERE number = ?1 AND ?2 IN (0, slot)")                    \
	S(HAD_PASSWORD, R, "SELECT 1 FROM credential "                  \
	    "WHERE subscriber = ?1")                                    \
	S(PASSWORD_CALLS, W, "UPDATE call SET stop = 'right', "         \
	    "rule = 'password' WHERE ended_at IS NULL AND stop = '' "   \
	    "AND number_class <> 'emergency' "                          \
	    "AND (?1 IN (caller, called, payer) "                       \
	    "OR ' ' || redirected_to LIKE '% ' || ?1) "                 \
	    "AND NOT EXISTS (SELECT 1 FROM class_of_service "           \
	    "WHERE on_disable = 'keep' AND name = (SELECT "             \
	    "coalesce(rights, class) FROM subscriber "                  \
	    "WHERE number = ?1))")                                      \
	S(CALL_STOP, W, "UPDATE call SET stop = ?2, rule = ?3 "         \
	    "WHERE ticket = ?1 AND ended_at IS NULL AND stop = ''")     \
	S(ALLOWED_FROM, R, "SELECT prefix FROM allowed_from "           \
	    "WHERE number = ?1")                                        \
	/* trunks */                                                    \
	S(TRUNKS, R, "SELECT id, name, address, transport, zone, "      \
	    "from_domain, username, register, sealed IS NOT NULL "      \
	    "OR password IS NOT NULL, outbound, trust, mirror, "        \
	    "tls_verify, expires_s, ping_s, channels, wait_s, "         \
	    "latching, srtp, sources, stun, prefix, numbers, country, " \
	    "area, caller_number FROM trunk WHERE enabled = 1 "         \
	    "ORDER BY id LIMIT 32")                                     \
	S(ROUTES, R, "SELECT r.id, r.pattern, t.id, r.priority, "       \
	    "r.strip, r.prepend, r.kinds, coalesce(r.rights, '') "      \
	    "FROM route r JOIN trunk t ON t.name = r.trunk "            \
	    "WHERE r.enabled = 1 AND t.enabled = 1 "                    \
	    "ORDER BY r.priority, r.id LIMIT 512")                      \
	S(DIDS, R, "SELECT t.id, d.pattern, d.target FROM did d "       \
	    "JOIN trunk t ON t.name = d.trunk WHERE t.enabled = 1 "     \
	    "ORDER BY d.trunk, d.pattern LIMIT 4096")                   \
	S(MIRROR_OF, R, "SELECT t.id, m.username FROM mirror m "        \
	    "JOIN trunk t ON t.name = m.trunk WHERE m.number = ?1 "     \
	    "AND m.enabled = 1 AND t.enabled = 1 AND t.mirror = 1 "     \
	    "AND t.outbound = 1")                                       \
	S(MIRROR_NUMBER, R, "SELECT m.number FROM mirror m "            \
	    "JOIN trunk t ON t.name = m.trunk WHERE t.id = ?1 "         \
	    "AND m.enabled = 1 AND ?2 IN (m.number, m.username) "       \
	    "ORDER BY m.number = ?2 DESC LIMIT 1")                      \
	S(TRUNK_SECRET, R, "SELECT CASE auth_username WHEN '' "         \
	    "THEN username ELSE auth_username END, realm, sealed "      \
	    "FROM trunk WHERE id = ?1 AND enabled = 1")                 \
	S(MIRROR_SECRET, R, "SELECT CASE m.auth_username WHEN '' "      \
	    "THEN m.username ELSE m.auth_username END, t.realm, "       \
	    "m.sealed FROM mirror m JOIN trunk t ON t.name = m.trunk "  \
	    "WHERE t.id = ?1 AND m.number = ?2 AND m.enabled = 1 "      \
	    "AND t.enabled = 1")                                        \
	S(TRUNK_UNSEALED, R, "SELECT id, password FROM trunk "          \
	    "WHERE password IS NOT NULL ORDER BY id LIMIT 1")           \
	S(TRUNK_SEALED, W, "UPDATE trunk SET sealed = ?2, "             \
	    "password = NULL WHERE id = ?1")                            \
	S(MIRROR_UNSEALED, R, "SELECT number, password FROM mirror "    \
	    "WHERE password IS NOT NULL ORDER BY number LIMIT 1")       \
	S(MIRROR_SEALED, W, "UPDATE mirror SET sealed = ?2, "           \
	    "password = NULL WHERE number = ?1")                        \
	S(CALL_OUT, R, "SELECT caller, called, redirected_to, "         \
	    "challenges FROM call WHERE ticket = ?1 "                   \
	    "AND verdict LIKE 'granted%' AND answered_at IS NULL "      \
	    "AND ended_at IS NULL")                                     \
	S(CALL_CHALLENGED, W, "UPDATE call SET "                        \
	    "challenges = challenges + 1 WHERE ticket = ?1")            \
	S(CALL_WAY, W, "UPDATE call SET trunk = (SELECT name "          \
	    "FROM trunk WHERE id = ?2), route = ?3, sent = ?4 "         \
	    "WHERE ticket = ?1 AND ended_at IS NULL "                   \
	    "AND EXISTS (SELECT 1 FROM trunk WHERE id = ?2)")           \
	S(CALL_TRIED, W, "INSERT INTO call_try(ticket, n, trunk, address, " \
	    "why, status, words) SELECT c.ticket, (SELECT count(*) FROM " \
	    "call_try AS y WHERE y.ticket = ?1), t.name, ?3, ?4, ?5, ?6 " \
	    "FROM call AS c JOIN trunk AS t ON t.id = ?2 "              \
	    "WHERE c.ticket = ?1 AND c.ended_at IS NULL "               \
	    "AND c.verdict LIKE 'granted%' AND (SELECT count(*) FROM "  \
	    "call_try AS y WHERE y.ticket = ?1) < 16")                  \
	/* homes */                                                     \
	S(HOME_PUT, W, "INSERT OR REPLACE INTO home(address, transport, " \
	    "keepalive_s, lost_after_s, learnt_at, sip_alg) "           \
	    "SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 "         \
	    "FROM registration WHERE source >= ?1 || ':' "              \
	    "AND source < ?1 || ';')")                                  \
	S(HOMES, R, "SELECT address, transport, keepalive_s, "          \
	    "lost_after_s, sip_alg FROM home WHERE (address, transport) > (?1, ?2) " \
	    "ORDER BY address, transport LIMIT ?3")                     \
	S(HOMES_OLD, W, "DELETE FROM home WHERE learnt_at < ?1")        \
	/* phones left behind by a change of our address */             \
	S(LOST_PUT, W, "INSERT OR REPLACE INTO lost_phone(number, "     \
	    "source, server, seen_at, named, due_at) "                  \
	    "SELECT ?1, ?2, ?3, ?4, ?5, ?6 "                            \
	    "WHERE EXISTS (SELECT 1 FROM subscriber WHERE number = ?1)") \
	S(LOST_DROP, W, "DELETE FROM lost_phone WHERE number = ?1")     \
	S(LOST, R, "SELECT number, source, server, seen_at, named, "    \
	    "due_at FROM lost_phone ORDER BY seen_at DESC, number LIMIT ?1") \
	S(LOST_MOVE, W, "UPDATE lost_phone SET seen_at = seen_at + ?1, " \
	    "due_at = due_at + ?1")                                     \
	S(LOST_OLD, W, "DELETE FROM lost_phone WHERE seen_at < ?1")     \
	/* calls that survive sigproxy */                               \
	S(CHECKPOINTS, R, "SELECT ticket, version, state FROM checkpoint") \
	S(CHECKPOINT_PUT, W, "INSERT OR REPLACE INTO "                  \
	    "checkpoint(ticket, version, state) VALUES (?1, ?2, ?3)")   \
	S(CHECKPOINT_DROP, W, "DELETE FROM checkpoint WHERE ticket = ?1") \
	/* who watches whom, and mailboxes */                           \
	S(WATCHER, R, "SELECT enabled, internet, watch "                \
	    "FROM subscriber WHERE number = ?1")                        \
	S(WATCHED, R, "SELECT enabled, watched "                        \
	    "FROM subscriber WHERE number = ?1")                        \
	S(SUBSCRIPTIONS, R, "SELECT id, watcher, number, zone, "        \
	    "expires_at, version, state, show FROM watcher")       \
	S(SUBSCRIPTION_PUT, W, "INSERT OR REPLACE INTO "                \
	    "watcher(id, watcher, number, zone, expires_at, "      \
	    "version, state, show) "                                    \
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                  \
	S(SUBSCRIPTION_DROP, W, "DELETE FROM watcher WHERE id = ?1") \
	S(MAY_SAY, R, "SELECT mwi_source FROM subscriber "              \
	    "WHERE number = ?1")                                        \
	S(MAILBOXES, R, "SELECT number, waiting, counted, new, old, "   \
	    "urgent_new, urgent_old FROM mailbox LIMIT 2048")           \
	S(MAILBOX_PUT, W, "INSERT OR REPLACE INTO mailbox(number, "     \
	    "waiting, counted, new, old, urgent_new, urgent_old) "      \
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                      \
	/* registrations of our own */                                  \
	S(ACCOUNTS_TRUNK, R, "SELECT id, id, '', expires_s, username, " \
	    "from_domain, address, transport, auth_username, realm, "   \
	    "sealed FROM trunk WHERE enabled = 1 AND register = 1 "     \
	    "AND sealed IS NOT NULL ORDER BY id LIMIT ?1")              \
	S(ACCOUNTS_MIRROR, R, "SELECT s.id + 4294967296, t.id, "        \
	    "m.number, t.expires_s, m.username, t.from_domain, "        \
	    "t.address, t.transport, m.auth_username, t.realm, "        \
	    "m.sealed FROM mirror m "                                   \
	    "JOIN trunk t ON t.name = m.trunk "                         \
	    "JOIN subscriber s ON s.number = m.number "                 \
	    "WHERE m.enabled = 1 AND m.sealed IS NOT NULL "             \
	    "AND t.enabled = 1 AND t.mirror = 1 AND s.enabled = 1 "     \
	    "AND EXISTS (SELECT 1 FROM registration r "                 \
	    "WHERE r.number = m.number AND r.expires_at > ?2) "         \
	    "ORDER BY s.id LIMIT ?1")                                   \
	S(ACCOUNT_OF_TRUNK, R, "SELECT username, auth_username, realm, " \
	    "from_domain, address, sealed, id FROM trunk "              \
	    "WHERE id = ?1 AND register = 1")                           \
	S(ACCOUNT_OF_MIRROR, R, "SELECT m.username, m.auth_username, "  \
	    "t.realm, t.from_domain, t.address, m.sealed, m.number "    \
	    "FROM subscriber s JOIN mirror m ON m.number = s.number "   \
	    "JOIN trunk t ON t.name = m.trunk WHERE s.id = ?1 "         \
	    "AND t.mirror = 1")                                         \
	S(ACCOUNT_LEFT, R, "SELECT expires_at FROM account "            \
	    "WHERE id = ?1 AND stamp = ?2 AND state = 'registered'")    \
	S(ACCOUNT_PUT, W, "INSERT OR REPLACE INTO account(id, stamp, "  \
	    "state, status, why, expires_at, changed_at) "              \
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                      \
	S(ACCOUNT_DROP, W, "DELETE FROM account WHERE id = ?1")         \
	/* emergency services */                                         \
	S(SOS_NUMBER, R, "SELECT number FROM emergency_service "        \
	    "WHERE service = lower(?1)")                                \
	S(SOS_NUMBERS, R, "SELECT number FROM emergency_service "       \
	    "LIMIT 100")                                                \
	S(LINE_PREFIXES, R, "SELECT prefix FROM trunk "                 \
	    "WHERE enabled = 1 AND prefix <> '' LIMIT 32")              \
	S(AT_DESK, R, "SELECT source FROM registration "                \
	    "WHERE number = ?1 AND zone = 'internal' "                  \
	    "AND expires_at > ?2 LIMIT 8")                              \
	/* whose packets are not looked at */                            \
	S(DROPS, R, "SELECT prefix, until FROM dropped "                \
	    "WHERE until IS NULL OR until > ?1 "                        \
	    "ORDER BY until IS NULL DESC, until DESC LIMIT ?2")         \
	S(DROPS_COUNT, R, "SELECT count(*) FROM dropped "               \
	    "WHERE until > ?1")                                         \
	S(DROPS_NEVER, R, "SELECT prefix FROM never_dropped "           \
	    "UNION ALL SELECT address FROM trunk "                      \
	    "UNION ALL SELECT source FROM registration "                \
	    "WHERE zone = 'external' AND expires_at > ?1")              \
	S(DROP_PUT, W, "INSERT INTO dropped(prefix, since, until, why) " \
	    "VALUES (?1, ?2, ?2 + ?3, ?4) ON CONFLICT (prefix) DO "     \
	    "UPDATE SET since = ?2, times = times + 1, why = ?4, "      \
	    "until = ?2 + min(?3 * (times + 1), ?5) "                   \
	    "WHERE until IS NOT NULL")                                  \
	S(DROPS_OLD, W, "DELETE FROM dropped WHERE until < ?1")         \
	S(DROPS_MOVE, W, "UPDATE dropped SET until = until + ?1 "       \
	    "WHERE until IS NOT NULL")                                  \
	/* numbers for status */                                        \
	S(COUNT_SUBSCRIBERS, R, "SELECT count(*) FROM subscriber")      \
	S(COUNT_BINDINGS, R, "SELECT count(*) FROM registration "       \
	    "WHERE expires_at > ?1")                                    \
	S(COUNT_LIVE, R, "SELECT count(*) FROM call "                   \
	    "WHERE ended_at IS NULL")                                   \
	S(COUNT_CALLS, R, "SELECT count(*) FROM call")                  \
	/* its own memory */                                            \
	S(MEMORY, R, "SELECT value FROM memory WHERE name = ?1")        \
	S(REMEMBER, W, "INSERT OR REPLACE INTO memory(name, value) "    \
	    "VALUES (?1, ?2)")                                          \
	/* transactions, and what others changed */                     \
	S(READ, R, "BEGIN")                                             \
	S(BEGIN, W, "BEGIN IMMEDIATE")                                  \
	S(COMMIT, R, "COMMIT")                                          \
	S(ROLLBACK, R, "ROLLBACK")                                      \
	S(SAVE, R, "SAVEPOINT one")                                     \
	S(RELEASE, R, "RELEASE one")                                    \
	S(UNDO, R, "ROLLBACK TO one")                                   \
	S(PAGE_SIZE, R, "PRAGMA page_size")                             \
	S(DATA_VERSION, R, "PRAGMA data_version")                       \
	S(SCHEMA_VERSION, R, "PRAGMA schema_version")

/* Asked of the file and of the shipped schema alike (io/schema.c). */
#define SCHEMA_LIST                                                     \
	"SELECT type, name, tbl_name, sql FROM sqlite_schema "          \
	"WHERE name NOT LIKE 'sqlite_%' ORDER BY name, type"
#define SCHEMA_TABLES                                                   \
	"SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"

#endif
