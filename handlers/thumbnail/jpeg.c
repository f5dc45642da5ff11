#include "jpeg.h"

#include "error.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h> /* needs what jpeglib.h says of this build */

/* More scans than any encoder makes cost time without end. */
#define SCANS_MAX 100

/* From here on colours are kept in full resolution. */
#define FULL_CHROMA_QUALITY 90

#define MARKER_EXIF (JPEG_APP0 + 1)
#define MARKER_ICC  (JPEG_APP0 + 2)
#define MARKER_MAX  0xffff

/* What libjpeg's callbacks tell; `base` first, so that cinfo->err leads back here. */
typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf escape;
    bool damaged; /* some data was bad or missing */
    bool nothing; /* the data ended before a single row was complete */
} Errors;

typedef struct {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_progress_mgr progress;
    Errors errors;
} Reader;

static void on_error_exit(j_common_ptr cinfo)
{
    longjmp(((Errors *)cinfo->err)->escape, 1);
}

static void on_output_message(j_common_ptr cinfo)
{
    (void)cinfo; /* nothing is printed: what counts is said by the error */
}

static void on_message(j_common_ptr cinfo, int level)
{
    Errors *errors = (Errors *)cinfo->err;
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
}

static void on_progress(j_common_ptr cinfo)
{
    if (cinfo->is_decompressor && ((j_decompress_ptr)cinfo)->input_scan_number > SCANS_MAX)
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

/* After an escape: the GError of what libjpeg said. */
static void take_error(j_common_ptr cinfo, GError **error)
{
    char message[JMSG_LENGTH_MAX];
    cinfo->err->format_message(cinfo, message);
    g_set_error_literal(error, THUMBQ_ERROR, code_from_message(cinfo->err->msg_code), message);
}

static void init_errors(Errors *errors)
{
    (void)jpeg_std_error(&errors->base);
    errors->base.error_exit = on_error_exit;
    errors->base.emit_message = on_message;
    errors->base.output_message = on_output_message;
}

/* Call with the escape set. */
static void start_reading(Reader *reader, const void *data, size_t size)
{
    jpeg_create_decompress(&reader->cinfo);
    reader->progress.progress_monitor = on_progress;
    reader->cinfo.progress = &reader->progress;
    jpeg_save_markers(&reader->cinfo, MARKER_EXIF, MARKER_MAX);
    jpeg_save_markers(&reader->cinfo, MARKER_ICC, MARKER_MAX);
    jpeg_mem_src(&reader->cinfo, data, size);
    (void)jpeg_read_header(&reader->cinfo, TRUE); /* with TRUE it returns one thing only */
}

static void read_exif(const Reader *reader, ExifFacts *ret_facts)
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
    g_autofree Reader *reader = g_new0(Reader, 1);
    init_errors(&reader->errors);
    reader->cinfo.err = &reader->errors.base;
    if (setjmp(reader->errors.escape) != 0) {
        take_error((j_common_ptr)&reader->cinfo, error);
        jpeg_destroy_decompress(&reader->cinfo);
        return false;
    }
    start_reading(reader, data, size);
    ret_header->width = (int)reader->cinfo.image_width;
    ret_header->height = (int)reader->cinfo.image_height;
    read_exif(reader, &ret_header->exif);
    jpeg_destroy_decompress(&reader->cinfo);
    return true;
}

static const char xmp_prefix[29] = "http://ns.adobe.com/xap/1.0/";

void jpeg_take_metadata(const void *data, size_t size, Metadata *metadata)
{
    g_autofree Reader *reader = g_new0(Reader, 1);
    init_errors(&reader->errors);
    reader->cinfo.err = &reader->errors.base;
    if (setjmp(reader->errors.escape) == 0)
        start_reading(reader, data, size);
    for (jpeg_saved_marker_ptr marker = reader->cinfo.marker_list; marker != NULL;
         marker = marker->next) {
        if (marker->marker != MARKER_EXIF)
            continue;
        if (metadata->exif == NULL && marker->data_length > 6 &&
            memcmp(marker->data, "Exif\0", 6) == 0)
            metadata_take_exif(metadata, marker->data, marker->data_length);
        else if (metadata->xmp == NULL && marker->data_length > sizeof xmp_prefix &&
                 memcmp(marker->data, xmp_prefix, sizeof xmp_prefix) == 0)
            metadata_take_xmp(metadata, marker->data + sizeof xmp_prefix,
                              marker->data_length - sizeof xmp_prefix);
    }
    jpeg_destroy_decompress(&reader->cinfo);
}

