/* SPDX-License-Identifier: Apache-2.0 */
#include "tasks.h"

#include "file.h"

#include <stdio.h>

int64_t tasks_parse(const char *loadavg)
{
    long long n;
    return sscanf(loadavg, "%*f %*f %*f %*u/%lld", &n) == 1 && n > 0 ? n : -1;
}

int64_t tasks_count(void)
{
    g_autofree char *text = file_read("/proc/loadavg", 256, NULL, NULL);
    return text ? tasks_parse(text) : -1;
}
