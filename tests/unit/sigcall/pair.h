/*
 * The commonest cast of a test: a home outside and a desk in the office, and
 * once it is wanted a call between them.
 */
#ifndef TESTS_SIGCALL_PAIR_H
#define TESTS_SIGCALL_PAIR_H

#include "tests/unit/sigcall/lab.h"

extern struct lab *lab;
extern struct phone *home, *desk;
extern struct talk t;

/* Fixtures: a new laboratory with both; the same with t, where home called. */
void pair_setup(void);
void pair_setup_talk(void);
void pair_teardown(void);

#endif