static int bands_of(J_COLOR_SPACE space)
{
    return space == JCS_GRAYSCALE ? 1 : space == JCS_CMYK ? 4 : 3;
}

/* Chooses the output's colours and scale. Call with the escape set. */
static void set_output(struct jpeg_decompress_struct *cinfo, int width, int height)
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
    /* Only the powers of two have SIMD code. */
    cinfo->scale_num = 1;
    cinfo->scale_denom = 8;
    while (cinfo->scale_denom > 1) {
        jpeg_calc_output_dimensions(cinfo);
        if (cinfo->output_width >= 2 * (JDIMENSION)width &&
            cinfo->output_height >= 2 * (JDIMENSION)height)
            break;
        cinfo->scale_denom /= 2;
    }
}

static void take_icc(Reader *reader, JpegImage *image)
{
    JOCTET *icc = NULL;
    unsigned int size = 0;
    if (jpeg_read_icc_profile(&reader->cinfo, &icc, &size))
        image->icc = g_bytes_new_with_free_func(icc, size, free, icc);
}

/* Decodes all rows. Call with the escape set; false, with the error, without memory. */
static bool read_rows(Reader *reader, int width, int height, JpegImage *image, GError **error)
{
    struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    take_icc(reader, image);
    set_output(cinfo, width, height);
    (void)jpeg_start_decompress(cinfo); /* a source in memory never suspends */
    image->picture = picture_new((int)cinfo->output_width, (int)cinfo->output_height,
                                 bands_of(cinfo->out_color_space), error);
    if (image->picture == NULL)
        return false;
    image->extent.width = (double)cinfo->image_width / cinfo->scale_denom;
    image->extent.height = (double)cinfo->image_height / cinfo->scale_denom;
    size_t stride = picture_stride(image->picture);
    while (cinfo->output_scanline < cinfo->output_height) {
        JSAMPROW row = image->picture->pixels + cinfo->output_scanline * stride;
        (void)jpeg_read_scanlines(cinfo, &row, 1);
    }
    return true;
}

/* Adobe's programs, and so everybody, store inks the other way round. */
static void invert(Picture *picture)
{
    size_t n = picture_stride(picture) * (size_t)picture->height;
    for (size_t i = 0; i < n; i++)
        picture->pixels[i] = (uint8_t)~picture->pixels[i];
}

/* After an escape: keeps the rows there are, if any, above the grey libjpeg uses for missing ones.
 */
static bool keep_part(Reader *reader, JpegImage *image, GError **error)
{
    size_t row = reader->cinfo.output_scanline;
    if (image->picture == NULL || row == 0) {
        take_error((j_common_ptr)&reader->cinfo, error);
        return false;
    }
    size_t stride = picture_stride(image->picture);
    memset(image->picture->pixels + row * stride, 128,
           ((size_t)image->picture->height - row) * stride);
    reader->errors.damaged = true;
    return true;
}

bool jpeg_decode(const void *data, size_t size, int width, int height, JpegImage *ret_image,
                 GError **error)
{
    g_autofree Reader *reader = g_new0(Reader, 1);
    g_autofree JpegImage *image = g_new0(JpegImage, 1);
    init_errors(&reader->errors);
    reader->cinfo.err = &reader->errors.base;

    bool fine;
    if (setjmp(reader->errors.escape) == 0) {
        start_reading(reader, data, size);
        fine = read_rows(reader, width, height, image, error);
    } else {
        fine = keep_part(reader, image, error);
    }
    if (fine && reader->errors.nothing) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_DAMAGED, "the file ends before its pixels");
        fine = false;
    }
    if (fine && image->picture->bands == 4 && reader->cinfo.saw_Adobe_marker)
        invert(image->picture);
    image->damaged = reader->errors.damaged;
    jpeg_destroy_decompress(&reader->cinfo);
    if (!fine) {
        jpeg_image_clear(image);
        return false;
    }
    *ret_image = *image;
    return true;
}

