/* SPDX-License-Identifier: Apache-2.0 */
#include "encode.h"

#include "fault.h"
#include "frame.h"
#include "jpeg.h"
#include "planes.h"
#include "webp.h"

#include <string.h>

/*
 * The effort of each encoder, on its own scale: about where twice the time gains less than three
 * per cent of the bytes.
 */
#define AVIF_EFFORT     4 /* of 9 */
#define JXL_EFFORT      5 /* of 9 */
#define PNG_COMPRESSION 6 /* of 9 */

/* Without this, libvips adds EXIF of its own making. */
#if VIPS_MAJOR_VERSION > 8 || VIPS_MINOR_VERSION >= 15
#define WITHOUT_METADATA "keep", VIPS_FOREIGN_KEEP_NONE
#else
#define WITHOUT_METADATA "strip", TRUE
#endif

/* The options of each type are its own; what libvips hands out is freed with g_free. */
static int save(VipsImage *image, ImageType type, int quality, void **data, size_t *size)
{
    switch (type) {
    case IMAGE_PNG:
        return vips_pngsave_buffer(image, data, size, "compression", PNG_COMPRESSION,
                                   WITHOUT_METADATA, NULL);
    case IMAGE_AVIF:
        return vips_heifsave_buffer(image, data, size, "compression",
                                    VIPS_FOREIGN_HEIF_COMPRESSION_AV1, "Q", quality, "effort",
                                    AVIF_EFFORT, WITHOUT_METADATA, NULL);
    case IMAGE_JXL:
        return vips_jxlsave_buffer(image, data, size, "Q", quality, "effort", JXL_EFFORT,
                                   WITHOUT_METADATA, NULL);
    default:
        vips_error("encode", "images of type '%s' are not written", image_type_name(type));
        return -1;
    }
}

bool encode_can_write(ImageType type)
{
    switch (type) {
    case IMAGE_JPEG:
    case IMAGE_WEBP:
        return true;
    case IMAGE_PNG:
        return vips_type_find("VipsOperation", "pngsave_buffer") != 0;
    case IMAGE_AVIF:
        return vips_type_find("VipsOperation", "heifsave_buffer") != 0;
    case IMAGE_JXL:
        return vips_type_find("VipsOperation", "jxlsave_buffer") != 0;
    default:
        return false;
    }
}

bool encode_proves(ImageType type)
{
    g_autoptr(Picture) picture = picture_new(16, 16, 3, NULL);
    if (picture == NULL)
        return false;
    memset(picture->pixels, 128, picture_stride(picture) * 16);
    g_autoptr(GBytes) bytes = encode_picture(picture, type, 80, NULL);
    return bytes != NULL;
}

bool encode_takes_planes(ImageType type, int quality)
{
    return type == IMAGE_WEBP || (type == IMAGE_JPEG && jpeg_takes_planes(quality));
}

bool encode_takes_narrow(ImageType type)
{
    return type == IMAGE_WEBP;
}

GBytes *encode_picture(const Picture *picture, ImageType type, int quality, GError **error)
{
    if (!encode_can_write(type)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_UNSUPPORTED_TYPE,
                    "thumbnails of type '%s' cannot be written on this machine",
                    image_type_name(type));
        return NULL;
    }
    g_autoptr(Picture) converted = NULL;
    if (planes_are(picture) && picture->narrow != encode_takes_narrow(type)) {
        picture = converted = planes_convert(picture, encode_takes_narrow(type), error);
        if (picture == NULL)
            return NULL;
    }
    if (type == IMAGE_JPEG)
        return jpeg_encode(picture, quality, error);
    if (type == IMAGE_WEBP)
        return webp_encode(picture, quality, error);

    VipsImage *image = frame_wrap(picture, false, error);
    if (image == NULL)
        return NULL;
    void *data = NULL;
    size_t size = 0;
    int status = save(image, type, quality, &data, &size);
    g_object_unref(image);
    if (status != 0) {
        fault_take(ERROR_INTERNAL, error);
        return NULL;
    }
    return g_bytes_new_take(data, size);
}
