/*
 * `postern grant`, `route`, `did` and `mirror`: dated rights, ways out, numbers
 * from outside, and who is registered at a PBX (docs/policy.md, trunks.md,
 * mirror.md).
 */
#include "postern/rows.h"

/* RAISE() takes a literal. */
#define TWIN(table, same, words)                                             \
	"CREATE TEMP TRIGGER twin BEFORE INSERT ON main." table " WHEN "     \
	"EXISTS (SELECT 1 FROM main." table " AS t WHERE " same ") BEGIN "   \
	"SELECT RAISE(ABORT, '" words "'); END; "

static int
run(int argc, char **argv, const struct rows *t)
{
	struct cmd_opts o;

	return cmd_opts_mixed(argc, argv, "csj", &o) != 0 ? 2 :
							    rows_run(t, &o);
}

int
cmd_grant(int argc, char **argv)
{
	static const struct rows grants = {
		.word = "grant",
		.told = true,
		.table = "class_grant",
		.place = { "number" },
		.column = { "allows", "zone", "starts", "ends", "max_calls",
		    "minutes_day", "cost_day", "note" },
		.numeric = ",max_calls,minutes_day,cost_day,",
		.key = { "id" },
		.twin = TWIN("class_grant", "t.number = NEW.number AND "
			"t.allows = NEW.allows AND t.zone = NEW.zone AND "
			"(t.starts = NEW.starts OR datetime(t.starts) <= "
			"datetime('now', 'localtime') AND datetime(NEW.starts) "
			"<= datetime('now', 'localtime')) AND "
			"t.ends IS NEW.ends AND t.max_calls IS NEW.max_calls "
			"AND t.minutes_day IS NEW.minutes_day AND "
			"t.cost_day IS NEW.cost_day", "this grant is there "
			"already: postern grant list shows its id, postern "
			"grant del ID takes it away")
			"CREATE TEMP TRIGGER empty_grant BEFORE INSERT ON "
			"main.class_grant WHEN NEW.allows = '' AND "
			"coalesce(NEW.max_calls, NEW.minutes_day, "
			"NEW.cost_day) IS NULL BEGIN SELECT RAISE(ABORT, "
			"'a grant gives something: allows=international, say, "
			"or a higher max_calls, minutes_day or cost_day'); "
			"END; ",
		.list = "SELECT id, number, allows, zone, starts, ends, "
			"max_calls, minutes_day, cost_day, note, CASE WHEN "
			"datetime(ends) <= datetime('now', 'localtime') THEN "
			"'over' WHEN datetime(starts) > datetime('now', "
			"'localtime') THEN 'later' ELSE 'now' END AS counts "
			"FROM class_grant",
		.filter = "number",
		.order = "number, id",
		.usage = "usage: postern grant add NUMBER COLUMN=VALUE ...\n"
			 "       postern grant list [NUMBER]\n"
			 "       postern grant del ID",
		.none = "there is no grant",
		.no_such = "there is no such grant; `postern grant list` "
			   "shows all",
	};

	return run(argc, argv, &grants);
}

int
cmd_route(int argc, char **argv)
{
	static const struct rows routes = {
		.word = "route",
		.told = true,
		.table = "route",
		.place = { "pattern", "trunk" },
		.column = { "priority", "strip", "prepend", "kinds", "rights",
		    "enabled", "note" },
		.numeric = ",priority,strip,enabled,",
		.key = { "id" },
		.twin = TWIN("route", "t.pattern = NEW.pattern AND "
			"t.trunk = NEW.trunk AND t.priority = NEW.priority "
			"AND t.kinds = NEW.kinds AND t.rights IS NEW.rights",
			"this route is there already: postern route list "
			"shows its id, postern route del ID takes it away; a "
			"second way is another trunk or priority"),
		.list = "SELECT id, pattern, trunk, priority, strip, prepend, "
			"kinds, rights, enabled, note FROM route",
		.filter = "trunk",
		.order = "priority, id",
		.usage = "usage: postern route add PATTERN TRUNK "
			 "[COLUMN=VALUE ...]\n"
			 "       postern route list [TRUNK]\n"
			 "       postern route del ID",
		.none = "there is no route: calls go by the prefix of trunks",
		.no_such = "there is no such route; `postern route list` "
			   "shows all",
	};

	return run(argc, argv, &routes);
}

int
cmd_did(int argc, char **argv)
{
	static const struct rows dids = {
		.word = "did",
		.table = "did",
		.place = { "trunk", "pattern", "target" },
		.column = { "note" },
		.key = { "trunk", "pattern" },
		.twin = TWIN("did", "t.trunk = NEW.trunk AND t.pattern = "
			"NEW.pattern", "this number of the trunk leads to a "
			"phone already: postern did list shows to which; to "
			"change it, postern did del TRUNK PATTERN first"),
		.list = "SELECT trunk, pattern, target, note FROM did",
		.filter = "trunk",
		.order = "trunk, pattern",
		.usage = "usage: postern did add TRUNK PATTERN NUMBER "
			 "[note=TEXT]\n"
			 "       postern did list [TRUNK]\n"
			 "       postern did del TRUNK PATTERN",
		.none = "there is none: no trunk reaches a phone",
		.no_such = "there is no such number; `postern did list` shows "
			   "all",
	};

	return run(argc, argv, &dids);
}

int
cmd_mirror(int argc, char **argv)
{
	static const struct rows mirrors = {
		.word = "mirror",
		.table = "mirror",
		.place = { "number", "trunk", "username" },
		.column = { "auth_username", "enabled" },
		.numeric = ",enabled,",
		.key = { "number" },
		.twin = TWIN("mirror", "t.number = NEW.number", "this number "
			"is mirrored already: postern mirror list shows "
			"where; to change it, postern mirror del NUMBER "
			"first"),
		.list = "SELECT number, trunk, username, state, expires, "
			"status, why FROM mirror_registration",
		.filter = "number",
		.order = "number",
		.password = true,
		.usage = "usage: postern mirror add NUMBER TRUNK USERNAME "
			 "[COLUMN=VALUE ...]   (the PBX's password is read "
			 "from standard input)\n"
			 "       postern mirror list [NUMBER]\n"
			 "       postern mirror del NUMBER",
		.none = "nobody is mirrored",
		.no_such = "it is not mirrored; `postern mirror list` shows "
			   "who is",
	};

	return run(argc, argv, &mirrors);
}
