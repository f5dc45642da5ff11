/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/frame.h"

#include "formats/icc.h"
#include "pixels/resize.h"
#include "sandbox/worker_fault.h"

#include <string.h>

/* Output rows that are pulled at a time. */
#define STRIP_ROWS 16

/*
 * The most bytes of pixels that are held at once; of a larger image, libvips holds a strip at a
 * time.
 */
#define WHOLE_BYTES_MAX (64 << 20)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VipsImage, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VipsRegion, g_object_unref)

/*
 * A step of a pipeline: takes the reference to `*image` and leaves the next image there. Once a
 * step has failed, *image is NULL and the later steps do nothing, so a pipeline needs no checks
 * between its steps.
 */
static void advance(VipsImage **image, int status, VipsImage **next)
{
    g_clear_object(image);
    if (status == 0)
        *image = g_steal_pointer(next);
}

static void cast_to(VipsImage **image, VipsBandFormat format)
{
    VipsImage *next = NULL;
    if (*image != NULL && (*image)->BandFmt != format)
        advance(image, vips_cast(*image, &next, format, NULL), &next);
}

static void to_space(VipsImage **image, VipsInterpretation space)
{
    VipsImage *next = NULL;
    if (*image != NULL && (*image)->Type != space)
        advance(image, vips_colourspace(*image, &next, space, NULL), &next);
}

static void limit_bands(VipsImage **image, int bands)
{
    VipsImage *next = NULL;
    if (*image != NULL && (*image)->Bands > bands)
        advance(image, vips_extract_band(*image, &next, 0, "n", bands, NULL), &next);
}

/* Returns the number of colour bands of an interpretation. */
static int color_bands(VipsInterpretation type)
{
    switch (type) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
        return 1;
    case VIPS_INTERPRETATION_CMYK:
        return 4;
    default:
        return 3;
    }
}

static bool has_grey_profile(VipsImage *image)
{
    const void *icc;
    size_t size;
    return vips_image_get_typeof(image, VIPS_META_ICC_NAME) &&
           vips_image_get_blob(image, VIPS_META_ICC_NAME, &icc, &size) == 0 &&
           icc_is_grey(icc, size);
}

/* Makes numbers of 16 bits of float samples from 0 to 1. */
static void to_16_bits(VipsImage **image, VipsInterpretation type)
{
    VipsImage *next = NULL;
    advance(image, vips_linear1(*image, &next, UINT16_MAX, 0, NULL), &next);
    cast_to(image, VIPS_FORMAT_USHORT);
    if (*image != NULL)
        advance(image, vips_copy(*image, &next, "interpretation", type, NULL), &next);
}

/*
 * Makes three bands of grey float samples. Float samples are linear light from 0 to 1. libvips
 * reads colours so (scRGB), but reads grey samples as 0 to 255. With a profile for grey, they are
 * numbers of that profile, and stay grey.
 */
static void widen_float_grey(VipsImage **image)
{
    if ((*image)->Type != VIPS_INTERPRETATION_B_W || !vips_band_format_isfloat((*image)->BandFmt))
        return;
    if (has_grey_profile(*image)) {
        to_16_bits(image, VIPS_INTERPRETATION_GREY16);
        return;
    }
    VipsImage *next = NULL;
    g_autoptr(VipsImage) grey = NULL;
    if (vips_extract_band(*image, &grey, 0, NULL) != 0) {
        g_clear_object(image);
        return;
    }
    /* The last part has the alpha, too. */
    VipsImage *parts[] = {grey, grey, *image};
    advance(image, vips_bandjoin(parts, &next, G_N_ELEMENTS(parts), NULL), &next);
    if (*image != NULL)
        advance(image, vips_copy(*image, &next, "interpretation", VIPS_INTERPRETATION_scRGB, NULL),
                &next);
}

/* Gives an image of any kind an interpretation that fits its bands and format. */
static void settle(VipsImage **image)
{
    VipsImage *next = NULL;
    if ((*image)->Coding != VIPS_CODING_NONE)
        advance(image, vips_image_decode(*image, &next), &next);
    if (*image == NULL)
        return;
    VipsInterpretation type = vips_image_guess_interpretation(*image);
    if (type == VIPS_INTERPRETATION_MULTIBAND || type == VIPS_INTERPRETATION_HISTOGRAM)
        type = (*image)->Bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
    if ((*image)->Type != type)
        advance(image, vips_copy(*image, &next, "interpretation", type, NULL), &next);
    /* Bands after the colours and alpha have no known meaning. */
    if (*image != NULL)
        limit_bands(image, color_bands((*image)->Type) + 1);
    if (*image != NULL)
        widen_float_grey(image);
}

