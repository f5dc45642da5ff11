/* SPDX-License-Identifier: Apache-2.0 */
#include "icc.h"
#include "jpeg.h"
#include "jpeg_private.h"
#include "planes.h"
#include "scale.h"

#include <math.h>
#include <stdlib.h>

/* Debian has it beside jpeglib.h; libjpeg-turbo alone does not install it. */
#if __has_include(<jpegint.h>)
#include <jpegint.h>
#define HAS_JPEGINT
#endif

/* Rows that one call of libjpeg gives of a plane: at most two blocks. */
#define ROWS_MAX (2 * DCTSIZE)

/* What must outlive an escape. */
typedef struct {
    JpegReader jpeg; /* first, as libjpeg's errors lead to it */
    Scaler *scalers[3];
} PlanesReader;

static bool is_srgb(JpegReader *reader)
{
    JOCTET *icc = NULL;
    unsigned int size = 0;
    if (!jpeg_read_icc_profile(&reader->cinfo, &icc, &size))
        return true; /* by convention */
    bool srgb = icc_is_srgb(icc, size);
    free(icc);
    return srgb;
}

/* Each sample of a colour plane is for one or two pixels across, and down. */
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

/*
 * At a scale libjpeg decodes colours larger than the luma's scale asks for, so that they are as
 * large as the luma and need no upsampling. They are going to be half as large, and twice that is
 * all the filter needs. libjpeg has no setting for it; TurboJPEG decodes to planes in this way,
 * too. Where it cannot be done, the filter has more to do. Once decompression has started.
 */
static void keep_colors_small(struct jpeg_decompress_struct *cinfo)
{
#ifdef HAS_JPEGINT
    for (int i = 1; i < cinfo->num_components; i++) {
        jpeg_component_info *plane = &cinfo->comp_info[i];
        plane->DCT_scaled_size = cinfo->min_DCT_scaled_size;
        plane->MCU_sample_width = plane->MCU_width * plane->DCT_scaled_size;
        cinfo->idct->inverse_DCT[i] = cinfo->idct->inverse_DCT[0];
    }
#else
    (void)cinfo;
#endif
}

/*
 * One side of a plane: `pixels` of the file's become `target` of the thumbnail's, and there are
 * `samples` of the plane for each of those in the file. Of an odd picture that is going to be
 * mirrored it is the first colour sample that lies partly outside.
 */
static ScaleAxis make_axis(JDIMENSION pixels, double samples, int target, bool is_luma,
                           bool mirrored)
{
    double ratio = pixels * samples / target;
    int from = (int)ceil(pixels * samples);
    if (is_luma)
        return (ScaleAxis){from, target, ratio, 0};
    return (ScaleAxis){from, planes_chroma_size(target), 2 * ratio,
                       mirrored && target % 2 != 0 ? -0.5 : 0};
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
    return scaler_new(&across, &down, planes_levels(false, target->narrow, i), 1,
                      plane_stride(plane), NULL);
}

/* Call with the escape set. False without memory, or if it has no planes in sRGB. */
static bool start(PlanesReader *reader, const void *data, size_t size, const JpegTarget *target)
{
    struct jpeg_decompress_struct *cinfo = &reader->jpeg.cinfo;
    jpeg_reader_start(&reader->jpeg, data, size);
    if (!has_planes(cinfo) || !is_srgb(&reader->jpeg))
        return false;
    jpeg_reader_set_scale(cinfo, target->width, target->height);
    cinfo->out_color_space = cinfo->jpeg_color_space;
    cinfo->raw_data_out = TRUE;
    cinfo->do_fancy_upsampling = FALSE;
    (void)jpeg_start_decompress(cinfo); /* a source in memory never suspends */
    keep_colors_small(cinfo);
    for (int i = 0; i < cinfo->num_components; i++) {
        reader->scalers[i] = make_scaler(cinfo, i, target);
        if (reader->scalers[i] == NULL)
            return false;
    }
    return true;
}

/* Decodes all rows into the scalers. Call with the escape set. False without memory. */
static bool read_rows(PlanesReader *reader)
{
    struct jpeg_decompress_struct *cinfo = &reader->jpeg.cinfo;
    JSAMPROW rows[3][ROWS_MAX];
    JSAMPARRAY planes[3] = {rows[0], rows[1], rows[2]};
    int n[3];
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

static Picture *take_planes(PlanesReader *reader, bool narrow)
{
    Picture *luma = scaler_steal(reader->scalers[0]);
    luma->narrow = narrow;
    if (reader->scalers[1] != NULL)
        planes_set_chroma(luma, scaler_steal(reader->scalers[1]), scaler_steal(reader->scalers[2]));
    return luma;
}

Picture *jpeg_decode_planes(const void *data, size_t size, const JpegTarget *target)
{
    g_autofree PlanesReader *reader = g_new0(PlanesReader, 1);
    Picture *picture = NULL;
    jpeg_errors_init(&reader->jpeg.errors);
    reader->jpeg.cinfo.err = &reader->jpeg.errors.base;
    if (setjmp(reader->jpeg.errors.escape) == 0 && start(reader, data, size, target) &&
        read_rows(reader) && !reader->jpeg.errors.damaged)
        picture = take_planes(reader, target->narrow);
    jpeg_destroy_decompress(&reader->jpeg.cinfo);
    for (int i = 0; i < 3; i++)
        scaler_free(reader->scalers[i]);
    return picture;
}
