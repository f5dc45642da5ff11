/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules: the time zone is on the first line, the expression after it. Each next time must be
 * later than the one before, and the search must end. */
#include "base/error.h"
#include "fuzz.h"
#include "watcher/cron.h"

#include <string.h>

/* Two times around the clock changes of 2026 in Europe, and the first and last time that can be
 * printed. */
static const int64_t times_us[] = {
    INT64_C(1774746000000000),
    INT64_C(1792893600000000),
    0,
    INT64_C(253402300799000000),
};

static void check(const Cron *cron, int64_t after_us)
{
    int64_t next_us;

    for (int i = 0; i < 8 && cron_next(cron, after_us, &next_us); i++) {
        g_autofree char *text = cron_format(cron, next_us);
        g_assert_cmpint(next_us, >, after_us);
        g_assert_nonnull(text);
        after_us = next_us;
    }
    int64_t until_us = after_us + INT64_C(86400000000);
    if (cron_missed(cron, after_us, until_us, CRON_MISSED_MAX, &next_us))
        g_assert_true(next_us > after_us && next_us <= until_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = g_strndup((const char *)data, len);
    g_autoptr(GError) error = NULL;
    char *newline = strchr(text, '\n');

    if (newline)
        *newline = '\0';
    g_autoptr(Cron) cron =
        newline ? cron_parse(newline + 1, text, &error) : cron_parse(text, "UTC", &error);
    if (!cron) {
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        return 0;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(times_us); i++)
        check(cron, times_us[i]);
    return 0;
}
