/* SPDX-License-Identifier: Apache-2.0 */
#include "views/chart.h"

#include "views/terminal.h"

#include <math.h>
#include <stdbool.h>

#define LEVELS 8

static const char *const block_levels[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ascii_levels[LEVELS] = {"1", "2", "3", "4", "5", "6", "7", "8"};

/* The last cell of a bar, in eighths. [0] is no cell. */
static const char *const block_parts[LEVELS] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

static double greatest(const double *values, size_t n)
{
    double max = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(values[i]) && values[i] > max)
            max = values[i];
    }
    return max;
}

/* Returns the character for a value: a bar as high as its share of `max`. */
static const char *cell(double value, double max, const char *const *levels)
{
    if (isnan(value))
        return " ";
    if (value <= 0)
        return ".";
    /* An infinite value is full even if `max` is zero. */
    double share = value >= max ? 1 : value / max;
    return levels[(size_t)CLAMP(ceil(share * LEVELS), 1, LEVELS) - 1];
}

char *chart_sparkline(const double *values, size_t n)
{
    const char *const *levels = terminal_is_unicode() ? block_levels : ascii_levels;
    double max = greatest(values, n);
    GString *line = g_string_new(NULL);
    for (size_t i = 0; i < n; i++)
        g_string_append(line, cell(values[i], max, levels));
    return g_string_free(line, FALSE);
}

const char *chart_legend(void)
{
    return terminal_is_unicode() ? "" : "1 to 8, the most";
}

char *chart_bar(double fraction, unsigned cells)
{
    bool blocks = terminal_is_unicode();
    size_t parts = blocks ? LEVELS : 1;
    size_t length = fraction >= 1  ? cells * parts
                    : fraction > 0 ? MAX(1, (size_t)(fraction * cells * (double)parts))
                                   /* Also for NAN. */
                                   : 0;
    GString *bar = g_string_new(NULL);
    for (size_t i = 0; i < length / parts && i < cells; i++)
        g_string_append(bar, blocks ? "█" : "#");
    if (cells > 0)
        g_string_append(bar, block_parts[length % parts]);
    return g_string_free(bar, FALSE);
}
