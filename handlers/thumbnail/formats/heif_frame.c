/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/heif_frame.h"

#include "formats/codec_budget.h"
#include "formats/hevc_config.h"

#include <dav1d/dav1d.h>
#include <errno.h>
#include <libde265/de265.h>
#include <limits.h>
#include <vips/vips.h>

/* The bits of samples that yuv.h takes. */
#define BITS_MIN 8
#define BITS_MAX 12

/* Bytes before the content of a unit, and the last type that pictures need. Source: ITU-T H.265. */
#define NAL_HEAD_BYTES 2
#define NAL_PPS        34
/* More than the slices of the highest level and all parameter sets. */
#define UNITS_MAX 2048

/*
 * The last filter of HEVC (SAO) takes a copy of the largest plane, in libde265. No other pixel
 * depends on it in a single picture, and in one of more pixels it is finer than thumbnails show.
 */
#define SMOOTHED_PIXELS_MAX (32 << 20)

/* Says that memory is short, unless codec_budget.c has refused more bytes in these words. */
static bool fail(const char *decoder, bool is_short, const char *reason)
{
    if (codec_budget_is_spent(NULL))
        reason = "the coded picture is beyond its budget";
    else if (is_short)
        reason = "out of memory";
    vips_error("heif", "%s: %s", decoder, reason);
    return false;
}

static bool fail_hevc(de265_error status)
{
    return fail("libde265", status == DE265_ERROR_OUT_OF_MEMORY, de265_get_error_text(status));
}

/* Gives libde265 one unit of the coded bytes, if it is about pixels. */
static de265_error push(de265_decoder_context *decoder, Bytes nal)
{
    size_t size = bytes_left(&nal);
    /* libde265 keeps memory for each unit, and the others say nothing about the pixels. */
    if (size <= NAL_HEAD_BYTES || (nal.at[0] >> 1 & 63) > NAL_PPS)
        return DE265_OK;
    return size > INT_MAX ? DE265_ERROR_OUT_OF_MEMORY
                          : de265_push_NAL(decoder, nal.at, (int)size, 0, NULL);
}

/* Gives the decoder the parameter sets and the picture. */
static bool push_all(de265_decoder_context *decoder, const HeifCoded *coded)
{
    HevcConfig config;
    Bytes nal, data = coded->data;
    if (!hevc_config_open(coded->config, &config))
        return fail("libde265", false, "no parameter sets");
    de265_error status = DE265_OK;
    int n = 0;
    while (status == DE265_OK && n++ < UNITS_MAX && hevc_config_next(&config, &nal))
        status = push(decoder, nal);
    while (status == DE265_OK && n++ < UNITS_MAX && hevc_next_unit(&data, config.len_bytes, &nal))
        status = push(decoder, nal);
    if (status == DE265_OK && bytes_left(&data) > 0)
        return fail("libde265", false, "the coded picture is cut");
    if (status == DE265_OK)
        status = de265_flush_data(decoder);
    return status == DE265_OK || fail_hevc(status);
}

/* Decodes until there is a picture. NULL: libvips has an error. */
static const struct de265_image *run_hevc(de265_decoder_context *decoder)
{
    for (int more = 1; more;) {
        de265_error status = de265_decode(decoder, &more);
        const struct de265_image *image = de265_get_next_picture(decoder);
        if (image != NULL)
            return image;
        if (status != DE265_OK) {
            (void)fail_hevc(status);
            return NULL;
        }
    }
    (void)fail("libde265", false, "no picture in the coded bytes");
    return NULL;
}

/* Sets the planes of the frame to those of libde265's picture. */
static bool set_hevc_planes(const struct de265_image *image, HeifFrame *frame)
{
    enum de265_chroma chroma = de265_get_chroma_format(image);
    int n_planes = chroma == de265_chroma_mono ? 1 : 3;
    frame->width = de265_get_image_width(image, 0);
    frame->height = de265_get_image_height(image, 0);
    frame->bits = de265_get_bits_per_pixel(image, 0);
    frame->shift_x = chroma == de265_chroma_420 || chroma == de265_chroma_422;
    frame->shift_y = chroma == de265_chroma_420;
    for (int i = 0; i < n_planes; i++) {
        int stride;
        frame->planes[i] = de265_get_image_plane(image, i, &stride);
        frame->strides[i] = stride;
        if (frame->planes[i] == NULL || de265_get_bits_per_pixel(image, i) != frame->bits)
            return fail("libde265", false, "Unsupported feature: planes of different depth");
    }
    return true;
}

static void release_hevc(void *owner)
{
    (void)de265_free_decoder(owner);
}

static bool is_smoothed(int64_t pixels)
{
    return pixels <= SMOOTHED_PIXELS_MAX;
}

