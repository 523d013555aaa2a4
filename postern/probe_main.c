/* postern-probe: `postern probe` for machines that have nothing else of it. */
#include "postern/cmd.h"

int
main(int argc, char **argv)
{
	return cmd_probe(argc, argv);
}
