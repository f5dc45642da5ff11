/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/webp.h"

#include "base/error.h"
#include "formats/webp_private.h"
#include "pixels/planes.h"

#include <string.h>
#include <webp/decode.h>

/* Out of 6: libwebp's own balance. 6 takes twice the time and saves two per cent of the bytes. */
#define METHOD 4

bool webp_configure(WebPConfig *config, int quality)
{
    if (!WebPConfigInit(config))
        return false;
    config->quality = (float)quality;
    config->method = METHOD;
    return true;
}

static void copy_plane(const Picture *plane, uint8_t *to, int to_stride)
{
    size_t width = (size_t)plane->width;
    for (int y = 0; y < plane->height; y++)
        memcpy(to + (size_t)y * (size_t)to_stride, plane->pixels + (size_t)y * width, width);
}

/*
 * Copies a picture of brightness and colour planes into libwebp's; a grey one gets colours without
 * effect.
 */
static bool import_planes(WebPPicture *target, const Picture *picture)
{
    target->use_argb = 0;
    if (!WebPPictureAlloc(target))
        return false;
    size_t chroma_size = (size_t)target->uv_stride * (size_t)planes_chroma_size(picture->height);
    uint8_t *chroma[2] = {target->u, target->v};
    copy_plane(picture, target->y, target->y_stride);
    for (int i = 0; i < 2; i++) {
        if (picture->chroma[i] != NULL)
            copy_plane(picture->chroma[i], chroma[i], target->uv_stride);
        else
            memset(chroma[i], 128, chroma_size);
    }
    return true;
}

bool webp_import(WebPPicture *target, const Picture *picture)
{
    int stride = (int)picture_stride(picture);
    target->width = picture->width;
    target->height = picture->height;
    if (planes_are(picture))
        return import_planes(target, picture);
    return picture->bands == 4 ? WebPPictureImportRGBA(target, picture->pixels, stride)
                               : WebPPictureImportRGB(target, picture->pixels, stride);
}

static void free_writer(void *data)
{
    WebPMemoryWriterClear(data);
    g_free(data);
}

void webp_set_error(WebPEncodingError code, GError **error)
{
    bool size = code == VP8_ENC_ERROR_BAD_DIMENSION || code == VP8_ENC_ERROR_PARTITION0_OVERFLOW ||
                code == VP8_ENC_ERROR_PARTITION_OVERFLOW || code == VP8_ENC_ERROR_FILE_TOO_BIG;
    if (size)
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUTPUT_TOO_LARGE,
                            "the thumbnail is larger than WebP can hold");
    else
        g_set_error(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY, "cannot write webp: error %d", code);
}

GBytes *webp_encode(const Picture *picture, int quality, GError **error)
{
    WebPConfig config;
    WebPPicture target;
    if (!webp_configure(&config, quality) || !WebPPictureInit(&target)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_INTERNAL, "libwebp is of another version");
        return NULL;
    }
    WebPMemoryWriter *writer = g_new(WebPMemoryWriter, 1);
    WebPMemoryWriterInit(writer);
    target.writer = WebPMemoryWrite;
    target.custom_ptr = writer;
    bool fine = webp_import(&target, picture) && WebPEncode(&config, &target);
    if (!fine)
        webp_set_error(target.error_code, error);
    WebPPictureFree(&target);
    if (!fine) {
        free_writer(writer);
        return NULL;
    }
    return g_bytes_new_with_free_func(writer->mem, writer->size, free_writer, writer);
}

bool webp_features(const void *data, size_t size, int *ret_width, int *ret_height, bool *ret_alpha)
{
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(data, size, &features) != VP8_STATUS_OK || features.has_animation)
        return false;
    *ret_width = features.width;
    *ret_height = features.height;
    *ret_alpha = features.has_alpha;
    return true;
}

/* "RIFF", size, "WEBP". */
#define RIFF_HEAD_BYTES 12
/* Type, size. */
#define CHUNK_HEAD_BYTES 8

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

int webp_count_frames(const void *data, size_t size, int most)
{
    const uint8_t *bytes = data;
    int n = 0;
    for (size_t at = RIFF_HEAD_BYTES; at <= size && size - at >= CHUNK_HEAD_BYTES && n <= most;) {
        size_t len = CHUNK_HEAD_BYTES + (size_t)read_u32(bytes + at + 4);
        /* Chunks are padded to an even length. */
        len += len % 2;
        n += memcmp(bytes + at, "ANMF", 4) == 0;
        if (len > size - at)
            break;
        at += len;
    }
    return n;
}

