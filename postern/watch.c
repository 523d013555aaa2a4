#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "postern/cmd.h"
#include "postern/watch.h"

#define ROWS_LEAST 4
#define CTRL_D 4

/* Another screen, no cursor; and back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

static volatile sig_atomic_t ended;

static void
on_signal(int signal)
{
	if (signal != SIGWINCH)
		ended = 1;
}

/* ---- one view ---- */

/* As much of a line as fits. */
static void
put_line(FILE *to, struct span line, unsigned columns)
{
	unsigned n = 0;
	size_t i = 0;

	while (i < line.len) {
		bool begins = ((unsigned char)line.p[i] & 0xc0) != 0x80;

		if (begins && n++ == columns)
			break;
		i++;
	}
	fwrite(line.p, 1, i, to);
	fputs("\033[K", to);
}

static struct span
take_line(struct span *text)
{
	ptrdiff_t eol = span_find(*text, '\n');
	struct span line = span_sub(*text, 0, eol < 0 ? text->len :
							(size_t)eol);

	*text = span_sub(*text, eol < 0 ? text->len : (size_t)eol + 1,
	    text->len);
	return line;
}

static unsigned
count_lines(struct span text)
{
	unsigned n = 0;

	for (; text.len > 0; n++)
		take_line(&text);
	return n;
}

void
watch_screen(FILE *to, const char *title, const char *clock, struct span view,
    unsigned rows, unsigned columns)
{
	unsigned most = (rows < ROWS_LEAST ? ROWS_LEAST : rows) - 2;
	unsigned n = count_lines(view);
	char head[160];

	snprintf(head, sizeof(head), "%s   %s   q ends", title, clock);
	fputs("\033[H", to);
	put_line(to, span_str(head), columns);
	fputs("\n\033[K", to);
	for (unsigned i = 0; i < n && i < most; i++) {
		fputs("\n", to);
		if (n > most && i + 1 == most) {
			snprintf(head, sizeof(head), "... and %u more",
			    n - most + 1);
			put_line(to, span_str(head), columns);
			break;
		}
		put_line(to, take_line(&view), columns);
	}
	fputs("\033[J", to);
}

static void
put_clock(char out[32])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

/* ---- a terminal ---- */

static void
show(const struct watch *w, struct span view)
{
	struct winsize size = { .ws_row = 0 };
	char clock[32];

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	put_clock(clock);
	watch_screen(stdout, w->title, clock, view, size.ws_row, size.ws_col);
	fflush(stdout);
}

/* A second, or less when a key or the terminal's size wants something. */
static void
rest(const sigset_t *before)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct timespec second = { .tv_sec = 1 };
	char key = 0;

	if (ppoll(&in, isatty(STDIN_FILENO) ? 1 : 0, &second, before) <= 0)
		return;
	if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' ||
	    key == CTRL_D)
		ended = 1;
}

/* Signals come only while it rests. */
static void
hold_signals(sigset_t *before)
{
	static const int heard[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP,
		SIGWINCH };
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++) {
		sigaction(heard[i], &act, NULL);
		sigaddset(&held, heard[i]);
	}
	/* Stopped, it would leave the terminal as it is. */
	signal(SIGTSTP, SIG_IGN);
	sigprocmask(SIG_BLOCK, &held, before);
}

static bool
read_keys(struct termios *before)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, before) != 0)
		return false;
	raw = *before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* Into memory first: what is drawn slowly would flicker. */
static int
draw(const struct watch *w, char **view_out, size_t *len_out)
{
	FILE *to = open_memstream(view_out, len_out);
	int rc;

	if (to == NULL)
		return cmd_fail("no memory");
	rc = w->draw(to, w->arg);
	if (fclose(to) != 0 && rc == 0)
		rc = cmd_fail("no memory");
	if (rc != 0)
		free(*view_out);
	return rc;
}

static int
on_terminal(const struct watch *w)
{
	struct termios before;
	sigset_t signals;
	bool keys;
	char *view;
	size_t len;
	int rc = draw(w, &view, &len);	/* what is wrong is said before */

	if (rc != 0)
		return rc;
	hold_signals(&signals);
	keys = read_keys(&before);
	fputs(ENTER, stdout);
	while (rc == 0 && !ferror(stdout)) {
		show(w, span_make(view, len));
		free(view);
		rest(&signals);
		if (ended)
			break;
		rc = draw(w, &view, &len);
	}
	fputs(LEAVE, stdout);
	fflush(stdout);
	if (keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	/* What was said of it went with the other screen. */
	return rc == 0 ? 0 : cmd_fail("%s: they cannot be read any more; the "
				      "same without --watch says why",
				 w->title);
}

/* ---- anything else ---- */

static int
in_plain(const struct watch *w)
{
	char clock[32];
	int rc = 0;

	while (rc == 0 && !ferror(stdout)) {
		put_clock(clock);
		if (!w->bare)
			printf("%s   %s\n", w->title, clock);
		rc = w->draw(stdout, w->arg);
		if (!w->bare)
			putchar('\n');
		fflush(stdout);
		if (rc == 0)
			sleep(1);
	}
	return rc;
}

int
watch_run(const struct watch *w)
{
	const char *term = getenv("TERM");
	bool plain = w->bare || !isatty(STDOUT_FILENO) || term == NULL ||
	    strcmp(term, "dumb") == 0;

	return plain ? in_plain(w) : on_terminal(w);
}