/* Returns the value of opaque alpha. */
static double max_value(const VipsImage *image)
{
    if (image->Type == VIPS_INTERPRETATION_GREY16 || image->Type == VIPS_INTERPRETATION_RGB16)
        return 65535;
    if (image->Type == VIPS_INTERPRETATION_CMYK && image->BandFmt == VIPS_FORMAT_USHORT)
        return 65535;
    return vips_band_format_isfloat(image->BandFmt) ? 1.0 : 255;
}

/*
 * Scales with premultiplied alpha, so that colours of transparent pixels do not bleed into their
 * neighbours.
 */
static void resize(VipsImage **image, int width, int height)
{
    if (*image == NULL || ((*image)->Xsize == width && (*image)->Ysize == height))
        return;
    VipsImage *next = NULL;
    VipsBandFormat format = (*image)->BandFmt;
    double max = max_value(*image);
    bool alpha = vips_image_hasalpha(*image);
    if (alpha)
        advance(image, vips_premultiply(*image, &next, "max_alpha", max, NULL), &next);
    if (*image != NULL)
        advance(image,
                vips_resize(*image, &next, (double)width / (*image)->Xsize, "vscale",
                            (double)height / (*image)->Ysize, NULL),
                &next);
    if (alpha && *image != NULL)
        advance(image, vips_unpremultiply(*image, &next, "max_alpha", max, NULL), &next);
    cast_to(image, format);
}

/*
 * Converts Lab to XYZ. Lab in files is relative to D50 (Adobe's technical notes on TIFF), and
 * libvips takes it for D65: so convert to XYZ by the right white, and then to D65, after Bradford.
 * A profile does not serve here, as results of LittleCMS are up to 20 of 255 wrong.
 */
static void lab_to_xyz(VipsImage **image)
{
    static const double d50[] = {VIPS_D50_X0, VIPS_D50_Y0, VIPS_D50_Z0};
    static const double d50_to_d65[] = {0.9555766, -0.0230393, 0.0631636,  -0.0282895, 1.0099416,
                                        0.0210077, 0.0122982,  -0.0204830, 1.3299098};
    if (*image == NULL ||
        ((*image)->Type != VIPS_INTERPRETATION_LAB && (*image)->Type != VIPS_INTERPRETATION_LABS))
        return;
    to_space(image, VIPS_INTERPRETATION_LAB);
    VipsImage *next = NULL;
    VipsArea *white = VIPS_AREA(vips_array_double_new(d50, G_N_ELEMENTS(d50)));
    g_autoptr(VipsImage) matrix =
        vips_image_new_matrix_from_array(3, 3, d50_to_d65, G_N_ELEMENTS(d50_to_d65));
    if (*image != NULL)
        advance(image, vips_Lab2XYZ(*image, &next, "temp", white, NULL), &next);
    if (*image != NULL)
        advance(image, vips_recomb(*image, &next, matrix, NULL), &next);
    vips_area_unref(white);
}

/*
 * Makes 16 bits of float samples from 0 to 1 of RGB and CMYK, as conversions by profiles take them
 * for numbers up to 255 or 100. Other images stay as they are. NULL: libvips has an error.
 */
static VipsImage *to_whole(VipsImage *image)
{
    VipsImage *whole = g_object_ref(image);
    if (vips_band_format_isfloat(image->BandFmt) && image->Type == VIPS_INTERPRETATION_scRGB)
        to_16_bits(&whole, VIPS_INTERPRETATION_RGB16);
    else if (vips_band_format_isfloat(image->BandFmt) && image->Type == VIPS_INTERPRETATION_CMYK)
        to_16_bits(&whole, VIPS_INTERPRETATION_CMYK);
    return whole;
}

/*
 * Converts by the embedded profile unless it is sRGB; CMYK without one by the profile of libvips.
 * False: nothing was done.
 */
