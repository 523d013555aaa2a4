/* postern-probe: `postern probe` for machines that have nothing else of it. */
#include "postern/cmd.h"
#include "postern/std.h"

int
main(int argc, char **argv)
{
	return std_hold() != 0 ? 1 : cmd_probe(argc, argv);
}
