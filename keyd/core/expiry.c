#include "keyd/core/expiry.h"

#define DAY_S 86400

enum expiry_level
expiry_level(int64_t until_s, int64_t now_s)
{
	int64_t left = until_s - now_s;

	if (left <= 0)
		return EXPIRY_OVER;
	if (left <= DAY_S)
		return EXPIRY_DAY;
	if (left <= 7 * DAY_S)
		return EXPIRY_WEEK;
	return left <= 30 * DAY_S ? EXPIRY_MONTH : EXPIRY_FAR;
}

bool
expiry_due(struct expiry *e, int64_t until_s, int64_t now_s)
{
	enum expiry_level level = expiry_level(until_s, now_s);
	bool new_day = now_s - e->said_s >= DAY_S || now_s < e->said_s;

	if (level == EXPIRY_FAR || (level == e->level && !new_day)) {
		e->level = level;
		return false;
	}
	*e = (struct expiry){ level, now_s };
	return true;
}
