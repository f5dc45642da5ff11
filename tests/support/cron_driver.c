/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers many questions about schedules, for tests/cron. It reads lines `zone TAB seconds TAB n
 * TAB expression`. For each it prints the next `n` times after that second, in seconds since 1970,
 * or "error".
 */
#include "base/clock.h"
#include "watcher/cron.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 1024

static void answer(const Cron *cron, int64_t after_us, int n)
{
    for (int i = 0; i < n && cron_next(cron, after_us, &after_us); i++)
        printf("%s%" PRId64, i > 0 ? " " : "", after_us / CLOCK_US_PER_SEC);
    putchar('\n');
}

int main(void)
{
    char line[LINE_MAX_LEN];

    while (fgets(line, sizeof line, stdin)) {
        g_auto(GStrv) fields = g_strsplit(g_strchomp(line), "\t", 4);
        if (g_strv_length(fields) != 4)
            return EXIT_FAILURE;
        g_autoptr(Cron) cron = cron_parse(fields[3], fields[0], NULL);
        if (cron)
            answer(cron, g_ascii_strtoll(fields[1], NULL, 10) * CLOCK_US_PER_SEC, atoi(fields[2]));
        else
            puts("error");
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
