/* Prints etc/postern.conf.sample from the table of keys. */
#include "common/io/conf.h"

int
main(void)
{
	conf_sample(stdout);
	return 0;
}
