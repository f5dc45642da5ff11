/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/encode.h"

#include "base/error.h"
#include "formats/file_format.h"
#include "pixels/planes.h"

#include <string.h>

bool encode_can_write(ImageType type)
{
    const FileFormat *format = file_format_of(type);
    return format != NULL && format->can_write != NULL && format->can_write();
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

bool encode_accepts_alpha(ImageType type)
{
    const FileFormat *format = file_format_of(type);
    return format != NULL && !format->is_opaque;
}

bool encode_accepts_planes(ImageType type, int quality)
{
    const FileFormat *format = file_format_of(type);
    return format != NULL && format->accepts_planes != NULL && format->accepts_planes(quality);
}

bool encode_accepts_narrow(ImageType type)
{
    const FileFormat *format = file_format_of(type);
    return format != NULL && format->accepts_narrow;
}

bool encode_accepts_metadata(ImageType type)
{
    const FileFormat *format = file_format_of(type);
    return format != NULL && format->embed != NULL;
}

GBytes *encode_picture(const Picture *picture, ImageType type, int quality, GError **error)
{
    if (!encode_can_write(type)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_UNSUPPORTED_TYPE,
                    "thumbnails of type '%s' cannot be written on this machine",
                    image_type_name(type));
        return NULL;
    }
    const FileFormat *format = file_format_of(type);
    g_autoptr(Picture) converted = NULL;
    if (planes_are(picture) && picture->narrow != format->accepts_narrow) {
        picture = converted = planes_convert(picture, format->accepts_narrow, error);
        if (picture == NULL)
            return NULL;
    }
    return format->encode(picture, quality, error);
}

GBytes *encode_embed(GBytes *bytes, ImageType type, const Metadata *metadata, unsigned keep)
{
    const FileFormat *format = file_format_of(type);
    return metadata_embed(bytes, format != NULL ? format->embed : NULL, metadata, keep);
}
