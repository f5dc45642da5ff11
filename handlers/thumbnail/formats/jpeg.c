/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/jpeg.h"

#include "base/error.h"
#include "formats/jpeg_private.h"
#include "jpeg/jpeg_hook.h"

#include <stdlib.h>
#include <string.h>

/* Needs the definitions of jpeglib.h. */
#include <jerror.h>

#define MARKER_EXIF (JPEG_APP0 + 1)
#define MARKER_ICC  (JPEG_APP0 + 2)
#define MARKER_MAX  0xffff

static void on_error_exit(j_common_ptr cinfo)
{
    longjmp(((JpegErrors *)cinfo->err)->escape, 1);
}

static void on_output_message(j_common_ptr cinfo)
{
    /* Nothing is printed: the error has the message. */
    (void)cinfo;
}

/*
 * Called by libjpeg for a warning: remembers that the file is damaged, and ends the reading if that
 * is wanted.
 */
static void on_message(j_common_ptr cinfo, int level)
{
    JpegErrors *errors = (JpegErrors *)cinfo->err;
    if (level >= 0 || !cinfo->is_decompressor)
        return;
    j_decompress_ptr reader = (j_decompress_ptr)cinfo;
    switch (errors->base.msg_code) {
    case JWRN_JPEG_EOF:
        if (!errors->damaged)
            errors->nothing = reader->input_scan_number <= 1 && reader->input_iMCU_row == 0;
        errors->damaged = true;
        break;
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        errors->damaged = true;
        break;
    default:
        break;
    }
    if (errors->damaged && errors->escapes)
        longjmp(errors->escape, 1);
}

/*
 * Ends a decoding of too many scans: a second limit beside the count of jpeg_scans.c, which an odd
 * file might pass.
 */
static void on_progress(j_common_ptr cinfo)
{
    if (cinfo->is_decompressor && ((j_decompress_ptr)cinfo)->input_scan_number > JPEG_SCANS_MAX)
        ERREXIT(cinfo, JERR_BAD_PROGRESSION);
}

static ErrorCode code_from_message(int msg_code)
{
    switch (msg_code) {
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE:
        return ERROR_OUT_OF_MEMORY;
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_ARITH_NOTIMPL:
        return ERROR_UNSUPPORTED_TYPE;
    case JERR_IMAGE_TOO_BIG:
        return ERROR_TOO_MANY_PIXELS;
    default:
        return ERROR_DAMAGED;
    }
}

void jpeg_errors_set(j_common_ptr cinfo, GError **error)
{
    char message[JMSG_LENGTH_MAX];
    cinfo->err->format_message(cinfo, message);
    g_set_error_literal(error, THUMBQ_ERROR, code_from_message(cinfo->err->msg_code), message);
}

void jpeg_errors_init(JpegErrors *errors)
{
    (void)jpeg_std_error(&errors->base);
    errors->base.error_exit = on_error_exit;
    errors->base.emit_message = on_message;
    errors->base.output_message = on_output_message;
}

void jpeg_reader_start(JpegReader *reader, const void *data, size_t size)
{
    jpeg_create_decompress(&reader->cinfo);
    reader->progress.progress_monitor = on_progress;
    reader->cinfo.progress = &reader->progress;
    unsigned most = jpeg_has_many_segments(data, size) ? 0 : MARKER_MAX;
    jpeg_save_markers(&reader->cinfo, MARKER_EXIF, most);
    jpeg_save_markers(&reader->cinfo, MARKER_ICC, most);
    jpeg_mem_src(&reader->cinfo, data, size);
    /* With TRUE, it has only one result. */
    (void)jpeg_read_header(&reader->cinfo, TRUE);
    /* Markers behind the header, between scans, are not saved. */
    jpeg_save_markers(&reader->cinfo, MARKER_EXIF, 0);
    jpeg_save_markers(&reader->cinfo, MARKER_ICC, 0);
}

static void read_exif(const JpegReader *reader, ExifFacts *ret_facts)
{
    exif_read(NULL, 0, ret_facts);
    for (jpeg_saved_marker_ptr marker = reader->cinfo.marker_list; marker != NULL;
         marker = marker->next) {
        if (marker->marker == MARKER_EXIF && marker->data_length > 6 &&
            memcmp(marker->data, "Exif\0", 6) == 0) {
            exif_read(marker->data, marker->data_length, ret_facts);
            return;
        }
    }
}

