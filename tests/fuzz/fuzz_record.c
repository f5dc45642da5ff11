/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of records: it refuses a record or its fields are within the limits, and an accepted
 * record decodes to the same record after encoding. */
#include "fuzz.h"
#include "tables/record_codec.h"

#include <string.h>

static void check_limits(const Record *record)
{
    g_assert_cmpstr(state_name(record->state), !=, "unknown");
    g_assert_true(object_key_is_valid(record->key));
    g_assert_nonnull(memchr(record->message, '\0', sizeof record->message));
    g_assert_nonnull(memchr(record->worker, '\0', sizeof record->worker));
    g_assert_true(g_utf8_validate(record->worker, -1, NULL));
    g_assert_true(record->facts.type >= IMAGE_NONE && record->facts.type < IMAGE_TYPES);
    g_assert_true(record->facts.width >= 0 && record->facts.height >= 0);
    g_assert_true(record->facts.pages >= 0 && record->attempts >= 0);
    g_assert_cmpuint(record->facts.thumbhash_len, <=, THUMBHASH_MAX);
    g_assert_cmpuint(record->n_log, <=, RECORD_ATTEMPTS_MAX);
    g_assert_cmpuint(record->n_thumbnails, <=, RENDITIONS_MAX);
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const Thumbnail *thumbnail = &record->thumbnails[i];
        g_assert_nonnull(memchr(thumbnail->rendition, '\0', sizeof thumbnail->rendition));
        g_assert_null(strchr(thumbnail->rendition, '/'));
        g_assert_true(thumbnail->facts.width >= 0 && thumbnail->facts.height >= 0);
        g_assert_cmpint(thumbnail->facts.size, >=, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) first = g_byte_array_new();
    g_autoptr(GByteArray) second = g_byte_array_new();
    Record record, again;

    if (!record_decode(data, len, &record, &error)) {
        g_assert_error(error, THUMBQ_ERROR, ERROR_STORE_CORRUPT);
        return 0;
    }
    check_limits(&record);
    (void)record_date_us(&record);
    (void)record_is_current(&record);
    (void)record_thumbnail_bytes(&record);

    /* Reserved bytes are not kept, so the bytes are equal only from the second encoding on. */
    record_encode(&record, first);
    g_assert_true(record_decode(first->data, first->len, &again, NULL));
    record_encode(&again, second);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
    return 0;
}