/*
 * Decodes the bytes with libde265. A large picture is decoded without one of the filters, to save
 * time.
 */
static bool decode_hevc(const HeifCoded *coded, int64_t pixels, HeifFrame *frame)
{
    frame->owner = de265_new_decoder();
    if (frame->owner == NULL)
        return fail("libde265", true, "no decoder");
    frame->release = release_hevc;
    if (!is_smoothed(pixels))
        de265_set_parameter_bool(frame->owner, DE265_DECODER_PARAM_DISABLE_SAO, 1);
    if (!push_all(frame->owner, coded))
        return false;
    const struct de265_image *image = run_hevc(frame->owner);
    return image != NULL && set_hevc_planes(image, frame);
}

static void ignore_free(const uint8_t *data, void *cookie)
{
    (void)data;
    (void)cookie;
}

/* Decodes the bytes until the decoder returns a picture. */
static bool run_av1(Dav1dContext *decoder, Bytes bytes, Dav1dPicture *picture)
{
    Dav1dData data = {0};
    int status = dav1d_data_wrap(&data, bytes.at, bytes_left(&bytes), ignore_free, NULL);
    /* After the last bytes, the second call has the decoder give up what it holds back. */
    for (int calls = 0; status == 0 && calls < 2;) {
        if (data.sz > 0)
            status = dav1d_send_data(decoder, &data);
        else
            calls++;
        if (status != 0 && status != DAV1D_ERR(EAGAIN))
            break;
        status = dav1d_get_picture(decoder, picture);
        if (status == 0)
            break;
        if (status == DAV1D_ERR(EAGAIN))
            status = 0;
    }
    dav1d_data_unref(&data);
    if (status != 0)
        return fail("dav1d", status == DAV1D_ERR(ENOMEM), "the coded picture is damaged");
    return picture->data[0] != NULL || fail("dav1d", false, "no picture in the coded bytes");
}

static bool set_av1_planes(const Dav1dPicture *picture, HeifFrame *frame)
{
    int n_planes = picture->p.layout == DAV1D_PIXEL_LAYOUT_I400 ? 1 : 3;
    frame->width = picture->p.w;
    frame->height = picture->p.h;
    frame->bits = picture->p.bpc;
    frame->shift_x = n_planes == 3 && picture->p.layout != DAV1D_PIXEL_LAYOUT_I444;
    frame->shift_y = picture->p.layout == DAV1D_PIXEL_LAYOUT_I420;
    for (int i = 0; i < n_planes; i++) {
        frame->planes[i] = picture->data[i];
        frame->strides[i] = picture->stride[i > 0];
    }
    return true;
}

static void release_av1(void *owner)
{
    Dav1dPicture *picture = owner;
    dav1d_picture_unref(picture);
    g_free(picture);
}

static bool decode_av1(const HeifCoded *coded, HeifFrame *frame)
{
    Dav1dContext *decoder = NULL;
    Dav1dSettings settings;
    dav1d_default_settings(&settings);
    settings.n_threads = 1;
    settings.max_frame_delay = 1;
    settings.all_layers = 0;
    settings.logger.callback = NULL;
    Dav1dPicture *picture = g_try_new0(Dav1dPicture, 1);
    if (picture == NULL || dav1d_open(&decoder, &settings) != 0) {
        g_free(picture);
        return fail("dav1d", true, "no decoder");
    }
    frame->owner = picture;
    frame->release = release_av1;
    bool fine = run_av1(decoder, coded->data, picture);
    /* Only the picture itself stays in memory. */
    dav1d_close(&decoder);
    return fine && set_av1_planes(picture, frame);
}

bool heif_frame_decode(HeifCoding coding, const HeifCoded *coded, int64_t pixels,
                       HeifFrame *ret_frame)
{
    HeifFrame frame = {0};
    bool fine =
        coding == HEIF_HEVC ? decode_hevc(coded, pixels, &frame) : decode_av1(coded, &frame);
    if (fine &&
        (frame.bits < BITS_MIN || frame.bits > BITS_MAX || frame.width <= 0 || frame.height <= 0))
        fine = fail("heif", false, "Unsupported feature: samples of such a depth");
    if (fine)
        *ret_frame = frame;
    else
        heif_frame_clear(&frame);
    return fine;
}

uint64_t heif_frame_copy_bytes(HeifCoding coding, int64_t pixels, int bits)
{
    return coding == HEIF_HEVC && is_smoothed(pixels) ? (uint64_t)pixels << (bits > 8) : 0;
}

void heif_frame_clear(HeifFrame *frame)
{
    if (frame->release != NULL)
        frame->release(frame->owner);
    *frame = (HeifFrame){0};
}