static bool convert_by_profile(VipsImage **image)
{
    bool cmyk = (*image)->Type == VIPS_INTERPRETATION_CMYK;
    if (!cmyk && !vips_image_get_typeof(*image, VIPS_META_ICC_NAME))
        return false;
    /* libvips would convert the first of three colours alone. */
    if ((*image)->Bands >= 3 && !cmyk && has_grey_profile(*image))
        return false;
    const void *icc;
    size_t size;
    if (!cmyk && (*image)->BandFmt == VIPS_FORMAT_UCHAR &&
        vips_image_get_blob(*image, VIPS_META_ICC_NAME, &icc, &size) == 0 && icc_is_srgb(icc, size))
        return false;
    VipsImage *next = NULL;
    g_autoptr(VipsImage) whole = to_whole(*image);
    if (whole == NULL ||
        vips_icc_transform(whole, &next, "srgb", "embedded", TRUE, "input_profile",
                           cmyk ? "cmyk" : NULL, "intent", VIPS_INTENT_PERCEPTUAL, NULL) != 0) {
        /* The profile is broken or for another kind of image: it is ignored. */
        vips_error_clear();
        return false;
    }
    advance(image, 0, &next);
    return true;
}

/*
 * Converts colours to sRGB without alpha, and adds alpha afterwards, as each of libvips'
 * conversions scales it differently.
 */
static void to_srgb(VipsImage **image, FrameColors colors)
{
    if (*image == NULL)
        return;
    VipsImage *next = NULL;
    g_autoptr(VipsImage) alpha = NULL;
    if (vips_image_hasalpha(*image)) {
        double max = max_value(*image);
        if (vips_extract_band(*image, &alpha, (*image)->Bands - 1, NULL) != 0) {
            g_clear_object(image);
            return;
        }
        if (max != 255)
            advance(&alpha, vips_linear1(alpha, &next, 255 / max, 0, "uchar", TRUE, NULL), &next);
        if (alpha != NULL)
            cast_to(&alpha, VIPS_FORMAT_UCHAR);
        limit_bands(image, (*image)->Bands - 1);
        if (alpha == NULL)
            g_clear_object(image);
    }
    /* If no profile was used, the next steps convert by the interpretation. */
    if (*image != NULL && colors == FRAME_SRGB)
        (void)convert_by_profile(image);
    lab_to_xyz(image);
    to_space(image, VIPS_INTERPRETATION_sRGB);
    cast_to(image, VIPS_FORMAT_UCHAR);
    limit_bands(image, 3);
    if (alpha != NULL && *image != NULL)
        advance(image, vips_bandjoin2(*image, alpha, &next, NULL), &next);
}

/* Runs the pipeline, `n` rows at a time; *ret_rows is the number of rows before an error. */
static Picture *pull_rows(VipsImage *image, int n, int *ret_rows, GError **error)
{
    *ret_rows = 0;
    g_autoptr(Picture) picture = picture_new(image->Xsize, image->Ysize, image->Bands, error);
    if (picture == NULL)
        return NULL;
    g_autoptr(VipsRegion) region = vips_region_new(image);
    size_t stride = picture_stride(picture);
    for (int top = 0; top < image->Ysize; top += n) {
        VipsRect strip = {0, top, image->Xsize, MIN(n, image->Ysize - top)};
        if (vips_region_prepare(region, &strip) != 0)
            break;
        for (int y = top; y < top + strip.height; y++)
            memcpy(picture->pixels + (size_t)y * stride, VIPS_REGION_ADDR(region, 0, y), stride);
        *ret_rows = top + strip.height;
    }
    return g_steal_pointer(&picture);
}

/* Has libvips compute the whole image. NULL, with the error, if some rows cannot be computed. */
static Picture *pull(VipsImage *image, GError **error)
{
    int rows;
    g_autoptr(Picture) picture = pull_rows(image, STRIP_ROWS, &rows, error);
    if (picture != NULL && rows < picture->height) {
        fault_set_error(ERROR_DAMAGED, error);
        return NULL;
    }
    return g_steal_pointer(&picture);
}

/*
 * Builds the pipeline from the pixels of a file to 8-bit RGB or RGBA. NULL: an error for
 * fault_set_error.
 */
static VipsImage *build(VipsImage *source, int width, int height, FrameColors colors)
{
    g_autoptr(VipsImage) image = g_object_ref(source);
    settle(&image);
    resize(&image, width, height);
    to_srgb(&image, colors);
    return g_steal_pointer(&image);
}

