/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/plain_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static LogLevel max_level = LOG_LEVEL_INFO;
static void (*call_before)(void *data);
static void *before_data;
static void (*message_sink)(const char *bytes, size_t len, void *data);
static void *sink_data;

void log_set_level(LogLevel level)
{
    max_level = level;
}

void log_set_before(void (*before)(void *data), void *data)
{
    call_before = before;
    before_data = data;
}

void log_set_sink(void (*sink)(const char *bytes, size_t len, void *data), void *data)
{
    message_sink = sink;
    sink_data = data;
}

void log_write(const char *bytes, size_t len)
{
    if (message_sink) {
        message_sink(bytes, len, sink_data);
        return;
    }
    if (call_before)
        call_before(before_data);
    /* There is no place left to report that stderr failed. */
    (void)!write(STDERR_FILENO, bytes, len);
}

void log_message(LogLevel level, const char *format, ...)
{
    static const char *const marks[] = {"error: ", "warning: ", "", ""};

    if (level > max_level)
        return;

    g_autoptr(GString) line = g_string_new("thumbq: ");
    g_string_append(line, marks[level]);
    gsize start = line->len;
    va_list arguments;
    va_start(arguments, format);
    g_string_append_vprintf(line, format, arguments);
    va_end(arguments);
    /* Messages quote arguments and file names, which may contain any byte. */
    plain_text_show(line, start);
    g_string_append_c(line, '\n');

    log_write(line->str, line->len);
}
