/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/tasks.h"

#include "base/file.h"
#include "base/scan.h"

#include <string.h>

int64_t tasks_parse(const char *loadavg)
{
    /* Example: "0.20 0.18 0.12 1/80 11206". */
    const char *at = strchr(loadavg, '/');
    uint64_t n;
    return at && scan_text(&at, "/") && scan_number(&at, INT64_MAX, &n) && n > 0 ? (int64_t)n : -1;
}

int64_t tasks_count(void)
{
    g_autofree char *text = file_read("/proc/loadavg", 256, NULL, NULL);
    return text ? tasks_parse(text) : -1;
}
