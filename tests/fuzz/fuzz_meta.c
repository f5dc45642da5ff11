/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata of an object, which the owner of the file may have written; ranges and dates of a
 * request. */
#include "fuzz.h"
#include "model/upload_mark.h"
#include "s3/conditions.h"
#include "s3/meta.h"

#include <string.h>

static void check_meta(const char *text, size_t len)
{
    const struct stat st = {.st_size = 5, .st_ino = 7, .st_mtim = {1, 2}};
    g_auto(Meta) meta = {0}, again = {0};

    /* The daemon reads the id of the key from the same text. */
    char key[UPLOAD_MARK_KEY_MAX];
    const bool has_key = upload_mark_parse_key(text, len, &st, key);
    if (!meta_parse(text, len, &st, &meta))
        return;
    if (has_key)
        g_assert_cmpstr(key, ==, meta.key_id);
    for (size_t i = 0; i < meta.kept.n_headers; i++) {
        g_assert_true(meta_is_kept(meta.kept.headers[i].name) ||
                      meta_is_internal(meta.kept.headers[i].name));
        g_assert_null(strpbrk(meta.kept.headers[i].value, "\r\n"));
    }
    g_autofree char *written = meta_format(&meta, &st);
    if (!written)
        return;
    g_assert_true(meta_parse(written, strlen(written), &st, &again));
    g_assert_cmpstr(again.etag, ==, meta.etag);
    g_assert_cmpuint(again.kept.n_headers, ==, meta.kept.n_headers);
}

static void check_range(const char *text)
{
    int64_t offset, len, time_s;

    for (int64_t size = 0; size < 12; size += 3) {
        if (range_parse(text, size, &offset, &len) == RANGE_PART)
            g_assert_true(offset >= 0 && len > 0 && offset <= size - len);
    }
    if (http_date_parse(text, &time_s)) {
        int64_t again_s;
        g_autofree char *written = http_date_format(time_s);
        g_assert_true(http_date_parse(written, &again_s));
        g_assert_cmpint(again_s, ==, time_s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = g_strndup((const char *)data, len);

    check_meta((const char *)data, len);
    check_range(text);
    return 0;
}
