/* SPDX-License-Identifier: Apache-2.0 */
/* The items of each `meta` box of a HEIC or AVIF file (heif_meta.h), without a check before. */
#include "fuzz.h"
#include "fuzz_heif.h"

#include "formats/heif_meta.h"

static void check_items(const HeifMeta *meta)
{
    for (size_t i = 0; i < meta->n_items; i++) {
        const HeifItem *item = &meta->items[i];
        check_data(item->data, meta->file, &meta->joined);
        check_inside(item->config, meta->file);
        check_inside(item->crop, meta->file);
        check_inside(item->profile, meta->file);
        g_assert_cmpuint(item->quarters, <, 4);
        g_assert_true(i == 0 || meta->items[i - 1].id <= item->id);
        g_assert_true(item->alpha == NULL || item->alpha->is_alpha);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* The copy makes a read beyond the end visible. */
    g_autofree uint8_t *bytes = g_memdup2(data, len);
    if (len == 0)
        return 0;
    Bytes file = {bytes, bytes + len}, boxes = file;
    Box box;
    while (box_next(&boxes, &box)) {
        HeifMeta meta = {0};
        if (box.name == BOX_NAME('m', 'e', 't', 'a') && heif_meta_read(file, box.body, &meta))
            check_items(&meta);
        heif_meta_clear(&meta);
    }
    return 0;
}
