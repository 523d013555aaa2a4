/*
 * Prints docs/ipc.md from the table of messages.  The test compares it with
 * the file and says how to make it anew.
 */
#include <stdio.h>
#include <string.h>

#include "common/ipc/msg.h"

static const char *const kind_words[][2] = {
	{ "u8", "number, 1 byte" }, { "u16", "number, 2 bytes" },
	{ "u32", "number, 4 bytes" }, { "u64", "number, 8 bytes" },
	{ "str", "text" }, { "blob", "bytes" }, { "bin", "exact bytes" },
	{ "addr", "address" }, { "oaddr", "address or none" },
	{ "item", "part" }, { "list", "list of parts" },
};

static const char *
kind_word(const char *kind)
{
	for (size_t i = 0; i < sizeof(kind_words) / sizeof(kind_words[0]);
	    i++) {
		if (strcmp(kind, kind_words[i][0]) == 0)
			return kind_words[i][1];
	}
	return kind;
}

static void
print_bounds(const struct ipc_field *f)
{
	if (strcmp(f->kind, "item") == 0)
		printf("[%s](#part-%s)", f->lo, f->lo);
	else if (strcmp(f->kind, "list") == 0)
		printf("0 to %s of [%s](#part-%s)", f->hi, f->lo, f->lo);
	else if (strcmp(f->kind, "bin") == 0)
		printf("%s bytes", f->lo);
	else if (strcmp(f->kind, "str") == 0 || strcmp(f->kind, "blob") == 0)
		printf("%s to %s bytes", f->lo, f->hi);
	else if (f->kind[0] == 'u')
		printf("%s to %s", f->lo, f->hi);
}

static void
print_fields(const struct ipc_field *f, size_t n)
{
	printf("| field | kind | bounds |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < n; i++) {
		printf("| `%s` | %s | ", f[i].name, kind_word(f[i].kind));
		print_bounds(&f[i]);
		printf(" |\n");
	}
	printf("\n");
}

static void
print_roles(uint8_t set)
{
	const char *between = "";

	for (unsigned role = 1; role <= ROLE_TRACE; role *= 2) {
		if (!(set & role))
			continue;
		printf("%s%s", between, ipc_role_name((enum ipc_role)role));
		between = ", ";
	}
}

static void
print_overview(void)
{
	const struct ipc_row *row;

	printf("| nr | message | from | to | answers |\n"
	       "| --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; (row = ipc_row_at(i)) != NULL; i++) {
		printf("| %u | [%s](#", row->type, row->name);
		/* the way Markdown makes anchors */
		for (const char *p = row->name; *p != '\0'; p++)
			putchar(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
		printf(") | ");
		print_roles(row->from);
		printf(" | ");
		print_roles(row->to);
		printf(" | %s |\n",
		    row->answers == 0 ? "" : ipc_name(row->answers));
	}
	printf("\n");
}

static void
print_may_talk(void)
{
	const struct ipc_row *row;

	printf("## Who may send what to whom\n\n| from \\ to |");
	for (unsigned to = 1; to <= ROLE_TRACE; to *= 2)
		printf(" %s |", ipc_role_name((enum ipc_role)to));
	printf("\n| --- | --- | --- | --- | --- | --- |\n");
	for (unsigned from = 1; from <= ROLE_TRACE; from *= 2) {
		printf("| %s |", ipc_role_name((enum ipc_role)from));
		for (unsigned to = 1; to <= ROLE_TRACE; to *= 2) {
			const char *between = " ";

			for (size_t i = 0; (row = ipc_row_at(i)) != NULL;
			    i++) {
				if (row->type == IPC_HELLO ||
				    !(row->from & from) || !(row->to & to))
					continue;
				printf("%s%s", between, row->name);
				between = ", ";
			}
			printf(" |");
		}
		printf("\n");
	}
	printf("\nHELLO goes both ways on every door. An empty cell is a "
	       "promise: such a frame closes the door it came by.\n\n");
}

int
main(void)
{
	const struct ipc_field *fields;
	const struct ipc_row *row;
	const char *name;
	size_t n;

	printf("# Messages between Postern's processes\n\n"
	       "Made from `common/ipc/table.h` by `tests/check/ipc_doc.c`; "
	       "do not edit.\nMake it anew with "
	       "`build/tests/check/ipc-doc > docs/ipc.md`.\n\n"
	       "A frame is the payload's length (4 bytes), the message's "
	       "number (2 bytes) and the\npayload: its fields one after the "
	       "other. Numbers are big-endian. Text and bytes have a\n"
	       "2-byte length before them; text has no octet below 32 and "
	       "no 127. An address is its\nfamily (1 byte: 4, 6, or 0 for "
	       "none), the port (2 bytes) and the 4 or 16 bytes of the\n"
	       "IP. A list has a 1-byte count before it. A payload is at "
	       "most %d bytes and has\nnothing left over. Version %d.\n\n",
	    IPC_PAYLOAD_MAX, IPC_VERSION);
	print_overview();
	print_may_talk();
	printf("## Messages\n\n");
	for (size_t i = 0; (row = ipc_row_at(i)) != NULL; i++) {
		printf("### %s\n\n%s\n\n", row->name, row->meaning);
		print_fields(row->fields, row->n_fields);
	}
	printf("## Parts\n\n");
	for (size_t i = 0; ipc_item_at(i, &name, &fields, &n); i++) {
		printf("### part %s\n\n", name);
		print_fields(fields, n);
	}
	return 0;
}
