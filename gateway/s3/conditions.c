/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/conditions.h"

#include "base/scan.h"

#include <string.h>
#include <time.h>

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
/* The first second of the year 1, and the last one of the year 9999. */
#define TIME_MIN_S INT64_C(-62135596800)
#define TIME_MAX_S INT64_C(253402300799)

bool http_date_parse(const char *text, int64_t *ret_s)
{
    const char *at = strchr(text, ',');
    int day, month = 0, year, hour, minute, second;

    if (!at || !scan_text(&at, ", ") || !scan_int(&at, 31, &day) || !scan_text(&at, " "))
        return false;
    while (month < 12 && !scan_text(&at, months[month]))
        month++;
    if (month == 12 || !scan_text(&at, " ") || !scan_int(&at, 9999, &year) ||
        !scan_text(&at, " ") || !scan_int(&at, 23, &hour) || !scan_text(&at, ":") ||
        !scan_int(&at, 59, &minute) || !scan_text(&at, ":") || !scan_int(&at, 60, &second) ||
        strcmp(at, " GMT") != 0 || year < 1)
        return false;
    g_autoptr(GDateTime) time = g_date_time_new_utc(year, month + 1, day, hour, minute, second);
    if (time)
        *ret_s = g_date_time_to_unix(time);
    return time != NULL;
}

char *http_date_format(int64_t time_s)
{
    const time_t time = time_s < TIME_MIN_S || time_s > TIME_MAX_S ? 0 : time_s;
    struct tm t;

    gmtime_r(&time, &t);
    return g_strdup_printf("%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday], t.tm_mday,
                           months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

bool condition_names(const char *header, const char *etag)
{
    g_auto(GStrv) parts = g_strsplit(header, ",", 0);

    for (size_t i = 0; parts[i]; i++) {
        char *part = g_strstrip(parts[i]);
        if (g_str_has_prefix(part, "W/"))
            part += 2;
        size_t len = strlen(part);
        if (len >= 2 && part[0] == '"' && part[len - 1] == '"') {
            part[len - 1] = '\0';
            part++;
        }
        if (strcmp(part, "*") == 0 || strcmp(part, etag) == 0)
            return true;
    }
    return false;
}

Condition conditions_check(const HttpHead *head, const char *etag, int64_t mtime_s)
{
    const char *match = http_head_get(head, "If-Match");
    const char *none_match = http_head_get(head, "If-None-Match");
    const char *modified = http_head_get(head, "If-Modified-Since");
    const char *unmodified = http_head_get(head, "If-Unmodified-Since");
    int64_t time_s;

    if (match ? !condition_names(match, etag)
              : unmodified && http_date_parse(unmodified, &time_s) && mtime_s > time_s)
        return CONDITION_FAILED;
    if (none_match ? condition_names(none_match, etag)
                   : modified && http_date_parse(modified, &time_s) && mtime_s <= time_s)
        return CONDITION_NOT_MODIFIED;
    return CONDITION_HOLDS;
}

void write_condition_clear(WriteCondition *condition)
{
    g_clear_pointer(&condition->match, g_free);
    g_clear_pointer(&condition->none_match, g_free);
}

void write_condition_read(const HttpHead *head, WriteCondition *ret_condition)
{
    const char *none_match = http_head_get(head, "If-None-Match");

    *ret_condition = (WriteCondition){
        .is_new_only = none_match && strcmp(none_match, "*") == 0,
        .none_match = g_strdup(none_match),
        .match = g_strdup(http_head_get(head, "If-Match")),
        .size = -1,
        .mtime_s = -1,
    };
}

bool write_condition_holds(const WriteCondition *condition, const char *etag, int64_t size,
                           int64_t mtime_s)
{
    return !(condition->none_match && condition_names(condition->none_match, etag)) &&
           !(condition->match && !condition_names(condition->match, etag)) &&
           (condition->size < 0 || condition->size == size) &&
           (condition->mtime_s < 0 || condition->mtime_s == mtime_s);
}

RangeKind range_parse(const char *header, int64_t size, int64_t *ret_offset, int64_t *ret_len)
{
    uint64_t first = 0, last = INT64_MAX;
    const char *at = header;

    if (!header || !scan_text(&at, "bytes="))
        return RANGE_NONE;
    bool has_first = scan_number(&at, INT64_MAX, &first);
    if (!scan_text(&at, "-"))
        return RANGE_NONE;
    bool has_last = scan_number(&at, INT64_MAX, &last);
    if (*at || (!has_first && !has_last) || (has_first && has_last && last < first))
        return RANGE_NONE;
    /* The header asks for the last bytes. */
    if (!has_first) {
        if (last == 0 || size == 0)
            return RANGE_BAD;
        *ret_len = (int64_t)MIN(last, (uint64_t)size);
        *ret_offset = size - *ret_len;
        return RANGE_PART;
    }
    if (first >= (uint64_t)size)
        return RANGE_BAD;
    *ret_offset = (int64_t)first;
    *ret_len = (int64_t)MIN(last, (uint64_t)size - 1) - *ret_offset + 1;
    return RANGE_PART;
}