bool jpeg_header(const void *data, size_t size, JpegHeader *ret_header, GError **error)
{
    g_autofree JpegReader *reader = g_new0(JpegReader, 1);
    jpeg_errors_init(&reader->errors);
    reader->cinfo.err = &reader->errors.base;
    if (setjmp(reader->errors.escape) != 0) {
        jpeg_errors_set((j_common_ptr)&reader->cinfo, error);
        jpeg_destroy_decompress(&reader->cinfo);
        return false;
    }
    jpeg_reader_start(reader, data, size);
    ret_header->width = (int)reader->cinfo.image_width;
    ret_header->height = (int)reader->cinfo.image_height;
    jpeg_scans_count(&reader->cinfo, &ret_header->scans);
    read_exif(reader, &ret_header->exif);
    jpeg_destroy_decompress(&reader->cinfo);
    return true;
}

static const char xmp_prefix[29] = "http://ns.adobe.com/xap/1.0/";

void jpeg_add_metadata(const void *data, size_t size, Metadata *metadata)
{
    g_autofree JpegReader *reader = g_new0(JpegReader, 1);
    jpeg_errors_init(&reader->errors);
    reader->cinfo.err = &reader->errors.base;
    if (setjmp(reader->errors.escape) == 0)
        jpeg_reader_start(reader, data, size);
    for (jpeg_saved_marker_ptr marker = reader->cinfo.marker_list; marker != NULL;
         marker = marker->next) {
        if (marker->marker != MARKER_EXIF)
            continue;
        if (metadata->exif == NULL && marker->data_length > 6 &&
            memcmp(marker->data, "Exif\0", 6) == 0)
            metadata_set_exif(metadata, marker->data, marker->data_length);
        else if (metadata->xmp == NULL && marker->data_length > sizeof xmp_prefix &&
                 memcmp(marker->data, xmp_prefix, sizeof xmp_prefix) == 0)
            metadata_set_xmp(metadata, marker->data + sizeof xmp_prefix,
                             marker->data_length - sizeof xmp_prefix);
    }
    jpeg_destroy_decompress(&reader->cinfo);
}

static int bands_of(J_COLOR_SPACE space)
{
    return space == JCS_GRAYSCALE ? 1 : space == JCS_CMYK ? 4 : 3;
}

static void set_colors(struct jpeg_decompress_struct *cinfo)
{
    switch (cinfo->jpeg_color_space) {
    case JCS_GRAYSCALE:
        cinfo->out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_CMYK:
    case JCS_YCCK:
        cinfo->out_color_space = JCS_CMYK;
        break;
    default:
        cinfo->out_color_space = JCS_RGB;
        break;
    }
}

/* True if the filter has enough of `decoded` pixels for `wanted` ones: 1.9 times as many. */
static bool is_enough(JDIMENSION decoded, int wanted)
{
    return (int64_t)decoded * 10 >= (int64_t)wanted * 19;
}

void jpeg_reader_set_scale(struct jpeg_decompress_struct *cinfo, int width, int height)
{
    /* Only the powers of two have SIMD code. */
    cinfo->scale_num = 1;
    cinfo->scale_denom = 8;
    while (cinfo->scale_denom > 1) {
        jpeg_calc_output_dimensions(cinfo);
        if (is_enough(cinfo->output_width, width) && is_enough(cinfo->output_height, height))
            break;
        cinfo->scale_denom /= 2;
    }
}

double jpeg_softness(unsigned denominator)
{
    return denominator == 1 ? 0 : denominator == 2 ? 1.0 / 36 : 1.0 / 24;
}

void jpeg_reader_leave_out_scans(JpegReader *reader, bool same_scale)
{
    struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    JpegParts parts;
    if (!jpeg_scans_select_dc(cinfo, same_scale, &parts, &reader->dc))
        return;
    jpeg_source_set(&reader->source, &parts, cinfo);
    /* Otherwise libjpeg would guess the coefficients that are left out. */
    cinfo->do_block_smoothing = FALSE;
    jpeg_reader_shorten(reader);
}

void jpeg_reader_shorten(JpegReader *reader)
{
    reader->is_short = true;
    reader->errors.escapes = true;
}

static void copy_icc(JpegReader *reader, JpegImage *image)
{
    JOCTET *icc = NULL;
    unsigned int size = 0;
    if (jpeg_read_icc_profile(&reader->cinfo, &icc, &size))
        image->icc = g_bytes_new_with_free_func(icc, size, free, icc);
}

