/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/report_line.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "base/uuid.h"

#include <inttypes.h>

void report_line(const WorkItem *item, int64_t memory_bytes, const InvocationUsage *usage,
                 ErrorCode code, const char *message)
{
    g_autofree char *id = uuid_format(item->request_id);
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *key = object_key_to_text(item->key, NULL);
    g_string_append_printf(line,
                           "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %" PRId64
                           " ms\tMemory Size: %" PRId64 " MB\tMax Memory Used: %" PRId64 " MB",
                           id, (double)usage->duration_us / CLOCK_US_PER_MS,
                           (usage->duration_us + 999) / CLOCK_US_PER_MS,
                           units_mebibytes(memory_bytes), units_mebibytes(usage->memory_bytes));
    if (usage->init_us > 0)
        g_string_append_printf(line, "\tInit Duration: %.2f ms",
                               (double)usage->init_us / CLOCK_US_PER_MS);
    if (usage->worker)
        g_string_append_printf(line, "\tWorker: %s", usage->worker);
    if (code == ERROR_TIMEOUT)
        g_string_append(line, "\tStatus: timeout");
    else if (code != ERROR_NONE)
        g_string_append_printf(line, "\tStatus: error\tError Type: %s", error_name(code));
    g_string_append_printf(line, "\tKey: %s", key);
    if (code != ERROR_NONE)
        g_string_append_printf(line, "\tError: %s", *message ? message : error_text(code));
    g_string_append_c(line, '\n');
    log_write(line->str, line->len);
}
