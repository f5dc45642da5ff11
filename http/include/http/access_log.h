/* SPDX-License-Identifier: Apache-2.0 */
/* Formats the lines of an access log. Pure function. The texts of a request cannot begin a new
 * line: control characters are escaped. */
#pragma once

#include "http/server.h"

#include <glib.h>
#include <stdint.h>

typedef enum { ACCESS_LOG_NONE, ACCESS_LOG_COMBINED, ACCESS_LOG_JSON } AccessLogFormat;
#define ACCESS_LOG_FORMATS 3

/* The facts of one line. Each text may be NULL. */
typedef struct {
    const char *peer, *key_id, *method, *target, *referer, *agent, *id;
    HttpOutcome outcome;
    /* Time of the line: wall clock. */
    int64_t now_us;
} AccessLogEntry;

/* Appends one line with its line feed. ACCESS_LOG_NONE appends nothing. */
void access_log_append(GString *out, AccessLogFormat format, const AccessLogEntry *entry);

/* Names of the formats, by AccessLogFormat. */
extern const char *const access_log_names[ACCESS_LOG_FORMATS];
