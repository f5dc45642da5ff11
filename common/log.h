/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per message on stderr. Only commands and the daemon's loop log; library code returns
 * errors.
 */
#pragma once

#include <glib.h>

typedef enum { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } LogLevel;

/* Messages above `level` are dropped. Default: LOG_LEVEL_INFO. */
void log_set_level(LogLevel level);

/*
 * What is called before anything is written: a line that stands on the terminal makes way. NULL:
 * nothing. One for the whole process.
 */
void log_set_before(void (*before)(void *data), void *data);

/* Writes `len` bytes to stderr in one write(2), as they are. */
void log_write(const char *bytes, size_t len);

/* Writes "thumbq: <message>\n" (with "error: " or "warning: " where it is one) in one write(2). */
void log_message(LogLevel level, const char *format, ...) G_GNUC_PRINTF(2, 3);

#define log_error(...)   log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)
