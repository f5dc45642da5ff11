/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG XL, written only, as libvips calls its loader untrusted. */
#include "formats/file_format.h"
#include "formats/unread.h"
#include "formats/vips_writer.h"

static bool can_write(void)
{
    return vips_writer_has("jxlsave_buffer");
}

/* Out of 9: from this effort on, twice the time gains less than three per cent of the bytes. */
#define EFFORT 5

static int save(VipsImage *image, int quality, void **data, size_t *size)
{
    return vips_jxlsave_buffer(image, data, size, "Q", quality, "effort", EFFORT, WITHOUT_METADATA,
                               NULL);
}

static GBytes *encode(const Picture *picture, int quality, GError **error)
{
    return vips_writer_encode(save, picture, quality, error);
}

const FileFormat jxl_format = {
    .type = IMAGE_JXL,
    .magics = MAGICS(MAGIC("\xff\x0a"), MAGIC("\0\0\0\x0cJXL \r\n\x87\n")),
    .brands = NAMES("jxl "),
    .unread = "JPEG XL" CONVERT,
    .can_write = can_write,
    .encode = encode,
    .modules = NAMES("vips-jxl.so"),
    .saver_classes = NAMES("VipsForeignSaveJxl"),
};
