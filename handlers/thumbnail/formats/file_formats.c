/* SPDX-License-Identifier: Apache-2.0 */
/* The list of all types of files: the rows of NAME_format.c and unread_formats.c. */
#include "formats/file_format.h"

#include "formats/unread_formats.h"

/* All types that are read or written. Each NAME_format is defined in a file of its own. */
#define FORMATS(ROW)                                                                               \
    ROW(jpeg)                                                                                      \
    ROW(png)                                                                                       \
    ROW(webp)                                                                                      \
    ROW(gif)                                                                                       \
    ROW(tiff)                                                                                      \
    ROW(heic)                                                                                      \
    ROW(avif)                                                                                      \
    ROW(jxl)

#define DECLARE(name) extern const FileFormat name##_format;
FORMATS(DECLARE)

#define LIST(name) &name##_format,
static const FileFormat *const formats[] = {FORMATS(LIST)};

const FileFormat *file_format_of(ImageType type)
{
    const FileFormat *format;
    for (size_t i = 0; (format = file_format_at(i)) != NULL; i++) {
        if (format->type == type)
            return format;
    }
    return NULL;
}

const FileFormat *file_format_at(size_t i)
{
    if (i < G_N_ELEMENTS(formats))
        return formats[i];
    i -= G_N_ELEMENTS(formats);
    return i < unread_formats_n ? &unread_formats[i] : NULL;
}
