/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters as people write them: one line for each option. Each filter is matched against a record.
 */
#include "base/error.h"
#include "filter_options.h"
#include "fuzz.h"

#include <string.h>

#define NOW_US (INT64_C(1769904000) * 1000000)

static const char *next_line(char **text)
{
    char *line = strsep(text, "\n");

    return line && *line ? line : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *copy = g_strndup((const char *)data, len);
    char *text = copy;
    g_autoptr(GError) error = NULL;
    const Record record = {.state = STATE_DONE,
                           .facts = {.type = IMAGE_JPEG},
                           .version = {.size = 7},
                           .key = "a/b.jpg"};
    StoreFilter filter;
    FilterOptions options = {0};

    options.prefix = next_line(&text);
    options.match = next_line(&text);
    options.type = next_line(&text);
    options.state = next_line(&text);
    options.since = next_line(&text);
    options.until = next_line(&text);
    options.min_size = next_line(&text);
    options.max_size = next_line(&text);
    if (!filter_parse(&options, NOW_US, &filter, &error)) {
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        return 0;
    }
    bool is_plain = !options.prefix && !options.match && !options.type && !options.state &&
                    !options.since && !options.until && !options.min_size && !options.max_size;
    g_assert_true(store_filter_is_empty(&filter) == is_plain);
    if (is_plain)
        g_assert_true(store_filter_matches(&filter, &record));
    else
        (void)store_filter_matches(&filter, &record);
    return 0;
}
