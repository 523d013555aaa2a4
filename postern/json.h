/*
 * Just enough JSON to check what a process says of itself and to print it
 * for people.  The text comes from a process that may be captured: nothing
 * of it reaches a terminal unescaped.
 */
#ifndef POSTERN_JSON_H
#define POSTERN_JSON_H

#include <stdio.h>

#include "common/base/span.h"

#define JSON_DEPTH_MAX 8

/* Is this one JSON object, and nothing after it (RFC 8259)? */
bool json_is_object(struct span text);

/* The same for one array. */
bool json_is_array(struct span text);

/* Print a checked object as indented "key value" lines. */
void json_print(FILE *to, struct span object, unsigned indent);

/* Print text of a checked object, safe for a terminal. */
void json_print_text(FILE *to, struct span text);

/* Write JSON of a process or of the store as it is, but for what a terminal
 * obeys (text.h): that goes out as an escape of JSON. */
void json_put_safe(FILE *to, struct span json);
/* The same to stdout, and the end of the line. */
void json_put_line(struct span json);

/* Write a string of JSON, in quotes; what is not ASCII is '?'. */
void json_put(FILE *to, const char *text);

/*
 * The value of a member of a checked object, as it stands there; lent.
 * False: no such member.
 */
bool json_member(struct span object, const char *key, struct span *out);

/* The same with a key that need not end with NUL. */
bool json_value(struct span object, struct span key, struct span *out);

/* Go through a checked array or object once, from the start. */
struct json_each {
	struct span left;
	bool keys;
};

void json_each_item(struct span array, struct json_each *out);
void json_each_member(struct span object, struct json_each *out);
/*
 * Gives:   the next value, and its key if it is a member (key may be NULL);
 *          lent.  False: there is none.
 */
bool json_next(struct json_each *e, struct span *key, struct span *value);

/* The same for a whole number.  False also for any other value. */
bool json_number(struct span object, const char *key, uint64_t *out);

enum json_truth { JSON_UNKNOWN, JSON_NO, JSON_YES };
/* The same for true and false; unknown: no such member, or another value. */
enum json_truth json_truth(struct span object, const char *key);

/* The i-th value of a checked array, from 0; lent.  False: no such one, or
 * no array. */
bool json_item(struct span array, unsigned i, struct span *out);

/* The text of a member of a checked object, its escapes left as they are;
 * lent from object.  False: no such member, or not a text. */
bool json_text(struct span object, const char *key, struct span *out);

#endif
