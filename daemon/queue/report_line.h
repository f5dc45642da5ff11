/* SPDX-License-Identifier: Apache-2.0 */
/* The REPORT line of an invocation in the log: the fields of Lambda's
 * line, and the key. */
#pragma once

#include "base/error.h"
#include "handlers/pool.h"
#include "queue/work_item.h"

/* Logs the REPORT line of an invocation. `memory_bytes` is the limit of a handler. `message` is the
 * reason of `code`, or "" for the text of the table of errors. */
void report_line(const WorkItem *item, int64_t memory_bytes, const InvocationUsage *usage,
                 ErrorCode code, const char *message);
