/* SPDX-License-Identifier: Apache-2.0 */
/* WebP, read by libvips, and by libwebp if libvips refuses the file; written by libwebp. */
#include "base/error.h"
#include "formats/vips_reader.h"
#include "formats/webp.h"
#include "sandbox/worker_fault.h"

#include <limits.h>
#include <string.h>

static bool begins(const uint8_t *data, size_t len)
{
    return len >= 16 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBPVP8", 7) == 0;
}

/*
 * Opens an animation of more frames than may be decoded, with the first of them only: libwebp
 * searches all frames for each of them, and 60,000 take 3 s. *ret_n: the number of frames.
 */
static bool open_first_frame(Decoder *decoder, int *ret_n)
{
    const Source *source = decoder->source;
    int n = webp_count_frames(source->data, source->size, INT_MAX - 1);
    if (n <= decoder->max_pages)
        return false;
    *ret_n = n;
    decoder->mended = webp_first_frame(source->data, source->size);
    return decoder->mended != NULL && vips_reader_try(decoder);
}

/*
 * libvips allocates memory for a whole picture as soon as it has read the header. A still one with
 * more pixels than this is opened at a scale; its size comes from libwebp.
 */
#define WHOLE_PIXELS_MAX (16 << 20)
#define OPEN_SCALE       (1.0 / 16)

static bool open_large(Decoder *decoder)
{
    bool alpha;
    if (!webp_features(decoder->source->data, decoder->source->size, &decoder->width,
                       &decoder->height, &alpha) ||
        (int64_t)decoder->width * decoder->height <= WHOLE_PIXELS_MAX)
        return false;
    decoder->image = vips_reader_load(decoder, VIPS_FAIL_ON_ERROR, OPEN_SCALE);
    decoder->opened_small = decoder->image != NULL;
    return decoder->opened_small;
}

/* Opens an animation that ends early, with only its whole frames. */
static bool open_whole_frames(Decoder *decoder)
{
    decoder->mended = webp_whole_frames(decoder->source->data, decoder->source->size);
    if (decoder->mended != NULL)
        decoder->image = vips_reader_load(decoder, VIPS_FAIL_ON_ERROR, 1);
    return decoder->image != NULL;
}

/* Reads the size of a still picture that ends early, which libvips cannot open. */
static bool open_part(Decoder *decoder, ImageFacts *facts)
{
    if (!webp_features(decoder->source->data, decoder->source->size, &decoder->width,
                       &decoder->height, &facts->alpha))
        return false;
    vips_error_clear();
    facts->pages = 1;
    return true;
}

/* Opens the picture in the first of several ways that succeeds. */
static bool open_file(Decoder *decoder, ImageFacts *facts, GError **error)
{
    int n_frames = 0;
    if (open_first_frame(decoder, &n_frames)) {
        vips_reader_describe(decoder, facts);
        facts->pages = n_frames;
        return true;
    }
    if (n_frames > 0) {
        fault_set_error(decoder->mended != NULL ? ERROR_DAMAGED : ERROR_OUT_OF_MEMORY, error);
        return false;
    }
    if (open_large(decoder) || vips_reader_try(decoder) || open_whole_frames(decoder)) {
        vips_reader_describe(decoder, facts);
        return true;
    }
    if (open_part(decoder, facts))
        return true;
    fault_set_error(ERROR_DAMAGED, error);
    return false;
}

/*
 * Reads the picture at twice its final size or more. The decoder's own scaling is a plain mean, so
 * the filter does the rest.
 */
static Picture *read_file(Decoder *decoder, int width, int height, GError **error)
{
    double scale = MAX(2.0 * width / decoder->width, 2.0 * height / decoder->height);
    if (!decoder->damaged && (scale < 1 || decoder->opened_small)) {
        g_clear_object(&decoder->image);
        decoder->image = vips_reader_load(decoder, VIPS_FAIL_ON_ERROR, scale);
    }
    return vips_reader_read(decoder, width, height, error);
}

static Picture *read_part(const Decoder *decoder, int width, int height, GError **error)
{
    if (decoder->image != NULL)
        return vips_reader_read_part(decoder, width, height, error);
    g_autoptr(Picture) whole =
        webp_decode_part(decoder->source->data, decoder->source->size, error);
    return whole != NULL ? vips_reader_finish(decoder, whole, width, height, error) : NULL;
}

static bool can_write(void)
{
    return true;
}

static bool accepts_planes(int quality)
{
    (void)quality;
    return true;
}

const FileFormat webp_format = {
    .type = IMAGE_WEBP,
    .begins = begins,
    .loader = "webpload_buffer",
    .open = open_file,
    .describe = vips_reader_turn_by_exif,
    .read = read_file,
    .read_part = read_part,
    .can_write = can_write,
    .encode = webp_encode,
    .accepts_planes = accepts_planes,
    .accepts_narrow = true,
    .embed = metadata_embed_webp,
    .loader_classes = NAMES("VipsForeignLoadWebp"),
};
