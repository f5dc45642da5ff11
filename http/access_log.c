/* SPDX-License-Identifier: Apache-2.0 */
#include "http/access_log.h"

#include "base/clock.h"

const char *const access_log_names[ACCESS_LOG_FORMATS] = {"none", "combined", "json"};

/*
 * Appends `text` in quotes. A quote and a backslash get a backslash before them. A control
 * character and a byte outside of ASCII become a backslash, `escape` and two hexadecimal digits:
 * \xhh as Apache writes them, \u00hh in JSON, where such a byte stands for the Latin-1 character.
 */
static void append_text(GString *out, const char *text, const char *escape)
{
    g_string_append_c(out, '"');
    for (; text && *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            g_string_append_printf(out, "\\%c", c);
        else if (c < ' ' || c >= 0x7f)
            g_string_append_printf(out, "\\%s%02x", escape, c);
        else
            g_string_append_c(out, (char)c);
    }
    g_string_append_c(out, '"');
}

static void append_quoted(GString *out, const char *text)
{
    g_string_append_c(out, ' ');
    append_text(out, text && *text ? text : "-", "x");
}

static void append_combined(GString *out, const AccessLogEntry *entry)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(entry->now_us / CLOCK_US_PER_SEC);
    g_autofree char *time = g_date_time_format(utc, "%d/%b/%Y:%H:%M:%S +0000");
    g_autofree char *request = g_strdup_printf(
        "%s %s HTTP/1.1", entry->method ? entry->method : "-", entry->target ? entry->target : "-");

    g_string_append_printf(out, "%s - %s [%s]", entry->peer ? entry->peer : "-",
                           entry->key_id ? entry->key_id : "-", time);
    append_quoted(out, request);
    g_string_append_printf(out, " %u %" G_GINT64_FORMAT, entry->outcome.status,
                           entry->outcome.sent_bytes);
    append_quoted(out, entry->referer);
    append_quoted(out, entry->agent);
    g_string_append_c(out, '\n');
}

static void append_member(GString *out, const char *name, const char *text)
{
    g_string_append_printf(out, ",\"%s\":", name);
    if (text)
        append_text(out, text, "u00");
    else
        g_string_append(out, "null");
}

static void append_json(GString *out, const AccessLogEntry *entry)
{
    const HttpOutcome *outcome = &entry->outcome;
    char time[CLOCK_TEXT_MAX];

    g_string_append_printf(out, "{\"time\":\"%s\"", clock_format_millis(entry->now_us, time));
    append_member(out, "id", entry->id);
    append_member(out, "peer", entry->peer);
    append_member(out, "key", entry->key_id);
    append_member(out, "method", entry->method);
    append_member(out, "target", entry->target);
    append_member(out, "referer", entry->referer);
    append_member(out, "agent", entry->agent);
    g_string_append_printf(
        out,
        ",\"status\":%u,\"sent\":%" G_GINT64_FORMAT ",\"taken\":%" G_GINT64_FORMAT
        ",\"duration_ms\":%" G_GINT64_FORMAT ".%03d}\n",
        outcome->status, outcome->sent_bytes, outcome->taken_bytes,
        outcome->duration_us / CLOCK_US_PER_MS, (int)(outcome->duration_us % CLOCK_US_PER_MS));
}

void access_log_append(GString *out, AccessLogFormat format, const AccessLogEntry *entry)
{
    if (format == ACCESS_LOG_COMBINED)
        append_combined(out, entry);
    if (format == ACCESS_LOG_JSON)
        append_json(out, entry);
}
