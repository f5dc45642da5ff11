/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per message on stderr. Only commands and the daemon's loop log; library code returns
 * errors.
 */
#pragma once

#include <glib.h>

typedef enum { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } LogLevel;

/* Drops messages above `level` from now on. Default: LOG_LEVEL_INFO. */
void log_set_level(LogLevel level);

/*
 * Sets a function that runs before each message, so that a progress line on the terminal can make
 * room. NULL: none. There is one for the whole process.
 */
void log_set_before(void (*before)(void *data), void *data);

/*
 * Sets a function that gets each message, with its final line feed, instead of stderr. NULL:
 * stderr. There is one for the whole process.
 */
void log_set_sink(void (*sink)(const char *bytes, size_t len, void *data), void *data);

/* Writes `len` bytes unchanged to stderr in one write(2). */
void log_write(const char *bytes, size_t len);

/*
 * Writes "thumbq: <message>\n" (with "error: " or "warning: " for these levels) in one write(2).
 * Invisible characters in the message, line feeds included, are written as %XX.
 */
void log_message(LogLevel level, const char *format, ...) G_GNUC_PRINTF(2, 3);

#define log_error(...)   log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)
