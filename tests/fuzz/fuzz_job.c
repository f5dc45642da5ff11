/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What jobs are read from: rows of the store, and filters as text. What is let through is written
 * the same again.
 */
#include "filter_text.h"
#include "fuzz.h"
#include "store_internal.h"

#include <string.h>

static void check_filter(const char *text)
{
    g_autoptr(GError) error = NULL;
    StoreFilter *filter = filter_text_parse(text, &error);

    if (!filter) {
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        return;
    }
    g_autofree char *first = filter_text_format(filter);
    StoreFilter *again = filter_text_parse(first, NULL);
    if (again) { /* it may be longer than text may be, with more of it escaped */
        g_autofree char *second = filter_text_format(again);
        g_assert_cmpstr(first, ==, second);
    } else {
        g_assert_cmpuint(strlen(first), >=, FILTER_TEXT_MAX);
    }
    filter_text_free(again);
    filter_text_free(filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = g_strndup((const char *)data, len);
    StoreJob job;

    check_filter(text);
    if (!jobs_decode(data, len, &job))
        return 0;
    g_assert_cmpstr(job_state_name(job.state), !=, "UNKNOWN");
    g_assert_true(job.filter[strlen(job.filter)] == '\0');
    g_assert_true(job_waiting(&job) <= job.queued);
    check_filter(job.filter);
    return 0;
}
