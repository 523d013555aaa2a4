#include "tests/unit/sigcall/pair.h"

struct lab *lab;
struct phone *home, *desk;
struct talk t;

void
pair_setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
}

void
pair_setup_talk(void)
{
	pair_setup();
	talk_begin(&t, home, desk);
}

void
pair_teardown(void)
{
	lab_free(lab);
}