void jpeg_image_clear(JpegImage *image)
{
    g_clear_pointer(&image->picture, picture_free);
    g_clear_pointer(&image->icc, g_bytes_unref);
}

typedef struct {
    struct jpeg_compress_struct cinfo;
    Errors errors;
    struct jpeg_destination_mgr destination;
    GByteArray *bytes; /* its length is what there is room for, until the end */
} Writer;

/* Room for most thumbnails at once. */
#define WRITE_BYTES (64 << 10)

/*
 * Grows the output. A destination of our own, as jpeg_mem_dest leaves a dangling pointer behind
 * when writing fails after it has grown.
 */
static void grow(Writer *writer, guint used)
{
    g_byte_array_set_size(writer->bytes, used + MAX(used, WRITE_BYTES));
    writer->destination.next_output_byte = writer->bytes->data + used;
    writer->destination.free_in_buffer = writer->bytes->len - used;
}

static void on_start(j_compress_ptr cinfo)
{
    grow(cinfo->client_data, 0);
}

static boolean on_full(j_compress_ptr cinfo)
{
    Writer *writer = cinfo->client_data;
    grow(writer, writer->bytes->len);
    return TRUE;
}

static void on_end(j_compress_ptr cinfo)
{
    Writer *writer = cinfo->client_data;
    g_byte_array_set_size(writer->bytes,
                          writer->bytes->len - (guint)writer->destination.free_in_buffer);
}

/* Three bands to one, where they are all the same. */
static void write_rows(struct jpeg_compress_struct *cinfo, const Picture *picture, uint8_t *grey)
{
    size_t stride = picture_stride(picture);
    while (cinfo->next_scanline < cinfo->image_height) {
        JSAMPROW row = picture->pixels + cinfo->next_scanline * stride;
        if (grey != NULL) {
            for (int x = 0; x < picture->width; x++)
                grey[x] = row[3 * x];
            row = grey;
        }
        (void)jpeg_write_scanlines(cinfo, &row, 1);
    }
}

/* Writes all of it. Call with the escape set. */
static void write_picture(Writer *writer, const Picture *picture, int quality, uint8_t *grey)
{
    struct jpeg_compress_struct *cinfo = &writer->cinfo;
    jpeg_create_compress(cinfo);
    cinfo->client_data = writer;
    cinfo->dest = &writer->destination;
    cinfo->image_width = (JDIMENSION)picture->width;
    cinfo->image_height = (JDIMENSION)picture->height;
    cinfo->input_components = grey != NULL ? 1 : 3;
    cinfo->in_color_space = grey != NULL ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    cinfo->optimize_coding = TRUE;
    if (quality >= FULL_CHROMA_QUALITY)
        cinfo->comp_info[0].h_samp_factor = cinfo->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(cinfo, TRUE);
    write_rows(cinfo, picture, grey);
    jpeg_finish_compress(cinfo);
}

GBytes *jpeg_encode(const Picture *picture, int quality, GError **error)
{
    g_autofree Writer *writer = g_new0(Writer, 1);
    g_autofree uint8_t *grey = picture_is_grey(picture) ? g_malloc((gsize)picture->width) : NULL;
    init_errors(&writer->errors);
    writer->cinfo.err = &writer->errors.base;
    writer->bytes = g_byte_array_new();
    writer->destination.init_destination = on_start;
    writer->destination.empty_output_buffer = on_full;
    writer->destination.term_destination = on_end;

    if (setjmp(writer->errors.escape) != 0) {
        take_error((j_common_ptr)&writer->cinfo, error);
        jpeg_destroy_compress(&writer->cinfo);
        g_byte_array_unref(writer->bytes);
        return NULL;
    }
    write_picture(writer, picture, quality, grey);
    jpeg_destroy_compress(&writer->cinfo);
    return g_byte_array_free_to_bytes(writer->bytes);
}
