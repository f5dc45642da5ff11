/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TIFF file, of which the picture is chosen and its costs are counted. Whatever the bytes are,
 * the choice is a directory of the file, and a second choice is the same.
 */
#include "fuzz.h"

#include "formats/tiff_blocks.h"
#include "formats/tiff_costs.h"
#include "formats/tiff_layout.h"

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* The copy makes a read beyond the end visible. */
    g_autofree uint8_t *file = g_memdup2(data, len);
    Tiff tiff;
    TiffChoice choice, again;
    TiffDirectory directory;
    if (!tiff_open(file, len, &tiff))
        return 0;
    tiff_choose(&tiff, &choice);
    tiff_choose(&tiff, &again);
    g_assert_cmpuint(choice.at, ==, again.at);
    g_assert_cmpint(choice.n_pages, <=, TIFF_PAGES_MAX);
    g_assert_true(choice.page >= 0 && choice.page < MAX(choice.n_pages, 1));
    g_assert_true(choice.below >= -1 && choice.below < TIFF_CANDIDATES_MAX);
    if (choice.layout.width > 0)
        g_assert_true(tiff_directory(&tiff, choice.at, &directory));
    (void)tiff_layout_is_common(&choice.layout);
    if (tiff_blocks_check(&tiff, choice.at, NULL))
        (void)tiff_costs_check(&tiff, choice.at, 10, NULL);
    return 0;
}
