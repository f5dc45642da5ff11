/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TIFF file that libtiff reads (tiff_image.h), as the handler has it read: the picture is chosen,
 * its costs are checked, and all of its rows are decoded.
 */
#include "fuzz.h"

#include "formats/tiff_blocks.h"
#include "formats/tiff_costs.h"
#include "formats/tiff_image.h"
#include "formats/tiff_layout.h"

#include <glib.h>
#include <tiffio.h>

#define PIXELS_MAX (1 << 18)
#define PAGES_MAX  10

static void start(void)
{
    if (VIPS_INIT("fuzz_tiff") != 0)
        g_error("libvips does not start");
    vips_cache_set_max(0);
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
}

static void read_rows(VipsImage *image)
{
    VipsRegion *region = vips_region_new(image);
    for (int y = 0; y < image->Ysize; y++) {
        const VipsRect row = {0, y, image->Xsize, 1};
        if (vips_region_prepare(region, &row) != 0)
            break;
    }
    g_object_unref(region);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static gsize is_started;
    if (g_once_init_enter(&is_started)) {
        start();
        g_once_init_leave(&is_started, 1);
    }
    /* The copy makes a read beyond the end visible. */
    g_autofree uint8_t *file = g_memdup2(data, len);
    Tiff tiff;
    TiffChoice choice;
    if (!tiff_open(file, len, &tiff))
        return 0;
    tiff_choose(&tiff, &choice);
    const TiffLayout *layout = &choice.layout;
    if (layout->width == 0 || layout->height > PIXELS_MAX / layout->width ||
        !tiff_blocks_check(&tiff, choice.at, NULL) ||
        !tiff_costs_check(&tiff, choice.at, PAGES_MAX, NULL))
        return 0;
    VipsImage *image = tiff_image_open(file, len, choice.at);
    if (image != NULL) {
        read_rows(image);
        g_object_unref(image);
    }
    vips_error_clear();
    return 0;
}
