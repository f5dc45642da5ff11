/* SPDX-License-Identifier: Apache-2.0 */
#include "views/progress.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "views/chart.h"
#include "views/terminal.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Weight of past work: work of this many seconds ago counts a third of current work. */
#define RATE_SECONDS 8.0

/* Seconds of work before the remaining time is estimated. */
#define RATE_SECONDS_MIN 0.5

#define REDRAW_US (CLOCK_US_PER_SEC / 10)

#define BAR_MIN 10
#define BAR_MAX 40

void progress_rate_add(ProgressRate *rate, uint64_t done, int64_t now_us)
{
    double seconds = (double)(now_us - rate->at_us) / CLOCK_US_PER_SEC;

    if (!rate->is_begun || done < rate->done) {
        *rate = (ProgressRate){.is_begun = true, .at_us = now_us, .done = done};
        return;
    }
    if (seconds <= 0)
        return;
    double decay = exp(-seconds / RATE_SECONDS);
    rate->work = rate->work * decay + (double)(done - rate->done);
    rate->seconds = rate->seconds * decay + seconds;
    rate->at_us = now_us;
    rate->done = done;
}

double progress_rate_value(const ProgressRate *rate)
{
    return rate->seconds >= RATE_SECONDS_MIN ? rate->work / rate->seconds : -1;
}

/* Parts of the line. When the line is too long, the last of these is dropped first. */
typedef enum {
    PART_COUNT,
    PART_PERCENT,
    PART_FAILED,
    PART_LEFT,
    PART_LABEL,
    PART_RATE,
    PARTS,
} LinePart;

/* The parts from left to right. The bar follows the label. */
static const LinePart order[PARTS] = {PART_LABEL, PART_PERCENT, PART_COUNT,
                                      PART_RATE,  PART_LEFT,    PART_FAILED};

/* Formats the remaining time as "0:45", "12:07" or "26:00:05". */
static char *format_left(double seconds)
{
    int64_t left = seconds < 1e9 ? (int64_t)ceil(seconds) : INT64_C(999999999);

    if (left < 3600)
        return g_strdup_printf("%d:%02d left", (int)(left / 60), (int)(left % 60));
    return g_strdup_printf("%" PRId64 ":%02d:%02d left", left / 3600, (int)(left / 60 % 60),
                           (int)(left % 60));
}

static char *format_rate(double rate)
{
    if (rate < 10)
        return g_strdup_printf("%.1f/s", rate);
    g_autofree char *whole = units_format_count((int64_t)MIN(rate, 1e15));
    return g_strdup_printf("%s/s", whole);
}

static char *format_count(const ProgressCount *count)
{
    g_autofree char *done = units_format_count((int64_t)count->done);
    g_autofree char *total = units_format_count((int64_t)MAX(count->total, count->done));

    return count->total == 0 ? g_steal_pointer(&done) : g_strdup_printf("%s of %s", done, total);
}

static double fraction_of(const ProgressCount *count)
{
    return (double)count->done / (double)MAX(MAX(count->total, count->done), 1);
}

/* Returns the text of a part; NULL if it is unknown. */
static char *format_part(LinePart part, const char *label, const ProgressCount *count, double rate)
{
    bool has_end = count->total > 0 && !count->is_growing;

    switch (part) {
    case PART_LABEL:
        return *label ? g_strdup(label) : NULL;
    case PART_PERCENT:
        return has_end ? g_strdup_printf("%3d%%", (int)(fraction_of(count) * 100)) : NULL;
    case PART_COUNT:
        return format_count(count);
    case PART_RATE:
        return rate >= 0 ? format_rate(rate) : NULL;
    case PART_LEFT:
        return has_end && rate > 0 && count->total > count->done
                   ? format_left((double)(count->total - count->done) / rate)
                   : NULL;
    case PART_FAILED:
        return count->failed > 0 ? g_strdup_printf("%" PRIu64 " failed", count->failed) : NULL;
    case PARTS:
        break;
    }
    return NULL;
}

/* Formats the bar, "[###   ] ". The bar and the other parts, `others` cells, fit into `width`.
 * Returns "" if the bar would be too short. */
static char *format_bar(const ProgressCount *count, size_t others, unsigned width)
{
    const size_t frame = strlen("[] ");

    if (count->total == 0 || count->is_growing || others + frame + BAR_MIN > width)
        return g_strdup("");
    unsigned cells = (unsigned)MIN(width - others - frame, BAR_MAX);
    g_autofree char *bar = chart_bar(fraction_of(count), cells);
    int blanks = (int)cells - (int)g_utf8_strlen(bar, -1);
    return g_strdup_printf("[%s%*s] ", bar, blanks, "");
}