/* Returns where the last whole frame ends; 0 if there is none. */
static size_t end_of_frames(const uint8_t *data, size_t size)
{
    size_t end = 0;
    for (size_t at = RIFF_HEAD_BYTES; size - at >= CHUNK_HEAD_BYTES;) {
        size_t len = CHUNK_HEAD_BYTES + (size_t)read_u32(data + at + 4);
        /* Chunks are padded to an even length. */
        len += len % 2;
        if (len > size - at)
            break;
        bool is_frame = memcmp(data + at, "ANMF", 4) == 0;
        at += len;
        if (is_frame)
            end = at;
    }
    return end;
}

GBytes *webp_whole_frames(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    if (size < RIFF_HEAD_BYTES || memcmp(bytes, "RIFF", 4) != 0 ||
        memcmp(bytes + 8, "WEBP", 4) != 0 || read_u32(bytes + 4) <= size - 8)
        return NULL;
    size_t end = end_of_frames(bytes, size);
    uint8_t *whole = end > 0 ? g_try_malloc(end) : NULL;
    if (whole == NULL)
        return NULL;
    memcpy(whole, bytes, end);
    uint32_t riff_size = GUINT32_TO_LE((uint32_t)(end - 8));
    memcpy(whole + 4, &riff_size, sizeof riff_size);
    return g_bytes_new_take(whole, end);
}

/*
 * Copies all whole chunks but the frames behind the first one to `out`, unless it is NULL. Returns
 * the number of bytes.
 */
static size_t copy_first_frame(const uint8_t *data, size_t size, uint8_t *out)
{
    size_t n = 0;
    bool has_frame = false;
    for (size_t at = RIFF_HEAD_BYTES; at <= size && size - at >= CHUNK_HEAD_BYTES;) {
        size_t len = CHUNK_HEAD_BYTES + (size_t)read_u32(data + at + 4);
        /* Chunks are padded to an even length. */
        len += len % 2;
        if (len > size - at)
            break;
        bool is_frame = memcmp(data + at, "ANMF", 4) == 0;
        if (!is_frame || !has_frame) {
            if (out != NULL)
                memcpy(out + n, data + at, len);
            n += len;
        }
        has_frame = has_frame || is_frame;
        at += len;
    }
    return n;
}

GBytes *webp_first_frame(const void *data, size_t size)
{
    size_t n = RIFF_HEAD_BYTES + copy_first_frame(data, size, NULL);
    uint8_t *kept = g_try_malloc(n);
    if (kept == NULL)
        return NULL;
    memcpy(kept, data, RIFF_HEAD_BYTES);
    (void)copy_first_frame(data, size, kept + RIFF_HEAD_BYTES);
    uint32_t riff_size = GUINT32_TO_LE((uint32_t)(n - 8));
    memcpy(kept + 4, &riff_size, sizeof riff_size);
    return g_bytes_new_take(kept, n);
}

Picture *webp_decode_part(const void *data, size_t size, GError **error)
{
    int width, height, rows = 0;
    bool alpha;
    if (!webp_features(data, size, &width, &height, &alpha)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_DAMAGED, "the file ends in its header");
        return NULL;
    }
    g_autoptr(Picture) picture = picture_new(width, height, alpha ? 4 : 3, error);
    if (picture == NULL)
        return NULL;
    size_t stride = picture_stride(picture);
    WebPIDecoder *decoder = WebPINewRGB(alpha ? MODE_RGBA : MODE_RGB, picture->pixels,
                                        stride * (size_t)height, (int)stride);
    if (decoder == NULL) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY, "no memory to read webp");
        return NULL;
    }
    /* The caller knows that the file ends early. */
    VP8StatusCode status = WebPIUpdate(decoder, data, size);
    if (WebPIDecGetRGB(decoder, &rows, NULL, NULL, NULL) == NULL)
        rows = 0;
    WebPIDelete(decoder);
    if (status == VP8_STATUS_OUT_OF_MEMORY) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY, "no memory to read webp");
        return NULL;
    }
    if (rows == 0) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_DAMAGED, "the file ends before its pixels");
        return NULL;
    }
    picture_clear_rows(picture, rows);
    return g_steal_pointer(&picture);
}
