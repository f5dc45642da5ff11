/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_value.h"

#include "base/clock.h"
#include "model/object.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

json_t *json_value_ms(int64_t duration_us)
{
    double ms = (double)duration_us / CLOCK_US_PER_MS;
    double digits = ms < 10 ? 100 : 10;
    return json_real(round(ms * digits) / digits);
}

json_t *json_value_seconds(int64_t wall_us)
{
    char text[CLOCK_TEXT_MAX];
    return json_string(clock_format_seconds(wall_us, text));
}

json_t *json_value_millis(int64_t wall_us)
{
    char text[CLOCK_TEXT_MAX];
    return wall_us ? json_string(clock_format_millis(wall_us, text)) : json_null();
}

json_t *json_value_nanos(int64_t wall_ns)
{
    const int64_t ns_per_sec = INT64_C(1000000000);
    int64_t seconds = wall_ns / ns_per_sec - (wall_ns % ns_per_sec < 0);
    char text[CLOCK_TEXT_MAX];
    clock_format_seconds(seconds * CLOCK_US_PER_SEC, text);
    return json_sprintf("%.*s.%09" PRId64 "Z", (int)strcspn(text, "Z"), text,
                        wall_ns - seconds * ns_per_sec);
}

json_t *json_value_text(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    return json_string(valid);
}

json_t *json_value_error_name(ErrorCode error)
{
    return error == ERROR_NONE ? json_null() : json_string(error_name(error));
}

void json_value_set_bytes(json_t *object, const char *key, const char *bytes)
{
    bool encoded = false;
    g_autofree char *text = object_key_to_text(bytes, &encoded);
    json_object_set_new(object, key, json_string(text));
    if (encoded) {
        g_autofree char *mark = g_strconcat(key, "_encoding", NULL);
        json_object_set_new(object, mark, json_string("percent"));
    }
}