char *progress_format(const char *label, const ProgressCount *count, double rate, unsigned width)
{
    g_autoptr(GString) head = g_string_new(NULL);

    for (unsigned n_parts = PARTS; n_parts > 0; n_parts--) {
        g_autoptr(GString) tail = g_string_new(NULL);
        g_string_truncate(head, 0);
        for (size_t i = 0; i < PARTS; i++) {
            g_autofree char *text =
                order[i] < n_parts ? format_part(order[i], label, count, rate) : NULL;
            if (text && order[i] == PART_LABEL)
                g_string_append_printf(head, "%s ", text);
            else if (text)
                g_string_append_printf(tail, "%s%s", tail->len > 0 ? "  " : "", text);
        }
        size_t others = (size_t)g_utf8_strlen(head->str, -1) + tail->len;
        if (others <= width) {
            g_autofree char *bar = format_bar(count, others, width);
            return g_strconcat(head->str, bar, tail->str, NULL);
        }
    }
    /* Even the count does not fit. */
    return g_strdup("");
}

#define CLEAR "\r\033[J"

struct Progress {
    char *label;
    ProgressRate rate;
    /* 0 means never. */
    int64_t drawn_us;
    bool is_shown;
    unsigned width;
};

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

static void write_bytes(const char *bytes, size_t len)
{
    /* An error cannot be reported anywhere. */
    (void)!write(STDERR_FILENO, bytes, len);
}

/* Erases the line when a signal ends the process. The cursor is at the beginning of the line
 * already. */
static void end_by_signal(int signal_number)
{
    write_bytes(CLEAR, strlen(CLEAR));
    /* The handler is installed for one signal only, so this ends the process. */
    (void)raise(signal_number);
}

/* Makes the signals that end the process erase the line of progress first. Signals that are ignored
 * or handled already stay so. */
static void clear_on_signals(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        struct sigaction action;
        if (sigaction(ends[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL)
            continue;
        action = (struct sigaction){.sa_handler = end_by_signal, .sa_flags = (int)SA_RESETHAND};
        /* The signals are valid. */
        (void)sigaction(ends[i], &action, NULL);
    }
}

static void restore_signals(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        struct sigaction action;
        if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler == end_by_signal)
            (void)signal(ends[i], SIG_DFL);
    }
}

static void clear(void *data)
{
    Progress *progress = data;

    if (progress->is_shown)
        write_bytes(CLEAR, strlen(CLEAR));
    progress->is_shown = false;
}

Progress *progress_new(const char *label)
{
    const char *type = g_getenv("TERM");

    if (!terminal_error_is_interactive() || !type || !strcmp(type, "dumb"))
        return NULL;
    Progress *progress = g_new0(Progress, 1);
    progress->label = g_strdup(label);
    log_set_before(clear, progress);
    clear_on_signals();
    return progress;
}

/* Returns true if this process may write to the terminal: another process owns it while this one is
 * in the background. */
static bool is_in_foreground(void)
{
    pid_t owner = tcgetpgrp(STDERR_FILENO);
    return owner < 0 || owner == getpgrp();
}

void progress_update(const ProgressCount *count, void *data)
{
    Progress *progress = data;

    if (progress && !count)
        clear(progress);
    if (!progress || !count)
        return;
    int64_t now_us = clock_monotonic_us();
    if (progress->drawn_us != 0 && now_us < progress->drawn_us + REDRAW_US)
        return;
    progress_rate_add(&progress->rate, count->done, now_us);
    if (!is_in_foreground())
        return;

    /* The last column stays free, because some terminals wrap when it is written. */
    unsigned width = (unsigned)terminal_error_width();
    g_autofree char *text =
        progress_format(progress->label, count, progress_rate_value(&progress->rate), width - 1);
    g_autofree char *line =
        g_strconcat(width == progress->width ? "\r" : CLEAR, text, "\033[K\r", NULL);
    write_bytes(line, strlen(line));
    progress->width = width;
    progress->drawn_us = now_us;
    progress->is_shown = true;
}

void progress_free(Progress *progress)
{
    if (!progress)
        return;
    clear(progress);
    log_set_before(NULL, NULL);
    restore_signals();
    g_free(progress->label);
    g_free(progress);
}
