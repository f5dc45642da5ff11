/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes a JPEG file to its planes of luma and colours, and scales them meanwhile. */
#include "formats/icc.h"
#include "formats/jpeg.h"
#include "formats/jpeg_private.h"
#include "jpeg/jpeg_hook.h"
#include "pixels/planes.h"
#include "pixels/scale.h"

#include <math.h>
#include <stdlib.h>

/* Debian installs it beside jpeglib.h; libjpeg-turbo alone does not install it. */
#if __has_include(<jpegint.h>)
#include <jpegint.h>
#define HAS_JPEGINT
#endif

/* The most rows of a plane that one call of libjpeg returns: two blocks. */
#define ROWS_MAX (2 * DCTSIZE)

/* The state that must outlive an escape. */
typedef struct {
    /* First, as libjpeg's errors point to it. */
    JpegReader jpeg;
    Scaler *scalers[3];
    /* See jpeg_hook_set_values. */
    int16_t *values;
} PlanesReader;

static bool is_srgb(JpegReader *reader)
{
    JOCTET *icc = NULL;
    unsigned int size = 0;
    /* By convention. */
    if (!jpeg_read_icc_profile(&reader->cinfo, &icc, &size))
        return true;
    bool srgb = icc_is_srgb(icc, size);
    free(icc);
    return srgb;
}

/* True if each sample of a colour plane is for one or two pixels across, and down. */
static bool has_planes(const struct jpeg_decompress_struct *cinfo)
{
    if (cinfo->num_components == 1)
        return cinfo->jpeg_color_space == JCS_GRAYSCALE && cinfo->max_v_samp_factor <= 2;
    if (cinfo->num_components != 3 || cinfo->jpeg_color_space != JCS_YCbCr ||
        cinfo->max_h_samp_factor > 2 || cinfo->max_v_samp_factor > 2)
        return false;
    const jpeg_component_info *luma = &cinfo->comp_info[0];
    return luma->h_samp_factor == cinfo->max_h_samp_factor &&
           luma->v_samp_factor == cinfo->max_v_samp_factor;
}

void jpeg_limit_colors(struct jpeg_decompress_struct *cinfo)
{
#ifdef HAS_JPEGINT
    for (int i = 1; i < cinfo->num_components; i++) {
        jpeg_component_info *plane = &cinfo->comp_info[i];
        plane->DCT_scaled_size = cinfo->min_DCT_scaled_size;
        /* Otherwise libjpeg sets both when the scan of the component begins. */
        if (cinfo->comps_in_scan == cinfo->num_components)
            plane->MCU_sample_width = plane->MCU_width * plane->DCT_scaled_size;
        cinfo->idct->inverse_DCT[i] = cinfo->idct->inverse_DCT[0];
    }
#else
    (void)cinfo;
#endif
}

/*
 * Returns one side of a plane: `pixels` of the file become `target` pixels of the thumbnail, and
 * the plane has `samples` per pixel of the file. If an odd picture is going to be mirrored, its
 * first colour sample lies partly outside.
 */
static ScaleAxis make_axis(JDIMENSION pixels, double samples, int target, bool is_luma,
                           bool mirrored)
{
    double ratio = pixels * samples / target;
    int from = (int)ceil(pixels * samples);
    if (is_luma)
        return (ScaleAxis){from, target, ratio, 0, 0};
    return (ScaleAxis){from, planes_chroma_size(target), 2 * ratio,
                       mirrored && target % 2 != 0 ? -0.5 : 0, 0};
}

static size_t plane_stride(const jpeg_component_info *plane)
{
    return (size_t)plane->width_in_blocks * (size_t)plane->DCT_scaled_size;
}

static Scaler *make_scaler(const struct jpeg_decompress_struct *cinfo, int i,
                           const JpegTarget *target)
{
    const jpeg_component_info *plane = &cinfo->comp_info[i];
    double scale = (double)plane->DCT_scaled_size / DCTSIZE;
    ScaleAxis across =
        make_axis(cinfo->image_width, scale * plane->h_samp_factor / cinfo->max_h_samp_factor,
                  target->width, i == 0, target->mirrored_across);
    ScaleAxis down =
        make_axis(cinfo->image_height, scale * plane->v_samp_factor / cinfo->max_v_samp_factor,
                  target->height, i == 0, target->mirrored_down);
    across.softness = down.softness = jpeg_softness(DCTSIZE / (unsigned)plane->DCT_scaled_size);
    return scaler_new(&across, &down, planes_levels(false, target->narrow, i), 1,
                      plane_stride(plane), NULL);
}

/*
 * Starts libjpeg, `is_short`: with the hook, and without scans, where it can. Call it with the
 * escape set. False if the data are refused.
 */
static bool start_libjpeg(PlanesReader *reader, size_t size, bool is_short)
{
    struct jpeg_decompress_struct *cinfo = &reader->jpeg.cinfo;
    bool is_flat = false;
#ifdef HAS_JPEGINT
    if (is_short) {
        jpeg_reader_leave_out_scans(&reader->jpeg, true);
        is_flat = jpeg_hook_flatten(cinfo, &reader->jpeg.dc);
    }
#endif
    /* A source in memory never suspends. */
    (void)jpeg_start_decompress(cinfo);
    jpeg_limit_colors(cinfo);
    if (is_flat)
        return jpeg_hook_set_values(cinfo, &reader->jpeg.dc, &reader->values);
    if (is_short && size >= JPEG_HOOK_SIZE_MIN && jpeg_hook_set(cinfo))
        jpeg_reader_shorten(&reader->jpeg);
    return true;
}