/* True if the pixels of the file need scaling only, and are few enough to hold. */
static bool is_plain(VipsImage *image)
{
    const void *icc;
    size_t size;
    return image->Coding == VIPS_CODING_NONE && image->BandFmt == VIPS_FORMAT_UCHAR &&
           image->Type == VIPS_INTERPRETATION_sRGB && (image->Bands == 3 || image->Bands == 4) &&
           VIPS_IMAGE_SIZEOF_IMAGE(image) <= WHOLE_BYTES_MAX &&
           (!vips_image_get_typeof(image, VIPS_META_ICC_NAME) ||
            (vips_image_get_blob(image, VIPS_META_ICC_NAME, &icc, &size) == 0 &&
             icc_is_srgb(icc, size)));
}

/*
 * Pulls without a pipeline: libvips decodes, and resize.c, which is several times as fast, scales.
 */
static Picture *pull_plain(VipsImage *image, int width, int height, GError **error)
{
    g_autoptr(Picture) picture = pull(image, error);
    if (picture == NULL || (picture->width == width && picture->height == height))
        return g_steal_pointer(&picture);
    return resize_picture(picture, width, height,
                          picture_is_transparent(picture) ? RESIZE_ALPHA : RESIZE_PLAIN, error);
}

Picture *frame_pull(VipsImage *source, int width, int height, FrameColors colors, GError **error)
{
    if (is_plain(source) && width <= source->Xsize && height <= source->Ysize)
        return pull_plain(source, width, height, error);
    g_autoptr(VipsImage) image = build(source, width, height, colors);
    if (image == NULL) {
        fault_set_error(ERROR_DAMAGED, error);
        return NULL;
    }
    return pull(image, error);
}

Picture *frame_pull_part(VipsImage *source, int width, int height, FrameColors colors,
                         GError **error)
{
    g_autoptr(VipsImage) image = build(source, width, height, colors);
    if (image == NULL) {
        fault_set_error(ERROR_DAMAGED, error);
        return NULL;
    }
    /* Rows are pulled one by one: after an error a sequential source gives nothing more. */
    int rows;
    g_autoptr(Picture) picture = pull_rows(image, 1, &rows, error);
    if (picture == NULL)
        return NULL;
    if (rows == 0) {
        fault_set_error(ERROR_DAMAGED, error);
        return NULL;
    }
    vips_error_clear();
    picture_clear_rows(picture, rows);
    return g_steal_pointer(&picture);
}

VipsImage *frame_wrap(const Picture *picture, bool cmyk, GError **error)
{
    VipsImage *image = vips_image_new_from_memory(
        picture->pixels, picture_stride(picture) * (size_t)picture->height, picture->width,
        picture->height, picture->bands, VIPS_FORMAT_UCHAR);
    if (image == NULL) {
        fault_set_error(ERROR_INTERNAL, error);
        return NULL;
    }
    image->Type = cmyk                  ? VIPS_INTERPRETATION_CMYK
                  : picture->bands == 1 ? VIPS_INTERPRETATION_B_W
                                        : VIPS_INTERPRETATION_sRGB;
    return image;
}

Picture *frame_to_srgb(const Picture *picture, GBytes *icc, GError **error)
{
    g_autoptr(VipsImage) image = frame_wrap(picture, false, error);
    if (image == NULL)
        return NULL;
    size_t size;
    const void *data = g_bytes_get_data(icc, &size);
    vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, data, size);
    return frame_pull(image, picture->width, picture->height, FRAME_SRGB, error);
}

bool frame_find_part(const Picture *picture, int width, int height, VipsInteresting interesting,
                     int *ret_left, int *ret_top, GError **error)
{
    g_autoptr(VipsImage) image = frame_wrap(picture, false, error);
    g_autoptr(VipsImage) part = NULL;
    if (image == NULL)
        return false;
    if (vips_smartcrop(image, &part, width, height, "interesting", interesting, NULL) != 0) {
        fault_set_error(ERROR_INTERNAL, error);
        return false;
    }
    /* The part has its negated place in the picture as its offset. */
    *ret_left = CLAMP(-part->Xoffset, 0, picture->width - width);
    *ret_top = CLAMP(-part->Yoffset, 0, picture->height - height);
    return true;
}