/*
 * Decodes all rows. `is_short`: with the hook, and without scans, where it can. Call it with the
 * escape set. False, with the error, if memory is short.
 */
static bool read_rows(JpegReader *reader, int width, int height, bool is_short, JpegImage *image,
                      GError **error)
{
    struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    copy_icc(reader, image);
    set_colors(cinfo);
    jpeg_reader_set_scale(cinfo, width, height);
    if (is_short)
        jpeg_reader_leave_out_scans(reader, false);
    /* A source in memory never suspends. */
    (void)jpeg_start_decompress(cinfo);
    if (is_short && jpeg_hook_set(cinfo))
        jpeg_reader_shorten(reader);
    image->picture = picture_new((int)cinfo->output_width, (int)cinfo->output_height,
                                 bands_of(cinfo->out_color_space), error);
    if (image->picture == NULL)
        return false;
    image->extent.width = (double)cinfo->image_width / cinfo->scale_denom;
    image->extent.height = (double)cinfo->image_height / cinfo->scale_denom;
    image->extent.softness = jpeg_softness(cinfo->scale_denom);
    size_t stride = picture_stride(image->picture);
    while (cinfo->output_scanline < cinfo->output_height) {
        JSAMPROW row = image->picture->pixels + cinfo->output_scanline * stride;
        (void)jpeg_read_scanlines(cinfo, &row, 1);
    }
    return true;
}

/* Inverts CMYK: Adobe's programs, and so all others, store inks the other way round. */
static void invert(Picture *picture)
{
    size_t n = picture_stride(picture) * (size_t)picture->height;
    for (size_t i = 0; i < n; i++)
        picture->pixels[i] = (uint8_t)~picture->pixels[i];
}

/*
 * After an escape: keeps the decoded rows, if any, and makes the others grey, as libjpeg does with
 * missing ones.
 */
static bool finish_part(JpegReader *reader, JpegImage *image, GError **error)
{
    size_t row = reader->cinfo.output_scanline;
    if (image->picture == NULL || row == 0) {
        jpeg_errors_set((j_common_ptr)&reader->cinfo, error);
        return false;
    }
    size_t stride = picture_stride(image->picture);
    memset(image->picture->pixels + row * stride, 128,
           ((size_t)image->picture->height - row) * stride);
    reader->errors.damaged = true;
    return true;
}

/*
 * Decodes as jpeg_decode. *ret_refused: `is_short`, and a fault turned up, so that there is no
 * picture and no error.
 */
static bool decode(const void *data, size_t size, int width, int height, bool is_short,
                   JpegImage *ret_image, bool *ret_refused, GError **error)
{
    g_autofree JpegReader *reader = g_new0(JpegReader, 1);
    g_autofree JpegImage *image = g_new0(JpegImage, 1);
    jpeg_errors_init(&reader->errors);
    reader->cinfo.err = &reader->errors.base;

    bool fine, refused;
    if (setjmp(reader->errors.escape) == 0) {
        jpeg_reader_start(reader, data, size);
        fine = read_rows(reader, width, height, is_short, image, error);
        refused = fine && reader->is_short && reader->errors.damaged;
    } else {
        refused = reader->is_short;
        fine = !refused && finish_part(reader, image, error);
    }
    if (fine && !refused && reader->errors.nothing) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_DAMAGED, "the file ends before its pixels");
        fine = false;
    }
    if (fine && image->picture->bands == 4 && reader->cinfo.saw_Adobe_marker)
        invert(image->picture);
    image->damaged = reader->errors.damaged;
    jpeg_destroy_decompress(&reader->cinfo);
    *ret_refused = refused;
    if (!fine || refused) {
        jpeg_image_clear(image);
        return false;
    }
    *ret_image = *image;
    return true;
}

bool jpeg_decode(const void *data, size_t size, int width, int height, bool has_fault,
                 JpegImage *ret_image, GError **error)
{
    bool refused = false, is_short = !has_fault && size >= JPEG_HOOK_SIZE_MIN;
    bool fine = decode(data, size, width, height, is_short, ret_image, &refused, error);
    /* libjpeg decides what is left of a damaged file. */
    if (refused)
        fine = decode(data, size, width, height, false, ret_image, &refused, error);
    return fine;
}

void jpeg_image_clear(JpegImage *image)
{
    g_clear_pointer(&image->picture, picture_free);
    g_clear_pointer(&image->icc, g_bytes_unref);
}