/*
 * Starts decompression. Call it with the escape set. False if memory is short, if the data are
 * refused, or if the file has no planes in sRGB.
 */
static bool start(PlanesReader *reader, const void *data, size_t size, const JpegTarget *target,
                  bool is_short)
{
    struct jpeg_decompress_struct *cinfo = &reader->jpeg.cinfo;
    jpeg_reader_start(&reader->jpeg, data, size);
    if (!has_planes(cinfo) || !is_srgb(&reader->jpeg))
        return false;
    jpeg_reader_set_scale(cinfo, target->width, target->height);
    cinfo->out_color_space = cinfo->jpeg_color_space;
    cinfo->raw_data_out = TRUE;
    cinfo->do_fancy_upsampling = FALSE;
    if (!start_libjpeg(reader, size, is_short))
        return false;
    for (int i = 0; i < cinfo->num_components; i++) {
        reader->scalers[i] = make_scaler(cinfo, i, target);
        if (reader->scalers[i] == NULL)
            return false;
    }
    return true;
}

/* Decodes all rows into the scalers. Call it with the escape set. False if memory is short. */
static bool read_rows(PlanesReader *reader)
{
    struct jpeg_decompress_struct *cinfo = &reader->jpeg.cinfo;
    JSAMPROW rows[3][ROWS_MAX];
    JSAMPARRAY planes[3] = {rows[0], rows[1], rows[2]};
    int n[3] = {0};
    int lines = cinfo->max_v_samp_factor * cinfo->min_DCT_scaled_size;
    while (cinfo->output_scanline < cinfo->output_height) {
        for (int i = 0; i < cinfo->num_components; i++) {
            const jpeg_component_info *plane = &cinfo->comp_info[i];
            size_t stride = plane_stride(plane);
            n[i] = plane->v_samp_factor * plane->DCT_scaled_size;
            uint8_t *room = scaler_room(reader->scalers[i], n[i], NULL);
            if (room == NULL)
                return false;
            for (int y = 0; y < n[i]; y++)
                rows[i][y] = room + (size_t)y * stride;
        }
        (void)jpeg_read_raw_data(cinfo, planes, (JDIMENSION)lines);
        for (int i = 0; i < cinfo->num_components; i++)
            scaler_add(reader->scalers[i], n[i]);
    }
    return true;
}

static Picture *make_planes(PlanesReader *reader, bool narrow)
{
    Picture *luma = scaler_steal(reader->scalers[0]);
    luma->narrow = narrow;
    if (reader->scalers[1] != NULL)
        planes_set_chroma(luma, scaler_steal(reader->scalers[1]), scaler_steal(reader->scalers[2]));
    return luma;
}

typedef enum {
    /* Without a picture: the file has no planes, or memory is short. */
    FAULT_NONE,
    /* With a picture: a part of it is missing. */
    FAULT_DAMAGED,
    /* Without a picture: the decoding was short, and something was wrong. */
    FAULT_REFUSED,
    /* Without a picture: libjpeg gave up, or there is not a single row. */
    FAULT_FATAL,
} Fault;

/* Decodes as jpeg_decode_planes, `is_short`: with the hook, and without scans, where it can. */
static Picture *decode(const void *data, size_t size, const JpegTarget *target, bool is_short,
                       Fault *ret_fault)
{
    g_autofree PlanesReader *reader = g_new0(PlanesReader, 1);
    JpegErrors *errors = &reader->jpeg.errors;
    Picture *picture = NULL;
    jpeg_errors_init(errors);
    reader->jpeg.cinfo.err = &errors->base;
    *ret_fault = FAULT_NONE;
    if (setjmp(errors->escape) != 0)
        *ret_fault = FAULT_FATAL;
    else if (start(reader, data, size, target, is_short) && read_rows(reader)) {
        *ret_fault = errors->nothing ? FAULT_FATAL : errors->damaged ? FAULT_DAMAGED : FAULT_NONE;
        if (*ret_fault != FAULT_FATAL)
            picture = make_planes(reader, target->narrow);
    }
    jpeg_destroy_decompress(&reader->jpeg.cinfo);
    for (int i = 0; i < 3; i++)
        scaler_free(reader->scalers[i]);
    g_free(reader->values);
    if (picture == NULL && reader->jpeg.is_short)
        *ret_fault = FAULT_REFUSED;
    return picture;
}

Picture *jpeg_decode_planes(const void *data, size_t size, const JpegTarget *target,
                            bool *ret_has_fault)
{
    Fault fault;
    Picture *picture = decode(data, size, target, true, &fault);
    if (fault == FAULT_REFUSED)
        picture = decode(data, size, target, false, &fault);
    *ret_has_fault = fault != FAULT_NONE;
    return picture;
}
