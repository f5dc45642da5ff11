/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of jobs: rows of the store, and filters as text. An accepted filter must be written
 * in the same way again. */
#include "fuzz.h"
#include "store/filter_text.h"
#include "tables/job_rows.h"

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
    /* With more bytes escaped, the text may be longer than the limit. */
    if (again) {
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
    BatchJob job;

    check_filter(text);
    if (!job_rows_decode(data, len, &job))
        return 0;
    g_assert_cmpstr(job_state_name(job.state), !=, "UNKNOWN");
    g_assert_true(job.filter[strlen(job.filter)] == '\0');
    g_assert_true(job_waiting(&job) <= job.queued);
    check_filter(job.filter);
    return 0;
}
